//! What `sluice explain` prints: for people as text, for programs as JSON.

use std::fmt::Write as _;

use policy::{Explanation, GuardView, Verdict};
use serde::Serialize;
use sql::analysis::{Analysis, ColumnId, Outputs, Statement};
use sql::catalog::Catalog;

use crate::cli::holds::table::{Table, printable};

/// What the upstream says of a statement that it has read.
#[derive(Debug, Default)]
pub(super) struct Description {
    /// Name and type of each column of the result.
    pub(super) columns: Vec<(String, String)>,
    /// Why it would not run.
    pub(super) error: Option<String>,
}

/// Everything that is known of a statement.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Report {
    statements: Vec<StatementView>,
    relations: Vec<RelationView>,
    columns: Vec<ColumnView>,
    functions: Vec<String>,
    opaque: Vec<OpaqueView>,
    policies: Vec<PolicyView>,
    verdict: VerdictView,
    /// What PostgreSQL would answer to a statement that is let through.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct StatementView {
    command: &'static str,
    class: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    restriction: Option<&'static str>,
    /// What hides in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    inner: Vec<&'static str>,
    /// "none", "columns", "harmless" or "unknown".
    returns: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    outputs: Vec<OutputView>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct OutputView {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<String>,
    /// "public.customers.email (projected)".
    made_from: Vec<String>,
    /// The mask that the client sees in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    mask: Option<String>,
}

#[derive(Debug, Serialize)]
struct RelationView {
    name: String,
    known: bool,
    access: &'static str,
    statement: u32,
}

#[derive(Debug, Serialize)]
struct ColumnView {
    name: String,
    used: &'static str,
    statement: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    protection: Option<ProtectionView>,
}

#[derive(Debug, Serialize)]
struct ProtectionView {
    policy: String,
    mask: String,
    derived: &'static str,
    filter: &'static str,
}

#[derive(Debug, Serialize)]
struct OpaqueView {
    reason: &'static str,
    detail: String,
    statement: u32,
}

#[derive(Debug, Serialize)]
struct PolicyView {
    name: String,
    mode: &'static str,
    effect: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct VerdictView {
    effect: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sqlstate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// Errors and notices are told without the words that could carry a value.
    scrubs_errors: bool,
}

impl Report {
    pub(super) fn new(
        analysis: &Analysis,
        explained: &Explanation,
        catalog: &Catalog,
        described: Description,
    ) -> Self {
        let name = |column| column_name(catalog, column);
        let relation = |relation: &sql::analysis::RelationUse| RelationView {
            name: qualified(&relation.schema, &relation.name),
            known: relation.oid.is_some(),
            access: relation.access.as_str(),
            statement: relation.statement,
        };
        let column = |used: &sql::analysis::ColumnUse| ColumnView {
            name: name(used.column),
            used: used.used.as_str(),
            statement: used.statement,
            protection: protection(&explained.guards, used.column),
        };
        let statements = analysis.statements.iter().enumerate();
        let statements = statements.map(|(number, statement)| {
            statement_view(statement, number, explained, catalog, &described.columns)
        });
        let mut functions: Vec<String> = analysis
            .functions
            .iter()
            .map(|function| qualified(&function.schema, &function.name))
            .collect();
        functions.sort_unstable();
        functions.dedup();
        Self {
            statements: statements.collect(),
            error: described.error,
            relations: analysis.relations.iter().map(relation).collect(),
            columns: analysis.columns.iter().map(column).collect(),
            functions,
            opaque: analysis.opaque.iter().map(opaque_view).collect(),
            policies: explained.opinions.iter().map(policy_view).collect(),
            verdict: verdict_view(&explained.verdict),
        }
    }

    /// True where the statement would run at once.
    pub(super) fn is_allowed(&self) -> bool {
        self.verdict.effect == "allow"
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (number, statement) in self.statements.iter().enumerate() {
            statement.write(number + 1, &mut text);
        }
        self.write_uses(&mut text);
        let mut policies = Table::new(["POLICY", "MODE", "SAYS", "WHY"]);
        for policy in &self.policies {
            let why = [&policy.reason, &policy.note];
            let why: Vec<_> = why.into_iter().flatten().map(String::as_str).collect();
            policies.row([
                policy.name.clone(),
                policy.mode.to_owned(),
                policy.effect.to_owned(),
                why.join("; "),
            ]);
        }
        section(&mut text, &policies, self.policies.is_empty());
        self.verdict.write(&mut text);
        if let Some(error) = &self.error {
            let _ = writeln!(text, "  PostgreSQL would answer: {}", printable(error));
        }
        text
    }

    fn write_uses(&self, text: &mut String) {
        let mut relations = Table::new(["RELATION", "ACCESS", "STATEMENT"]);
        for relation in &self.relations {
            let unknown = if relation.known { "" } else { " (unknown)" };
            relations.row([
                format!("{}{unknown}", relation.name),
                relation.access.to_owned(),
                (relation.statement + 1).to_string(),
            ]);
        }
        section(text, &relations, self.relations.is_empty());
        let mut columns = Table::new(["COLUMN", "USE", "PROTECTION"]);
        for column in &self.columns {
            let protection = column.protection.as_ref().map(|by| {
                format!(
                    "{}: mask {}, derived {}, filter {}",
                    by.policy, by.mask, by.derived, by.filter
                )
            });
            columns.row([
                column.name.clone(),
                column.used.to_owned(),
                protection.unwrap_or_default(),
            ]);
        }
        section(text, &columns, self.columns.is_empty());
        if !self.functions.is_empty() {
            let all = printable(&self.functions.join(", "));
            let _ = writeln!(text, "FUNCTIONS  {all}\n");
        }
        let mut opaque = Table::new(["CANNOT BE KNOWN", "DETAIL"]);
        for part in &self.opaque {
            opaque.row([part.reason.to_owned(), part.detail.clone()]);
        }
        section(text, &opaque, self.opaque.is_empty());
    }
}

impl StatementView {
    fn write(&self, number: usize, text: &mut String) {
        let _ = write!(
            text,
            "STATEMENT {number}  {} ({})",
            self.command, self.class
        );
        if let Some(restriction) = self.restriction {
            let _ = write!(text, ", restriction {restriction}");
        }
        if !self.inner.is_empty() {
            let _ = write!(text, ", hides {}", self.inner.join(", "));
        }
        match self.returns {
            "none" => text.push_str(", returns no rows"),
            "harmless" => text.push_str(", returns no column's values"),
            "unknown" => text.push_str(", returns what cannot be known"),
            _ => {}
        }
        text.push_str("\n\n");
        let mut outputs = Table::new(["OUTPUT", "NAME", "TYPE", "MADE FROM", "CLIENT SEES"]);
        for (position, output) in self.outputs.iter().enumerate() {
            outputs.row([
                (position + 1).to_string(),
                output.name.clone().unwrap_or_default(),
                output.r#type.clone().unwrap_or_default(),
                output.made_from.join(", "),
                output.mask.clone().unwrap_or_default(),
            ]);
        }
        section(text, &outputs, self.outputs.is_empty());
    }
}

impl VerdictView {
    fn write(&self, text: &mut String) {
        let _ = writeln!(text, "VERDICT  {}", self.effect);
        for reason in &self.reasons {
            let _ = writeln!(text, "  {}", printable(reason));
        }
        if let Some(hint) = &self.hint {
            let _ = writeln!(text, "  Hint: {}", printable(hint));
        }
        if self.scrubs_errors {
            text.push_str(
                "  Errors and notices are told without words that could carry a value.\n",
            );
        }
    }
}

fn section<const N: usize>(text: &mut String, table: &Table<N>, is_empty: bool) {
    if !is_empty {
        text.push_str(&table.text());
        text.push('\n');
    }
}

fn statement_view(
    statement: &Statement,
    number: usize,
    explained: &Explanation,
    catalog: &Catalog,
    described: &[(String, String)],
) -> StatementView {
    let (returns, outputs) = match &statement.outputs {
        Outputs::None => ("none", [].as_slice()),
        Outputs::Harmless => ("harmless", [].as_slice()),
        Outputs::Unknown => ("unknown", [].as_slice()),
        Outputs::Columns(outputs) => ("columns", &**outputs),
    };
    let plan = match &explained.verdict {
        Verdict::Allow(permit) => permit.plan().result(number),
        Verdict::Deny(_) | Verdict::Hold(_) => None,
    };
    let mask = |position| {
        let mut masked = plan?.masked();
        masked
            .find(|(masked, _)| *masked == position)
            .map(|(_, mask)| mask.to_string())
    };
    let output = |(position, output): (usize, &sql::analysis::Output)| OutputView {
        name: described.get(position).map(|(name, _)| name.clone()),
        r#type: described.get(position).map(|(_, of)| of.clone()),
        made_from: output
            .sources
            .iter()
            .map(|source| {
                let name = column_name(catalog, source.column);
                format!("{name} ({})", source.how.as_str())
            })
            .collect(),
        mask: mask(position),
    };
    StatementView {
        command: statement.kind.command,
        class: statement.kind.class.as_str(),
        restriction: statement.restriction.map(|one| one.as_str()),
        inner: statement.inner.iter().map(|one| one.kind.command).collect(),
        returns,
        outputs: outputs.iter().enumerate().map(output).collect(),
    }
}

fn protection(guards: &[GuardView], column: ColumnId) -> Option<ProtectionView> {
    let guard = guards.iter().find(|guard| guard.column == column)?;
    Some(ProtectionView {
        policy: guard.policy.to_string(),
        mask: guard.mask.to_string(),
        derived: guard.derived.as_str(),
        filter: guard.filter.as_str(),
    })
}

fn opaque_view(part: &sql::analysis::Opaque) -> OpaqueView {
    OpaqueView {
        reason: part.reason.as_str(),
        detail: part.detail.clone(),
        statement: part.statement,
    }
}

fn policy_view(said: &policy::OpinionView) -> PolicyView {
    PolicyView {
        name: said.policy.to_string(),
        mode: said.mode.as_str(),
        effect: said.effect,
        reason: said.reason.as_ref().map(ToString::to_string),
        note: said.note.as_ref().map(ToString::to_string),
    }
}

fn verdict_view(verdict: &Verdict<'_>) -> VerdictView {
    match verdict {
        Verdict::Allow(permit) => VerdictView {
            effect: "allow",
            reasons: Vec::new(),
            sqlstate: None,
            hint: None,
            scrubs_errors: permit.plan().scrub_errors(),
        },
        Verdict::Deny(denial) => VerdictView {
            effect: "deny",
            reasons: vec![format!("{}: {}", denial.policy, denial.reason)],
            sqlstate: Some(denial.sqlstate.as_str().to_owned()),
            hint: denial.hint.as_ref().map(ToString::to_string),
            scrubs_errors: false,
        },
        Verdict::Hold(hold) => VerdictView {
            effect: "hold",
            reasons: hold
                .demands()
                .iter()
                .map(|demand| format!("{}: {}", demand.policy, demand.reason))
                .collect(),
            sqlstate: None,
            hint: None,
            scrubs_errors: false,
        },
    }
}

fn column_name(catalog: &Catalog, column: ColumnId) -> String {
    catalog.column(column).map_or_else(
        || {
            format!(
                "attribute {} of relation {}",
                column.attribute, column.relation
            )
        },
        |known| format!("{}.{}.{}", known.schema, known.relation, known.name),
    )
}

fn qualified(schema: &str, name: &str) -> String {
    if schema.is_empty() {
        name.to_owned()
    } else {
        format!("{schema}.{name}")
    }
}

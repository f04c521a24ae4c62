//! Makes protections hold whatever a policy forgot: every use of a protected column is masked,
//! refused or held, and so is everything whose effect cannot be known.
//!
//! A policy names base columns; which statements reach them, and how, is decided here and nowhere
//! else.

use std::fmt;
use std::sync::{Arc, OnceLock};

use sql::analysis::{
    Access, Analysis, ColumnId, ColumnUse, NameUse, Opaque, OpaqueReason, Output, Outputs, Reach,
    RelationUse, Statement, Use,
};
use sql::catalog::{Catalog, Relation};

use crate::hold::{Approval, Demand};
use crate::inspection::{Inspector, Shown};
use crate::mask::Mask;
use crate::plan::{Expected, OutputMask, ResultPlan, SourceColumn};
use crate::protection::{DerivedRule, FilterRule, Guard, PolicyIndex, Protections, stricter};
use crate::set::PolicySet;
use crate::verdict::SqlState;

/// What a request is examined against.
#[derive(Clone, Copy)]
pub(crate) struct Examination<'a> {
    pub(crate) set: &'a Arc<PolicySet>,
    pub(crate) protections: &'a Arc<Protections>,
    pub(crate) inspectors: &'a Arc<[Inspector]>,
    pub(crate) catalog: &'a Catalog,
    /// Someone's approval, where the request was held before.
    pub(crate) approval: Option<&'a Approval>,
}

/// A request that may go, perhaps once its demands are met.
#[derive(Default)]
pub(crate) struct Sound {
    pub(crate) results: Vec<ResultPlan>,
    pub(crate) scrub_errors: bool,
    pub(crate) needs_login_role: bool,
    pub(crate) demands: Vec<Demand>,
}

/// A request that may not go.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unsound {
    /// Whose protection stands against it; none where the host itself refuses.
    pub(crate) policy: Option<PolicyIndex>,
    pub(crate) reason: String,
    pub(crate) hint: Option<String>,
    pub(crate) sqlstate: SqlState,
}

impl Unsound {
    fn new(policy: PolicyIndex, reason: String, hint: impl Into<String>) -> Unsound {
        Unsound {
            policy: Some(policy),
            reason,
            hint: Some(hint.into()),
            sqlstate: SqlState::INSUFFICIENT_PRIVILEGE,
        }
    }

    /// What a little later may be known.
    fn for_now(policy: PolicyIndex, reason: String) -> Unsound {
        Unsound {
            sqlstate: SqlState::SERIALIZATION_FAILURE,
            ..Unsound::new(policy, reason, "Try again.")
        }
    }

    /// Says how to write a statement whose names may mean several columns.
    fn of(mut self, statement: Option<&Statement>) -> Unsound {
        if statement.is_some_and(|statement| statement.doubted) {
            let hint = self.hint.get_or_insert_default();
            hint.push_str(NAME_THEM);
        }
        self
    }
}

/// What makes names mean one column only.
const NAME_THEM: &str = " If the statement does not say so: name by AS each expression of its \
                         subqueries and each function in FROM, and their columns.";

impl Examination<'_> {
    /// Decides what becomes of every use that the request makes of protected columns.
    pub(crate) fn examine(self, analysis: &Analysis) -> Result<Sound, Unsound> {
        if self.set.enforces() {
            analysis.opaque.iter().try_for_each(readable)?;
        }
        let mut sound = Sound {
            scrub_errors: self.may_tell(analysis),
            needs_login_role: self.needs_login_role(analysis),
            ..Sound::default()
        };
        if self.protections.is_empty() {
            sound.results = analysis
                .statements
                .iter()
                .map(|one| self.plan(one, Expected::Anything, Vec::new(), Vec::new()))
                .collect();
            return Ok(sound);
        }
        analysis
            .opaque
            .iter()
            .try_for_each(|part| self.trusted(analysis, part))?;
        for used in &analysis.columns {
            self.exists(used)?;
            let statement = analysis.statements.get(used.statement as usize);
            self.use_of(analysis, used, &mut sound.demands)
                .map_err(|unsound| unsound.of(statement))?;
        }
        for relation in &analysis.relations {
            self.defined(analysis, relation, &mut sound.demands)?;
        }
        for (number, statement) in analysis.statements.iter().enumerate() {
            self.inside(statement)?;
            let result = self.result(analysis, number, statement, &mut sound.demands);
            let result = result.map_err(|unsound| unsound.of(Some(statement)))?;
            sound.results.push(result);
        }
        Ok(sound)
    }

    fn plan(
        &self,
        statement: &Statement,
        expected: Expected,
        outputs: Vec<OutputMask>,
        cleared: Vec<usize>,
    ) -> ResultPlan {
        ResultPlan {
            expected,
            outputs,
            cleared,
            untouched: OnceLock::new(),
            inspectors: Arc::clone(self.inspectors),
            shown: self.shown(statement),
            protections: Arc::clone(self.protections),
            set: Arc::clone(self.set),
        }
    }

    /// The base column of each output, for those who look at results.
    fn shown(&self, statement: &Statement) -> Vec<Option<Shown>> {
        let outputs = match &statement.outputs {
            Outputs::Columns(outputs) if !self.inspectors.is_empty() => outputs,
            Outputs::Columns(_) | Outputs::None | Outputs::Harmless | Outputs::Unknown => {
                return Vec::new();
            }
        };
        let shown = |output: &Output| match output.sources[..] {
            [source] if source.how == Reach::Projected => Some(Shown {
                column: source.column,
                source: SourceColumn::of(self.catalog, source.column),
            }),
            _ => None,
        };
        outputs.iter().map(shown).collect()
    }

    /// True where errors and notices of the request could carry a protected value.
    fn may_tell(&self, analysis: &Analysis) -> bool {
        let reaches = |oid: Option<u32>| oid.is_none_or(|oid| self.protections.reaches(oid));
        !self.protections.is_empty()
            && (!analysis.opaque.is_empty()
                || analysis
                    .relations
                    .iter()
                    .any(|relation| reaches(relation.oid))
                || analysis
                    .columns
                    .iter()
                    .any(|used| self.guard(used.column).is_some()))
    }

    /// True where the request reads a protected column or changes a definition.
    fn needs_login_role(&self, analysis: &Analysis) -> bool {
        let reads =
            |used: &ColumnUse| used.used != Use::Written && self.guard(used.column).is_some();
        let defines =
            |relation: &RelationUse| relation.access == Access::Define && relation.oid.is_some();
        // A plan is made for who may read all of it, and tells none of it.
        let explains = analysis
            .statements
            .iter()
            .any(|statement| statement.kind.command.starts_with("explain"));
        let planned = |relation: &RelationUse| {
            explains
                && relation
                    .oid
                    .is_some_and(|oid| self.protections.reaches(oid))
        };
        // The rights to what a cursor shows are asked for when it is declared.
        let declares = analysis.statements.iter().flat_map(|one| &one.names).any(
            |name| matches!(name, NameUse::Declare(_, inner) if inner.columns.iter().any(reads)),
        );
        let selects = |column: &ColumnId| self.guard(*column).is_some();
        declares
            || analysis.columns.iter().any(reads)
            || analysis.selected.iter().any(selects)
            || analysis
                .relations
                .iter()
                .any(|one| defines(one) || planned(one))
    }

    fn guard(&self, column: ColumnId) -> Option<&Guard> {
        self.protections.of(column)
    }

    fn name(&self, column: ColumnId) -> impl fmt::Display {
        SourceColumn::of(self.catalog, column)
    }

    /// Refuses what cannot be known, unless every policy with protections in force trusts it.
    fn trusted(&self, analysis: &Analysis, part: &Opaque) -> Result<(), Unsound> {
        let name = carries_name(part.reason).then_some(part.detail.as_str());
        let Some(policy) = self.protections.distrusts(name) else {
            return Ok(());
        };
        let detail = &part.detail;
        // Temporary ones are unread where they are too long.
        let is_locked = |one: &Relation| one.is_unread() && !one.is_temporary();
        if part.reason == OpaqueReason::Unsupported && self.catalog.relations().any(is_locked) {
            let reason = format!(
                "what the statement does cannot be known ({detail}) while views are locked"
            );
            return Err(Unsound::for_now(policy, reason));
        }
        let is_missing = || analysis.is_missing_function(detail, self.catalog);
        if part.reason == OpaqueReason::UnknownFunction && is_missing() {
            let reason = format!("function {detail} does not exist, as far as the gateway knows");
            let hint = "Check its spelling, and that the extension is there that it comes with.";
            return Err(Unsound {
                sqlstate: SqlState::UNDEFINED_FUNCTION,
                ..Unsound::new(policy, reason, hint.to_owned())
            });
        }
        Err(Unsound {
            sqlstate: sqlstate(part.reason),
            ..Unsound::new(policy, unknown(part), advice(part))
        })
    }

    /// A cursor may outlive the column that it shows, and with that whatever protected it.
    fn exists(&self, used: &ColumnUse) -> Result<(), Unsound> {
        if used.column.attribute <= 0 || self.catalog.column(used.column).is_some() {
            return Ok(());
        }
        Err(Unsound {
            policy: None,
            reason: "it shows a column that is no more, and what protected it is not known"
                .to_owned(),
            hint: Some("Close the cursor and declare it anew.".to_owned()),
            sqlstate: SqlState::INSUFFICIENT_PRIVILEGE,
        })
    }

    /// Applies the rules to one use; what reaches an output is dealt with there.
    fn use_of(
        &self,
        analysis: &Analysis,
        used: &ColumnUse,
        demands: &mut Vec<Demand>,
    ) -> Result<(), Unsound> {
        let Some(guard) = self.guard(used.column) else {
            return Ok(());
        };
        if used.used != Use::Written {
            self.is_known(guard, used.column)?;
        }
        match used.used {
            Use::Written => Ok(()),
            Use::Projected => self.projected(analysis, guard, used),
            Use::Derived | Use::WholeRow if reaches_output(analysis, used) => Ok(()),
            Use::Derived => self.derived(guard, used.column, "is part of an expression", demands),
            Use::WholeRow => self.derived(guard, used.column, "is part of a whole row", demands),
            Use::Copied => self.copied(guard, used.column, demands),
            Use::Filtered | Use::FilteredByEquality => self.filtered(guard, used),
            Use::Ordered => self.ordered(guard, used.column),
        }
    }

    /// Refuses what is protected only as long as nobody knows what views are made of: it may be nothing of that.
    fn is_known(&self, guard: &Guard, column: ColumnId) -> Result<(), Unsound> {
        let is_of = |named: &ColumnId| *named == column || self.catalog.is_of(*named, column);
        if self.catalog.is_complete() || guard.named.iter().any(is_of) {
            return Ok(());
        }
        let reason = format!(
            "whether column {} is protected cannot be known while views are locked",
            self.name(column)
        );
        Err(Unsound::for_now(guard.mask.1, reason))
    }

    /// A column that is shown must be in an output that can be masked.
    fn projected(
        &self,
        analysis: &Analysis,
        guard: &Guard,
        used: &ColumnUse,
    ) -> Result<(), Unsound> {
        let statement = analysis.statements.get(used.statement as usize);
        let harmless = statement.is_some_and(|one| one.outputs == Outputs::Harmless);
        if harmless || reaches_output(analysis, used) {
            return Ok(());
        }
        let name = self.name(used.column);
        Err(Unsound::new(
            guard.mask.1,
            format!("where the statement shows protected column {name} cannot be known"),
            format!("Select {name} as itself in a plain SELECT: it comes back masked."),
        ))
    }

    /// A definition may take a protected column from where the policy finds it.
    fn defined(
        &self,
        analysis: &Analysis,
        relation: &RelationUse,
        demands: &mut Vec<Demand>,
    ) -> Result<(), Unsound> {
        let statement = analysis.statements.get(relation.statement as usize);
        let command = statement.map_or("the statement", |one| one.kind.command);
        // A temporary relation is named by nothing that goes with it.
        let is_gone = relation.is_temporary() && matches!(command, "drop table" | "drop view");
        if relation.access != Access::Define || keeps_columns(command) || is_gone {
            return Ok(());
        }
        // With CASCADE, views go with columns of tables.
        let alters_a_table = || {
            let mut others = analysis
                .relations
                .iter()
                .filter(|one| one.statement == relation.statement && one.access == Access::Define);
            let known = |oid| self.catalog.relation(oid);
            others.any(|one| one.oid.and_then(known).is_some_and(|one| !one.is_view()))
        };
        let goes = command.starts_with("drop") || (command == "alter table" && alters_a_table());
        let Some(guard) = relation.oid.and_then(|oid| self.strictest(oid, goes)) else {
            return Ok(());
        };
        let (rule, policy) = guard.derived;
        let reason = format!(
            "relation {}.{} has protected columns, and {command} changes its definition",
            relation.schema, relation.name
        );
        match rule {
            DerivedRule::Hold => {
                self.demand(policy, reason, demands);
                Ok(())
            }
            DerivedRule::Deny | DerivedRule::Null => Err(Unsound::new(
                policy,
                reason,
                "Ask someone for whom nothing is protected to do it.",
            )),
        }
    }

    /// The protection with the strictest rule among those of a relation's columns. Where a view goes that no
    /// policy names, what it is made of stays protected.
    fn strictest(&self, relation: u32, goes: bool) -> Option<&Guard> {
        let known = self.catalog.relation(relation)?;
        let guards = known.columns.iter().filter_map(|column| {
            self.guard(ColumnId {
                relation,
                attribute: column.attribute,
            })
        });
        let is_named = |guard: &&Guard| guard.named.iter().any(|one| one.relation == relation);
        let counts = |guard: &&Guard| !goes || !known.is_view() || is_named(guard);
        guards.filter(counts).max_by_key(|guard| guard.derived.0)
    }

    fn derived(
        &self,
        guard: &Guard,
        column: ColumnId,
        what: &str,
        demands: &mut Vec<Demand>,
    ) -> Result<(), Unsound> {
        let (rule, policy) = guard.derived;
        let name = self.name(column);
        match rule {
            DerivedRule::Hold => {
                let reason = format!("protected column {name} {what}");
                self.demand(policy, reason, demands);
                Ok(())
            }
            DerivedRule::Deny | DerivedRule::Null => Err(Unsound::new(
                policy,
                format!("protected column {name} {what}"),
                format!(
                    "Select {name} as itself, outside any expression: it comes back masked. Or \
                     leave it out."
                ),
            )),
        }
    }

    fn copied(
        &self,
        guard: &Guard,
        column: ColumnId,
        demands: &mut Vec<Demand>,
    ) -> Result<(), Unsound> {
        let (rule, policy) = guard.derived;
        let reason = format!("protected column {} is copied", self.name(column));
        match rule {
            DerivedRule::Hold => {
                self.demand(policy, reason, demands);
                Ok(())
            }
            DerivedRule::Deny | DerivedRule::Null => Err(Unsound::new(
                policy,
                reason,
                format!(
                    "Copy other columns; {} may only be selected.",
                    self.name(column)
                ),
            )),
        }
    }

    fn filtered(&self, guard: &Guard, used: &ColumnUse) -> Result<(), Unsound> {
        let (rule, policy) = guard.filter;
        let name = self.name(used.column);
        let reason = format!("protected column {name} is used in a condition");
        match rule {
            FilterRule::Allow => Ok(()),
            FilterRule::Equality if used.used == Use::FilteredByEquality => Ok(()),
            FilterRule::Equality => Err(Unsound::new(
                policy,
                reason,
                format!(
                    "Compare it with one value, as {name} = 'value', and in no other way; or use \
                     another column."
                ),
            )),
            FilterRule::Deny => Err(Unsound::new(
                policy,
                reason,
                format!(
                    "Use another column in WHERE, ON, HAVING and CASE; {name} may only be selected."
                ),
            )),
        }
    }

    fn ordered(&self, guard: &Guard, column: ColumnId) -> Result<(), Unsound> {
        let (rule, policy) = guard.filter;
        let name = self.name(column);
        match rule {
            FilterRule::Allow => Ok(()),
            FilterRule::Equality | FilterRule::Deny => Err(Unsound::new(
                policy,
                format!("protected column {name} is used to order or group"),
                format!(
                    "Use another column in ORDER BY, GROUP BY, DISTINCT and PARTITION BY, and UNION ALL \
                     for UNION; in the first two, {name} may stand behind the primary key of its table."
                ),
            )),
        }
    }

    /// What hides in PREPARE and DECLARE is refused at once where it would be refused later; it is
    /// held and masked only when it runs.
    fn inside(&self, statement: &Statement) -> Result<(), Unsound> {
        for name in &statement.names {
            match name {
                NameUse::Prepare(_, inner) | NameUse::Declare(_, inner) => {
                    self.examine(inner)?;
                }
                NameUse::Execute(_)
                | NameUse::ExecuteInto(_)
                | NameUse::Deallocate(_)
                | NameUse::Fetch(_)
                | NameUse::Close(_) => {}
            }
        }
        Ok(())
    }

    fn result(
        &self,
        analysis: &Analysis,
        number: usize,
        statement: &Statement,
        demands: &mut Vec<Demand>,
    ) -> Result<ResultPlan, Unsound> {
        match &statement.outputs {
            Outputs::None => Ok(self.plan(statement, Expected::Nothing, Vec::new(), Vec::new())),
            Outputs::Harmless => {
                Ok(self.plan(statement, Expected::Anything, Vec::new(), Vec::new()))
            }
            Outputs::Unknown => {
                self.unknown_outputs(analysis, number)?;
                Ok(self.plan(statement, Expected::Anything, Vec::new(), Vec::new()))
            }
            Outputs::Columns(outputs) => {
                let mut masks = Vec::new();
                let mut cleared = Vec::new();
                for (position, output) in outputs.iter().enumerate() {
                    match self.output(position, output, demands)? {
                        Treatment::Nothing => {}
                        Treatment::Mask(mask) => masks.push(*mask),
                        Treatment::Cleared => cleared.push(position),
                    }
                }
                let expected = Expected::Columns(outputs.len());
                Ok(self.plan(statement, expected, masks, cleared))
            }
        }
    }

    fn unknown_outputs(&self, analysis: &Analysis, number: usize) -> Result<(), Unsound> {
        let reads = analysis.relations.iter().find(|relation| {
            relation.statement as usize == number
                && relation.access != Access::Define
                && relation.oid.is_none_or(|oid| self.protections.reaches(oid))
        });
        let Some(relation) = reads else { return Ok(()) };
        let policy = self.protections.distrusts(None).unwrap_or_default();
        Err(Unsound::new(
            policy,
            format!(
                "relation {}.{} has protected columns, and which columns the statement returns \
                 cannot be known",
                relation.schema, relation.name
            ),
            "Write the statement in a simpler way and name the columns that you need.",
        ))
    }

    /// What becomes of one output column: of all protected columns that reach it, the strictest
    /// treatment.
    fn output(
        &self,
        position: usize,
        output: &Output,
        demands: &mut Vec<Demand>,
    ) -> Result<Treatment, Unsound> {
        let mut treatment = Treatment::Nothing;
        for source in &output.sources {
            let Some(guard) = self.guard(source.column) else {
                continue;
            };
            self.is_known(guard, source.column)?;
            let next = match source.how {
                Reach::Projected => self.as_it_is(position, source.column, guard),
                Reach::Derived | Reach::WholeRow if guard.derived.0 == DerivedRule::Null => {
                    self.mask(position, source.column, (Mask::Null, guard.derived.1))
                }
                Reach::Derived => {
                    self.derived(guard, source.column, "is part of an expression", demands)?;
                    Treatment::Cleared
                }
                Reach::WholeRow => {
                    self.derived(guard, source.column, "is part of a whole row", demands)?;
                    Treatment::Cleared
                }
            };
            treatment = treatment.and(next);
        }
        Ok(treatment)
    }

    fn mask(
        &self,
        position: usize,
        column: ColumnId,
        (mask, policy): (Mask, PolicyIndex),
    ) -> Treatment {
        let source = SourceColumn::of(self.catalog, column);
        Treatment::Mask(Box::new(OutputMask {
            position,
            mask,
            policy,
            column,
            source,
        }))
    }

    /// A column that is shown as it is. A mask that shows a part of a value is for the values of the columns
    /// that the policy has named: another one must hold these, and nothing that is made of them.
    fn as_it_is(&self, position: usize, column: ColumnId, guard: &Guard) -> Treatment {
        let shows_part = matches!(
            guard.mask.0,
            Mask::Custom(_) | Mask::KeepFirst(_) | Mask::KeepLast(_)
        );
        let is_named = guard.named.contains(&column);
        let name = |column| self.catalog.column(column).map(|column| column.name);
        let holds_same = |named: &ColumnId| {
            // One rule for all columns of a name is for what they are made of, too.
            let is_said = is_named && guard.alike && name(*named) == name(column);
            is_said || self.catalog.holds_same(*named, column)
        };
        if shows_part && !guard.named.iter().all(holds_same) {
            return self.mask(position, column, (Mask::Null, guard.mask.1));
        }
        // The policy knows what to make of what it has named.
        let named = guard.named.first().filter(|_| !is_named);
        let told = match guard.mask.0 {
            Mask::Custom(_) => named.copied().unwrap_or(column),
            _ => column,
        };
        self.mask(position, told, guard.mask.clone())
    }

    /// Demands an approval, unless it was given.
    fn demand(&self, policy: PolicyIndex, reason: String, demands: &mut Vec<Demand>) {
        let name = &self.set.policies()[policy].name;
        let demand = Demand {
            policy: Arc::clone(name),
            reason: reason.into(),
            approvers: Arc::default(),
            approvals: 1,
        };
        let met = self
            .approval
            .is_some_and(|approval| approval.meets(&demand));
        if !met && !demands.contains(&demand) {
            demands.push(demand);
        }
    }
}

/// What becomes of an output column.
#[derive(Debug, PartialEq, Eq)]
enum Treatment {
    Nothing,
    /// It shows something protected, and someone approved or must approve that.
    Cleared,
    Mask(Box<OutputMask>),
}

impl Treatment {
    fn and(self, other: Treatment) -> Treatment {
        match (self, other) {
            (Treatment::Mask(one), Treatment::Mask(other)) => {
                Treatment::Mask(Box::new(one.and(*other)))
            }
            (mask @ Treatment::Mask(_), _) | (_, mask @ Treatment::Mask(_)) => mask,
            (Treatment::Cleared, _) | (_, Treatment::Cleared) => Treatment::Cleared,
            (Treatment::Nothing, Treatment::Nothing) => Treatment::Nothing,
        }
    }
}

impl OutputMask {
    /// One mask for an output that shows values of both.
    fn and(mut self, other: OutputMask) -> OutputMask {
        let [mine, others] = [&self, &other].map(|one| (one.mask.clone(), one.policy));
        let joined = stricter(&mine, &others);
        if joined == others {
            self = OutputMask {
                position: self.position,
                ..other
            };
        }
        (self.mask, self.policy) = joined;
        self
    }
}

/// True where the use is seen in an output of its statement, in the same way: what is computed and
/// goes elsewhere is not dealt with where the column is shown as itself. Where a statement shows no
/// values but runs, as EXPLAIN ANALYZE does, computing them may still fail and tell.
fn reaches_output(analysis: &Analysis, used: &ColumnUse) -> bool {
    let wanted = match used.used {
        Use::Projected => Reach::Projected,
        Use::Derived => Reach::Derived,
        Use::WholeRow => Reach::WholeRow,
        Use::Filtered | Use::FilteredByEquality | Use::Ordered | Use::Copied | Use::Written => {
            return false;
        }
    };
    let statement = analysis.statements.get(used.statement as usize);
    match statement.map(|statement| &statement.outputs) {
        Some(Outputs::Columns(outputs)) => outputs
            .iter()
            .flat_map(|output| &output.sources)
            .any(|source| source.column == used.column && source.how == wanted),
        Some(Outputs::None | Outputs::Harmless | Outputs::Unknown) | None => false,
    }
}

/// Commands that leave the columns of the relations that they name what and where they are.
fn keeps_columns(command: &str) -> bool {
    matches!(
        command,
        "comment"
            | "create index"
            | "create materialized view"
            | "create statistics"
            | "create table"
            | "create table as"
            | "refresh materialized view"
            | "reindex"
            | "select into"
    )
}

/// Why a text that no reader reads is refused: no policy could judge it.
pub(crate) fn unreadable(analysis: &Analysis) -> Option<Unsound> {
    analysis.opaque.iter().find_map(|part| readable(part).err())
}

/// Refuses text that no reader reads: nothing could be judged.
fn readable(part: &Opaque) -> Result<(), Unsound> {
    let sqlstate = match part.reason {
        OpaqueReason::Unparsed => SqlState::SYNTAX_ERROR,
        OpaqueReason::TooComplex => SqlState::STATEMENT_TOO_COMPLEX,
        OpaqueReason::ReadersDiffer
        | OpaqueReason::UnknownRelation
        | OpaqueReason::UnknownColumn
        | OpaqueReason::UnknownFunction
        | OpaqueReason::SqlInText
        | OpaqueReason::ProceduralCode
        | OpaqueReason::ServerFile
        | OpaqueReason::DataCatalog
        | OpaqueReason::UnknownName
        | OpaqueReason::SessionState
        | OpaqueReason::Unsupported => return Ok(()),
    };
    Err(Unsound {
        policy: None,
        reason: match part.reason {
            // In PostgreSQL's own words, as its grammar says them.
            OpaqueReason::Unparsed => {
                let said = part.detail.strip_prefix("Invalid statement: ");
                said.unwrap_or(&part.detail).to_owned()
            }
            _ => format!("the statement cannot be read: {}", part.detail),
        },
        hint: Some(advice(part)),
        sqlstate,
    })
}

/// What cannot be known, for the client.
fn unknown(part: &Opaque) -> String {
    let detail = &part.detail;
    match part.reason {
        OpaqueReason::UnknownRelation => {
            format!("relation \"{detail}\" does not exist, as far as the gateway knows")
        }
        OpaqueReason::UnknownColumn => {
            format!("column \"{detail}\" does not exist, as far as the gateway knows")
        }
        reason => format!(
            "columns are protected, and what the statement does cannot be known ({}: {detail})",
            reason.as_str()
        ),
    }
}

/// What PostgreSQL would most likely call it.
fn sqlstate(reason: OpaqueReason) -> SqlState {
    match reason {
        OpaqueReason::UnknownRelation => SqlState::UNDEFINED_TABLE,
        OpaqueReason::UnknownColumn => SqlState::UNDEFINED_COLUMN,
        _ => SqlState::INSUFFICIENT_PRIVILEGE,
    }
}

/// True where the detail is a name that a policy can trust, and not a message.
fn carries_name(reason: OpaqueReason) -> bool {
    match reason {
        OpaqueReason::UnknownRelation
        | OpaqueReason::UnknownFunction
        | OpaqueReason::SqlInText
        | OpaqueReason::ProceduralCode
        | OpaqueReason::ServerFile
        | OpaqueReason::DataCatalog => true,
        OpaqueReason::Unparsed
        | OpaqueReason::TooComplex
        | OpaqueReason::ReadersDiffer
        | OpaqueReason::UnknownColumn
        | OpaqueReason::UnknownName
        | OpaqueReason::SessionState
        | OpaqueReason::Unsupported => false,
    }
}

/// What would be allowed instead of something whose effect cannot be known.
fn advice(part: &Opaque) -> String {
    let detail = &part.detail;
    match part.reason {
        OpaqueReason::Unparsed => "Check its syntax.".to_owned(),
        OpaqueReason::TooComplex => {
            "Split it; give long values as parameters, or by COPY.".to_owned()
        }
        OpaqueReason::ReadersDiffer | OpaqueReason::Unsupported => {
            "Write the statement in a simpler, standard way.".to_owned()
        }
        OpaqueReason::UnknownRelation => {
            "Check its spelling, and name it with its schema.".to_owned()
        }
        OpaqueReason::UnknownColumn => {
            "Check its spelling; where it exists, name it with its table: table.column.".to_owned()
        }
        OpaqueReason::UnknownFunction | OpaqueReason::ProceduralCode => {
            format!("Do without {detail}, or ask for it to be listed as trusted.")
        }
        OpaqueReason::SqlInText => {
            format!("Send the statement itself instead of giving its text to {detail}.")
        }
        OpaqueReason::ServerFile => "Use COPY ... TO STDOUT or FROM STDIN.".to_owned(),
        OpaqueReason::DataCatalog => format!("Do without {detail}: it holds values of columns."),
        OpaqueReason::UnknownName => format!("Prepare or declare {detail} in this session first."),
        OpaqueReason::SessionState => format!("Leave {detail} as it is."),
    }
}

#[cfg(test)]
mod tests;

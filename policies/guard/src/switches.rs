//! The short switches: the usual rules, with texts that say what would be allowed.

use std::time::Duration;

use sluice_sdk::grants::counters::{self, CountedRows};
use sluice_sdk::{ColumnPattern, Denial, Facts, OpaquePart, Scope};

use crate::bulk;
use crate::finding::{Action, Finding, Terms};
use crate::request::Judged;
use crate::schedule::Schedule;

/// The switches of everybody or of a profile. One that is not set lets pass.
#[derive(Debug, Default)]
pub(crate) struct Switches {
    pub(crate) scope: Scope,
    pub(crate) schedule: Schedule,
    pub(crate) ddl: Option<Action>,
    pub(crate) temp_tables: Option<Action>,
    pub(crate) unbounded_dml: Option<Action>,
    pub(crate) truncate: Option<Action>,
    pub(crate) opaque: Option<Action>,
    pub(crate) bulk_reads: Option<Action>,
    pub(crate) max_rows: Option<u64>,
    pub(crate) read_only: bool,
    pub(crate) read_only_groups: Vec<String>,
    pub(crate) except_groups: Vec<String>,
    pub(crate) terms: Terms,
}

/// Classes of statements that leave data and definitions as they are.
const READING: [&str; 3] = ["read", "session", "transaction"];

/// Commands that do nothing but what the statement in them or behind their name does, which is
/// judged by itself.
const WRAPPING: [&str; 9] = [
    "explain",
    "prepare",
    "execute",
    "deallocate",
    "declare",
    "fetch",
    "move",
    "close",
    "show",
];

/// Definitions of relations and of what goes with them; others may outlive the relations that they name.
const OF_RELATIONS: [&str; 17] = [
    "alter index",
    "alter sequence",
    "alter table",
    "alter view",
    "cluster",
    "comment",
    "create index",
    "create sequence",
    "create table",
    "create table as",
    "create view",
    "drop index",
    "drop sequence",
    "drop table",
    "drop view",
    "reindex",
    "select into",
];

/// What takes PostgreSQL's strongest lock on tables, as most definitions do.
const KEEPING_OUT: [&str; 2] = ["lock in access exclusive mode", "vacuum full"];

/// What cannot be known and yet changes no data.
const HARMLESS_TO_DATA: [&str; 3] = ["data-catalog", "session-state", "unknown-column"];

impl Switches {
    /// What they say about one statement.
    pub(crate) fn finding(&self, facts: &Facts, statement: &Judged<'_>) -> Finding {
        if !self.concern(facts) {
            return Finding::allowed();
        }
        let found = [
            self.read_only(facts, statement),
            self.unbounded(statement),
            self.truncated(statement),
            self.defined(statement),
            self.kept_out(statement),
            self.unknown(statement),
        ]
        .into_iter()
        .fold(Finding::allowed(), Finding::stricter);
        self.now(found)
    }

    /// What they say about a statement that reads a whole table.
    pub(crate) fn bulk(
        &self,
        facts: &Facts,
        statement: &Judged<'_>,
        patterns: &[ColumnPattern],
    ) -> Finding {
        let Some(action) = self.bulk_reads.filter(|_| self.concern(facts)) else {
            return Finding::allowed();
        };
        let columns = bulk::columns(facts, statement.index, patterns);
        let Some(first) = columns.first() else {
            return Finding::allowed();
        };
        let table = format!("{}.{}", first.schema, first.relation);
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let names = names.join(", ");
        let reason = format!(
            "{} of every row of {table} with {names} is a bulk read",
            statement.command()
        );
        let hint = match statement.kind {
            "copy" => format!(
                "Say which rows, e.g. COPY (SELECT ... FROM {table} WHERE id = 42) TO STDOUT; or \
                 leave out {names}."
            ),
            _ => format!(
                "Add a WHERE that names the rows you need, or a LIMIT, e.g. SELECT ... FROM {table} \
                 LIMIT 100; or leave out {names}."
            ),
        };
        self.now(self.found(action, reason, "bulk-reads").hint(hint))
    }

    /// Limits the rows of the request, where there is a limit.
    pub(crate) fn limit_rows(&self, facts: &Facts) {
        let Some(most) = self.max_rows.filter(|_| self.concern(facts)) else {
            return;
        };
        if !self.schedule.is_now() {
            return;
        }
        let denial = Denial::new(format!("no more than {most} rows in one request")).hint(format!(
            "Add LIMIT {most} or less and go on from the last key that you got, or ask for totals \
             (count, sum) instead of rows."
        ));
        counters::limit_rows("", Duration::ZERO, most, CountedRows::Every, &denial);
    }

    /// The finding, where the switches are in force at this time.
    fn now(&self, found: Finding) -> Finding {
        if found.is_allowed() || self.schedule.is_now() {
            found
        } else {
            Finding::allowed()
        }
    }

    /// True where they are about this session.
    fn concern(&self, facts: &Facts) -> bool {
        self.scope.covers(facts) && !self.exempts(facts)
    }

    /// True where `opaque` is set, so that nothing follows from the other switches.
    pub(crate) fn decides_opaque(&self) -> bool {
        self.opaque.is_some()
    }

    /// What is in force for this session.
    pub(crate) fn in_force(&self, facts: &Facts) -> impl Iterator<Item = (Action, &Terms)> {
        let read_only = self.reads_only(facts).map(|_| Action::Deny);
        let actions = [self.ddl, self.unbounded_dml, self.truncate, read_only];
        let actions = actions.into_iter().chain([self.bulk_reads]).flatten();
        let concern = self.concern(facts) && self.schedule.is_now();
        actions
            .filter(move |_| concern)
            .map(|action| (action, &self.terms))
    }

    fn exempts(&self, facts: &Facts) -> bool {
        self.except_groups
            .iter()
            .any(|group| facts.is_member(group))
    }

    /// Who may only read, where this session may.
    fn reads_only(&self, facts: &Facts) -> Option<String> {
        if self.read_only {
            return Some("this session".to_owned());
        }
        let mut groups = self.read_only_groups.iter();
        let group = groups.find(|group| facts.is_member(group))?;
        Some(format!("members of group {group}"))
    }

    fn read_only(&self, facts: &Facts, statement: &Judged<'_>) -> Finding {
        let Some(who) = self.reads_only(facts) else {
            return Finding::allowed();
        };
        let reads = READING.contains(&statement.class) || WRAPPING.contains(&statement.kind);
        let writes = statement
            .relations
            .iter()
            .any(|relation| relation.access != "read");
        let mut unknown = statement
            .opaque
            .iter()
            .filter(|part| !HARMLESS_TO_DATA.contains(&part.reason.as_str()));
        let what = match unknown.next() {
            Some(part) => format!(
                "what {} does cannot be known ({})",
                statement.command(),
                told(part)
            ),
            None if writes || !reads => format!("{} does more", statement.command()),
            None => return Finding::allowed(),
        };
        let reason = format!("{who} may only read, and {what}");
        let hint = "Use SELECT on tables and views, with PostgreSQL's own functions.";
        let switch = match self.read_only {
            true => "read-only",
            false => "read-only-groups",
        };
        self.found(Action::Deny, reason, switch)
            .hint(hint.to_owned())
    }

    fn unbounded(&self, statement: &Judged<'_>) -> Finding {
        let (lacks, rows) = match statement.restriction {
            "none" => ("has no WHERE", "every row"),
            "always-true" => (
                "has a WHERE that hardly tells its rows apart",
                "every row, or nearly",
            ),
            _ => return Finding::allowed(),
        };
        let Some(action) = self.unbounded_dml else {
            return Finding::allowed();
        };
        if self.spares(statement, &["update", "delete"]) {
            return Finding::allowed();
        }
        let (does, example) = match statement.kind {
            "update" => ("change", "UPDATE"),
            "delete" => ("remove", "DELETE FROM"),
            _ => ("change or remove", ""),
        };
        let target = statement.target(statement.kind);
        let on = target
            .as_ref()
            .map(|name| format!(" on {name}"))
            .unwrap_or_default();
        let reason = format!(
            "{}{on} {lacks}: it would {does} {rows}",
            statement.command()
        );
        let name = target.unwrap_or_else(|| "the_table".to_owned());
        let set = if statement.kind == "update" {
            " SET ..."
        } else {
            ""
        };
        let hint = match example {
            "" => "Add a WHERE clause with an equality on the key.".to_owned(),
            verb => format!(
                "Add a WHERE clause with an equality on the key, e.g. {verb} {name}{set} WHERE id \
                 = 42; for many rows, one that names them, e.g. WHERE id IN (42, 43)."
            ),
        };
        self.found(action, reason, "unbounded-dml").hint(hint)
    }

    fn truncated(&self, statement: &Judged<'_>) -> Finding {
        let empties = statement.kind.starts_with("truncate")
            || statement
                .relations
                .iter()
                .any(|relation| relation.access == "truncate");
        let Some(action) = self.truncate.filter(|_| empties) else {
            return Finding::allowed();
        };
        if self.spares(statement, &["truncate"]) {
            return Finding::allowed();
        }
        let name = statement.target("truncate");
        let on = name
            .as_ref()
            .map(|name| format!(" on {name}"))
            .unwrap_or_default();
        let name = name.unwrap_or_else(|| "the_table".to_owned());
        let reason = format!("TRUNCATE{on} would remove every row");
        let hint = format!("Remove the rows you mean, e.g. DELETE FROM {name} WHERE id = 42.");
        self.found(action, reason, "truncate").hint(hint)
    }

    fn defined(&self, statement: &Judged<'_>) -> Finding {
        let defines = statement.class == "define"
            // Without a relation, those of all.
            || matches!(statement.kind, "cluster" | "reindex")
            || statement
                .relations
                .iter()
                .any(|relation| relation.access == "define");
        if !defines {
            return Finding::allowed();
        }
        let (action, switch) = match self.temp_tables {
            Some(action) if is_temporary(statement) => (Some(action), "temp-tables"),
            Some(_) | None => (self.ddl, "ddl"),
        };
        let Some(action) = action else {
            return Finding::allowed();
        };
        let what = match statement.target("define") {
            Some(name) => format!("{} on {name}", statement.command()),
            None => statement.command(),
        };
        let mut hint = "Work with the tables as they are, or ask for the change to be made by \
                        those who may."
            .to_owned();
        if self.temp_tables == Some(Action::Allow) {
            hint.push_str(" Temporary tables are allowed: CREATE TEMP TABLE ...");
        }
        self.found(action, format!("{what} changes definitions"), switch)
            .hint(hint)
    }

    /// Nobody else may even read, as long as it takes, or until the transaction ends.
    fn kept_out(&self, statement: &Judged<'_>) -> Finding {
        let keeps_out = KEEPING_OUT.contains(&statement.kind);
        let spares = keeps_out && self.spares(statement, &["read"]);
        let Some(action) = self.ddl.filter(|_| keeps_out && !spares) else {
            return Finding::allowed();
        };
        let on = statement
            .target("read")
            .unwrap_or_else(|| "its tables".to_owned());
        let reason = format!(
            "{} keeps everybody else from reading {on}",
            statement.command()
        );
        let hint = match statement.kind.starts_with("vacuum") {
            true => "VACUUM without FULL keeps nobody from reading or writing.",
            false => "Take a weaker lock, e.g. LOCK TABLE ... IN SHARE ROW EXCLUSIVE MODE.",
        };
        self.found(action, reason, "ddl").hint(hint.to_owned())
    }

    /// True where rows go that only the session itself has, and its temporary tables are its own affair.
    fn spares(&self, statement: &Judged<'_>, accesses: &[&str]) -> bool {
        self.temp_tables == Some(Action::Allow) && touches_temporary(statement, accesses)
    }

    /// True where it defines temporary tables only, and these are its own affair.
    pub(crate) fn spares_definition(&self, statement: &Judged<'_>) -> bool {
        self.temp_tables == Some(Action::Allow) && is_temporary(statement)
    }

    fn unknown(&self, statement: &Judged<'_>) -> Finding {
        match (self.opaque, statement.opaque.first()) {
            (Some(action), Some(part)) => opaque_finding(action, part, &self.terms),
            (Some(_) | None, None) | (None, Some(_)) => Finding::allowed(),
        }
    }

    fn found(&self, action: Action, reason: String, switch: &str) -> Finding {
        Finding::new(action, reason, switch.to_owned(), &self.terms)
    }
}

/// True where it defines temporary tables only. What a table that is made is LIKE, or inherits from,
/// counts as defined, too, after it, and stays as it is.
fn is_temporary(statement: &Judged<'_>) -> bool {
    let mut defined = statement
        .relations
        .iter()
        .filter(|one| one.access == "define");
    let makes = statement.kind == "create table"
        && defined.next().is_some_and(|made| made.schema == "pg_temp");
    let relations_only = statement.class != "define" || OF_RELATIONS.contains(&statement.kind);
    makes || (relations_only && touches_temporary(statement, &["define"]))
}

/// True where all that it does so is done to temporary tables, and something is.
fn touches_temporary(statement: &Judged<'_>, accesses: &[&str]) -> bool {
    let is_temp = |schema: &str| schema == "pg_temp" || schema.starts_with("pg_temp_");
    let mut touched = statement
        .relations
        .iter()
        .filter(|relation| accesses.contains(&relation.access.as_str()));
    touched.clone().next().is_some() && touched.all(|relation| is_temp(&relation.schema))
}

/// The finding about what cannot be known.
pub(crate) fn opaque_finding(action: Action, part: &OpaquePart, terms: &Terms) -> Finding {
    let reason = format!("what the statement does cannot be known ({})", told(part));
    let hint = match part.reason.as_str() {
        "unparsed" => "Check the syntax; send plain SQL that PostgreSQL's grammar reads.",
        "too-complex" => "Split the statement into smaller ones.",
        "readers-differ" => "Write the statement in a plainer way.",
        "sql-in-text" | "procedural-code" => {
            "Send the SQL itself as statements of their own, not as text or code to be run."
        }
        "unknown-name" => "Prepare the statement or declare the cursor in this session first.",
        "unknown-relation" => "Use tables and views that exist, with their schema.",
        "unknown-function" => "Use PostgreSQL's own functions, or have this one trusted.",
        _ => "Use tables, views and PostgreSQL's own functions only.",
    };
    Finding::new(action, reason, "opaque".to_owned(), terms).hint(hint.to_owned())
}

fn told(part: &OpaquePart) -> String {
    match part.detail.as_str() {
        "" => part.reason.clone(),
        detail => format!("{}: {detail}", part.reason),
    }
}

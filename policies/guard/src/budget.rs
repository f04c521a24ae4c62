//! Budgets: how many rows, or requests, one identity gets in so much time.

use std::time::Duration;

use sluice_sdk::grants::counters::{self, CountedRows};
use sluice_sdk::{ColumnPattern, Denial, Facts, Scope};

use crate::bulk;
use crate::finding::{Action, Finding, Terms};

/// How many rows, or requests, each identity of a scope gets in so much time.
#[derive(Debug)]
pub(crate) struct Budget {
    /// Unique: identities are counted under it.
    pub(crate) name: String,
    pub(crate) scope: Scope,
    pub(crate) amount: Amount,
    pub(crate) per: Duration,
    /// Only requests that use one of these columns count.
    pub(crate) columns: Vec<ColumnPattern>,
    /// Only what shows a protected column counts.
    pub(crate) protected: bool,
    /// Only whole tables count.
    pub(crate) bulk: bool,
    pub(crate) reason: Option<String>,
    pub(crate) hint: Option<String>,
}

/// How much of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Amount {
    Rows(u64),
    Requests(u64),
}

impl Budget {
    /// Takes from the budget what the request needs, or lets the gateway take it row by row.
    pub(crate) fn finding(&self, facts: &Facts, bulk_columns: &[ColumnPattern]) -> Finding {
        if !self.scope.covers(facts) || !self.is_about(facts, bulk_columns) {
            return Finding::allowed();
        }
        match self.amount {
            Amount::Rows(limit) => {
                let counted = match self.protected {
                    true => CountedRows::Protected,
                    false => CountedRows::Every,
                };
                counters::limit_rows(&self.key(facts), self.per, limit, counted, &self.denial());
                Finding::allowed()
            }
            Amount::Requests(limit) => {
                if !facts.executing() || counters::take(&self.key(facts), self.per, 1, limit) {
                    return Finding::allowed();
                }
                let Denial { reason, hint } = self.denial();
                let note = format!("budget \"{}\"", self.name);
                Finding::new(Action::Deny, reason, note, &Terms::default()).hint(hint)
            }
        }
    }

    fn is_about(&self, facts: &Facts, bulk_columns: &[ColumnPattern]) -> bool {
        let named = |pattern: &ColumnPattern| {
            let mut read = facts.columns().iter().filter(|used| used.used != "written");
            read.any(|used| pattern.matches(&used.column))
        };
        let of_protected = || match self.amount {
            // Row by row.
            Amount::Rows(_) => true,
            Amount::Requests(_) => !facts.protected_columns().is_empty(),
        };
        (self.columns.is_empty() || self.columns.iter().any(named))
            && (!self.protected || of_protected())
            && (!self.bulk || bulk::is_bulk(facts, bulk_columns))
    }

    /// Who is counted: names of budgets hold no control characters.
    fn key(&self, facts: &Facts) -> String {
        format!("{}\n{}\n{}", self.name, facts.issuer(), facts.subject())
    }

    fn denial(&self) -> Denial {
        let per = spelled(self.per);
        let (what, instead) = match self.amount {
            Amount::Rows(rows) => (
                format!(
                    "{rows}{} rows",
                    if self.protected { " protected" } else { "" }
                ),
                "Ask for fewer rows, by WHERE or LIMIT, or for totals (count, sum) instead of rows",
            ),
            Amount::Requests(requests) => (
                format!(
                    "{requests}{} requests",
                    if self.bulk { " bulk" } else { "" }
                ),
                "Ask for the rows that you need, by WHERE or LIMIT",
            ),
        };
        let name = &self.name;
        let reason = format!("budget \"{name}\": no more than {what} in {per} for one identity");
        let hint = format!("{instead}; or go on when {per} have passed since the first of them.");
        Denial {
            reason: self.reason.clone().unwrap_or(reason),
            hint: self.hint.clone().unwrap_or(hint),
        }
    }
}

/// "1 h", "90 s".
fn spelled(time: Duration) -> String {
    let seconds = time.as_secs();
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let whole = units
        .into_iter()
        .find(|(unit, _)| seconds.is_multiple_of(*unit));
    let (unit, word) = whole.unwrap_or((1, "s"));
    format!("{} {word}", seconds / unit)
}

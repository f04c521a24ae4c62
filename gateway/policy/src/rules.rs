//! By which of its rules a policy transforms columns: what it has said while a hook ran.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use sql::analysis::ColumnId;

/// A policy says no more rules in one call.
const MOST_RULES: usize = 1_000_000;

/// What was said of columns.
#[derive(Debug, Default)]
pub(crate) struct Rules(HashMap<ColumnId, Said>);

/// What was said of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// This rule.
    Rule(u32),
    /// More than one, as a column may have had another name.
    Several,
}

/// There is no room for more.
#[derive(Debug, thiserror::Error)]
#[error("it says rules of more than {MOST_RULES} columns")]
pub(crate) struct TooMany;

impl Rules {
    /// Keeps what is said of a column.
    pub(crate) fn say(&mut self, column: ColumnId, rule: u32) -> Result<(), TooMany> {
        let is_full = self.0.len() >= MOST_RULES;
        match self.0.entry(column) {
            Entry::Vacant(_) if is_full => return Err(TooMany),
            Entry::Vacant(entry) => {
                entry.insert(Said::Rule(rule));
            }
            Entry::Occupied(mut entry) if *entry.get() != Said::Rule(rule) => {
                entry.insert(Said::Several);
            }
            Entry::Occupied(_) => {}
        }
        Ok(())
    }

    /// What was said of a column, if anything was.
    pub(crate) fn of(&self, column: ColumnId) -> Option<Said> {
        self.0.get(&column).copied()
    }
}

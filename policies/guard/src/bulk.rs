//! Bulk reads: whole tables with columns that matter.

use sluice_sdk::{Column, ColumnPattern, ColumnUse, Facts};

/// What of a query restricts nothing.
const WHOLE: [&str; 2] = ["none", "always-true"];

/// Uses by which a column's values, or something of them, reach the client.
const SHOWN: [&str; 3] = ["projected", "derived", "whole-row"];

/// The columns of this statement that matter, where it is a query whose rows nothing restricts: those
/// that are protected from the session, and those of the patterns.
pub(crate) fn columns<'a>(
    facts: &'a Facts,
    statement: usize,
    patterns: &[ColumnPattern],
) -> Vec<&'a Column> {
    let rows = facts.row_restrictions().get(statement);
    if !rows.is_some_and(|rows| WHOLE.contains(&rows.as_str())) {
        return Vec::new();
    }
    let shown = |used: &&ColumnUse| {
        used.statement as usize == statement && SHOWN.contains(&used.used.as_str())
    };
    let named = |used: &&ColumnUse| patterns.iter().any(|one| one.matches(&used.column));
    let protected = facts.protected_columns().iter().filter(shown);
    let matching = facts.columns().iter().filter(shown).filter(named);
    let mut columns: Vec<&Column> = Vec::new();
    for used in protected.chain(matching) {
        if !columns.contains(&&used.column) {
            columns.push(&used.column);
        }
    }
    columns
}

/// True where any statement of the request reads a whole table so.
pub(crate) fn is_bulk(facts: &Facts, patterns: &[ColumnPattern]) -> bool {
    let statements = 0..facts.row_restrictions().len();
    statements
        .into_iter()
        .any(|statement| !columns(facts, statement, patterns).is_empty())
}

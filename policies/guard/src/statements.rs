//! Patterns of statements: a class, or the words of a command.

use serde::Deserialize;
use sluice_sdk::{NamePattern, settings};

use crate::request::Judged;

const CLASSES: [&str; 6] = [
    "read",
    "write",
    "define",
    "session",
    "transaction",
    "utility",
];

/// First words of PostgreSQL's commands, so that a misspelled rule is an error and not a gap.
const FIRST_WORDS: [&str; 54] = [
    "abort",
    "alter",
    "analyze",
    "begin",
    "call",
    "checkpoint",
    "close",
    "cluster",
    "comment",
    "commit",
    "copy",
    "create",
    "deallocate",
    "declare",
    "delete",
    "discard",
    "do",
    "drop",
    "end",
    "execute",
    "explain",
    "fetch",
    "grant",
    "import",
    "insert",
    "listen",
    "load",
    "lock",
    "merge",
    "move",
    "notify",
    "prepare",
    "reassign",
    "refresh",
    "reindex",
    "release",
    "reset",
    "revoke",
    "rollback",
    "savepoint",
    "security",
    "select",
    "set",
    "show",
    "start",
    "table",
    "truncate",
    "unlisten",
    "update",
    "vacuum",
    "values",
    "with",
    "repack",
    "wait",
];

/// A class such as `define`, or a command such as `drop table`; `drop` is every command that
/// begins so.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum StatementPattern {
    Class(String),
    Command(NamePattern),
}

impl TryFrom<String> for StatementPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let words: Vec<String> = text
            .split_whitespace()
            .map(str::to_ascii_lowercase)
            .collect();
        let words = words.join(" ");
        if CLASSES.contains(&words.as_str()) {
            return Ok(StatementPattern::Class(words));
        }
        let first = words.split(' ').next().unwrap_or_default();
        if first.is_empty() || !(first.contains('*') || FIRST_WORDS.contains(&first)) {
            return Err(format!(
                "{}, nor a command such as \"drop table\"",
                settings::none_of(&text, &CLASSES)
            ));
        }
        NamePattern::parse(&words).map(StatementPattern::Command)
    }
}

impl StatementPattern {
    /// True where it matches the class, the command, or the command's first words.
    pub(crate) fn matches(&self, statement: &Judged<'_>) -> bool {
        match self {
            StatementPattern::Class(class) => class == statement.class,
            StatementPattern::Command(command) => {
                let kind = statement.kind;
                let ends = kind
                    .match_indices(' ')
                    .map(|(end, _)| end)
                    .chain([kind.len()]);
                !kind.is_empty() && ends.into_iter().any(|end| command.matches(&kind[..end]))
            }
        }
    }
}

//! PostgreSQL's own grammar: the only module that names `pg_query`.

use std::panic::{AssertUnwindSafe, catch_unwind};

pub(crate) use pg_query::NodeEnum;
use pg_query::ParserOptions;
pub(crate) use pg_query::protobuf as pg;

/// How plain strings (`'...'`) are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Strings {
    /// A backslash is a character: `standard_conforming_strings` is on.
    #[default]
    Standard,
    /// A backslash escapes what follows: it is off.
    Escaped,
}

impl Strings {
    fn options(self) -> ParserOptions {
        match self {
            Strings::Standard => ParserOptions::default(),
            Strings::Escaped => ParserOptions::DISABLE_STANDARD_CONFORMING_STRINGS,
        }
    }
}

/// The statements of a text, or what PostgreSQL's grammar says against it.
pub(crate) fn statements(text: &str, strings: Strings) -> Result<Vec<pg::RawStmt>, String> {
    // The reader walks the tree once more for uses of its own; nothing of it may take us down.
    match catch_unwind(AssertUnwindSafe(|| {
        pg_query::parse(text, strings.options())
    })) {
        Ok(Ok(result)) => Ok(result.protobuf.stmts),
        Ok(Err(error)) => Err(without_values(&error.to_string())),
        Err(_) => Err("the reader failed".to_owned()),
    }
}

/// A message of the reader, without what it quotes of the text unless that is a word.
fn without_values(message: &str) -> String {
    let Some((before, quoted)) = message.split_once(" at or near \"") else {
        return message.to_owned();
    };
    let word = quoted.trim_end_matches('"');
    if word
        .bytes()
        .all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
    {
        return message.to_owned();
    }
    before.to_owned()
}

/// The tokens of a text as PostgreSQL's scanner reads them.
pub(crate) fn tokens(text: &str) -> Result<Vec<pg::ScanToken>, String> {
    match pg_query::scan(text) {
        Ok(result) => Ok(result.tokens),
        Err(error) => Err(error.to_string()),
    }
}

/// The names of relations and functions that the reader's own tools find in a text.
#[cfg(test)]
pub(crate) fn names(text: &str) -> Vec<String> {
    let Ok(result) = pg_query::parse(text, ParserOptions::default()) else {
        return Vec::new();
    };
    let mut names = result.tables();
    // It takes those of an UPDATE for tables.
    names.retain(|name| !result.cte_names.contains(name));
    names.extend(result.call_functions());
    names
}

/// The statements of a text, by the scanner alone.
#[cfg(test)]
pub(crate) fn split(text: &str) -> Vec<String> {
    let parts = pg_query::split_with_scanner(text).unwrap_or_default();
    parts.into_iter().map(str::to_owned).collect()
}

/// What a node is, where it is anything.
pub(crate) fn inner(node: &pg::Node) -> Option<&NodeEnum> {
    node.node.as_ref()
}

/// What a boxed optional node is.
pub(crate) fn boxed(node: &Option<Box<pg::Node>>) -> Option<&NodeEnum> {
    node.as_deref().and_then(inner)
}

/// The strings among some nodes: the parts of a name.
pub(crate) fn strings(nodes: &[pg::Node]) -> Vec<&str> {
    nodes.iter().filter_map(string).collect()
}

/// The string that a node is.
pub(crate) fn string(node: &pg::Node) -> Option<&str> {
    match inner(node) {
        Some(NodeEnum::String(string)) => Some(&string.sval),
        _ => None,
    }
}

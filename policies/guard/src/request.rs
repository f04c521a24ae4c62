//! The statements of a request, each with what it uses.

use sluice_sdk::{Facts, NamePattern, OpaquePart, RelationUse, Statement};

/// Reasons for which a statement may be another than it looks.
const HIDING: [&str; 5] = [
    "unparsed",
    "too-complex",
    "readers-differ",
    "sql-in-text",
    "unknown-name",
];

/// Reasons whose detail is a reader's message, not a name.
const NAMELESS: [&str; 3] = ["unparsed", "too-complex", "readers-differ"];

/// One statement of a request, with what it uses.
#[derive(Debug)]
pub(crate) struct Judged<'a> {
    /// Its number in the request, from 0.
    pub(crate) index: usize,
    /// The command in lower case; empty where it could not be read.
    pub(crate) kind: &'a str,
    /// Its class; empty where it could not be read.
    pub(crate) class: &'a str,
    /// What its condition restricts; empty where that means nothing.
    pub(crate) restriction: &'a str,
    /// The relations it uses.
    pub(crate) relations: Vec<&'a RelationUse>,
    /// What of it cannot be known and is not trusted.
    pub(crate) opaque: Vec<&'a OpaquePart>,
}

/// The statements of a request. Text that nobody could read is one too.
pub(crate) fn statements<'a>(facts: &'a Facts, trusted: &[NamePattern]) -> Vec<Judged<'a>> {
    let opaque: Vec<&OpaquePart> = facts
        .opaque()
        .iter()
        .filter(|part| !is_trusted(part, trusted))
        .collect();
    let relations: Vec<&RelationUse> = facts.relations().iter().collect();
    let known = facts.statements();
    let of_parts = opaque.iter().map(|part| part.statement);
    let of_relations = relations.iter().map(|relation| relation.statement);
    let count = of_parts
        .chain(of_relations)
        .map(|last| last as usize + 1)
        .max();
    let count = count.unwrap_or(0).max(known.len());
    (0..count)
        .map(|index| judged(known.get(index), index, &relations, &opaque))
        .collect()
}

/// What is used is known for the statements that the client sent, not for those within them: these
/// come after, have nothing of their own, and count as using everything.
fn judged<'a>(
    statement: Option<&'a Statement>,
    index: usize,
    relations: &[&'a RelationUse],
    opaque: &[&'a OpaquePart],
) -> Judged<'a> {
    let own = |number: u32| number as usize == index;
    let has_own = relations.iter().any(|relation| own(relation.statement))
        || opaque.iter().any(|part| own(part.statement));
    let counts = |number: u32| !has_own || own(number);
    let relations = relations
        .iter()
        .filter(|relation| counts(relation.statement));
    let opaque = opaque.iter().filter(|part| counts(part.statement));
    Judged {
        index,
        kind: statement.map_or("", |statement| &statement.kind),
        class: statement.map_or("", |statement| &statement.class),
        restriction: statement.map_or("", |statement| &statement.restriction),
        relations: relations.copied().collect(),
        opaque: opaque.copied().collect(),
    }
}

fn is_trusted(part: &OpaquePart, trusted: &[NamePattern]) -> bool {
    !NAMELESS.contains(&part.reason.as_str())
        && trusted.iter().any(|name| name.matches(&part.detail))
}

impl<'a> Judged<'a> {
    /// What of it may hide another statement: text that is run, code that is sent, text that was
    /// not read. Functions that exist were defined by someone who could.
    pub(crate) fn hiding(&self) -> Option<&'a OpaquePart> {
        let hides = |part: &&&OpaquePart| {
            HIDING.contains(&part.reason.as_str())
                || (part.reason == "procedural-code" && self.kind == "do")
        };
        self.opaque.iter().find(hides).copied()
    }

    /// True where it drops relations of which there are none: PostgreSQL says so, and nothing happens.
    pub(crate) fn drops_nothing(&self) -> bool {
        const DROPS: [&str; 5] = [
            "drop foreign table",
            "drop materialized view",
            "drop sequence",
            "drop table",
            "drop view",
        ];
        DROPS.contains(&self.kind)
            && !self.relations.is_empty()
            && self.relations.iter().all(|relation| relation.oid.is_none())
            && self
                .opaque
                .iter()
                .all(|part| part.reason == "unknown-relation")
    }

    /// The command for people: `DROP TABLE`.
    pub(crate) fn command(&self) -> String {
        match self.kind {
            "" => "a statement that cannot be read".to_owned(),
            kind => kind.to_ascii_uppercase(),
        }
    }

    /// The one relation that it uses so, as it can be written in SQL.
    pub(crate) fn target(&self, access: &str) -> Option<String> {
        let mut used = self
            .relations
            .iter()
            .filter(|relation| relation.access == access);
        let (first, second) = (used.next()?, used.next());
        second.is_none().then(|| written(first))
    }
}

/// A relation's name as it can be written in SQL.
fn written(relation: &RelationUse) -> String {
    let name = quoted(&relation.name);
    match relation.schema.as_str() {
        "" => name,
        schema => format!("{}.{name}", quoted(schema)),
    }
}

fn quoted(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.bytes().all(is_plain) && !name.starts_with(|first: char| first.is_ascii_digit()) {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

//! What must hold of every text, for random tests and the fuzz target alike.

use sluice_sql::analysis::{Analysis, NameUse, Outputs};
use sluice_sql::catalog::Catalog;
use sluice_sql::{analyze, shape};

use crate::support::render;

/// Plain literals that take the place of others: truth values, positions, patterns, names.
const NUMBERS: [&str; 7] = ["0", "1", "2", "7.25", "007", "2147483648", "54"];
const STRINGS: [&str; 8] = [
    "''",
    "'t'",
    "'f'",
    "'role'",
    "'%'",
    "'users'",
    "'it''s $1 /*'",
    "'standard_conforming_strings'",
];

/// Checks a text on a thread with the stack that the readers need.
///
/// # Panics
/// A promise is broken.
pub(crate) fn check(text: &str, catalog: &Catalog) {
    let analysis = analyze(text, catalog);
    check_bounds(&analysis);
    // That every column is one of the catalog's.
    render(&analysis, catalog);
    let key = shape(text);
    for turn in 0..2 {
        let other = with_other_literals(text, turn);
        if key == shape(&other) && (key.is_some() || other == text) {
            let without_rows = |mut analysis: Analysis| {
                // What restricts the rows of a query, literals decide; nobody may rely on it by shape.
                analysis
                    .statements
                    .iter_mut()
                    .for_each(|one| one.rows = None);
                analysis
            };
            let same = without_rows(analyze(&other, catalog));
            assert_eq!(
                without_rows(analysis.clone()),
                same,
                "{text:?} and {other:?}"
            );
        }
    }
}

/// Everything that was found belongs to a statement there is, or to the text where none could be read.
fn check_bounds(analysis: &Analysis) {
    let statements = u32::try_from(analysis.statements.len()).unwrap().max(1);
    let columns = analysis.columns.iter().map(|one| one.statement);
    let relations = analysis.relations.iter().map(|one| one.statement);
    let functions = analysis.functions.iter().map(|one| one.statement);
    let opaque = analysis.opaque.iter().map(|one| one.statement);
    for statement in columns.chain(relations).chain(functions).chain(opaque) {
        assert!(statement < statements, "{analysis:?}");
    }
    for statement in &analysis.statements {
        if let Outputs::Columns(outputs) = &statement.outputs {
            let mut sources = outputs.iter().flat_map(|output| &output.sources);
            let read = |relation| {
                analysis
                    .relations
                    .iter()
                    .any(|one| one.oid == Some(relation))
            };
            assert!(
                sources.all(|source| read(source.column.relation)),
                "{analysis:?}"
            );
        }
        for name in &statement.names {
            if let NameUse::Prepare(_, inner) | NameUse::Declare(_, inner) = name {
                check_bounds(inner);
            }
        }
    }
}

/// The text with other literals where it seems to have plain ones. Where that is wrong, so much the better.
fn with_other_literals(text: &str, turn: usize) -> String {
    let mut other = String::with_capacity(text.len());
    let (mut rest, mut in_word, mut count) = (text, false, turn);
    while let Some(first) = rest.chars().next() {
        let closing = (first == '\'').then(|| rest[1..].find('\'')).flatten();
        let length = match (first, closing) {
            ('0'..='9', _) if !in_word => {
                let end = rest.find(|next: char| !next.is_ascii_digit() && next != '.');
                other.push_str(NUMBERS[count % NUMBERS.len()]);
                count += 1;
                end.unwrap_or(rest.len())
            }
            (_, Some(closing)) => {
                other.push_str(STRINGS[count % STRINGS.len()]);
                count += 1;
                closing + 2
            }
            _ => {
                other.push(first);
                first.len_utf8()
            }
        };
        in_word = first.is_alphanumeric() || matches!(first, '_' | '$' | '.');
        rest = &rest[length..];
    }
    other
}

/// What is noted of a statement, in an order that stays: its opaque parts, functions, relations and columns.
fn noted(analysis: &Analysis, statement: usize) -> Vec<String> {
    let is_of = |number: u32| usize::try_from(number) == Ok(statement);
    let opaque = analysis.opaque.iter().filter(|one| is_of(one.statement));
    let functions = analysis.functions.iter().filter(|one| is_of(one.statement));
    let relations = analysis.relations.iter().filter(|one| is_of(one.statement));
    let columns = analysis.columns.iter().filter(|one| is_of(one.statement));
    let mut noted: Vec<String> = opaque
        .map(|one| format!("{:?} {}", one.reason, one.detail))
        .chain(functions.map(|one| format!("{}.{}", one.schema, one.name)))
        .chain(relations.map(|one| format!("{:?} {} {:?}", one.oid, one.name, one.access)))
        .chain(columns.map(|one| format!("{:?} {:?}", one.column, one.used)))
        .collect();
    noted.sort_unstable();
    noted.dedup();
    noted
}

/// Checks that a statement hides nothing of the same one after it.
///
/// # Panics
/// The second has less.
pub(crate) fn check_twice(text: &str, catalog: &Catalog) {
    let once = analyze(text, catalog);
    if once.statements.len() != 1 || once.statements[0].changes_catalog {
        return;
    }
    let twice = analyze(&format!("{text}\n;\n{text}"), catalog);
    if twice.statements.len() != 2 {
        return;
    }
    assert_eq!(noted(&twice, 1), noted(&once, 0), "{text}");
}

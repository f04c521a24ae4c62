//! The catalog of the tests, and analyses as text.

use std::fmt::Write;

use sluice_sql::analysis::{
    Analysis, ColumnId, NameUse, OpaqueReason, Outputs, Reach, Statement, Use,
};
use sluice_sql::catalog::{Catalog, CatalogRows, RowSet};

/// Runs a test where the readers have the stack that they need.
pub(crate) fn on_big_stack(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new()
        .stack_size(sluice_sql::STACK_BYTES)
        .spawn(test)
        .unwrap();
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// The catalog of `data/schema.sql`.
pub(crate) fn catalog() -> Catalog {
    Catalog::from_rows(rows())
}

/// The rows that it is made from.
pub(crate) fn rows() -> CatalogRows {
    let mut rows = CatalogRows::default();
    for line in include_str!("../data/catalog.tsv").lines() {
        let mut values = line.split('\t');
        let set = row_set(values.next().unwrap());
        let values: Vec<String> = values.map(unescaped).collect();
        let values: Vec<Option<&str>> = values.iter().map(|value| Some(value.as_str())).collect();
        rows.push(set, &values).unwrap();
    }
    rows
}

fn row_set(name: &str) -> RowSet {
    match name {
        "RELATIONS" => RowSet::Relations,
        "COLUMNS" => RowSet::Columns,
        "VIEWS" => RowSet::Views,
        "INHERITS" => RowSet::Inherits,
        "FUNCTIONS" => RowSet::Functions,
        "TYPES" => RowSet::Types,
        "OPERATORS" => RowSet::Operators,
        "CASTS" => RowSet::Casts,
        "KEYS" => RowSet::Keys,
        "REFERENCES" => RowSet::References,
        "TRIGGERS" => RowSet::Triggers,
        other => panic!("{other}"),
    }
}

fn unescaped(value: &str) -> String {
    value
        .replace("\\n", "\n")
        .replace("\\t", "\t")
        .replace("\\\\", "\\")
}

/// An analysis in a few lines: `t.c` is projected, `~t.c` derived, `%t.c` part of a whole row.
pub(crate) fn render(analysis: &Analysis, catalog: &Catalog) -> String {
    let mut text = String::new();
    for (number, statement) in analysis.statements.iter().enumerate() {
        let number = u32::try_from(number).unwrap();
        one(&mut text, statement, catalog);
        parts(&mut text, analysis, number, catalog);
    }
    if analysis.statements.is_empty() {
        parts(&mut text, analysis, 0, catalog);
    }
    text
}

fn one(text: &mut String, statement: &Statement, catalog: &Catalog) {
    write!(
        text,
        "    {} {:?}",
        statement.kind.command, statement.kind.class
    )
    .unwrap();
    if let Some(restriction) = statement.restriction {
        write!(text, " {restriction:?}").unwrap();
    }
    if let Some(copy) = &statement.copy {
        write!(text, " {:?} {:?}", copy.direction, copy.format).unwrap();
    }
    for inner in &statement.inner {
        write!(text, " [{} {:?}", inner.kind.command, inner.kind.class).unwrap();
        if let Some(restriction) = inner.restriction {
            write!(text, " {restriction:?}").unwrap();
        }
        text.push(']');
    }
    for name in &statement.names {
        let name = match name {
            NameUse::Prepare(name, inner) => format!("prepare {name} {}", inner.statements.len()),
            NameUse::Declare(name, inner) => format!("declare {name} {}", inner.statements.len()),
            other => format!("{other:?}"),
        };
        write!(text, " <{name}>").unwrap();
    }
    match &statement.outputs {
        Outputs::None => {}
        Outputs::Harmless => text.push_str(" -> harmless"),
        Outputs::Unknown => text.push_str(" -> unknown"),
        Outputs::Columns(columns) => {
            text.push_str(" ->");
            for (place, column) in columns.iter().enumerate() {
                text.push_str(if place == 0 { " " } else { " | " });
                let sources: Vec<String> = column
                    .sources
                    .iter()
                    .map(|source| {
                        let mark = match source.how {
                            Reach::Projected => "",
                            Reach::Derived => "~",
                            Reach::WholeRow => "%",
                        };
                        format!("{mark}{}", column_name(source.column, catalog))
                    })
                    .collect();
                text.push_str(if sources.is_empty() { "-" } else { "" });
                text.push_str(&sources.join(" "));
            }
        }
    }
    text.push('\n');
}

fn parts(text: &mut String, analysis: &Analysis, number: u32, catalog: &Catalog) {
    let relations = analysis
        .relations
        .iter()
        .filter(|one| one.statement == number);
    let relations = relations.map(|one| {
        let unknown = if one.oid.is_some() { "" } else { "?" };
        format!("{:?} {}.{}{unknown}", one.access, one.schema, one.name)
    });
    line(text, "relations", relations.collect());
    for used in [
        Use::Derived,
        Use::WholeRow,
        Use::Filtered,
        Use::FilteredByEquality,
        Use::Ordered,
        Use::Copied,
        Use::Written,
    ] {
        let columns = analysis.columns.iter();
        let columns = columns.filter(|one| one.statement == number && one.used == used);
        let columns = columns
            .map(|one| column_name(one.column, catalog))
            .collect();
        line(text, &format!("{used:?}").to_lowercase(), columns);
    }
    let functions = analysis
        .functions
        .iter()
        .filter(|one| one.statement == number);
    let functions = functions.filter(|one| one.schema != "pg_catalog");
    let functions = functions.map(|one| format!("{}.{}", one.schema, one.name));
    line(text, "functions", functions.collect());
    let opaque = analysis.opaque.iter().filter(|one| one.statement == number);
    let opaque = opaque.map(|one| match one.reason {
        OpaqueReason::Unparsed => "Unparsed".to_owned(),
        reason => format!("{reason:?} {}", one.detail),
    });
    line(text, "opaque", opaque.collect());
}

fn line(text: &mut String, name: &str, values: Vec<String>) {
    if !values.is_empty() {
        writeln!(text, "      {name}: {}", values.join(", ")).unwrap();
    }
}

fn column_name(id: ColumnId, catalog: &Catalog) -> String {
    let column = catalog.column(id).unwrap();
    format!("{}.{}", column.relation, column.name)
}

//! COPY.

use std::collections::HashSet;

use super::Walk;
use super::command::statement;
use super::scope::Scope;
use super::value::{Named, Table};
use crate::analysis::{
    Access, Class, Copy, CopyDirection, CopyFormat, OpaqueReason, Outputs, Restriction, Statement,
};
use crate::catalog::Relation;
use crate::parse::{NodeEnum, boxed, inner, pg, strings};

impl<'a> Walk<'a> {
    /// COPY, both ways, of a relation or a query.
    pub(super) fn copy(&mut self, copy: &pg::CopyStmt) -> Statement {
        let on_server = copy.is_program || !copy.filename.is_empty();
        if on_server {
            self.opaque(OpaqueReason::ServerFile, "COPY");
        }
        let mut format = self.copy_format(&copy.options);
        let direction = match (on_server, copy.is_from) {
            (true, _) => CopyDirection::Server,
            (false, true) => CopyDirection::FromClient,
            (false, false) => CopyDirection::ToClient,
        };
        let mut class = Class::Read;
        let mut outputs = Outputs::None;
        let mut rows = None;
        if copy.is_from {
            class = Class::Write;
            self.copy_from(copy);
        } else {
            let table = self.copy_to(copy);
            self.spend(table.columns.len());
            self.written_as(&mut format, &table, &copy.options);
            if on_server {
                self.copied(&table);
            } else {
                rows = Some(self.rows);
                outputs = self.outputs(&table);
            }
        }
        let copy = Some(Copy { direction, format });
        Statement {
            rows,
            copy,
            outputs,
            ..statement(class, "copy")
        }
    }

    fn copy_from(&mut self, copy: &pg::CopyStmt) {
        let Some(var) = &copy.relation else { return };
        let (targets, item) = self.target(var, Access::Insert);
        let names = strings(&copy.attlist);
        if names.is_empty() {
            self.written_first(&targets, None);
        }
        for name in names {
            self.written_column(name, &targets);
        }
        if let Some(condition) = copy.where_clause.as_deref() {
            let mut scope = Scope::outermost();
            scope.items.push(item);
            self.condition(condition, &scope);
        }
    }

    fn copy_to(&mut self, copy: &pg::CopyStmt) -> Table {
        let Some(var) = &copy.relation else {
            return self.copied_query(boxed(&copy.query));
        };
        let relations = self.relations(var, Access::Read);
        let names = strings(&copy.attlist);
        let mut tables = Vec::new();
        for relation in relations {
            tables.push(self.copied_table(relation, &names));
        }
        self.rows = Restriction::None;
        tables
            .into_iter()
            .reduce(Table::or)
            .unwrap_or_else(|| Table::unknown(Default::default()))
    }

    fn copied_query(&mut self, query: Option<&NodeEnum>) -> Table {
        let before = self.inner.len();
        let table = self.query(query, &Scope::outermost());
        if self.inner.len() == before && !matches!(query, Some(NodeEnum::SelectStmt(_))) {
            self.opaque(OpaqueReason::Unsupported, "COPY");
        }
        table
    }

    /// The columns that COPY takes: those named, else all that are not generated.
    fn copied_table(&mut self, relation: &'a Relation, names: &[&str]) -> Table {
        let table = self.table(relation);
        if names.is_empty() {
            let generated = relation.columns.iter().map(|column| column.generated);
            self.spend(table.size());
            let columns = table.columns.iter().zip(generated);
            let kept = columns
                .filter(|(_, generated)| !generated)
                .map(|(column, _)| column.clone());
            return Table {
                columns: kept.collect(),
                other: None,
            };
        }
        let mut columns = Vec::new();
        for name in names {
            match table.column(name) {
                Some(value) => columns.push(Named::new(*name, value)),
                None => self.opaque(OpaqueReason::UnknownColumn, name),
            }
        }
        Table {
            columns,
            other: None,
        }
    }

    /// How the columns are written that go out.
    fn written_as(&mut self, format: &mut CopyFormat, table: &Table, options: &[pg::Node]) {
        match format {
            CopyFormat::Text { null, .. } if ends_in_escape(null) => {
                // The delimiter after it would belong to it.
                self.opaque(
                    OpaqueReason::Unsupported,
                    "COPY ... NULL that ends in a backslash",
                );
            }
            CopyFormat::Csv { quoted, .. } => {
                let forced = options.iter().filter_map(forced);
                let names: HashSet<&str> = forced.flatten().collect();
                let columns = table.columns.iter().enumerate();
                let columns = columns.filter(|(_, column)| {
                    names.contains("*") || names.contains(column.name.as_str())
                });
                quoted.extend(columns.map(|(place, _)| place));
            }
            CopyFormat::Text { .. } | CopyFormat::Binary => {}
        }
    }

    /// The options, old and new style are the same by now.
    fn copy_format(&mut self, options: &[pg::Node]) -> CopyFormat {
        let mut read = Options::default();
        for node in options {
            let Some(NodeEnum::DefElem(option)) = inner(node) else {
                continue;
            };
            let value = argument(option);
            match option.defname.as_str() {
                "format" => read.format = value,
                "delimiter" => read.delimiter = Some(value),
                "null" => read.null = Some(value),
                "quote" => read.quote = Some(value),
                "escape" => read.escape = Some(value),
                "header" => read.header = !is_off(&value),
                "encoding" => {
                    if !matches!(
                        value.to_ascii_lowercase().as_str(),
                        "utf8" | "utf-8" | "unicode"
                    ) {
                        self.opaque(OpaqueReason::SessionState, "encoding");
                    }
                }
                "freeze" | "force_quote" | "force_not_null" | "force_null" | "default"
                | "on_error" | "log_verbosity" | "reject_limit" | "oids" => {}
                other => self.opaque(OpaqueReason::Unsupported, other),
            }
        }
        self.finish_format(read)
    }

    fn finish_format(&mut self, read: Options) -> CopyFormat {
        let byte = |walk: &mut Self, value: &Option<String>, default: u8| match value {
            None => default,
            Some(text) => match text.as_bytes() {
                [byte] => *byte,
                _ => {
                    walk.opaque(OpaqueReason::Unsupported, "COPY option");
                    default
                }
            },
        };
        match read.format.as_str() {
            "" | "text" => CopyFormat::Text {
                delimiter: byte(self, &read.delimiter, b'\t'),
                null: read.null.unwrap_or_else(|| "\\N".to_owned()),
                header: read.header,
            },
            "csv" => {
                let quote = byte(self, &read.quote, b'"');
                CopyFormat::Csv {
                    delimiter: byte(self, &read.delimiter, b','),
                    quote,
                    escape: byte(self, &read.escape, quote),
                    null: read.null.unwrap_or_default(),
                    header: read.header,
                    quoted: Vec::new(),
                }
            }
            "binary" => CopyFormat::Binary,
            other => {
                self.opaque(OpaqueReason::Unsupported, other);
                CopyFormat::Binary
            }
        }
    }
}

/// The names in FORCE_QUOTE; a star for all.
fn forced(option: &pg::Node) -> Option<Vec<&str>> {
    match inner(option) {
        Some(NodeEnum::DefElem(option)) if option.defname == "force_quote" => {
            Some(match boxed(&option.arg) {
                Some(NodeEnum::List(names)) => strings(&names.items),
                _ => vec!["*"],
            })
        }
        _ => None,
    }
}

/// Whether a string ends in a backslash that no other one escapes.
fn ends_in_escape(text: &str) -> bool {
    let after = text.trim_end_matches('\\').len();
    (text.len() - after) % 2 == 1
}

/// The options as written.
#[derive(Default)]
struct Options {
    format: String,
    delimiter: Option<String>,
    null: Option<String>,
    quote: Option<String>,
    escape: Option<String>,
    header: bool,
}

fn argument(option: &pg::DefElem) -> String {
    match boxed(&option.arg) {
        Some(NodeEnum::String(text)) => text.sval.clone(),
        Some(NodeEnum::Integer(number)) => number.ival.to_string(),
        Some(NodeEnum::Boolean(truth)) => truth.boolval.to_string(),
        _ => String::new(),
    }
}

/// `HEADER` alone, `true`, `match` and the like are on.
fn is_off(value: &str) -> bool {
    matches!(
        value.to_ascii_lowercase().as_str(),
        "false" | "off" | "0" | "no"
    )
}

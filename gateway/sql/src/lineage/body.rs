//! Bodies of functions: whether calling one does nothing but make a value of its arguments.

use std::rc::Rc;

use super::Walk;
use super::block::{self, Block, Field, Part};
use super::scope::{Item, Scope};
use super::value::{Named, Table, Value};
use crate::analysis::{OpaqueReason, Use};
use crate::catalog::{Catalog, FIRST_OWN_OID, FieldUse, Fields, FunctionRow, TypeKind};
use crate::functions::{self, Effect};
use crate::parse::{self, NodeEnum, Strings, boxed, inner};
use crate::{bounds, compare, older};

/// How much work a body may be: it is read again whenever the catalog is.
const BUDGET: usize = 20_000;

/// The type of a trigger function's result.
const TRIGGER: u32 = 2279;

/// The type of no result.
const VOID: u32 = 2278;

/// What a body does that nothing else is wrong with.
#[derive(Debug)]
pub(crate) struct Body {
    /// The functions that it calls and that are not PostgreSQL's own: it is clean where they are.
    pub(crate) calls: Vec<u32>,
    /// The fields of NEW and OLD in it, for a trigger's.
    pub(crate) fields: Fields,
    /// Its name and all that is written of it; not where it has to do with types that are not
    /// PostgreSQL's own, which may be named nowhere.
    pub(crate) text: Option<String>,
}

/// Reads the body of a function; none where it may do anything else than make a value.
pub(crate) fn body(row: &FunctionRow, catalog: &Catalog) -> Option<Body> {
    let is_trigger = row.types.contains(&TRIGGER);
    let mut fields = Fields::default();
    let mut walk = Walk {
        budget: BUDGET,
        own_types: row.types.iter().any(|oid| may_be_own(*oid, catalog)),
        calls: Some(Vec::new()),
        ..Walk::new(catalog)
    };
    match row.language.as_str() {
        "sql" if !row.definition.is_empty() => {
            walk.parsed_body(&row.definition, &parameters(row))?;
        }
        "sql" => walk.texts(&row.source, &parameters(row))?,
        "plpgsql" => {
            let Block { parts, returns_old } = block::read(&row.source, is_trigger)?;
            fields.returns_old = returns_old;
            let scope = match is_trigger {
                true => {
                    let fields = parts.iter().flat_map(|part| &part.fields);
                    trigger_variables(fields.map(|field| &field.name))
                }
                false => parameters(row),
            };
            for part in &parts {
                let calls = walk.number_of_calls();
                walk.texts(&format!("SELECT {}", part.text), &scope)?;
                add_fields(&mut fields, part, walk.number_of_calls() == calls);
            }
        }
        _ => return None,
    }
    if !row.defaults.is_empty() {
        walk.texts(&format!("SELECT {}", row.defaults), &Scope::outermost())?;
    }
    walk.types(&row.types);
    let text = (!walk.own_types).then(|| {
        let written = [&row.name, &row.source, &row.definition, &row.defaults];
        written.map(String::as_str).join("\n")
    });
    let calls = walk.only_calls(is_trigger)?;
    Some(Body {
        calls,
        fields,
        text,
    })
}

/// What a part of a trigger's function does with fields. What a column gets of its own alone stays in it, but
/// where what a statement gives it is compared with what it was: its mask may tell which of both it is.
fn add_fields(fields: &mut Fields, part: &Part<'_>, calls_none: bool) {
    let into = part.into.as_ref();
    let itself = |field: &Field| Some(&field.name) == into;
    let own =
        calls_none && part.fields.iter().all(itself) && is_plain(part.text) && !compares_rows(part);
    if !own {
        fields
            .reads
            .extend(part.fields.iter().map(|field| FieldUse {
                name: field.name.clone(),
                old: field.old,
                used: part.used,
                compared: part.compared.is_some(),
            }));
    }
    let of_old = part.fields.iter().any(|field| field.old && itself(field));
    fields.restores.extend(into.cloned().filter(|_| of_old));
    if part.used == Use::Filtered {
        return;
    }
    // What was the same stays the same where it is assigned only where it differs.
    fields
        .assigns
        .extend(into.filter(|_| !part.where_it_differs).cloned());
    let stays = own && !part.fields.is_empty() && only_tidies(part.text);
    fields.writes.extend(into.cloned().filter(|_| !stays));
}

/// Whether what a field of NEW gets may tell how what is given for it compares with what was there: a condition
/// over OLD decides whether what is given stays, even where it asks for nothing else.
fn compares_rows(part: &Part<'_>) -> bool {
    let of_old = part.fields.iter().any(|field| field.old);
    let of_new = part.fields.iter().any(|field| !field.old);
    match part.used {
        Use::Filtered => of_old,
        _ => of_old && of_new && !keeps_where_null(part.text),
    }
}

/// Whether an expression is what is given, or what was there where that is NULL: `coalesce(NEW.x, OLD.x)`.
fn keeps_where_null(text: &str) -> bool {
    let text: String = text.split_ascii_whitespace().collect();
    let text = text.to_ascii_lowercase();
    let inside = text.strip_prefix("coalesce(new.");
    let fields = inside.and_then(|inside| inside.strip_suffix(')')?.split_once(",old."));
    fields.is_some_and(|(new, old)| new == old)
}

/// Whether an expression is made of fields and constants alone, by what depends on nothing else and does not
/// lead further each time: what a value is could be told by how often it goes on.
fn is_plain(text: &str) -> bool {
    const PLAIN: [&str; 37] = [
        "abs",
        "and",
        "between",
        "both",
        "btrim",
        "case",
        "ceil",
        "char_length",
        "coalesce",
        "else",
        "end",
        "false",
        "floor",
        "from",
        "greatest",
        "in",
        "initcap",
        "is",
        "leading",
        "least",
        "length",
        "lower",
        "ltrim",
        "not",
        "null",
        "nullif",
        "or",
        "regexp_replace",
        "replace",
        "round",
        "rtrim",
        "then",
        "trailing",
        "trim",
        "true",
        "upper",
        "when",
    ];
    let is_known = |word: &str| {
        let word = word.to_ascii_lowercase();
        let field = word.strip_prefix("new.").or(word.strip_prefix("old."));
        field.is_some_and(|field| !field.is_empty() && !field.contains('.'))
            || word.starts_with(|first: char| first.is_ascii_digit())
            || PLAIN.contains(&word.as_str())
    };
    // A setting may say how values of some types are read: no casts.
    let hides = ["--", "/*"].iter().any(|one| text.contains(one));
    let is_odd = |c: char| !c.is_ascii() || "\"$\\:[+-*/%^|&#@?`".contains(c);
    let mut outside = text.split('\'').step_by(2);
    !hides
        && replaces_once(&text.to_ascii_lowercase())
        && outside.all(|part| {
            let mut words =
                part.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.');
            !part.contains(is_odd) && words.all(|word| word.is_empty() || is_known(word))
        })
}

/// Whether all that is replaced in a text is a sort of signs that goes.
fn replaces_once(text: &str) -> bool {
    let mut calls = text.match_indices("replace");
    calls.all(|(place, name)| {
        let constants = constants(&text[place + name.len()..]);
        let constants = constants.as_deref().unwrap_or_default();
        match text[..place].ends_with("regexp_") {
            true => matches!(constants, [signs, "", "g"] if is_sort_of_signs(signs)),
            false => matches!(constants, [sign, ""] if sign.chars().count() == 1),
        }
    })
}

/// The constants that are all arguments of a call but the first.
fn constants(arguments: &str) -> Option<Vec<&str>> {
    let mut parts = arguments.split('\'');
    let first = parts.next()?.trim_end().strip_suffix(',')?;
    if first.contains(',') || first.matches('(').count() != first.matches(')').count() + 1 {
        return None;
    }
    let mut constants = Vec::new();
    loop {
        constants.push(parts.next()?);
        let between = parts.next()?.trim();
        if between.starts_with(')') {
            return Some(constants);
        }
        if between != "," {
            return None;
        }
    }
}

/// Whether a pattern is one for single signs, or for some in a row.
fn is_sort_of_signs(pattern: &str) -> bool {
    let sign = pattern.strip_suffix('+').unwrap_or(pattern);
    let listed = sign.strip_prefix('[').and_then(|one| one.strip_suffix(']'));
    listed.is_some_and(|signs| !signs.is_empty() && !signs.contains(['[', ']']))
        || matches!(sign, "\\d" | "\\s" | "\\w")
}

/// Whether an expression over one field does what changes nothing when it is done again.
fn only_tidies(text: &str) -> bool {
    const TIDY: [&str; 5] = ["btrim", "initcap", "lower", "trim", "upper"];
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '(' | ')' | '.' | ' ');
    let (calls, fields): (Vec<&str>, Vec<&str>) = text
        .split(['(', ')', ' '])
        .filter(|word| !word.is_empty())
        .partition(|word| TIDY.iter().any(|one| word.eq_ignore_ascii_case(one)));
    text.chars().all(plain) && !calls.is_empty() && fields.len() == 1
}

impl<'a> Walk<'a> {
    /// A body as a text: queries alone.
    fn texts(&mut self, text: &str, scope: &Scope<'_>) -> Option<()> {
        bounds::check(text, Strings::Standard).ok()?;
        let statements = parse::statements(text, Strings::Standard).ok()?;
        for statement in &statements {
            self.body_query(statement.stmt.as_deref().and_then(inner)?, scope)?;
        }
        let differs = older::other_number(text).is_some()
            || compare::difference(text, &statements, &self.names).is_some();
        (!statements.is_empty() && !differs).then_some(())
    }

    /// A body that the server keeps parsed, in the definition that it prints.
    fn parsed_body(&mut self, definition: &str, scope: &Scope<'_>) -> Option<()> {
        bounds::check(definition, Strings::Standard).ok()?;
        let statements = parse::statements(definition, Strings::Standard).ok()?;
        let [only] = statements.as_slice() else {
            return None;
        };
        let Some(NodeEnum::CreateFunctionStmt(create)) = only.stmt.as_deref().and_then(inner)
        else {
            return None;
        };
        match boxed(&create.sql_body)? {
            NodeEnum::List(lists) => {
                for list in &lists.items {
                    let Some(NodeEnum::List(queries)) = inner(list) else {
                        return None;
                    };
                    for query in &queries.items {
                        self.body_query(inner(query)?, scope)?;
                    }
                }
                Some(())
            }
            node => self.body_query(node, scope),
        }
    }

    fn body_query(&mut self, node: &NodeEnum, scope: &Scope<'_>) -> Option<()> {
        match node {
            NodeEnum::SelectStmt(select) => {
                if super::statement::leftmost(select).into_clause.is_some() {
                    return None;
                }
                self.select(select, scope);
            }
            NodeEnum::ReturnStmt(result) => {
                self.optional(&result.returnval, scope);
            }
            _ => return None,
        }
        self.implicit_casts();
        Some(())
    }

    /// The types that arguments and results are made to be of.
    fn types(&mut self, types: &[u32]) {
        for oid in types {
            match self.catalog.data_type(*oid) {
                Some(data_type) => self.data_type(data_type, 0),
                None => self.opaque(OpaqueReason::UnknownFunction, "type"),
            }
        }
        self.implicit_casts();
    }

    fn number_of_calls(&self) -> usize {
        self.calls.as_ref().map_or(0, Vec::len)
    }

    /// The functions that are called; none where anything else happens. The next value of a sequence is as
    /// harmless where rows are written as it is in a default.
    fn only_calls(self, is_trigger: bool) -> Option<Vec<u32>> {
        let harmless = |name: &str| {
            functions::effect(name) == Some(Effect::Harmless) || (is_trigger && name == "nextval")
        };
        let mut called = self.found.functions.list.iter();
        let clean = self.found.relations.list.is_empty()
            && self.found.columns.is_empty()
            && self.found.opaque.list.is_empty()
            && self.inner.is_empty()
            && self.missing.is_empty()
            && called.all(|one| one.schema != "pg_catalog" || harmless(&one.name));
        self.calls.filter(|_| clean)
    }
}

/// Whether a value of a type may be of one that is not PostgreSQL's own: that of a trigger's row or
/// of an argument of any type, too.
fn may_be_own(oid: u32, catalog: &Catalog) -> bool {
    let known = catalog.data_type(oid);
    let any = known.is_none_or(|known| known.kind == TypeKind::Pseudo);
    oid >= FIRST_OWN_OID || (any && oid != VOID)
}

/// The arguments of a function by name, and under its own name.
fn parameters(row: &FunctionRow) -> Scope<'static> {
    let named = row.arguments.iter().filter(|name| !name.is_empty());
    let mut scope = Scope::outermost();
    scope
        .items
        .push(Item::new(&row.name, variables(named.clone())));
    for name in named {
        // Of a row, any field.
        let item = Item::new(name, Table::unknown(Value::default()));
        scope.items.push(Item {
            bare: false,
            schemas: vec![row.name.clone()],
            ..item
        });
    }
    scope
}

/// What a trigger's function knows: the fields of its rows that it reads, and what PL/pgSQL tells it.
fn trigger_variables<'p>(reads: impl Iterator<Item = &'p String>) -> Scope<'static> {
    const TOLD: [&str; 11] = [
        "found",
        "tg_argv",
        "tg_level",
        "tg_name",
        "tg_nargs",
        "tg_op",
        "tg_relid",
        "tg_relname",
        "tg_table_name",
        "tg_table_schema",
        "tg_when",
    ];
    let mut scope = Scope::outermost();
    scope.items.push(Item::new("", variables(TOLD)));
    let fields = Rc::new(variables(reads));
    for name in ["new", "old"] {
        scope.items.push(Item {
            bare: false,
            table: Rc::clone(&fields),
            ..Item::new(name, Table::default())
        });
    }
    scope
}

/// Names for values that come from no relation.
fn variables(names: impl IntoIterator<Item = impl AsRef<str>>) -> Table {
    let columns = names.into_iter();
    let columns = columns.map(|name| Named::new(name.as_ref(), Value::default()));
    Table {
        columns: columns.collect(),
        other: None,
    }
}

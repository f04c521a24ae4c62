//! Rows to a catalog.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::folded;
use super::rows::{
    CastRow, ColumnRow, FunctionRow, MadeRow, ReferenceRow, RelationRow, TriggerRow, TypeRow,
    ViewRow,
};
use super::{
    Cast, Catalog, CatalogRows, Code, Column, Function, Operator, Relation, RelationKind, Trigger,
    Type, TypeKind, ViewLineage,
};
use crate::analysis::{ColumnId, Opaque, OpaqueReason};
use crate::lineage::{self, Body};

/// The names that change what a function does are looked for in no more bytes than these.
const MOST_TEXT: usize = 1 << 16;

pub(super) fn catalog(rows: CatalogRows) -> Catalog {
    let version = rows.version();
    let mut catalog = Catalog {
        version,
        rows_version: version,
        code_version: rows.code_version(),
        watched: !rows.watchers.is_empty(),
        class: rows.classes.first().cloned(),
        ..Catalog::default()
    };
    for row in rows.relations {
        add_relation(&mut catalog, row);
    }
    for row in rows.columns {
        add_column(&mut catalog, row);
    }
    for relation in catalog.relations.values_mut() {
        complete_generated(relation);
    }
    for oid in rows.vanishing {
        if let Some(relation) = catalog.relations.get_mut(&oid) {
            relation.vanishes = true;
        }
    }
    for row in rows.keys {
        if let Some(relation) = catalog.relations.get_mut(&row.relation) {
            if row.determines {
                relation.primary = Some(row.attributes.clone());
            }
            relation.keys.push(row.attributes);
        }
    }
    for row in rows.references {
        link_reference(&mut catalog, &row);
        let of_one = catalog.references.entry(row.referenced).or_default();
        of_one.push(row);
    }
    for row in rows.types {
        add_type(&mut catalog, row);
    }
    add_triggers(&mut catalog, rows.triggers, &rows.made);
    add_made(&mut catalog, rows.made);
    for row in rows.numbers {
        let name = ("pg_catalog".to_owned(), row.name);
        catalog.numbers.insert(row.oid, name);
    }
    for row in &rows.functions {
        add_function(&mut catalog, row);
    }
    add_folded(&mut catalog, &rows.folded, &rows.functions);
    for row in rows.operators {
        let operator = Operator {
            schema: row.schema,
            extension: row.extension,
        };
        catalog
            .operators
            .entry(row.name)
            .or_default()
            .push(operator);
    }
    catalog.casts = rows.casts.into_iter().map(cast).collect();
    for row in rows.inherits {
        catalog
            .children
            .entry(row.parent)
            .or_default()
            .push(row.child);
        catalog
            .parents
            .entry(row.child)
            .or_default()
            .push(row.parent);
    }
    inherit_folded(&mut catalog);
    link_inherited(&mut catalog);
    link_generated(&mut catalog);
    read_bodies(&mut catalog, &rows.functions);
    add_views(&mut catalog, &rows.views);
    catalog.views = rows.views;
    catalog
}

/// A column that refers to another holds values of that.
fn link_reference(catalog: &mut Catalog, row: &ReferenceRow) {
    for &(to, of) in &row.columns {
        let column = |relation, attribute| ColumnId {
            relation,
            attribute,
        };
        let made = catalog.dependents.entry(column(row.referenced, to));
        made.or_default().push(column(row.referencing, of));
    }
}

fn cast(row: CastRow) -> Cast {
    Cast {
        source: row.source,
        target: row.target,
        implicit: row.context != 'e',
        function: row.function,
        extension: row.extension,
    }
}

pub(super) fn add_relation(catalog: &mut Catalog, row: RelationRow) {
    let kind = match row.kind {
        'p' => RelationKind::Partitioned,
        'v' => RelationKind::View,
        'm' => RelationKind::MaterializedView,
        'f' => RelationKind::Foreign,
        'S' => RelationKind::Sequence,
        'c' => RelationKind::Composite,
        _ => RelationKind::Table,
    };
    if kind != RelationKind::Composite {
        catalog
            .relation_names
            .entry(row.name.clone())
            .or_default()
            .push(row.oid);
    }
    let relation = Relation {
        oid: row.oid,
        schema: row.schema,
        name: row.name,
        kind,
        columns: Vec::new(),
        keys: Vec::new(),
        primary: None,
        triggers: Vec::new(),
        computes: row.computes.into(),
        policies: row.policies.into(),
        secured_by: row.secured_by,
        checks: row.checks,
        has_rules: row.has_rules,
        vanishes: false,
        view: None,
    };
    catalog.relations.insert(row.oid, relation);
}

fn add_column(catalog: &mut Catalog, row: ColumnRow) {
    let Some(relation) = catalog.relations.get_mut(&row.relation) else {
        return;
    };
    let place = relation
        .columns
        .partition_point(|other| other.attribute < row.attribute);
    let column = Column {
        attribute: row.attribute,
        name: row.name,
        type_oid: row.type_oid,
        type_name: row.type_name,
        generated: row.generated,
        default: row.default,
        made_from: row.made_from,
        required: row.required,
    };
    relation.columns.insert(place, column);
}

/// A generated column of which it is not known what it is made from may be made from any other.
fn complete_generated(relation: &mut Relation) {
    let plain: Vec<i16> = relation
        .columns
        .iter()
        .filter(|column| !column.generated)
        .map(|column| column.attribute)
        .collect();
    for column in relation.columns.iter_mut() {
        if column.generated && column.made_from.is_empty() {
            column.made_from.clone_from(&plain);
        }
    }
}

fn add_type(catalog: &mut Catalog, row: TypeRow) {
    let kind = match row.kind {
        'c' => TypeKind::Composite,
        'd' => TypeKind::Domain,
        'e' => TypeKind::Enum,
        'p' => TypeKind::Pseudo,
        'r' | 'm' => TypeKind::Range,
        _ => TypeKind::Base,
    };
    catalog
        .type_names
        .entry(row.name.clone())
        .or_default()
        .push(row.oid);
    let data_type = Type {
        oid: row.oid,
        schema: row.schema,
        name: row.name,
        kind,
        base: row.base,
        relation: row.relation,
        extension: row.extension,
        code: row.calls.into(),
        labels: row.labels,
    };
    catalog.types.insert(row.oid, data_type);
}

/// What else the conditions of triggers call is among what is made.
fn add_triggers(catalog: &mut Catalog, rows: Vec<TriggerRow>, made: &[MadeRow]) {
    let mut conditions: HashMap<u32, Code> = HashMap::new();
    for row in made.iter().filter(|row| row.part == 'c') {
        conditions.entry(row.owner).or_default().add(row);
    }
    for row in rows {
        let Some(relation) = catalog.relations.get_mut(&row.relation) else {
            continue;
        };
        let made = conditions.remove(&row.oid).unwrap_or_default();
        relation.triggers.push(Trigger {
            function: row.function,
            events: row.events,
            attributes: row.attributes,
            asked: row.asked,
            compared: row.compared,
            condition: Code {
                calls: row.calls,
                ..made
            },
        });
    }
}

fn add_made(catalog: &mut Catalog, rows: Vec<MadeRow>) {
    for row in rows {
        let relation = catalog.relations.get_mut(&row.owner);
        let code = match row.part {
            'w' => relation.map(|one| &mut one.computes),
            'p' => relation.map(|one| &mut one.policies),
            't' => catalog.types.get_mut(&row.owner).map(|one| &mut one.code),
            _ => None,
        };
        if let Some(code) = code {
            code.add(&row);
        }
    }
}

impl Code {
    fn add(&mut self, row: &MadeRow) {
        if row.made == 0 {
            self.builtin.push(row.function.clone());
        } else {
            self.types.push(row.made);
        }
    }
}

fn add_folded(catalog: &mut Catalog, rows: &[(u32, String)], functions: &[FunctionRow]) {
    let of_sql = functions.iter().filter(|one| one.language == "sql");
    let of_sql: HashSet<u32> = of_sql.map(|one| one.oid).collect();
    for (relation, tree) in rows {
        let functions = folded::functions(tree, |oid| of_sql.contains(&oid));
        if !functions.is_empty() {
            catalog
                .folded
                .entry(*relation)
                .or_default()
                .extend(functions);
        }
    }
}

/// What rows a partition may have is said by the keys of all that it is a part of.
fn inherit_folded(catalog: &mut Catalog) {
    let folded: Vec<(u32, Vec<u32>)> = catalog.folded.clone().into_iter().collect();
    for (relation, functions) in folded {
        for part in catalog.descendants(relation) {
            catalog.folded.entry(part).or_default().extend(&functions);
        }
    }
}

fn add_function(catalog: &mut Catalog, row: &FunctionRow) {
    let name = (row.schema.clone(), row.name.clone());
    catalog.numbers.insert(row.oid, name);
    let function = Function {
        oid: row.oid,
        schema: row.schema.clone(),
        extension: row.extension.clone(),
        fields: None,
        text: None,
    };
    let same = catalog.functions.entry(row.name.clone()).or_default();
    same.push(function);
}

/// Reads the bodies of functions. Those are clean that call only clean ones; of those that call each
/// other in a circle, none is.
fn read_bodies(catalog: &mut Catalog, rows: &[FunctionRow]) {
    let read = rows.iter().filter_map(|row| {
        let body = lineage::body(row, catalog)?;
        Some((row.oid, body))
    });
    let mut unsure: Vec<(u32, Body)> = read.collect();
    let mut clean: HashMap<u32, Body> = HashMap::new();
    loop {
        let before = clean.len();
        let mut rest = Vec::new();
        for (oid, mut body) in unsure {
            if body.calls.iter().all(|called| clean.contains_key(called)) {
                body.text = with_texts(&body, &clean);
                clean.insert(oid, body);
            } else {
                rest.push((oid, body));
            }
        }
        if clean.len() == before {
            break;
        }
        unsure = rest;
    }
    for same in catalog.functions.values_mut() {
        let bodies = same.iter().map(|function| clean.get(&function.oid));
        let texts: Option<Vec<_>> = bodies.map(|body| body?.text.as_deref()).collect();
        let text: Option<Arc<str>> = texts.map(|texts| texts.join("\n").into());
        for function in same {
            function.fields = clean.remove(&function.oid).map(|body| body.fields);
            function.text.clone_from(&text);
        }
    }
}

/// The text of a body and those of the functions that it calls, as far as they are known and not too much.
fn with_texts(body: &Body, clean: &HashMap<u32, Body>) -> Option<String> {
    let called = body.calls.iter().map(|oid| clean.get(oid));
    let called = called.map(|body| body?.text.as_deref());
    let texts: Vec<_> = std::iter::once(body.text.as_deref())
        .chain(called)
        .collect::<Option<_>>()?;
    let text = texts.join("\n");
    (text.len() <= MOST_TEXT).then_some(text)
}

/// Same-named columns of parents and children are one family, both ways.
fn link_inherited(catalog: &mut Catalog) {
    let mut links: HashMap<ColumnId, Vec<ColumnId>> = HashMap::new();
    for (child, parents) in &catalog.parents {
        let Some(child) = catalog.relations.get(child) else {
            continue;
        };
        for parent in parents.iter().filter_map(|oid| catalog.relations.get(oid)) {
            for column in &parent.columns {
                let Some(same) = child.columns.iter().find(|other| other.name == column.name)
                else {
                    continue;
                };
                links
                    .entry(parent.id(column))
                    .or_default()
                    .push(child.id(same));
                links
                    .entry(child.id(same))
                    .or_default()
                    .push(parent.id(column));
            }
        }
    }
    catalog.inherited = links;
}

/// A generated column may be made from any field of what it is made from.
fn link_generated(catalog: &mut Catalog) {
    let mut links = Vec::new();
    for relation in catalog.relations.values() {
        for column in &relation.columns {
            let made = relation.id(column);
            let bases = column.made_from.iter();
            for base in bases.filter_map(|attribute| relation.column(*attribute)) {
                links.push((relation.id(base), made));
                let fields = catalog.fields_within(base).into_iter();
                links.extend(fields.map(|field| (field, made)));
            }
        }
    }
    for (base, made) in links {
        catalog.dependents.entry(base).or_default().push(made);
    }
}

/// Analyses every view, those it reads first.
fn add_views(catalog: &mut Catalog, rows: &[ViewRow]) {
    let printed = rows.iter().filter(|row| !row.definition.is_empty());
    let definitions = printed.map(|row| (row.relation, row.definition.as_str()));
    let definitions: HashMap<u32, &str> = definitions.collect();
    let mut done: HashMap<u32, ViewLineage> = HashMap::new();
    // Those that wait for what they read: no others are read in a circle.
    let mut begun = HashSet::new();
    for &start in definitions.keys() {
        let mut open = vec![start];
        while let Some(&oid) = open.last() {
            if done.contains_key(&oid) {
                open.pop();
                continue;
            }
            let lineage = match definitions.get(&oid) {
                Some(definition) => lineage::view(oid, definition, catalog, &done),
                None => Ok(ViewLineage {
                    is_read: false,
                    ..unknown("no definition")
                }),
            };
            begun.insert(oid);
            match lineage {
                Ok(lineage) => {
                    begun.remove(&oid);
                    done.insert(oid, lineage);
                }
                // Views do not read each other in a circle, but names may say so.
                Err(missing) if missing.iter().any(|other| begun.contains(other)) => {
                    begun.remove(&oid);
                    done.insert(oid, unknown("views that read each other"));
                }
                Err(missing) => open.extend(missing),
            }
        }
    }
    for (oid, lineage) in done {
        link_view(catalog, oid, &lineage);
        if let Some(relation) = catalog.relations.get_mut(&oid) {
            relation.view = Some(lineage);
        }
    }
    for row in rows {
        link_unknown(catalog, row.relation, &row.reads);
    }
    catalog.has_unread_views = catalog.relations.values().any(Relation::is_unread);
}

fn unknown(detail: &str) -> ViewLineage {
    let opaque = Opaque {
        reason: OpaqueReason::Unsupported,
        detail: detail.to_owned(),
        statement: 0,
    };
    ViewLineage {
        is_read: true,
        opaque: vec![opaque],
        ..ViewLineage::default()
    }
}

/// Of a view that could not be read, each column may be made from any that what it reads has.
fn link_unknown(catalog: &mut Catalog, view: u32, relations: &[u32]) {
    let Some(relation) = catalog.relations.get(&view) else {
        return;
    };
    let lineage = relation.view.as_ref();
    if lineage.is_some_and(|one| one.is_read && one.columns.len() == relation.columns.len()) {
        return;
    }
    let made: Vec<ColumnId> = relation
        .columns
        .iter()
        .map(|one| relation.id(one))
        .collect();
    let others = relations.iter().filter(|oid| **oid != view);
    let others = others.filter_map(|oid| catalog.relations.get(oid));
    let bases = others.flat_map(|one| one.columns.iter().map(|column| one.id(column)));
    let bases: Vec<ColumnId> = bases.collect();
    for base in bases {
        let dependents = catalog.dependents.entry(base).or_default();
        let new = made.iter().filter(|one| !dependents.contains(one));
        let new: Vec<ColumnId> = new.copied().collect();
        dependents.extend(new);
    }
}

fn link_view(catalog: &mut Catalog, oid: u32, lineage: &ViewLineage) {
    let Some(relation) = catalog.relations.get(&oid) else {
        return;
    };
    for (column, sources) in relation.columns.iter().zip(&lineage.columns) {
        let made = relation.id(column);
        for source in sources {
            let dependents = catalog.dependents.entry(source.column).or_default();
            if !dependents.contains(&made) {
                dependents.push(made);
            }
        }
    }
}

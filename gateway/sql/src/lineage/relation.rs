//! Names of relations to what may be behind them.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use super::scope::{Item, Scope, number_of};
use super::value::{Named, Table, Value};
use super::{LOOKED_AT, RELATION, Walk, WithRows};
use crate::analysis::{
    Access, ColumnId, OpaqueReason, Reach, RelationUse, Restriction, Source, Use,
};
use crate::catalog::{Column, FIRST_OWN_OID, Relation, RelationKind, TypeKind, ViewLineage};
use crate::parse::{pg, strings};

impl<'a> Walk<'a> {
    /// A relation named in FROM.
    pub(super) fn range_var(&mut self, var: &pg::RangeVar, scope: &Scope<'_>) -> Item {
        self.names.insert(var.relname.clone());
        let alias = var.alias.as_ref();
        let name = alias.map_or(var.relname.as_str(), |alias| &alias.aliasname);
        self.spend(number_of(&scope.with) / LOOKED_AT);
        if var.schemaname.is_empty()
            && let Some(common) = scope.common(&var.relname)
        {
            self.rows = common.rows;
            let table = match common.table.clone() {
                Some(table) => table,
                None => {
                    self.opaque(OpaqueReason::Unsupported, "WITH RECURSIVE out of order");
                    Rc::new(Table::unknown(Value::default()))
                }
            };
            let item = Item {
                table,
                ..Item::new(name, Table::default())
            };
            return self.aliased(item, alias);
        }
        let item = self.read(var);
        self.takes_rows |= alias.is_some_and(|alias| !alias.colnames.is_empty());
        self.rows = Restriction::None;
        let item = Item {
            name: name.to_owned(),
            ..item
        };
        self.aliased(item, alias)
    }

    /// A relation that is read: everything by that name.
    pub(super) fn read(&mut self, var: &pg::RangeVar) -> Item {
        let relations = self.relations(var, Access::Read);
        for relation in &relations {
            if var.inh {
                self.read_descendants(relation);
            }
            self.read_view(relation);
        }
        self.item(&var.relname, &relations)
    }

    /// The relations that a name may mean, with what is done to them noted.
    pub(super) fn relations(&mut self, var: &pg::RangeVar, access: Access) -> Vec<&'a Relation> {
        self.names.insert(var.relname.clone());
        if var.relname.starts_with("pg_toast_") {
            // Long values of other relations, which no catalog of ours has.
            self.opaque(OpaqueReason::DataCatalog, &var.relname);
        }
        let found = self.catalog.relations_named(&var.schemaname, &var.relname);
        if found.is_empty() {
            self.use_relation(None, &var.schemaname, &var.relname, access);
            if access != Access::Define {
                let name = qualified(&var.schemaname, &var.relname);
                self.opaque(OpaqueReason::UnknownRelation, &name);
            }
        }
        for relation in &found {
            self.use_relation(Some(relation.oid), &relation.schema, &relation.name, access);
            if access != Access::Define {
                self.row_security(relation);
            } else if relation.is_unread() {
                // What is protected in it is not known either.
                self.opaque(OpaqueReason::Unsupported, &relation.name);
            } else {
                self.names_elsewhere(relation);
            }
            if access != Access::Define && self.catalog.is_data_catalog(relation) {
                self.opaque(OpaqueReason::DataCatalog, &relation.name);
            }
        }
        found
    }

    /// The names and options of a foreign table, also of one that changes with its parent, say what it shows of
    /// another database.
    pub(super) fn names_elsewhere(&mut self, relation: &Relation) {
        let parts = self.catalog.descendants(relation.oid);
        self.spend(parts.len());
        let parts = parts
            .into_iter()
            .filter_map(|oid| self.catalog.relation(oid));
        let mut all = std::iter::once(relation).chain(parts);
        if let Some(foreign) = all.find(|one| one.kind == RelationKind::Foreign) {
            self.opaque(OpaqueReason::ServerFile, &foreign.name);
        }
    }

    /// What the policies of a relation call and read, where any of its rows is read or written; and
    /// what those of the relations call and read that they read.
    pub(super) fn row_security(&mut self, relation: &'a Relation) {
        let mut secured = vec![relation];
        let mut seen = HashSet::from([relation.oid]);
        while let Some(relation) = secured.pop() {
            self.code(&relation.policies, &relation.name, 0);
            self.spend(relation.secured_by.len());
            for &column in &relation.secured_by {
                let Some(read) = self.catalog.relation(column.relation) else {
                    self.opaque(OpaqueReason::Unsupported, "a policy of row security");
                    continue;
                };
                self.asked_for(read, column.attribute);
                if seen.insert(read.oid) {
                    self.use_relation(Some(read.oid), &read.schema, &read.name, Access::Read);
                    self.read_descendants(read);
                    self.read_view(read);
                    secured.push(read);
                }
            }
        }
    }

    /// A column, or a whole row, in the condition of a policy or a trigger.
    pub(super) fn asked_for(&mut self, relation: &'a Relation, attribute: i16) {
        let table = self.table(relation);
        let columns = relation.columns.iter().zip(&table.columns);
        let read = columns.filter(|(column, _)| attribute == 0 || column.attribute == attribute);
        for (_, named) in read {
            self.mark(&named.value, Use::Filtered);
        }
    }

    fn read_descendants(&mut self, relation: &Relation) {
        let descendants = self.catalog.descendants(relation.oid);
        self.spend(descendants.len());
        for oid in descendants {
            if let Some(child) = self.catalog.relation(oid) {
                self.use_relation(Some(oid), &child.schema, &child.name, Access::Read);
            }
        }
    }

    /// What reading a view means: all that its definition does.
    pub(super) fn read_view(&mut self, relation: &'a Relation) {
        let Some(view) = self.relations_of_view(relation) else {
            return;
        };
        if !self.spend(view.uses.len() + view.functions.len() + view.opaque.len()) {
            return;
        }
        for inner in &view.uses {
            self.found.columns.insert(crate::analysis::ColumnUse {
                statement: self.statement,
                ..*inner
            });
        }
        for inner in &view.functions {
            self.use_own(&inner.schema, &inner.name, inner.text.as_ref());
        }
        for inner in &view.opaque {
            self.opaque(inner.reason, &inner.detail);
        }
    }

    /// Notes the relations that a view reads; what else it does is in what is given.
    pub(super) fn relations_of_view(&mut self, relation: &'a Relation) -> Option<&'a ViewLineage> {
        if !matches!(
            relation.kind,
            RelationKind::View | RelationKind::MaterializedView
        ) || is_system(&relation.schema)
        {
            return None;
        }
        let Some(view) = self.view(relation) else {
            self.opaque(OpaqueReason::Unsupported, &relation.name);
            return None;
        };
        if !self.spend(view.relations.len()) {
            return None;
        }
        for inner in &view.relations {
            self.use_relation(inner.oid, &inner.schema, &inner.name, inner.access);
        }
        Some(view)
    }

    /// The item that some relations of one name make together.
    pub(super) fn item(&mut self, name: &str, relations: &[&'a Relation]) -> Item {
        let schemas = relations
            .iter()
            .map(|relation| relation.schema.clone())
            .collect();
        // Views and sequences have none, and a name that one lacks is looked for further out.
        let has_system = |relation: &&Relation| {
            use RelationKind as Kind;
            matches!(
                relation.kind,
                Kind::Table | Kind::Partitioned | Kind::MaterializedView | Kind::Foreign
            )
        };
        let every = relations.iter().all(has_system);
        let system = |table: Item| Item {
            schemas,
            system: every,
            ..table
        };
        if let [only] = relations {
            let table = self.table(only);
            return system(Item {
                table,
                relation: Some(only.oid),
                ..Item::new(name, Table::default())
            });
        }
        let mut tables = Vec::with_capacity(relations.len());
        for relation in relations {
            let table = self.table(relation);
            tables.push(self.columns_of(&table));
        }
        let first = tables.pop();
        let same = first.as_ref().is_some_and(|first| {
            tables.iter().all(|table| {
                table.columns.len() == first.columns.len()
                    && table
                        .columns
                        .iter()
                        .zip(&first.columns)
                        .all(|(a, b)| a.name == b.name)
            })
        });
        let table = match first {
            None => Table::unknown(Value::default()),
            Some(first) if same => tables.into_iter().fold(first, Table::or),
            Some(first) => by_name(first, tables),
        };
        system(Item {
            doubtful: !same,
            ..Item::new(name, table)
        })
    }

    /// The columns of one relation.
    pub(super) fn table(&mut self, relation: &'a Relation) -> Rc<Table> {
        let (table, row_types) = self.table_within(relation, 0);
        for &oid in row_types.iter() {
            if let Some(row) = self.catalog.relation(oid) {
                self.use_relation(Some(oid), &row.schema, &row.name, Access::Read);
            }
        }
        table
    }

    /// All relations but PostgreSQL's own, in an order that stays.
    pub(super) fn own_relations(&self) -> Vec<&'a Relation> {
        let all = self.catalog.relations();
        let mut own: Vec<_> = all.filter(|one| !is_system(&one.schema)).collect();
        own.sort_unstable_by_key(|one| one.oid);
        own
    }

    /// Columns may go when a session ends, of which nobody hears.
    pub(super) fn may_vanish(&mut self, relation: &Relation) {
        if relation.vanishes {
            let detail = format!("{}, which depends on what is temporary", relation.name);
            self.opaque(OpaqueReason::Unsupported, &detail);
        }
    }

    /// The same, for a relation whose rows are values of columns so many levels deep, and which
    /// composite types are within.
    fn table_within(&mut self, relation: &'a Relation, depth: usize) -> WithRows {
        let of_any = (relation.oid, None);
        let of_this = (relation.oid, Some(self.statement));
        let known = self.tables.get(&of_any);
        if let Some((table, row_types)) = known.or_else(|| self.tables.get(&of_this)) {
            return (Rc::clone(table), Rc::clone(row_types));
        }
        self.may_vanish(relation);
        self.checks_of_columns(relation);
        let mut row_types = BTreeSet::new();
        let view = self.view(relation);
        let columns: Vec<Named> = relation
            .columns
            .iter()
            .enumerate()
            .map(|(position, column)| {
                let mut sources = vec![Source {
                    column: relation.id(column),
                    how: Reach::Projected,
                }];
                for &attribute in &column.made_from {
                    let base = relation.column(attribute);
                    let row = base.and_then(|one| self.attributes(one, depth, &mut row_types));
                    let fields = row.map(|row| row.everything().sources);
                    sources.extend(fields.into_iter().flatten());
                    let base = ColumnId {
                        relation: relation.oid,
                        attribute,
                    };
                    sources.push(Source {
                        column: base,
                        how: Reach::Derived,
                    });
                }
                if let Some(made) = view.and_then(|view| view.columns.get(position)) {
                    sources.extend(made);
                }
                let value = match self.attributes(column, depth, &mut row_types) {
                    Some(attributes) => Value::of(sources).made_of_row(&attributes),
                    None => Value::of(sources),
                };
                Named::new(column.name.as_str(), value)
            })
            .collect();
        let table = Rc::new(Table {
            columns,
            other: None,
        });
        self.spend(table.size());
        let done = (table, row_types.into_iter().collect());
        // What is noted of types is noted for each statement.
        let is_own = |column: &Column| column.type_oid >= FIRST_OWN_OID;
        let notes = relation.vanishes || relation.columns.iter().any(is_own);
        let key = if notes { of_this } else { of_any };
        self.tables.insert(key, done.clone());
        done
    }

    /// The attributes of a column's type, where that is composite or made of such.
    fn attributes(
        &mut self,
        column: &Column,
        depth: usize,
        row_types: &mut BTreeSet<u32>,
    ) -> Option<Rc<Table>> {
        let known = self.catalog.column_type(column);
        if known.is_none() && column.type_oid >= FIRST_OWN_OID && column.type_name.ends_with("[]") {
            self.opaque(OpaqueReason::Unsupported, &column.type_name);
        }
        let mut data_type = known?;
        // Domains and ranges over each other.
        for over in 0.. {
            if !matches!(data_type.kind, TypeKind::Domain | TypeKind::Range) {
                break;
            }
            if over > DEEPEST_TYPE {
                self.opaque(OpaqueReason::Unsupported, &data_type.name);
                return None;
            }
            data_type = self.catalog.data_type(data_type.base)?;
        }
        if data_type.kind != TypeKind::Composite {
            return None;
        }
        let relation = self.catalog.relation(data_type.relation)?;
        if depth > DEEPEST_TYPE {
            self.opaque(OpaqueReason::Unsupported, &data_type.name);
            return None;
        }
        let (table, within) = self.table_within(relation, depth + 1);
        row_types.insert(relation.oid);
        // All of it becomes part of what has the column.
        if !self.spend(table.size() + within.len()) {
            return None;
        }
        row_types.extend(within.iter());
        Some(table)
    }

    /// The item under its alias: column names replaced, no schema, no system columns lost.
    pub(super) fn aliased(&mut self, item: Item, alias: Option<&pg::Alias>) -> Item {
        let Some(alias) = alias else { return item };
        let names = strings(&alias.colnames);
        let renamed = item.renamed || !names.is_empty();
        let table = if names.is_empty() {
            item.table
        } else {
            Rc::new(self.columns_of(&item.table).renamed(&names))
        };
        Item {
            name: alias.aliasname.clone(),
            by_name: true,
            schemas: Vec::new(),
            table,
            renamed,
            ..item
        }
    }

    pub(super) fn use_relation(
        &mut self,
        oid: Option<u32>,
        schema: &str,
        name: &str,
        access: Access,
    ) {
        // A table may have thousands of partitions: those known are told apart by number.
        if oid.is_some_and(|oid| !self.used.insert((oid, access, self.statement))) {
            return;
        }
        self.spend(RELATION);
        if let Some(oid) = oid {
            self.functions_of(self.catalog.folded(oid), name);
        }
        self.found.relations.push(RelationUse {
            oid,
            schema: schema.to_owned(),
            name: name.to_owned(),
            access,
            statement: self.statement,
        });
    }
}

/// How deep types may be made of types.
const DEEPEST_TYPE: usize = 8;

/// Columns of the same name together; their number and order are not known.
fn by_name(first: Table, rest: Vec<Table>) -> Table {
    let any = rest.iter().fold(first.everything(), |any, table| {
        any.with(table.everything())
    });
    let mut columns: Vec<Named> = Vec::new();
    let mut places = HashMap::new();
    let all = std::iter::once(first).chain(rest);
    for column in all.flat_map(|table| table.columns) {
        match places.entry(column.name.clone()) {
            Entry::Occupied(place) => {
                let known: &mut Named = &mut columns[*place.get()];
                known.value = std::mem::take(&mut known.value).or(column.value);
            }
            Entry::Vacant(place) => {
                place.insert(columns.len());
                columns.push(column);
            }
        }
    }
    Table {
        columns,
        other: Some(any),
    }
}

pub(super) fn is_system(schema: &str) -> bool {
    matches!(schema, "pg_catalog" | "information_schema")
}

pub(super) fn qualified(schema: &str, name: &str) -> String {
    if schema.is_empty() {
        name.to_owned()
    } else {
        format!("{schema}.{name}")
    }
}

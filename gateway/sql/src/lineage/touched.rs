//! Which names a definition may give another meaning, where its text and the catalog tell.
//!
//! Views keep their meaning, as PostgreSQL stores what their names meant; a part that others depend on
//! it does not drop without CASCADE.

use super::Walk;
use super::call::FIRST_OWN_OID;
use super::define::is_temporary;
use crate::analysis::{Statement, Touched};
use crate::catalog::{Catalog, Relation, RelationKind};
use crate::parse::{NodeEnum, boxed, inner, pg, strings};

/// The names of a table, of a column and of what is made for the two are not cut up to here.
const LONGEST: usize = 24;

/// More sequences than this are not listed.
const MOST_SEQUENCES: usize = 64;

impl Walk<'_> {
    /// Whose names may mean something else once a statement has run.
    pub(super) fn touched(&self, node: &NodeEnum, statement: &Statement) -> Touched {
        if !statement.changes_catalog || self.catalog.is_watched() || !self.is_plain() {
            return Touched::Anything;
        }
        let names = match node {
            NodeEnum::CreateStmt(create) => created(create),
            NodeEnum::CreateTableAsStmt(create) => made_by(create.into.as_deref()),
            NodeEnum::SelectStmt(select) => {
                made_by(super::statement::leftmost(select).into_clause.as_deref())
            }
            NodeEnum::ViewStmt(view) if !view.replace => named(view.view.as_ref()),
            NodeEnum::DropStmt(drop) => dropped(drop, self.catalog),
            NodeEnum::AlterTableStmt(alter) => altered(alter, self.catalog),
            NodeEnum::RenameStmt(rename) => renamed(rename, self.catalog),
            _ => None,
        };
        names.map_or(Touched::Anything, Touched::Relations)
    }
}

/// The name of what is made, where it may not be cut in the names that come of it.
fn named(var: Option<&pg::RangeVar>) -> Option<Vec<String>> {
    let var = var.filter(|var| !is_temporary(var) && var.relname.len() <= LONGEST)?;
    Some(vec![var.relname.clone()])
}

fn made_by(into: Option<&pg::IntoClause>) -> Option<Vec<String>> {
    named(into?.rel.as_ref())
}

fn created(create: &pg::CreateStmt) -> Option<Vec<String>> {
    let alone = create.inh_relations.is_empty()
        && create.of_typename.is_none()
        && create.partbound.is_none()
        && create.table_elts.iter().filter_map(inner).all(is_short);
    named(create.relation.as_ref().filter(|_| alone))
}

/// Whether the name of the sequence that comes of a column begins with that of its table.
fn is_short(element: &NodeEnum) -> bool {
    match element {
        NodeEnum::ColumnDef(column) => column.colname.len() <= LONGEST,
        NodeEnum::Constraint(_) => true,
        _ => false,
    }
}

fn dropped(drop: &pg::DropStmt, catalog: &Catalog) -> Option<Vec<String>> {
    let of_relations = matches!(
        drop.remove_type(),
        pg::ObjectType::ObjectTable | pg::ObjectType::ObjectView
    );
    if !of_relations || drop.behavior() == pg::DropBehavior::DropCascade {
        return None;
    }
    let mut names = Vec::new();
    for object in drop.objects.iter().filter_map(inner) {
        let NodeEnum::List(path) = object else {
            return None;
        };
        let path = strings(&path.items);
        let name = path.last()?;
        let schema = path.len().checked_sub(2).map_or("", |place| path[place]);
        let found = catalog.relations_named(schema, name);
        names.extend(sequences_beside(&found, catalog)?);
        names.push((*name).to_owned());
    }
    Some(names)
}

/// The sequences that may be those of columns of these tables, and go with them.
fn sequences_beside(tables: &[&Relation], catalog: &Catalog) -> Option<Vec<String>> {
    let beside = |one: &&Relation| {
        one.kind == RelationKind::Sequence && tables.iter().any(|table| table.schema == one.schema)
    };
    let names: Vec<_> = catalog
        .relations()
        .filter(beside)
        .map(|one| one.name.clone())
        .take(MOST_SEQUENCES + 1)
        .collect();
    (names.len() <= MOST_SEQUENCES).then_some(names)
}

fn altered(alter: &pg::AlterTableStmt, catalog: &Catalog) -> Option<Vec<String>> {
    use pg::AlterTableType as Type;
    let of_table = alter.objtype() == pg::ObjectType::ObjectTable;
    let var = alter.relation.as_ref().filter(|_| of_table)?;
    let mut names = standing_alone(var, catalog)?;
    for command in alter.cmds.iter().filter_map(inner) {
        let NodeEnum::AlterTableCmd(command) = command else {
            return None;
        };
        let plain = match command.subtype() {
            Type::AtAddColumn => match boxed(&command.def) {
                Some(column) => is_short(column),
                None => false,
            },
            Type::AtDropColumn => {
                let tables = catalog.relations_named(&var.schemaname, &var.relname);
                names.extend(sequences_beside(&tables, catalog)?);
                true
            }
            Type::AtAlterColumnType
            | Type::AtColumnDefault
            | Type::AtSetNotNull
            | Type::AtDropNotNull
            | Type::AtSetStatistics
            | Type::AtAddConstraint
            | Type::AtDropConstraint
            | Type::AtValidateConstraint => true,
            _ => false,
        };
        if !plain || command.behavior() == pg::DropBehavior::DropCascade {
            return None;
        }
    }
    Some(names)
}

fn renamed(rename: &pg::RenameStmt, catalog: &Catalog) -> Option<Vec<String>> {
    use pg::ObjectType as Type;
    let var = rename.relation.as_ref()?;
    let mut names = standing_alone(var, catalog)?;
    match (rename.rename_type(), rename.relation_type()) {
        (Type::ObjectTable | Type::ObjectView, _) => {
            names.extend(named(Some(&pg::RangeVar {
                relname: rename.newname.clone(),
                ..pg::RangeVar::default()
            }))?);
            Some(names)
        }
        (Type::ObjectColumn, Type::ObjectTable | Type::ObjectView)
        | (Type::ObjectTabconstraint, _) => Some(names),
        _ => None,
    }
}

/// The name of a relation whose columns are no others', neither by inheritance nor in a field.
fn standing_alone(var: &pg::RangeVar, catalog: &Catalog) -> Option<Vec<String>> {
    let found = catalog.relations_named(&var.schemaname, &var.relname);
    let alone = |one: &&Relation| {
        catalog.descendants(one.oid).is_empty() && !is_a_type_of_columns(one, catalog)
    };
    named(Some(var)).filter(|_| !found.is_empty() && found.iter().all(alone))
}

fn is_a_type_of_columns(relation: &Relation, catalog: &Catalog) -> bool {
    let mut types = catalog.columns().map(|column| column.type_oid);
    types.any(|oid| oid >= FIRST_OWN_OID && has_rows_of(oid, relation.oid, catalog))
}

/// Whether values of a type are rows of a relation, or arrays of those, or of a domain over them.
fn has_rows_of(oid: u32, relation: u32, catalog: &Catalog) -> bool {
    let mut found = catalog.data_type(oid);
    for _ in 0..8 {
        match found {
            Some(one) if one.relation == relation => return true,
            Some(one) => found = catalog.data_type(one.base),
            None => return false,
        }
    }
    true
}

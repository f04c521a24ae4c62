//! Which names a definition may give another meaning, where its text and the catalog tell.
//!
//! PostgreSQL stores what the names in views mean, and drops no part that others depend on without
//! CASCADE.

use super::Walk;
use super::define::is_temporary;
use crate::analysis::{Naming, Statement, Touched};
use crate::catalog::{Catalog, FIRST_OWN_OID, Relation, RelationKind, Type};
use crate::parse::{NodeEnum, boxed, inner, pg, strings};

/// The names of a table, of a column and of what is made for the two are not cut up to here.
const LONGEST: usize = 24;

/// The name of the type of arrays of a longer one may be cut.
const LONGEST_NAME: usize = 58;

/// More names than this are not listed.
const MOST_NAMES: usize = 64;

impl Walk<'_> {
    /// Whose names may mean something else once a statement has run.
    pub(super) fn touched(&self, node: &NodeEnum, statement: &Statement) -> Touched {
        if !statement.changes_catalog || self.catalog.is_watched() {
            return Touched::Anything;
        }
        let names = match node {
            NodeEnum::CreateFunctionStmt(create) => called(&create.funcname),
            NodeEnum::CreateTrigStmt(create) => create
                .relation
                .as_ref()
                .and_then(|table| with_heirs(table, self.catalog)),
            NodeEnum::IndexStmt(create) => create
                .relation
                .as_ref()
                .and_then(|table| with_heirs(table, self.catalog)),
            _ if !self.is_plain() => None,
            NodeEnum::CreateStmt(create) => created(create, self.catalog),
            NodeEnum::CreateTableAsStmt(create) => made_by(create.into.as_deref()),
            NodeEnum::SelectStmt(select) => {
                made_by(super::statement::leftmost(select).into_clause.as_deref())
            }
            NodeEnum::ViewStmt(view) => viewed(view, self.catalog),
            NodeEnum::CreateSeqStmt(create) => named(create.sequence.as_ref()),
            NodeEnum::AlterSeqStmt(alter) => named(alter.sequence.as_ref()),
            NodeEnum::AlterEnumStmt(alter) => called(&alter.type_name),
            NodeEnum::CreateEnumStmt(create) => called(&create.type_name),
            NodeEnum::CompositeTypeStmt(create) => named(create.typevar.as_ref()),
            NodeEnum::CreateDomainStmt(create) => called(&create.domainname),
            NodeEnum::CreateSchemaStmt(create) if create.schema_elts.is_empty() => Some(vec![]),
            NodeEnum::DropStmt(drop) => dropped(drop, self.catalog),
            NodeEnum::AlterTableStmt(alter) => altered(alter, self.catalog),
            NodeEnum::RenameStmt(rename) => renamed(rename, self.catalog),
            // Who may do what, and what sessions begin with that are still to come.
            NodeEnum::GrantStmt(_)
            | NodeEnum::GrantRoleStmt(_)
            | NodeEnum::AlterDefaultPrivilegesStmt(_)
            | NodeEnum::CreateRoleStmt(_)
            | NodeEnum::AlterRoleStmt(_)
            | NodeEnum::AlterRoleSetStmt(_)
            | NodeEnum::AlterDatabaseSetStmt(_) => Some(vec![]),
            _ => None,
        };
        names.map_or(Touched::Anything, touching)
    }
}

/// What a statement does to the names that relations have.
pub(super) fn naming(node: &NodeEnum) -> Naming {
    use pg::ObjectType as Type;
    match node {
        NodeEnum::TransactionStmt(one) => placed(one),
        NodeEnum::DiscardStmt(_) | NodeEnum::DropOwnedStmt(_) => Naming::Discards,
        NodeEnum::DropStmt(drop) if drop.remove_type() == Type::ObjectSchema => Naming::Discards,
        NodeEnum::DropStmt(_) => Naming::Drops,
        NodeEnum::AlterObjectSchemaStmt(_) => Naming::Renames,
        NodeEnum::RenameStmt(rename) => match rename.rename_type() {
            Type::ObjectColumn | Type::ObjectAttribute | Type::ObjectTabconstraint => Naming::Keeps,
            _ => Naming::Renames,
        },
        _ => Naming::Keeps,
    }
}

fn placed(transaction: &pg::TransactionStmt) -> Naming {
    use pg::TransactionStmtKind as Kind;
    let place = || transaction.savepoint_name.as_str().into();
    match transaction.kind() {
        Kind::TransStmtSavepoint => Naming::Marks(place()),
        Kind::TransStmtRelease => Naming::Releases(place()),
        Kind::TransStmtRollbackTo => Naming::Returns(place()),
        Kind::TransStmtCommit | Kind::TransStmtRollback | Kind::TransStmtPrepare => Naming::Ends,
        Kind::TransStmtBegin
        | Kind::TransStmtStart
        | Kind::TransStmtCommitPrepared
        | Kind::TransStmtRollbackPrepared
        | Kind::Undefined => Naming::Keeps,
    }
}

/// What touches these names; any, where one may stand otherwise in a text, or where they are many.
fn touching(mut names: Vec<String>) -> Touched {
    names.sort_unstable();
    names.dedup();
    let may_stand_otherwise = |name: &String| name.contains('"') || name.len() > LONGEST_NAME;
    match names.len() > MOST_NAMES || names.iter().any(may_stand_otherwise) {
        true => Touched::Anything,
        false => Touched::Relations(names),
    }
}

/// The last part of a name.
fn called(path: &[pg::Node]) -> Option<Vec<String>> {
    let name = strings(path).last().map(|name| (*name).to_owned());
    name.filter(|name| name.len() <= LONGEST)
        .map(|name| vec![name])
}

/// A view, and those that read it where it is replaced.
fn viewed(view: &pg::ViewStmt, catalog: &Catalog) -> Option<Vec<String>> {
    let var = view.view.as_ref()?;
    let mut names = named(Some(var))?;
    let replaced = catalog.relations_named(&var.schemaname, &var.relname);
    for view in replaced {
        names.extend(readers(view.oid, catalog));
    }
    Some(names)
}

/// The name of what is made, where it may not be cut in the names that come of it. What is temporary
/// has one that nobody else can mean.
fn named(var: Option<&pg::RangeVar>) -> Option<Vec<String>> {
    match var? {
        var if is_temporary(var) => Some(vec!["pg_temp".to_owned()]),
        var => Some(vec![var.relname.clone()]).filter(|_| var.relname.len() <= LONGEST),
    }
}

fn made_by(into: Option<&pg::IntoClause>) -> Option<Vec<String>> {
    named(into?.rel.as_ref())
}

fn created(create: &pg::CreateStmt, catalog: &Catalog) -> Option<Vec<String>> {
    let temporary = create.relation.as_ref().is_some_and(is_temporary);
    let short = || create.table_elts.iter().filter_map(inner).all(is_short);
    let alone = temporary || (create.of_typename.is_none() && short());
    let mut names = named(create.relation.as_ref().filter(|_| alone))?;
    for element in create.table_elts.iter().filter_map(inner) {
        if let NodeEnum::ColumnDef(column) = element {
            // A change of the type may be under way.
            let name = called(&column.type_name.as_ref()?.names)?;
            let is_own = |name: &String| {
                let types = catalog.types_named("", name);
                let is_builtin = match types.is_empty() {
                    // What the grammar makes of it is an integer and a sequence.
                    true => name.ends_with("serial"),
                    false => types.iter().all(|one| one.oid < FIRST_OWN_OID),
                };
                !is_builtin || !catalog.relations_named("", name).is_empty()
            };
            names.extend(name.into_iter().filter(is_own));
            names.extend(referred_by(column));
        }
        names.extend(referred(element));
    }
    for parent in create.inh_relations.iter().filter_map(inner) {
        let NodeEnum::RangeVar(parent) = parent else {
            return None;
        };
        // Rows of the parents, of which the columns are what they were.
        names.push(parent.relname.clone());
        names.extend(parents(parent, catalog));
    }
    Some(names)
}

/// What the foreign keys of a column refer to, as [`referred`] has it.
fn referred_by(column: &pg::ColumnDef) -> impl Iterator<Item = String> {
    let constraints = column.constraints.iter().filter_map(inner);
    constraints.filter_map(referred)
}

/// The name of the relation that a foreign key refers to, where a write to that one writes by it.
fn referred(constraint: &NodeEnum) -> Option<String> {
    let NodeEnum::Constraint(key) = constraint else {
        return None;
    };
    let acts = |action: &str| matches!(action, "c" | "n" | "d");
    let name = key.pktable.as_ref().map(|table| table.relname.clone());
    name.filter(|_| acts(&key.fk_del_action) || acts(&key.fk_upd_action))
}

/// Whether the name of the sequence that comes of a column begins with that of its table.
fn is_short(element: &NodeEnum) -> bool {
    match element {
        NodeEnum::ColumnDef(column) => {
            let mut constraints = column.constraints.iter().filter_map(inner);
            let names_it = constraints
                .any(|one| matches!(one, NodeEnum::Constraint(one) if !one.options.is_empty()));
            column.colname.len() <= LONGEST && !names_it
        }
        NodeEnum::Constraint(_) => true,
        _ => false,
    }
}

fn dropped(drop: &pg::DropStmt, catalog: &Catalog) -> Option<Vec<String>> {
    use pg::ObjectType as Type;
    if drop.behavior() == pg::DropBehavior::DropCascade {
        return None;
    }
    let mut names = Vec::new();
    for object in drop.objects.iter().filter_map(inner) {
        let path = match (drop.remove_type(), object) {
            (Type::ObjectSchema, _) => continue,
            (Type::ObjectIndex, NodeEnum::List(path)) => {
                names.extend(called(&path.items)?);
                continue;
            }
            (Type::ObjectTrigger, NodeEnum::List(path)) => {
                let (_, table) = path.items.split_last()?;
                names.extend(with_heirs(&relation_of(&strings(table))?, catalog)?);
                continue;
            }
            (
                Type::ObjectTable | Type::ObjectView | Type::ObjectMatview | Type::ObjectSequence,
                NodeEnum::List(path),
            ) => strings(&path.items),
            (Type::ObjectType | Type::ObjectDomain, NodeEnum::TypeName(name)) => {
                strings(&name.names)
            }
            (Type::ObjectFunction, NodeEnum::ObjectWithArgs(function)) => {
                strings(&function.objname)
            }
            _ => return None,
        };
        let name = path.last()?;
        let schema = path.len().checked_sub(2).map_or("", |place| path[place]);
        let found = catalog.relations_named(schema, name);
        names.extend(sequences_beside(&found, catalog)?);
        names.push((*name).to_owned());
    }
    Some(names)
}

/// What the parts of a name mean.
fn relation_of(path: &[&str]) -> Option<pg::RangeVar> {
    let (name, schema) = path.split_last()?;
    Some(pg::RangeVar {
        schemaname: schema.last().copied().unwrap_or_default().to_owned(),
        relname: (*name).to_owned(),
        ..pg::RangeVar::default()
    })
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
        .take(MOST_NAMES + 1)
        .collect();
    (names.len() <= MOST_NAMES).then_some(names)
}

fn altered(alter: &pg::AlterTableStmt, catalog: &Catalog) -> Option<Vec<String>> {
    use pg::AlterTableType as Type;
    use pg::ObjectType::{ObjectTable, ObjectView};
    let has_columns = matches!(alter.objtype(), ObjectTable | ObjectView);
    let var = alter.relation.as_ref().filter(|_| has_columns)?;
    let mut names = with_heirs(var, catalog)?;
    for command in alter.cmds.iter().filter_map(inner) {
        let NodeEnum::AlterTableCmd(command) = command else {
            return None;
        };
        let plain = match command.subtype() {
            Type::AtAddColumn => match boxed(&command.def) {
                Some(NodeEnum::ColumnDef(column)) => {
                    names.extend(referred_by(column));
                    boxed(&command.def).is_some_and(is_short)
                }
                _ => false,
            },
            Type::AtDropColumn => {
                let tables = catalog.relations_named(&var.schemaname, &var.relname);
                names.extend(sequences_beside(&tables, catalog)?);
                true
            }
            Type::AtAttachPartition | Type::AtDetachPartition => match boxed(&command.def) {
                Some(NodeEnum::PartitionCmd(partition)) => {
                    names.extend(with_heirs(partition.name.as_ref()?, catalog)?);
                    names.extend(parents(var, catalog));
                    true
                }
                _ => false,
            },
            Type::AtAddConstraint => {
                names.extend(boxed(&command.def).and_then(referred));
                true
            }
            Type::AtAlterColumnType
            | Type::AtColumnDefault
            | Type::AtSetNotNull
            | Type::AtDropNotNull
            | Type::AtSetStatistics
            | Type::AtDropConstraint
            | Type::AtValidateConstraint
            | Type::AtSetStorage
            | Type::AtSetRelOptions
            | Type::AtResetRelOptions
            | Type::AtChangeOwner
            | Type::AtEnableRowSecurity
            | Type::AtDisableRowSecurity
            | Type::AtForceRowSecurity
            | Type::AtNoForceRowSecurity
            | Type::AtClusterOn
            | Type::AtDropCluster => true,
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
    let mut names = with_heirs(var, catalog)?;
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

/// The names that a definition touches by another catalog, too: one that has more relations.
pub fn touched_within(touched: Touched, catalog: &Catalog) -> Touched {
    let Touched::Relations(mut names) = touched else {
        return touched;
    };
    for name in names.clone() {
        match heirs(&catalog.relations_named("", &name), catalog) {
            Some(more) => names.extend(more),
            None => return Touched::Anything,
        }
    }
    touching(names)
}

/// The names of a relation and of what has its columns.
fn with_heirs(var: &pg::RangeVar, catalog: &Catalog) -> Option<Vec<String>> {
    let mut names = named(Some(var))?;
    let found = catalog.relations_named(&var.schemaname, &var.relname);
    names.extend(heirs(&found, catalog).filter(|_| !found.is_empty())?);
    Some(names)
}

/// The names of some relations and of those that inherit from them, where their rows are in no column;
/// and of the views that read them, as a whole row there has the columns of the moment.
fn heirs(found: &[&Relation], catalog: &Catalog) -> Option<Vec<String>> {
    let mut names = Vec::new();
    for relation in found {
        let heirs = catalog.descendants(relation.oid);
        for oid in heirs.into_iter().chain([relation.oid]) {
            let heir = catalog.relation(oid)?;
            if is_a_type_of_columns(heir, catalog) {
                return None;
            }
            names.push(heir.name.clone());
            names.extend(readers(oid, catalog));
        }
    }
    Some(names)
}

/// The names of what has the rows of a relation: its parents at any depth, and their readers.
fn parents(var: &pg::RangeVar, catalog: &Catalog) -> Vec<String> {
    let found = catalog.relations_named(&var.schemaname, &var.relname);
    let parents = found.into_iter().flat_map(|one| catalog.ancestors(one.oid));
    let names = |oid| {
        let name = catalog.relation(oid).map(|one| one.name.clone());
        name.into_iter().chain(readers(oid, catalog))
    };
    parents.flat_map(names).collect()
}

/// The names of what reads a relation: views, and tables by their policies.
fn readers(oid: u32, catalog: &Catalog) -> impl Iterator<Item = String> {
    let reads =
        move |one: &&Relation| one.reads(oid) || one.secured_by.iter().any(|by| by.relation == oid);
    catalog
        .relations()
        .filter(reads)
        .map(|one| one.name.clone())
}

fn is_a_type_of_columns(relation: &Relation, catalog: &Catalog) -> bool {
    let columns = catalog.relations().flat_map(|one| &one.columns);
    let mut own = columns.filter(|column| column.type_oid >= FIRST_OWN_OID);
    own.any(|column| has_rows_of(catalog.column_type(column), relation.oid, catalog))
}

/// Whether values of a type are rows of a relation, or of a domain or a range over such. One that is not
/// known may be.
fn has_rows_of<'c>(mut found: Option<&'c Type>, relation: u32, catalog: &'c Catalog) -> bool {
    for _ in 0..8 {
        match found {
            Some(one) if one.relation == relation => return true,
            Some(one) if one.base == 0 => return false,
            Some(one) => found = catalog.data_type(one.base),
            None => return true,
        }
    }
    true
}

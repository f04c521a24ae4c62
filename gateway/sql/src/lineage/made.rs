//! Temporary tables that are known by the text that makes them, and definitions that change no name's
//! meaning. Whatever is not certain is left to the catalog.

use super::Walk;
use super::define::is_temporary;
use super::value::{Named, Table};
use crate::analysis::{Foreseen, Statement};
use crate::catalog::{Catalog, FIRST_OWN_OID, MadeColumn, MadeTable, Relation, Type, TypeKind};
use crate::functions;
use crate::older;
use crate::parse::{NodeEnum, inner, pg, strings};

/// PostgreSQL makes no table of more columns.
const MOST_COLUMNS: usize = 1600;

/// The name of a sequence may not be cut, nor the number after it.
const LONGEST_SEQUENCE: usize = 58;

/// The parts of LIKE ... INCLUDING, as PostgreSQL numbers them.
const CONSTRAINTS: u32 = 1 << 2;
const GENERATED: u32 = 1 << 4;
const IDENTITY: u32 = 1 << 5;
const INDEXES: u32 = 1 << 6;

/// Whether all that a statement changes is in the catalog already.
pub(super) fn is_known(statement: &Statement, catalog: &Catalog) -> bool {
    match &statement.foreseen {
        Foreseen::No => false,
        Foreseen::Nothing => true,
        Foreseen::Table(table) => catalog.has_made(table),
    }
}

/// The columns of a table that is made of a query's. All their types are PostgreSQL's own where no
/// other may occur in the query.
pub(super) fn columns(table: &Table, names: &[&str]) -> Option<Vec<MadeColumn>> {
    let known = table.other.is_none() && names.len() <= table.columns.len();
    let certain = |(place, column): (usize, &Named)| place < names.len() || column.certain;
    if !known || !table.columns.iter().enumerate().all(certain) {
        return None;
    }
    let columns = table.columns.iter().enumerate();
    let columns = columns.map(|(place, column)| MadeColumn {
        name: names
            .get(place)
            .map_or(&*column.name, |name| name)
            .to_owned(),
        type_oid: 0,
        type_name: String::new(),
    });
    Some(columns.collect())
}

impl<'a> Walk<'a> {
    /// What is known of the present statement's definitions by its text alone.
    pub(super) fn foreseen(&mut self, node: &NodeEnum) -> Foreseen {
        let queried = self.queried.take();
        if self.catalog.is_watched() || !self.is_plain() {
            return Foreseen::No;
        }
        let made = match node {
            NodeEnum::CreateStmt(create) => self.made_table(create),
            NodeEnum::CreateTableAsStmt(create) => {
                self.made_of_query(create.into.as_deref(), queried)
            }
            NodeEnum::SelectStmt(select) => {
                let into = super::statement::leftmost(select).into_clause.as_deref();
                self.made_of_query(into, queried)
            }
            NodeEnum::IndexStmt(index) if self.indexes_own(index) => return Foreseen::Nothing,
            NodeEnum::DropStmt(drop) if self.drops_own(drop) => return Foreseen::Nothing,
            _ => None,
        };
        let made = made.filter(|table| table.columns.len() <= MOST_COLUMNS);
        made.map_or(Foreseen::No, |table| Foreseen::Table(table.into()))
    }

    /// Whether all of the present statement is known, and it calls nothing but PostgreSQL's own.
    pub(super) fn is_plain(&self) -> bool {
        let (opaque, functions) = (&self.found.opaque.list, &self.found.functions.list);
        let mut opaque = opaque.iter().map(|one| one.statement);
        let mut own = functions.iter().filter(|one| one.schema != "pg_catalog");
        !opaque.any(|statement| statement == self.statement)
            && !own.any(|one| one.statement == self.statement)
    }

    fn made_of_query(
        &self,
        into: Option<&pg::IntoClause>,
        columns: Option<Vec<MadeColumn>>,
    ) -> Option<MadeTable> {
        let relation = into?.rel.as_ref()?;
        if !is_temporary(relation) || self.may_have_own_values() {
            return None;
        }
        Some(MadeTable {
            name: relation.relname.clone(),
            columns: columns?,
            ..MadeTable::default()
        })
    }

    fn made_table(&self, create: &pg::CreateStmt) -> Option<MadeTable> {
        let relation = create.relation.as_ref()?;
        let whole = create.inh_relations.is_empty()
            && create.of_typename.is_none()
            && create.partbound.is_none()
            && create.partspec.is_none()
            && matches!(create.access_method.as_str(), "" | "heap");
        if !is_temporary(relation) || !whole {
            return None;
        }
        let mut table = MadeTable {
            name: relation.relname.clone(),
            ..MadeTable::default()
        };
        for element in create.table_elts.iter().filter_map(inner) {
            match element {
                NodeEnum::ColumnDef(column) => self.made_column(column, &mut table)?,
                NodeEnum::TableLikeClause(like) => self.made_like(like, &mut table)?,
                NodeEnum::Constraint(_) => {}
                _ => return None,
            }
        }
        // Constraints may name columns that come after them.
        for element in create.table_elts.iter().filter_map(inner) {
            if let NodeEnum::Constraint(constraint) = element {
                made_constraint(constraint, None, &mut table)?;
            }
        }
        Some(table)
    }

    fn made_column(&self, column: &pg::ColumnDef, table: &mut MadeTable) -> Option<()> {
        let written = column.type_name.as_ref()?;
        let serial = self.is_serial(written);
        let (type_oid, type_name) = match serial {
            true => (0, "integer".to_owned()),
            false => self.own_type(written)?,
        };
        let mut numbered = serial;
        table.columns.push(MadeColumn {
            name: column.colname.clone(),
            type_oid,
            type_name,
        });
        for node in column.constraints.iter().filter_map(inner) {
            let NodeEnum::Constraint(constraint) = node else {
                return None;
            };
            let identity = constraint.contype() == pg::ConstrType::ConstrIdentity;
            numbered |= identity;
            if !identity {
                made_constraint(constraint, Some(&column.colname), table)?;
            }
        }
        if numbered {
            add_sequence(table, &column.colname)?;
        }
        Some(())
    }

    /// A type of PostgreSQL's own that a name means whatever the search path.
    fn own_type(&self, written: &pg::TypeName) -> Option<(u32, String)> {
        let path = strings(&written.names);
        let name = match path.as_slice() {
            [name] | ["pg_catalog", name] => *name,
            _ => return None,
        };
        let schema = older::schema_of_type(&path);
        if written.pct_type || written.setof || !functions::is_builtin_type(schema, name) {
            return None;
        }
        let found = self.catalog.types_named(schema, name);
        let is_own = |one: &Type| {
            one.oid < FIRST_OWN_OID && matches!(one.kind, TypeKind::Base | TypeKind::Range)
        };
        let array = !written.array_bounds.is_empty();
        match found.as_slice() {
            // The name of an array may be that of one of rows.
            [] if !name.starts_with('_') => Some((0, name.to_owned())),
            [only] if is_own(only) && array => Some((0, format!("{name}[]"))),
            [only] if is_own(only) => Some((only.oid, name.to_owned())),
            _ => None,
        }
    }

    /// The columns of another table, where nothing comes with them that runs code.
    fn made_like(&self, like: &pg::TableLikeClause, table: &mut MadeTable) -> Option<()> {
        let var = like.relation.as_ref()?;
        let found = self.catalog.relations_named(&var.schemaname, &var.relname);
        let [source] = found.as_slice() else {
            return None;
        };
        let generated = source.columns.iter().any(|column| column.generated);
        if !source.computes.is_empty() || (generated && like.options & GENERATED != 0) {
            return None;
        }
        if like.options & INDEXES != 0 {
            let before = table.columns.len();
            // In the order of the other table, that may have lost some.
            let place = |attribute: &i16| {
                let mut columns = source.columns.iter();
                let place = columns.position(|column| column.attribute == *attribute)?;
                i16::try_from(before + place + 1).ok()
            };
            let keys = source.keys.iter();
            let keys = keys.map(|key| key.iter().map(place).collect::<Option<Vec<i16>>>());
            table.keys.extend(keys.collect::<Option<Vec<_>>>()?);
        }
        table.is_checked |= like.options & CONSTRAINTS != 0 && !source.checks.is_empty();
        for column in &source.columns {
            table.columns.push(MadeColumn {
                name: column.name.clone(),
                type_oid: column.type_oid,
                type_name: column.type_name.clone(),
            });
            if like.options & IDENTITY != 0 {
                add_sequence(table, &column.name)?;
            }
        }
        Some(())
    }

    /// Whether an index is one of a temporary table, by what PostgreSQL has for its own types.
    fn indexes_own(&self, index: &pg::IndexStmt) -> bool {
        let var = index.relation.as_ref();
        let found = var.map(|var| self.catalog.relations_named(&var.schemaname, &var.relname));
        let found = found.unwrap_or_default();
        let is_own = |relation: &Relation| {
            let mut columns = relation.columns.iter();
            relation.is_temporary() && columns.all(|column| column.type_oid < FIRST_OWN_OID)
        };
        let is_usual = |element: &NodeEnum| matches!(element, NodeEnum::IndexElem(one) if one.opclass.is_empty());
        !found.is_empty()
            && found.iter().all(|one| is_own(one))
            && index.index_params.iter().filter_map(inner).all(is_usual)
    }

    /// Whether DROP TABLE takes nothing away but temporary tables.
    fn drops_own(&self, drop: &pg::DropStmt) -> bool {
        let is_own = |path: &[&str]| {
            let (schema, name) = match path {
                [name] => ("", *name),
                [.., schema, name] => (*schema, *name),
                [] => return false,
            };
            let found = self.catalog.relations_named(schema, name);
            found.iter().all(|one| one.is_temporary())
        };
        // CASCADE drops columns of others, too.
        drop.remove_type() == pg::ObjectType::ObjectTable
            && drop.behavior() != pg::DropBehavior::DropCascade
            && drop.objects.iter().filter_map(inner).all(
                |object| matches!(object, NodeEnum::List(path) if is_own(&strings(&path.items))),
            )
    }
}

/// What a constraint adds, of one column or of the table; none where that is not known.
fn made_constraint(
    constraint: &pg::Constraint,
    column: Option<&str>,
    table: &mut MadeTable,
) -> Option<()> {
    use pg::ConstrType as Type;
    match constraint.contype() {
        Type::ConstrNull
        | Type::ConstrNotnull
        | Type::ConstrDefault
        | Type::ConstrAttrDeferrable
        | Type::ConstrAttrNotDeferrable
        | Type::ConstrAttrDeferred
        | Type::ConstrAttrImmediate => {}
        Type::ConstrCheck => table.is_checked = true,
        Type::ConstrPrimary | Type::ConstrUnique => {
            let named = strings(&constraint.keys);
            let key = named.into_iter().chain(column);
            let place = |name: &str| {
                let place = table.columns.iter().position(|one| one.name == name)?;
                i16::try_from(place + 1).ok()
            };
            let key: Option<Vec<i16>> = key.map(place).collect();
            table.keys.push(key?);
        }
        _ => return None,
    }
    Some(())
}

/// The sequence that PostgreSQL makes for a column.
fn add_sequence(table: &mut MadeTable, column: &str) -> Option<()> {
    let name = format!("{}_{column}_seq", table.name);
    if name.len() > LONGEST_SEQUENCE {
        return None;
    }
    table.sequences.push(name);
    Some(())
}

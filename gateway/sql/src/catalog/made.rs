//! A catalog with the temporary tables that an open transaction has made: nobody else sees them, and
//! they are known by the text that made them.

use std::iter;
use std::sync::Arc;

use super::rows::RelationRow;
use super::{Catalog, Code, Column, Relation, Type, TypeKind, build};

/// The schema of these tables; which number PostgreSQL gives it does not matter.
pub(crate) const TEMPORARY: &str = "pg_temp";

/// A temporary table that is known by the text that makes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct MadeTable {
    /// Its name.
    pub name: String,
    /// Its columns, in order.
    pub columns: Vec<MadeColumn>,
    /// Attribute numbers of each primary key and unique constraint.
    pub keys: Vec<Vec<i16>>,
    /// Whether values of its columns may be compared with each other when rows are written.
    pub is_checked: bool,
    /// The names of the sequences that come with it; PostgreSQL may put a number after each.
    pub sequences: Vec<String>,
}

/// A column of such a table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MadeColumn {
    /// Its name.
    pub name: String,
    /// `pg_type.oid`; 0 for one of PostgreSQL's own types.
    pub type_oid: u32,
    /// The type's name.
    pub type_name: String,
}

impl Catalog {
    /// This catalog with tables that the session has made, beside all that it knows already: a name
    /// may mean either, as they may be gone again.
    #[must_use]
    pub fn with_made(self: &Arc<Self>, made: &[Arc<MadeTable>]) -> Arc<Catalog> {
        let base = self.base.as_ref().unwrap_or(self);
        let mut catalog = Catalog {
            version: super::digest((base.version, made)),
            base: Some(Arc::clone(base)),
            made: made.to_vec(),
            ..Catalog::default()
        };
        let free = |oid: &u32| base.relation(*oid).is_none() && base.data_type(*oid).is_none();
        // Numbers that PostgreSQL gives last, if ever.
        let mut oids = (0..u32::MAX).rev().filter(free);
        for table in made {
            add_table(&mut catalog, table, &mut oids);
        }
        Arc::new(catalog)
    }

    /// Whether this table is among those that were added.
    pub fn has_made(&self, table: &MadeTable) -> bool {
        self.made.iter().any(|one| **one == *table)
    }

    /// Whether code that nobody sees may change what a definition makes.
    pub(crate) fn is_watched(&self) -> bool {
        self.root().watched
    }

    /// The catalog that was read.
    pub(super) fn root(&self) -> &Catalog {
        self.base.as_deref().unwrap_or(self)
    }

    /// What was added, and what was read.
    pub(super) fn layers(&self) -> impl Iterator<Item = &Catalog> {
        iter::once(self).chain(self.base.as_deref())
    }

    /// The sequences of this layer that may have got this name, with a number after their own.
    pub(super) fn sequences_numbered(&self, name: &str) -> impl Iterator<Item = &u32> {
        self.sequences.iter().filter(move |oid| {
            let own = self.relations.get(oid);
            let number = own.and_then(|own| name.strip_prefix(&own.name));
            number.is_some_and(|rest| {
                !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit())
            })
        })
    }
}

fn add_table(catalog: &mut Catalog, table: &MadeTable, oids: &mut impl Iterator<Item = u32>) {
    let all: Vec<i16> = (1..).take(table.columns.len()).collect();
    let Some(oid) = oids.next() else { return };
    let checks = if table.is_checked {
        vec![all]
    } else {
        Vec::new()
    };
    let row = RelationRow {
        checks,
        ..RelationRow::table(oid, TEMPORARY, &table.name)
    };
    build::add_relation(catalog, row);
    let row_type = Type {
        oid,
        schema: TEMPORARY.to_owned(),
        name: table.name.clone(),
        kind: TypeKind::Composite,
        base: 0,
        relation: oid,
        extension: String::new(),
        code: Code::default(),
        labels: Vec::new(),
    };
    catalog.types.insert(oid, row_type);
    let same = catalog.type_names.entry(table.name.clone()).or_default();
    same.push(oid);
    if let Some(relation) = catalog.relations.get_mut(&oid) {
        relation.keys.clone_from(&table.keys);
        fill(relation, &table.columns);
    }
    for (name, oid) in iter::zip(&table.sequences, oids) {
        let row = RelationRow {
            kind: 'S',
            ..RelationRow::table(oid, TEMPORARY, name)
        };
        build::add_relation(catalog, row);
        catalog.sequences.push(oid);
        if let Some(relation) = catalog.relations.get_mut(&oid) {
            fill(relation, &sequence());
        }
    }
}

fn fill(relation: &mut Relation, columns: &[MadeColumn]) {
    let columns = iter::zip(1.., columns).map(|(attribute, column)| Column {
        attribute,
        name: column.name.clone(),
        type_oid: column.type_oid,
        type_name: column.type_name.clone(),
        generated: false,
        // Triggers ask for it, of which there are none.
        default: true,
        made_from: Vec::new(),
        required: false,
    });
    relation.columns = columns.collect();
}

/// The columns of a sequence.
fn sequence() -> Vec<MadeColumn> {
    let columns = [
        ("last_value", "int8"),
        ("log_cnt", "int8"),
        ("is_called", "bool"),
    ];
    let columns = columns.iter().map(|(name, type_name)| MadeColumn {
        name: (*name).to_owned(),
        type_oid: 0,
        type_name: (*type_name).to_owned(),
    });
    columns.collect()
}

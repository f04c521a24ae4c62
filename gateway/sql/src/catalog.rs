//! What is known of the database: a value, made from rows that the gateway fetched.

mod build;
mod folded;
mod former;
mod lookup;
mod made;
mod queries;
mod rows;
mod views;

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, LazyLock};

pub(crate) use made::TEMPORARY;
pub use made::{MadeColumn, MadeTable};
pub use queries::{PRELUDE, Part, queries};
pub use rows::{
    CastRow, CatalogRows, ColumnRow, FunctionRow, InheritRow, KeyRow, MadeRow, NumberRow,
    OperatorRow, ReferenceRow, RelationRow, RowSet, TriggerRow, TypeRow, ViewRow,
};

use self::former::FormerNames;
use crate::analysis::{ColumnId, ColumnUse, FunctionUse, Opaque, RelationUse, Source, Use};
use crate::identifier;

/// A digest that nobody can aim at: another one in each process.
fn digest(value: impl Hash) -> u64 {
    static KEYS: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    KEYS.hash_one(value)
}

/// A row that the catalog cannot use.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// It has another number of values than its query gives.
    #[error("a row of {set:?} has {found} values, not {wanted}")]
    Arity {
        /// Which row set.
        set: RowSet,
        /// How many values it has.
        found: usize,
        /// How many it should have.
        wanted: usize,
    },
    /// A value is missing or is not what its column holds.
    #[error("value {position} of a row of {set:?} is not valid")]
    Value {
        /// Which row set.
        set: RowSet,
        /// Which value, from 0.
        position: usize,
    },
}

/// The relations, columns, functions, types and operators known upstream.
#[derive(Debug, Default)]
pub struct Catalog {
    version: u64,
    rows_version: u64,
    relations: HashMap<u32, Relation>,
    relation_names: HashMap<String, Vec<u32>>,
    functions: HashMap<String, Vec<Function>>,
    /// Schema and name of the functions that can be called by number.
    numbers: HashMap<u32, (String, String)>,
    types: HashMap<u32, Type>,
    type_names: HashMap<String, Vec<u32>>,
    operators: HashMap<String, Vec<Operator>>,
    casts: Vec<Cast>,
    children: HashMap<u32, Vec<u32>>,
    parents: HashMap<u32, Vec<u32>>,
    /// Columns that inherit from each other, both ways.
    inherited: HashMap<ColumnId, Vec<ColumnId>>,
    /// Columns of views and generated columns that are made from a column.
    dependents: HashMap<ColumnId, Vec<ColumnId>>,
    /// Foreign keys by the relation that is referenced.
    references: HashMap<u32, Vec<ReferenceRow>>,
    former: FormerNames,
    /// Views as they were printed.
    views: Vec<ViewRow>,
    has_unread_views: bool,
    /// A digest of all code and of types that are no relations'.
    code_version: u64,
    /// Whether code that nobody sees runs on definitions and may change what they make.
    watched: bool,
    /// An operator class of functions that are not PostgreSQL's own: who compares calls them, unseen.
    class: Option<String>,
    /// The functions that are called where a relation is planned for.
    folded: HashMap<u32, Vec<u32>>,
    /// The catalog that this one adds tables to: all but relations and types is in that alone.
    base: Option<Arc<Catalog>>,
    /// The tables that it adds.
    made: Vec<Arc<MadeTable>>,
    /// Sequences of tables that were added: their names may end in a number.
    sequences: Vec<u32>,
}

/// A relation.
#[derive(Debug)]
pub struct Relation {
    /// `pg_class.oid`.
    pub oid: u32,
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// What sort of relation it is.
    pub kind: RelationKind,
    /// Columns by attribute number; dropped ones are left out.
    pub columns: Vec<Column>,
    /// Columns of every primary key and unique index.
    pub keys: Vec<Vec<i16>>,
    /// Of those, the primary key, where no two rows that a query sees can have it alike.
    pub primary: Option<Vec<i16>>,
    /// Its triggers that run what is not PostgreSQL's own or have a condition.
    pub(crate) triggers: Vec<Trigger>,
    /// What its defaults, generated columns, checks, domains, indexes and keys of partitions call where
    /// a row is added or changed.
    pub(crate) computes: Code,
    /// What its policies call where rows are read or written, if row security is on.
    pub(crate) policies: Code,
    /// The columns that its policies read, if row security is on; attribute 0 is a whole row, -1 none of a
    /// relation that is read.
    pub secured_by: Vec<ColumnId>,
    /// Of each check, exclusion, generated column and partition key over several columns, their
    /// attribute numbers.
    pub checks: Vec<Vec<i16>>,
    /// True where it has rewrite rules other than a view's own.
    pub has_rules: bool,
    /// True where it goes, or loses columns, when a session ends that has temporary objects.
    pub vanishes: bool,
    pub(crate) view: Option<ViewLineage>,
}

/// What expressions call and make that must be judged.
#[derive(Clone, Debug, Default)]
pub(crate) struct Code {
    /// Functions that are not PostgreSQL's own.
    pub(crate) calls: Vec<u32>,
    /// Functions of PostgreSQL's own that are not harmless.
    pub(crate) builtin: Vec<String>,
    /// Types that are not PostgreSQL's own of which values are made.
    pub(crate) types: Vec<u32>,
}

impl Code {
    pub(crate) fn is_empty(&self) -> bool {
        self.calls.is_empty() && self.builtin.is_empty() && self.types.is_empty()
    }
}

impl From<Vec<u32>> for Code {
    fn from(calls: Vec<u32>) -> Code {
        Code {
            calls,
            ..Code::default()
        }
    }
}

/// A trigger.
#[derive(Debug)]
pub(crate) struct Trigger {
    /// OID of its function.
    pub(crate) function: u32,
    /// What it runs on, as `pg_trigger.tgtype` says it.
    pub(crate) events: i16,
    /// The attributes of which an UPDATE must set one for it to run; none: any.
    pub(crate) attributes: Vec<i16>,
    /// The attributes that its condition looks at; 0 is a whole row.
    pub(crate) asked: Vec<i16>,
    /// The attributes of which its condition asks whether they stay as they are.
    pub(crate) compared: Vec<i16>,
    /// What its condition calls.
    pub(crate) condition: Code,
}

/// Sorts of relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelationKind {
    /// A table.
    Table,
    /// A partitioned table.
    Partitioned,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// A foreign table.
    Foreign,
    /// A sequence.
    Sequence,
    /// A composite type, which cannot be read from.
    Composite,
}

/// A column of a relation.
#[derive(Debug)]
pub struct Column {
    /// `pg_attribute.attnum`, from 1.
    pub attribute: i16,
    /// Name.
    pub name: String,
    /// `pg_type.oid`.
    pub type_oid: u32,
    /// The type as `format_type` prints it.
    pub type_name: String,
    /// True for a generated column.
    pub generated: bool,
    /// True where it has a value if none is given.
    pub default: bool,
    /// For a generated column, the attributes that it is made from.
    pub made_from: Vec<i16>,
    /// True where it is NOT NULL.
    pub required: bool,
}

/// A column with the names that lead to it.
#[derive(Clone, Copy, Debug)]
pub struct ColumnInfo<'a> {
    /// Which column.
    pub id: ColumnId,
    /// Schema of its relation.
    pub schema: &'a str,
    /// Name of its relation.
    pub relation: &'a str,
    /// Name.
    pub name: &'a str,
    /// The type as `format_type` prints it.
    pub type_name: &'a str,
    /// `pg_type.oid`.
    pub type_oid: u32,
}

/// Where the columns of a view come from, and what else reading it means.
#[derive(Debug, Default)]
pub(crate) struct ViewLineage {
    /// False where there was no definition to be read.
    pub(crate) is_read: bool,
    pub(crate) columns: Vec<Vec<Source>>,
    pub(crate) relations: Vec<RelationUse>,
    pub(crate) uses: Vec<ColumnUse>,
    pub(crate) functions: Vec<FunctionUse>,
    pub(crate) opaque: Vec<Opaque>,
}

#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) oid: u32,
    pub(crate) schema: String,
    pub(crate) extension: String,
    /// The fields of NEW and OLD, where its body is known to do nothing but make a value of those and of
    /// its arguments.
    pub(crate) fields: Option<Fields>,
    /// All names that change what it or another of its name does, where those are known.
    pub(crate) text: Option<Arc<str>>,
}

/// The fields of NEW and OLD in the body of a trigger's function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields {
    /// Those that it reads.
    pub(crate) reads: Vec<FieldUse>,
    /// Those of NEW that it assigns to.
    pub(crate) assigns: Vec<String>,
    /// Those of NEW that it may give another value.
    pub(crate) writes: Vec<String>,
    /// Those of NEW that it may give back what they were.
    pub(crate) restores: Vec<String>,
    /// It may return OLD where a row is not deleted: then all of it is what it was.
    pub(crate) returns_old: bool,
}

/// A field of NEW or OLD that is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldUse {
    /// Of a whole row, [`WHOLE_ROW`].
    pub(crate) name: String,
    /// It is one of OLD.
    pub(crate) old: bool,
    pub(crate) used: Use,
    /// It is asked whether it is the same in both, and nothing else.
    pub(crate) compared: bool,
}

/// Whether a schema is one in which sessions make what is temporary.
pub(crate) fn is_of_session(schema: &str) -> bool {
    schema == TEMPORARY || schema.starts_with("pg_temp_")
}

/// OIDs below are PostgreSQL's own.
pub(crate) const FIRST_OWN_OID: u32 = 16384;

/// Stands for all fields.
pub(crate) const WHOLE_ROW: &str = "*";

#[derive(Debug)]
pub(crate) struct Type {
    pub(crate) oid: u32,
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) kind: TypeKind,
    pub(crate) base: u32,
    pub(crate) relation: u32,
    pub(crate) extension: String,
    /// What a domain's default and checks call.
    pub(crate) code: Code,
    /// The labels of an enumerated type.
    pub(crate) labels: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TypeKind {
    Base,
    Composite,
    Domain,
    Enum,
    Pseudo,
    Range,
}

#[derive(Debug)]
pub(crate) struct Operator {
    pub(crate) schema: String,
    pub(crate) extension: String,
}

#[derive(Debug)]
pub(crate) struct Cast {
    pub(crate) source: u32,
    pub(crate) target: u32,
    pub(crate) implicit: bool,
    pub(crate) function: String,
    pub(crate) extension: String,
}

impl Catalog {
    /// Makes a catalog. Views are analysed here: call it on a thread with a stack of
    /// [`crate::STACK_BYTES`].
    pub fn from_rows(rows: CatalogRows) -> Catalog {
        build::catalog(rows)
    }

    /// A digest of what the catalog was made from and of the names that are remembered: equal rows and names,
    /// equal version.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The version of the rows that it was made from.
    pub fn rows_version(&self) -> u64 {
        self.rows_version
    }

    /// False where views could not be read, as others held them locked.
    pub fn is_complete(&self) -> bool {
        !self.root().has_unread_views
    }

    /// The relation with this OID.
    pub fn relation(&self, oid: u32) -> Option<&Relation> {
        self.layers().find_map(|layer| layer.relations.get(&oid))
    }

    /// Every relation, in no particular order.
    pub fn relations(&self) -> impl Iterator<Item = &Relation> {
        self.layers().flat_map(|layer| layer.relations.values())
    }

    /// One column.
    pub fn column(&self, id: ColumnId) -> Option<ColumnInfo<'_>> {
        let relation = self.relation(id.relation)?;
        let column = relation.column(id.attribute)?;
        Some(relation.info(column))
    }

    /// Every column of every relation.
    pub fn columns(&self) -> impl Iterator<Item = ColumnInfo<'_>> {
        self.relations()
            .flat_map(|relation| relation.columns.iter().map(|column| relation.info(column)))
    }

    /// The columns that hold what this one holds, or something made from it: itself, the same
    /// column of partitions, children and parents, columns of views and generated columns.
    pub fn family(&self, id: ColumnId) -> impl Iterator<Item = ColumnId> + use<> {
        self.linked(id, true).into_iter()
    }

    /// The same column of partitions, children and parents, and itself: a family for each is one for all.
    pub fn inherited(&self, id: ColumnId) -> impl Iterator<Item = ColumnId> + use<> {
        self.linked(id, false).into_iter()
    }

    fn linked(&self, id: ColumnId, also_made: bool) -> Vec<ColumnId> {
        let root = self.root();
        let mut seen = HashSet::from([id]);
        let mut order = vec![id];
        let mut next = 0;
        while let Some(&column) = order.get(next) {
            next += 1;
            let inherited = root.inherited.get(&column).into_iter().flatten();
            let made = root.dependents.get(&column).filter(|_| also_made);
            for &other in inherited.chain(made.into_iter().flatten()) {
                if seen.insert(other) {
                    order.push(other);
                }
            }
        }
        order
    }

    /// The columns of views and the generated columns that are made from this one directly.
    pub fn dependents(&self, id: ColumnId) -> &[ColumnId] {
        self.root().dependents.get(&id).map_or(&[], Vec::as_slice)
    }

    /// The schema and the name of a function by its number, where it is known.
    pub(crate) fn function(&self, number: u32) -> Option<(&str, &str)> {
        let (schema, name) = self.root().numbers.get(&number)?;
        Some((schema, name))
    }

    /// A text that calls a function as the FunctionCall message does, for it to be judged by: with
    /// so many parameters. None where no function of this number is known.
    pub fn function_call(&self, function: u32, arguments: usize) -> Option<String> {
        let (schema, name) = self.root().numbers.get(&function)?;
        let arguments: Vec<_> = (1..=arguments).map(|number| format!("${number}")).collect();
        Some(format!(
            "SELECT {}.{}({})",
            identifier(schema),
            identifier(name),
            arguments.join(", ")
        ))
    }

    /// The partitions and children of a relation, at any depth, without itself.
    pub fn descendants(&self, oid: u32) -> Vec<u32> {
        reach(&self.root().children, oid)
    }

    /// The parents of a relation, at any depth, without itself.
    pub fn ancestors(&self, oid: u32) -> Vec<u32> {
        reach(&self.root().parents, oid)
    }
}

impl Relation {
    /// The column with this attribute number.
    pub fn column(&self, attribute: i16) -> Option<&Column> {
        self.columns
            .iter()
            .find(|column| column.attribute == attribute)
    }

    /// Whether it has triggers that run what is not PostgreSQL's own or have a condition.
    pub fn has_triggers(&self) -> bool {
        !self.triggers.is_empty()
    }

    /// Whether a session has made it for itself.
    pub fn is_temporary(&self) -> bool {
        is_of_session(&self.schema)
    }

    /// True for a view and a materialized view.
    pub fn is_view(&self) -> bool {
        matches!(
            self.kind,
            RelationKind::View | RelationKind::MaterializedView
        ) && !matches!(self.schema.as_str(), "pg_catalog" | "information_schema")
    }

    /// Whether it is a view that reads another relation, be it by further views.
    pub(crate) fn reads(&self, relation: u32) -> bool {
        let reads = |view: &ViewLineage| {
            !view.is_read || view.relations.iter().any(|one| one.oid == Some(relation))
        };
        self.view.as_ref().is_some_and(reads)
    }

    /// Whether it is a view whose definition could not be read.
    pub fn is_unread(&self) -> bool {
        self.is_view() && self.view.as_ref().is_none_or(|view| !view.is_read)
    }

    fn info<'a>(&'a self, column: &'a Column) -> ColumnInfo<'a> {
        ColumnInfo {
            id: self.id(column),
            schema: &self.schema,
            relation: &self.name,
            name: &column.name,
            type_name: &column.type_name,
            type_oid: column.type_oid,
        }
    }

    pub(crate) fn id(&self, column: &Column) -> ColumnId {
        ColumnId {
            relation: self.oid,
            attribute: column.attribute,
        }
    }
}

fn reach(edges: &HashMap<u32, Vec<u32>>, start: u32) -> Vec<u32> {
    let mut seen = HashSet::from([start]);
    let mut found = Vec::new();
    let mut open = vec![start];
    while let Some(oid) = open.pop() {
        for &other in edges.get(&oid).into_iter().flatten() {
            if seen.insert(other) {
                found.push(other);
                open.push(other);
            }
        }
    }
    found
}

//! What a request would do, as far as it can be known.

mod resolve;
mod same;
mod words;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

pub use resolve::NameKind;

use crate::catalog::{Catalog, FIRST_OWN_OID, MadeTable, TEMPORARY, is_of_session};

/// A base column: the relation's OID and the attribute number, so that renaming does not lose it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColumnId {
    /// `pg_class.oid`.
    pub relation: u32,
    /// `pg_attribute.attnum`, from 1.
    pub attribute: i16,
}

/// What a request would do. Making one cannot fail: what cannot be read is an analysis too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Analysis {
    /// The statements, in order.
    pub statements: Vec<Statement>,
    /// Every relation named or reached (views and what they read, partitions, children).
    pub relations: Vec<RelationUse>,
    /// Every base column used, once for each use.
    pub columns: Vec<ColumnUse>,
    /// Every base column that a query in it selects, though nobody may use it: PostgreSQL asks for the
    /// right to read it all the same.
    pub selected: Vec<ColumnId>,
    /// Every function called; those of operators and casts where they are not PostgreSQL's own.
    pub functions: Vec<FunctionUse>,
    /// What cannot be known.
    pub opaque: Vec<Opaque>,
    /// True where this holds only for the session's open transaction, which may have changed what names mean.
    pub doubted: bool,
}

/// One statement of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What it is.
    pub kind: Kind,
    /// For UPDATE and DELETE: what the condition restricts.
    pub restriction: Option<Restriction>,
    /// For SELECT, COPY to the client, and EXECUTE and FETCH of a query: what restricts the rows
    /// that the client gets.
    pub rows: Option<Restriction>,
    /// What it returns.
    pub outputs: Outputs,
    /// For COPY: direction and format.
    pub copy: Option<Copy>,
    /// A name it defines, uses or drops, in the session's one name space of cursors and portals or
    /// in that of prepared statements.
    pub names: Vec<NameUse>,
    /// True where it may change what names mean (DDL), so that the catalog must be read again.
    pub changes_catalog: bool,
    /// What of that is known by the text alone.
    pub foreseen: Foreseen,
    /// Where it does: which names that may be.
    pub touched: Touched,
    /// What it does to the names that relations have.
    pub naming: Naming,
    /// Something in FROM has columns whose names or order are not known: a name may mean another
    /// column than it seems to, and each that it may mean counts as used.
    pub doubted: bool,
    /// It calls what shows afterwards that it was called.
    pub keeps: bool,
    /// It sets, or may set, how the strings of later texts are read.
    pub sets_strings: bool,
    /// The statements that hide in it: in WITH, EXPLAIN ANALYZE, PREPARE, DECLARE, COPY, CREATE
    /// TABLE AS, a rule or a schema, the actions of MERGE and the UPDATE of ON CONFLICT. EXPLAIN
    /// without ANALYZE runs nothing and hides none.
    pub inner: Vec<Inner>,
}

/// The names that a definition may give another meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Touched {
    /// Any.
    Anything,
    /// Those of relations that are called so, or whose columns are not what they were, and of what is
    /// called after them: types, and sequences.
    Relations(Vec<String>),
}

impl Touched {
    /// Those of another definition, too.
    pub fn widen(&mut self, other: Touched) {
        match (self, other) {
            (Touched::Relations(names), Touched::Relations(others)) => names.extend(others),
            (touched, _) => *touched = Touched::Anything,
        }
    }
}

/// What a statement does to the names that relations have, apart from making some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Naming {
    /// Nothing.
    Keeps,
    /// What it defines may have other names.
    Renames,
    /// What it defines goes.
    Drops,
    /// All temporary relations may go.
    Discards,
    /// It marks a place in the transaction by this name.
    Marks(Box<str>),
    /// It forgets that place.
    Releases(Box<str>),
    /// It undoes what came after that place.
    Returns(Box<str>),
    /// It ends the transaction.
    Ends,
}

/// What a definition makes of the meaning of names, as far as its text tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Foreseen {
    /// Not all of it: the catalog must be read again.
    No,
    /// Nothing gets a meaning that it may not have already.
    Nothing,
    /// A name may mean this temporary table from now on, and nothing else is new.
    Table(Arc<MadeTable>),
}

/// A statement that hides in another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inner {
    /// What it is.
    pub kind: Kind,
    /// For UPDATE and DELETE: what the condition restricts.
    pub restriction: Option<Restriction>,
}

/// The command of a statement: the class for rules, the words for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// What sort of effect it has.
    pub class: Class,
    /// The command in lower case: `select`, `drop table`, `create index`.
    pub command: &'static str,
}

/// Sorts of effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Returns rows and changes nothing.
    Read,
    /// Changes rows.
    Write,
    /// Changes definitions (DDL, GRANT, COMMENT).
    Define,
    /// Changes the session (SET, LISTEN, DEALLOCATE, DISCARD).
    Session,
    /// Begins, ends or marks a transaction.
    Transaction,
    /// The rest (VACUUM, CHECKPOINT, DO, CALL, LOCK ...).
    Utility,
}

/// What a condition restricts, the least first: of an UPDATE or DELETE, or of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Restriction {
    /// There is no WHERE.
    None,
    /// There is one that hardly tells rows apart: it looks at no column of the target, or is true for
    /// every row, or for nearly all, as far as constants and the kinds of columns tell.
    AlwaysTrue,
    /// There is one.
    Some,
    /// It demands equality on all columns of a primary or unique key.
    Key,
}

/// What a statement returns to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outputs {
    /// No rows.
    None,
    /// Rows of these columns.
    Columns(Arc<[Output]>),
    /// Rows that carry no column's value (SHOW, EXPLAIN without values).
    Harmless,
    /// Rows of unknown origin: every protected column of the relations read may be in any of them.
    Unknown,
}

/// One output column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The base columns that reach it; none for constants and harmless expressions.
    pub sources: Vec<Source>,
}

/// A base column that reaches an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// The column.
    pub column: ColumnId,
    /// How it reaches it.
    pub how: Reach,
}

/// How a base column reaches an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// As itself.
    Projected,
    /// As part of an expression.
    Derived,
    /// As part of a whole row.
    WholeRow,
}

/// One use of a base column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColumnUse {
    /// The column.
    pub column: ColumnId,
    /// The use.
    pub used: Use,
    /// Which statement, from 0.
    pub statement: u32,
}

/// The uses of a column (DESIGN section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Use {
    /// Reaches an output as itself.
    Projected,
    /// Part of an expression that reaches an output.
    Derived,
    /// Part of a row used as one value.
    WholeRow,
    /// In WHERE, ON, HAVING, CASE or a join key, in any other way than `FilteredByEquality`.
    Filtered,
    /// In WHERE or ON only as `column = constant or parameter`.
    FilteredByEquality,
    /// In ORDER BY, GROUP BY, DISTINCT or PARTITION BY.
    Ordered,
    /// Source of a write: INSERT ... SELECT, CTAS, UPDATE expression, COPY TO a file, NOTIFY.
    Copied,
    /// Target of a write only.
    Written,
}

impl Analysis {
    /// The temporary tables that the session will have made, where all that its definitions change is
    /// known without reading the catalog again.
    pub fn foreseen(&self) -> Option<Vec<&Arc<MadeTable>>> {
        let unseen = |one: &Statement| one.changes_catalog && one.foreseen == Foreseen::No;
        let seen = !self.statements.iter().any(unseen);
        seen.then(|| self.makes().collect())
    }

    /// The temporary tables that it makes and that are known by its text.
    pub fn makes(&self) -> impl Iterator<Item = &Arc<MadeTable>> {
        self.statements
            .iter()
            .filter_map(|one| match &one.foreseen {
                Foreseen::Table(table) => Some(table),
                Foreseen::No | Foreseen::Nothing => None,
            })
    }

    /// Whether PostgreSQL may say of this output of a statement that it comes from this relation: one of those
    /// read, PostgreSQL's own, or a temporary table that is known by its text.
    pub fn may_give(&self, statement: usize, output: usize, relation: u32) -> bool {
        let mut read = self.relations.iter();
        relation < FIRST_OWN_OID
            || read.any(|one| one.oid == Some(relation))
            || self.may_come_of_made(statement, output)
    }

    /// Whether an output may come from a temporary table of which only the text is known, and not the OID.
    fn may_come_of_made(&self, statement: usize, output: usize) -> bool {
        let made = self.relations.iter().filter(|one| one.schema == TEMPORARY);
        let made: Vec<_> = made.filter_map(|one| one.oid).collect();
        let outputs = self.statements.get(statement).map(|one| &one.outputs);
        let output = match outputs {
            Some(Outputs::Columns(outputs)) => outputs.get(output),
            _ => None,
        };
        match output {
            Some(output) => output
                .sources
                .iter()
                .any(|source| made.contains(&source.column.relation)),
            None => !made.is_empty(),
        }
    }

    /// Whether something is a function that it calls, perhaps named with its schema, and there is none.
    pub fn is_missing_function(&self, called: &str, catalog: &Catalog) -> bool {
        let name = called.rsplit('.').next().unwrap_or(called);
        let mut functions = self.functions.iter();
        functions.any(|one| one.name == name) && !catalog.has_function(name)
    }

    /// About how many bytes it takes.
    pub fn weight(&self) -> usize {
        let outputs = |statement: &Statement| match &statement.outputs {
            Outputs::Columns(outputs) => outputs
                .iter()
                .map(|output| 32 + output.sources.len() * size_of::<Source>())
                .sum(),
            Outputs::None | Outputs::Harmless | Outputs::Unknown => 0,
        };
        let inside = |name: &NameUse| match name {
            NameUse::Prepare(_, inner) | NameUse::Declare(_, inner) => inner.weight(),
            NameUse::Execute(_)
            | NameUse::ExecuteInto(_)
            | NameUse::Deallocate(_)
            | NameUse::Fetch(_)
            | NameUse::Close(_) => 64,
        };
        let statement = |one: &Statement| {
            let names: usize = one.names.iter().map(inside).sum();
            let made = match &one.foreseen {
                Foreseen::Table(table) => table.columns.len() * 128,
                Foreseen::No | Foreseen::Nothing => 0,
            };
            let touched = match &one.touched {
                Touched::Relations(names) => names.len() * 48,
                Touched::Anything => 0,
            };
            256 + outputs(one) + names + made + touched + one.inner.len() * size_of::<Inner>()
        };
        512 + self.statements.iter().map(statement).sum::<usize>()
            + self.relations.len() * 128
            + self.columns.len() * size_of::<ColumnUse>()
            + self.selected.len() * size_of::<ColumnId>()
            + self.functions.len() * 96
            + self.opaque.len() * 128
    }
}

impl Use {
    /// Whether a use inside a view's definition is one of whoever reads the view: what reaches an
    /// output of the view is followed by column instead.
    pub(crate) fn stays_in_view(self) -> bool {
        match self {
            Use::Projected | Use::Derived | Use::WholeRow => false,
            Use::Filtered | Use::FilteredByEquality | Use::Ordered | Use::Copied | Use::Written => {
                true
            }
        }
    }
}

/// One use of a relation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RelationUse {
    /// OID, where the catalog knows it. An unqualified name gives one use for every relation of
    /// that name in any schema.
    pub oid: Option<u32>,
    /// Schema as resolved, or as written; empty where unknown.
    pub schema: String,
    /// Name.
    pub name: String,
    /// What is done to it.
    pub access: Access,
    /// Which statement, from 0.
    pub statement: u32,
}

impl RelationUse {
    /// Whether the name means what a session has made for itself.
    pub fn is_temporary(&self) -> bool {
        is_of_session(&self.schema)
    }
}

/// What is done to a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// Rows are read.
    Read,
    /// Rows are added.
    Insert,
    /// Rows are changed.
    Update,
    /// Rows are removed.
    Delete,
    /// All rows are removed.
    Truncate,
    /// It is created, altered or dropped.
    Define,
}

/// A call of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionUse {
    /// Schema as written or resolved; empty where unknown.
    pub schema: String,
    /// Name.
    pub name: String,
    /// Which statement, from 0.
    pub statement: u32,
    /// Where it is not PostgreSQL's own: a text that has all names which change what it does, its own and
    /// those in its body and in those of the functions that it calls; none where that is not known.
    pub text: Option<Arc<str>>,
}

impl Hash for FunctionUse {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.schema, &self.name, self.statement).hash(state);
    }
}

/// Something whose effect cannot be known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Opaque {
    /// Why.
    pub reason: OpaqueReason,
    /// What it is about: a name, or a reader's message. Never a value.
    pub detail: String,
    /// Which statement, from 0.
    pub statement: u32,
}

/// Why an effect cannot be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OpaqueReason {
    /// Neither reader reads it, or PostgreSQL's own grammar does not.
    Unparsed,
    /// Too long or too deeply nested to be read.
    TooComplex,
    /// The two readers disagree.
    ReadersDiffer,
    /// A relation that the catalog does not know.
    UnknownRelation,
    /// A column that the catalog does not know.
    UnknownColumn,
    /// A function, operator or type that is not known to be harmless.
    UnknownFunction,
    /// A function that runs SQL given as text.
    SqlInText,
    /// DO, CALL, triggers, rules: code that is not seen.
    ProceduralCode,
    /// A function or command that reads or writes files, programs or large objects of the server.
    ServerFile,
    /// A catalog or view that holds data (`pg_stats`, `pg_cursors`, ...).
    DataCatalog,
    /// EXECUTE or FETCH of a name that was not seen being defined.
    UnknownName,
    /// A setting that changes how text is read or who runs it.
    SessionState,
    /// A construct whose lineage is not worked out.
    Unsupported,
}

/// COPY.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// Which way, and where to.
    pub direction: CopyDirection,
    /// How rows are written.
    pub format: CopyFormat,
}

/// The direction of a COPY.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyDirection {
    /// COPY ... FROM STDIN.
    FromClient,
    /// COPY ... TO STDOUT; the outputs are the statement's.
    ToClient,
    /// A file or program of the server.
    Server,
}

/// The format of COPY data, with PostgreSQL's defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopyFormat {
    /// `FORMAT text`.
    Text {
        /// DELIMITER, one byte.
        delimiter: u8,
        /// NULL.
        null: String,
        /// HEADER.
        header: bool,
    },
    /// `FORMAT csv`.
    Csv {
        /// DELIMITER, one byte.
        delimiter: u8,
        /// QUOTE, one byte.
        quote: u8,
        /// ESCAPE, one byte.
        escape: u8,
        /// NULL.
        null: String,
        /// HEADER.
        header: bool,
        /// FORCE_QUOTE: the positions of the columns, from 0.
        quoted: Vec<usize>,
    },
    /// `FORMAT binary`.
    Binary,
}

/// How a statement deals with a name of the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameUse {
    /// PREPARE: outputs and uses of the inner statement are in the enclosed analysis.
    Prepare(String, Box<Analysis>),
    /// EXECUTE of a prepared statement.
    Execute(String),
    /// CREATE TABLE AS EXECUTE of a prepared statement.
    ExecuteInto(String),
    /// DEALLOCATE; `None` is ALL.
    Deallocate(Option<String>),
    /// DECLARE ... CURSOR: outputs of the query.
    Declare(String, Box<Analysis>),
    /// FETCH (returns rows) or MOVE.
    Fetch(String),
    /// CLOSE; `None` is ALL.
    Close(Option<String>),
}

impl NameUse {
    /// True where what happens depends on what the name means when it happens.
    pub fn is_by_name(&self) -> bool {
        match self {
            NameUse::Execute(_) | NameUse::ExecuteInto(_) | NameUse::Fetch(_) => true,
            NameUse::Prepare(..)
            | NameUse::Deallocate(_)
            | NameUse::Declare(..)
            | NameUse::Close(_) => false,
        }
    }
}

//! The rows that a catalog is made from, as the queries give them.

use std::collections::HashSet;
use std::str::FromStr;

use super::Error;
use crate::analysis::ColumnId;
use crate::functions;

/// One of the row sets that a catalog is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RowSet {
    /// Relations.
    Relations,
    /// Columns.
    Columns,
    /// Definitions of views and materialized views.
    Views,
    /// Inheritance and partitions.
    Inherits,
    /// Functions that are not PostgreSQL's own.
    Functions,
    /// PostgreSQL's own functions that clients call by number.
    Numbers,
    /// Types.
    Types,
    /// Operators that are not PostgreSQL's own.
    Operators,
    /// Casts by functions that are not PostgreSQL's own.
    Casts,
    /// What goes, or loses columns, when another session ends.
    Vanishing,
    /// Primary keys and unique indexes.
    Keys,
    /// Foreign keys.
    References,
    /// Functions of event triggers that run on definitions.
    Watchers,
    /// Operator classes of functions that are not PostgreSQL's own nor an extension's.
    Classes,
    /// Expressions of relations that call functions which are not PostgreSQL's own.
    Folded,
    /// Triggers.
    Triggers,
    /// What expressions call of PostgreSQL's own functions, and the types that they make values of.
    Made,
}

/// A relation.
#[derive(Clone, Debug, Hash)]
pub struct RelationRow {
    /// `pg_class.oid`.
    pub oid: u32,
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// `pg_class.relkind`.
    pub kind: char,
    /// Whether it has rewrite rules other than a view's own.
    pub has_rules: bool,
    /// The functions that its defaults, generated columns, checks, indexes and keys of
    /// partitions call, and that are not PostgreSQL's own.
    pub computes: Vec<u32>,
    /// The functions that its policies call, where row security is on, and that are not PostgreSQL's
    /// own.
    pub policies: Vec<u32>,
    /// The columns that its policies read, where row security is on; attribute 0 is a whole row, -1 none
    /// of a relation that is read.
    pub secured_by: Vec<ColumnId>,
    /// Of each check, exclusion, generated column and partition key over several columns, their
    /// attribute numbers.
    pub checks: Vec<Vec<i16>>,
}

impl RelationRow {
    /// A table that runs nothing of users' when it is read or written.
    pub fn table(oid: u32, schema: &str, name: &str) -> RelationRow {
        RelationRow {
            oid,
            schema: schema.to_owned(),
            name: name.to_owned(),
            kind: 'r',
            has_rules: false,
            computes: Vec::new(),
            policies: Vec::new(),
            secured_by: Vec::new(),
            checks: Vec::new(),
        }
    }
}

/// A column.
#[derive(Clone, Debug, Hash)]
pub struct ColumnRow {
    /// OID of the relation.
    pub relation: u32,
    /// `pg_attribute.attnum`.
    pub attribute: i16,
    /// Name.
    pub name: String,
    /// OID of the type.
    pub type_oid: u32,
    /// The type as `format_type` prints it.
    pub type_name: String,
    /// Whether it is generated.
    pub generated: bool,
    /// Whether it has a value where none is given.
    pub default: bool,
    /// The attributes that a generated column is made from.
    pub made_from: Vec<i16>,
    /// Whether it is NOT NULL.
    pub required: bool,
}

/// The definition of a view.
#[derive(Clone, Debug, Hash)]
pub struct ViewRow {
    /// OID of the view.
    pub relation: u32,
    /// What `pg_get_viewdef` prints; empty where it was not asked.
    pub definition: String,
    /// OIDs of the relations that it reads, and its own.
    pub reads: Vec<u32>,
    /// Its rules, each with the transaction that has made it what it is.
    pub rules: String,
}

/// A child and its parent.
#[derive(Clone, Debug, Hash)]
pub struct InheritRow {
    /// OID of the child or partition.
    pub child: u32,
    /// OID of the parent.
    pub parent: u32,
}

/// A function that is not PostgreSQL's own.
#[derive(Clone, Debug, Hash)]
pub struct FunctionRow {
    /// `pg_proc.oid`.
    pub oid: u32,
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// Language.
    pub language: String,
    /// `pg_proc.prokind`.
    pub kind: char,
    /// The extension that it belongs to; or empty.
    pub extension: String,
    /// Its body as it was written; empty where it is not to be read.
    pub source: String,
    /// Where the server keeps the body parsed and it reads no relation: the whole definition.
    pub definition: String,
    /// The defaults of its arguments, with commas between them.
    pub defaults: String,
    /// The names of its arguments.
    pub arguments: Vec<String>,
    /// The types of its arguments and of its result; of arrays, those of their elements.
    pub types: Vec<u32>,
}

/// A function of PostgreSQL's own that clients call by number.
#[derive(Clone, Debug, Hash)]
pub struct NumberRow {
    /// `pg_proc.oid`.
    pub oid: u32,
    /// Name.
    pub name: String,
}

/// A type.
#[derive(Clone, Debug, Hash)]
pub struct TypeRow {
    /// `pg_type.oid`.
    pub oid: u32,
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// `pg_type.typtype`.
    pub kind: char,
    /// For a domain or a range, the type it is over, where that is an array its elements'; else 0.
    pub base: u32,
    /// For a composite type, its relation; else 0.
    pub relation: u32,
    /// The extension that it belongs to; or empty.
    pub extension: String,
    /// The functions that a domain's default and checks call, and that are not PostgreSQL's own.
    pub calls: Vec<u32>,
    /// The labels of an enumerated type, in order.
    pub labels: Vec<String>,
}

/// An operator that is not PostgreSQL's own.
#[derive(Clone, Debug, Hash)]
pub struct OperatorRow {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// The extension that it belongs to; or empty.
    pub extension: String,
}

/// A cast by a function that is not PostgreSQL's own.
#[derive(Clone, Debug, Hash)]
pub struct CastRow {
    /// OID of the source type.
    pub source: u32,
    /// OID of the target type.
    pub target: u32,
    /// `pg_cast.castcontext`.
    pub context: char,
    /// Name of the function.
    pub function: String,
    /// The extension that it belongs to; or empty.
    pub extension: String,
}

/// A primary key or unique index.
#[derive(Clone, Debug, Hash)]
pub struct KeyRow {
    /// OID of the relation.
    pub relation: u32,
    /// Attribute numbers.
    pub attributes: Vec<i16>,
    /// It is a primary key that no two rows of the relation have alike at any time, those of heirs among
    /// them.
    pub determines: bool,
}

/// A foreign key.
#[derive(Clone, Debug, Hash)]
pub struct ReferenceRow {
    /// OID of the relation that is referenced.
    pub referenced: u32,
    /// OID of the relation whose key it is.
    pub referencing: u32,
    /// `pg_constraint.confdeltype`.
    pub on_delete: char,
    /// `pg_constraint.confupdtype`.
    pub on_update: char,
    /// Attribute numbers: of a column that is referenced, and of the one that refers to it.
    pub columns: Vec<(i16, i16)>,
    /// Whether a row that an update moves to another partition counts as deleted.
    pub deletes_moved: bool,
}

/// A trigger.
#[derive(Clone, Debug, Hash)]
pub struct TriggerRow {
    /// `pg_trigger.oid`.
    pub oid: u32,
    /// OID of the relation.
    pub relation: u32,
    /// OID of the function that it runs.
    pub function: u32,
    /// `pg_trigger.tgtype`: what it runs on.
    pub events: i16,
    /// The attributes of which an UPDATE must set one for it to run; or none.
    pub attributes: Vec<i16>,
    /// The functions that its condition calls, and that are not PostgreSQL's own.
    pub calls: Vec<u32>,
    /// The attributes that its condition looks at; 0 is a whole row.
    pub asked: Vec<i16>,
    /// Those of which it asks whether an UPDATE leaves them as they are, if that is all.
    pub compared: Vec<i16>,
}

/// What an expression calls or makes.
#[derive(Clone, Debug, Hash)]
pub struct MadeRow {
    /// OID of the relation, the trigger or the type that it is of.
    pub owner: u32,
    /// What it is: of what is written (w), a policy (p), a condition of a trigger (c), of a type (t).
    pub part: char,
    /// The name of one of PostgreSQL's own functions that it calls; or empty.
    pub function: String,
    /// A type that is not PostgreSQL's own of which it makes values, of an array its elements'; or 0.
    pub made: u32,
}

/// All rows that a catalog is made from.
#[derive(Clone, Debug, Default, Hash)]
pub struct CatalogRows {
    /// Relations.
    pub relations: Vec<RelationRow>,
    /// Columns.
    pub columns: Vec<ColumnRow>,
    /// Views.
    pub views: Vec<ViewRow>,
    /// Inheritance.
    pub inherits: Vec<InheritRow>,
    /// Functions.
    pub functions: Vec<FunctionRow>,
    /// PostgreSQL's own functions that clients call by number.
    pub numbers: Vec<NumberRow>,
    /// Types.
    pub types: Vec<TypeRow>,
    /// Operators.
    pub operators: Vec<OperatorRow>,
    /// Casts.
    pub casts: Vec<CastRow>,
    /// OIDs of relations that depend on temporary objects of sessions.
    pub vanishing: Vec<u32>,
    /// Keys.
    pub keys: Vec<KeyRow>,
    /// Foreign keys.
    pub references: Vec<ReferenceRow>,
    /// Functions of event triggers that run on definitions.
    pub watchers: Vec<u32>,
    /// Names of operator classes of functions that are not PostgreSQL's own nor an extension's.
    pub classes: Vec<String>,
    /// Expressions of relations by their OIDs, as PostgreSQL prints their nodes.
    pub folded: Vec<(u32, String)>,
    /// Triggers.
    pub triggers: Vec<TriggerRow>,
    /// What expressions call and make, but harmless functions.
    pub made: Vec<MadeRow>,
}

impl CatalogRows {
    /// A digest: equal rows, equal version.
    pub fn version(&self) -> u64 {
        super::digest(self)
    }

    /// Without what sessions have made for themselves: what a session sees that has made nothing.
    #[must_use]
    pub fn without_temporary(&self) -> CatalogRows {
        let mut rows = self.clone();
        let is_temporary = |schema: &str| schema.starts_with("pg_temp_");
        let own = rows
            .relations
            .iter()
            .filter(|one| is_temporary(&one.schema));
        let own: HashSet<u32> = own.map(|one| one.oid).collect();
        rows.relations.retain(|one| !own.contains(&one.oid));
        rows.columns.retain(|one| !own.contains(&one.relation));
        rows.views.retain(|one| !own.contains(&one.relation));
        rows.inherits.retain(|one| !own.contains(&one.child));
        rows.keys.retain(|one| !own.contains(&one.relation));
        rows.references
            .retain(|one| !own.contains(&one.referencing));
        rows.triggers.retain(|one| !own.contains(&one.relation));
        rows.made.retain(|one| !own.contains(&one.owner));
        rows.types.retain(|one| !is_temporary(&one.schema));
        rows.functions.retain(|one| !is_temporary(&one.schema));
        rows.operators.retain(|one| !is_temporary(&one.schema));
        rows
    }

    /// Adds one row of a query's answer, its values in text form.
    pub fn push(&mut self, set: RowSet, values: &[Option<&str>]) -> Result<(), Error> {
        let row = Row { set, values };
        match set {
            RowSet::Relations => self.relations.push(relation(&row)?),
            RowSet::Columns => self.columns.push(column(&row)?),
            RowSet::Views => self.views.push(view(&row)?),
            RowSet::Inherits => self.inherits.push(inherit(&row)?),
            RowSet::Functions => self.functions.push(function(&row)?),
            RowSet::Numbers => self.numbers.push(number(&row)?),
            RowSet::Types => self.types.push(data_type(&row)?),
            RowSet::Operators => self.operators.push(operator(&row)?),
            RowSet::Casts => self.casts.push(cast(&row)?),
            RowSet::Vanishing => self.vanishing.push(vanishing(&row)?),
            RowSet::Keys => self.keys.push(key(&row)?),
            RowSet::References => self.references.push(reference(&row)?),
            RowSet::Watchers => {
                row.expect(1)?;
                self.watchers.push(row.number(0)?);
            }
            RowSet::Classes => {
                row.expect(1)?;
                self.classes.push(row.text(0)?);
            }
            RowSet::Folded => {
                row.expect(2)?;
                self.folded.push((row.number(0)?, row.text(1)?));
            }
            RowSet::Triggers => self.triggers.push(trigger(&row)?),
            RowSet::Made => {
                let made = made(&row)?;
                if made.made != 0 || !functions::is_harmless_unseen(&made.function) {
                    self.made.push(made);
                }
            }
        }
        Ok(())
    }
}

fn relation(row: &Row<'_>) -> Result<RelationRow, Error> {
    row.expect(9)?;
    let columns: Vec<(u32, i16)> = row.pairs(7)?;
    let columns = columns.into_iter();
    Ok(RelationRow {
        oid: row.number(0)?,
        schema: row.text(1)?,
        name: row.text(2)?,
        kind: row.letter(3)?,
        has_rules: row.truth(4)?,
        computes: row.numbers(5)?,
        policies: row.numbers(6)?,
        secured_by: columns
            .map(|(relation, attribute)| ColumnId {
                relation,
                attribute,
            })
            .collect(),
        checks: row.groups(8)?,
    })
}

fn column(row: &Row<'_>) -> Result<ColumnRow, Error> {
    row.expect(9)?;
    Ok(ColumnRow {
        relation: row.number(0)?,
        attribute: row.number(1)?,
        name: row.text(2)?,
        type_oid: row.number(3)?,
        type_name: row.text(4)?,
        generated: row.truth(5)?,
        default: row.truth(6)?,
        made_from: row.numbers(7)?,
        required: row.truth(8)?,
    })
}

fn view(row: &Row<'_>) -> Result<ViewRow, Error> {
    row.expect(4)?;
    Ok(ViewRow {
        relation: row.number(0)?,
        definition: row.text(1)?,
        reads: row.numbers(2)?,
        rules: row.text(3)?,
    })
}

fn inherit(row: &Row<'_>) -> Result<InheritRow, Error> {
    row.expect(2)?;
    Ok(InheritRow {
        child: row.number(0)?,
        parent: row.number(1)?,
    })
}

fn function(row: &Row<'_>) -> Result<FunctionRow, Error> {
    row.expect(11)?;
    Ok(FunctionRow {
        oid: row.number(0)?,
        schema: row.text(1)?,
        name: row.text(2)?,
        language: row.text(3)?,
        kind: row.letter(4)?,
        extension: row.text(5)?,
        source: row.text(6)?,
        definition: row.text(7)?,
        defaults: row.text(8)?,
        arguments: row.value(9)?.lines().map(str::to_owned).collect(),
        types: row.numbers(10)?,
    })
}

fn number(row: &Row<'_>) -> Result<NumberRow, Error> {
    row.expect(2)?;
    Ok(NumberRow {
        oid: row.number(0)?,
        name: row.text(1)?,
    })
}

fn data_type(row: &Row<'_>) -> Result<TypeRow, Error> {
    row.expect(9)?;
    let labels = row.text(8)?;
    let labels = labels.split('\x1F').filter(|label| !label.is_empty());
    Ok(TypeRow {
        oid: row.number(0)?,
        schema: row.text(1)?,
        name: row.text(2)?,
        kind: row.letter(3)?,
        base: row.number(4)?,
        relation: row.number(5)?,
        extension: row.text(6)?,
        calls: row.numbers(7)?,
        labels: labels.map(str::to_owned).collect(),
    })
}

fn operator(row: &Row<'_>) -> Result<OperatorRow, Error> {
    row.expect(3)?;
    Ok(OperatorRow {
        schema: row.text(0)?,
        name: row.text(1)?,
        extension: row.text(2)?,
    })
}

fn cast(row: &Row<'_>) -> Result<CastRow, Error> {
    row.expect(5)?;
    Ok(CastRow {
        source: row.number(0)?,
        target: row.number(1)?,
        context: row.letter(2)?,
        function: row.text(3)?,
        extension: row.text(4)?,
    })
}

fn vanishing(row: &Row<'_>) -> Result<u32, Error> {
    row.expect(1)?;
    row.number(0)
}

fn key(row: &Row<'_>) -> Result<KeyRow, Error> {
    row.expect(3)?;
    Ok(KeyRow {
        relation: row.number(0)?,
        attributes: row.numbers(1)?,
        determines: row.truth(2)?,
    })
}

fn reference(row: &Row<'_>) -> Result<ReferenceRow, Error> {
    row.expect(6)?;
    Ok(ReferenceRow {
        referenced: row.number(0)?,
        referencing: row.number(1)?,
        on_delete: row.letter(2)?,
        on_update: row.letter(3)?,
        columns: row.pairs(4)?,
        deletes_moved: row.truth(5)?,
    })
}

fn trigger(row: &Row<'_>) -> Result<TriggerRow, Error> {
    row.expect(8)?;
    Ok(TriggerRow {
        oid: row.number(0)?,
        relation: row.number(1)?,
        function: row.number(2)?,
        events: row.number(3)?,
        attributes: row.numbers(4)?,
        calls: row.numbers(5)?,
        asked: row.numbers(6)?,
        compared: row.numbers(7)?,
    })
}

fn made(row: &Row<'_>) -> Result<MadeRow, Error> {
    row.expect(4)?;
    Ok(MadeRow {
        owner: row.number(0)?,
        part: row.letter(1)?,
        function: row.text(2)?,
        made: row.number(3)?,
    })
}

/// A row being read.
struct Row<'a> {
    set: RowSet,
    values: &'a [Option<&'a str>],
}

impl Row<'_> {
    fn expect(&self, wanted: usize) -> Result<(), Error> {
        let found = self.values.len();
        if found == wanted {
            return Ok(());
        }
        Err(Error::Arity {
            set: self.set,
            found,
            wanted,
        })
    }

    fn bad(&self, position: usize) -> Error {
        Error::Value {
            set: self.set,
            position,
        }
    }

    fn value(&self, position: usize) -> Result<&str, Error> {
        self.values
            .get(position)
            .copied()
            .flatten()
            .ok_or_else(|| self.bad(position))
    }

    fn text(&self, position: usize) -> Result<String, Error> {
        Ok(self.value(position)?.to_owned())
    }

    fn letter(&self, position: usize) -> Result<char, Error> {
        self.value(position)?
            .chars()
            .next()
            .ok_or_else(|| self.bad(position))
    }

    fn number<N: FromStr>(&self, position: usize) -> Result<N, Error> {
        self.value(position)?
            .parse()
            .map_err(|_| self.bad(position))
    }

    fn numbers<T: FromStr>(&self, position: usize) -> Result<Vec<T>, Error> {
        self.value(position)?
            .split(',')
            .filter(|part| !part.is_empty())
            .map(|part| part.parse().map_err(|_| self.bad(position)))
            .collect()
    }

    /// Numbers with a space between the two of a pair.
    fn pairs<A: FromStr, B: FromStr>(&self, position: usize) -> Result<Vec<(A, B)>, Error> {
        let pair = |part: &str| {
            let (one, other) = part.split_once(' ')?;
            Some((one.parse().ok()?, other.parse().ok()?))
        };
        self.value(position)?
            .split(',')
            .filter(|part| !part.is_empty())
            .map(|part| pair(part).ok_or_else(|| self.bad(position)))
            .collect()
    }

    /// Numbers with spaces between those of a group.
    fn groups<T: FromStr>(&self, position: usize) -> Result<Vec<Vec<T>>, Error> {
        let group = |part: &str| {
            let numbers = part.split(' ').map(|one| one.parse().ok());
            numbers.collect::<Option<Vec<T>>>()
        };
        self.value(position)?
            .split(',')
            .filter(|part| !part.is_empty())
            .map(|part| group(part).ok_or_else(|| self.bad(position)))
            .collect()
    }

    fn truth(&self, position: usize) -> Result<bool, Error> {
        match self.value(position)? {
            "true" | "t" => Ok(true),
            "false" | "f" => Ok(false),
            _ => Err(self.bad(position)),
        }
    }
}

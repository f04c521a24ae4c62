//! What an expression's value is made of.

use std::rc::Rc;

use super::COLUMN;
use crate::analysis::{Reach, Source};

/// The base columns in a value, and its fields where it is a row.
#[derive(Clone, Debug, Default)]
pub(super) struct Value {
    /// Sorted, each once.
    pub(super) sources: Vec<Source>,
    pub(super) fields: Option<Rc<Table>>,
}

/// Named columns: a relation, a result or a row.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub(super) columns: Vec<Named>,
    /// What columns that are not known by name are made of. With it, neither number nor order of
    /// the columns is known.
    pub(super) other: Option<Value>,
}

/// A column with its name.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) value: Value,
    /// Whether the name is one that was written or that the catalog has. That of an expression without
    /// one is guessed as PostgreSQL would: it may be another, and what is looked for by it may be
    /// further out.
    pub(super) certain: bool,
}

impl Named {
    /// A column whose name is certain.
    pub(super) fn new(name: impl Into<String>, value: Value) -> Named {
        Named {
            name: name.into(),
            value,
            certain: true,
        }
    }

    /// A column whose name is guessed.
    pub(super) fn guessed(name: impl Into<String>, value: Value) -> Named {
        Named {
            certain: false,
            ..Named::new(name, value)
        }
    }
}

impl Value {
    pub(super) fn of(mut sources: Vec<Source>) -> Value {
        sources.sort_unstable();
        sources.dedup();
        Value {
            sources,
            fields: None,
        }
    }

    /// Either of two values.
    pub(super) fn or(self, other: Value) -> Value {
        self.or_within(other, &mut { MOST_COMPARED_OF_ONE })
    }

    /// The same, comparing no more columns than are left.
    fn or_within(mut self, other: Value, left: &mut usize) -> Value {
        if !same_fields(&self, &other, left) {
            self.fields = None;
        }
        self.add(other.sources);
        self
    }

    /// Something made from both.
    pub(super) fn with(mut self, other: Value) -> Value {
        self.fields = None;
        self.add(other.sources);
        self
    }

    /// An expression over this value.
    pub(super) fn derived(mut self) -> Value {
        self.fields = None;
        let mut changed = false;
        for source in &mut self.sources {
            if source.how == Reach::Projected {
                source.how = Reach::Derived;
                changed = true;
            }
        }
        if changed {
            self.sources.sort_unstable();
            self.sources.dedup();
        }
        self
    }

    /// The value of a column whose type has these attributes: reading it reads them all, and one of
    /// them is something of the column too.
    pub(super) fn made_of_row(self, attributes: &Rc<Table>) -> Value {
        let column = self.clone().derived();
        let fields = attributes.columns.iter().map(|attribute| {
            let value = Value {
                fields: attribute.value.fields.clone(),
                ..column.clone().with(attribute.value.clone())
            };
            Named::new(attribute.name.as_str(), value)
        });
        let table = Table {
            columns: fields.collect(),
            other: None,
        };
        Value {
            fields: Some(Rc::new(table)),
            ..self.with(attributes.whole_row())
        }
    }

    /// The value as a row of these fields, each of which may hold all of it.
    pub(super) fn row(self, fields: &[String]) -> Value {
        let value = self.derived();
        let columns = fields.iter();
        let columns = columns.map(|name| Named::new(name.as_str(), value.clone()));
        let table = Table {
            columns: columns.collect(),
            other: None,
        };
        Value {
            fields: Some(Rc::new(table)),
            ..value
        }
    }

    fn add(&mut self, more: Vec<Source>) {
        if more.is_empty() {
            return;
        }
        if self.sources.is_empty() {
            self.sources = more;
            return;
        }
        if let [one] = more.as_slice() {
            if let Err(place) = self.sources.binary_search(one) {
                self.sources.insert(place, *one);
            }
            return;
        }
        self.sources.extend(more);
        self.sources.sort_unstable();
        self.sources.dedup();
    }

    /// The field of a row; of a value that is not known to be one, something made from it.
    pub(super) fn field(&self, name: &str) -> Value {
        self.fields
            .as_ref()
            .and_then(|fields| fields.column(name))
            .unwrap_or_else(|| self.clone().derived())
    }
}

impl Table {
    /// A table of which nothing is known but what it is made of.
    pub(super) fn unknown(of: Value) -> Table {
        Table {
            columns: Vec::new(),
            other: Some(of),
        }
    }

    /// The columns of this name, together; where none has it for certain, also those that may.
    pub(super) fn column(&self, name: &str) -> Option<Value> {
        let is_certain = self.is_certain(name);
        let may_be = |column: &&Named| match is_certain {
            true => column.certain && column.name == name,
            false => !column.certain,
        };
        let values = self.columns.iter().filter(may_be);
        let values = values.map(|column| column.value.clone());
        let found = values.reduce(Value::or);
        match (found, &self.other) {
            (Some(found), Some(other)) if !is_certain => Some(found.or(other.clone())),
            (None, Some(other)) => Some(other.clone()),
            (found, _) => found,
        }
    }

    /// Whether there is a column of this name, and its name is not only guessed.
    pub(super) fn is_certain(&self, name: &str) -> bool {
        let mut columns = self.columns.iter();
        columns.any(|column| column.certain && column.name == name)
    }

    /// Whether it is known how many columns there are, and what each is called.
    pub(super) fn is_known(&self) -> bool {
        self.other.is_none() && self.columns.iter().all(|column| column.certain)
    }

    /// What a copy costs.
    pub(super) fn size(&self) -> usize {
        let columns = self.columns.iter();
        let sizes = columns.map(|column| COLUMN + column.value.sources.len());
        sizes.sum::<usize>() + self.other.as_ref().map_or(0, |other| other.sources.len())
    }

    /// Whether it is the same; false where that takes too long to tell.
    pub(super) fn is(&self, other: &Table) -> bool {
        same_table(self, other, &mut { MOST_COMPARED })
    }

    /// The whole row as one value.
    pub(super) fn whole_row(self: &Rc<Self>) -> Value {
        let mut sources = Vec::new();
        let values = self
            .columns
            .iter()
            .map(|column| &column.value)
            .chain(&self.other);
        for source in values.flat_map(|value| &value.sources) {
            let how = match source.how {
                Reach::Projected | Reach::WholeRow => Reach::WholeRow,
                Reach::Derived => Reach::Derived,
            };
            sources.push(Source { how, ..*source });
        }
        let fields = Some(Rc::clone(self));
        Value {
            fields,
            ..Value::of(sources)
        }
    }

    /// The same columns, where some have values that the statement itself was given.
    pub(super) fn given(&self, is_given: impl Fn(&str) -> bool) -> Table {
        let columns = self.columns.iter();
        let columns = columns.map(|column| match is_given(&column.name) {
            true => Named::new(column.name.as_str(), Value::default()),
            false => column.clone(),
        });
        Table {
            columns: columns.collect(),
            other: self.other.clone(),
        }
    }

    /// Every source of every column, as part of an expression.
    pub(super) fn everything(&self) -> Value {
        let values = self
            .columns
            .iter()
            .map(|column| &column.value)
            .chain(&self.other);
        let sources = values.flat_map(|value| &value.sources).copied();
        Value::of(sources.collect()).derived()
    }

    /// The first columns renamed.
    pub(super) fn renamed(mut self, names: &[&str]) -> Table {
        if let Some(other) = &self.other {
            // The order is not known: each of the names may be any column.
            let any = self.everything().with(other.clone());
            if names.len().saturating_mul(any.sources.len()) > MOST_COPIED {
                return Table::unknown(any);
            }
            let named = names.iter().map(|name| Named::new(*name, any.clone()));
            let mut columns: Vec<Named> = named.collect();
            columns.append(&mut self.columns);
            self.columns = columns;
            return self;
        }
        for (column, name) in self.columns.iter_mut().zip(names) {
            column.name = (*name).to_owned();
            column.certain = true;
        }
        self
    }

    /// Either of two tables: what a set operation gives.
    pub(super) fn or(self, second: Table) -> Table {
        if self.other.is_some()
            || second.other.is_some()
            || self.columns.len() != second.columns.len()
        {
            return Table::unknown(self.everything().with(second.everything()));
        }
        let mut left = MOST_COMPARED;
        let columns = self.columns.into_iter().zip(second.columns);
        Table {
            columns: columns
                .map(|(one, two)| Named {
                    value: one.value.or_within(two.value, &mut left),
                    ..one
                })
                .collect(),
            other: None,
        }
    }
}

/// How many columns are compared before two rows count as different: rows within rows may share
/// parts, and have many more columns than were ever copied.
const MOST_COMPARED: usize = 20_000;

/// How many sources are copied for names that may each be any column.
const MOST_COPIED: usize = 20_000;

/// As [`MOST_COMPARED`], of one value.
const MOST_COMPARED_OF_ONE: usize = 500;

fn same_table(one: &Table, other: &Table, left: &mut usize) -> bool {
    let others = match (&one.other, &other.other) {
        (None, None) => true,
        (Some(one), Some(other)) => same_value(one, other, left),
        _ => false,
    };
    others
        && one.columns.len() == other.columns.len()
        && one.columns.iter().zip(&other.columns).all(|(one, other)| {
            one.name == other.name && same_value(&one.value, &other.value, left)
        })
}

fn same_value(one: &Value, other: &Value, left: &mut usize) -> bool {
    *left = left.saturating_sub(one.sources.len() / 16);
    one.sources == other.sources && same_fields(one, other, left)
}

fn same_fields(one: &Value, other: &Value, left: &mut usize) -> bool {
    match (&one.fields, &other.fields) {
        (None, None) => true,
        (Some(one), Some(other)) if Rc::ptr_eq(one, other) => true,
        (Some(one), Some(other)) => match left.checked_sub(one.columns.len()) {
            Some(less) => {
                *left = less;
                same_table(one, other, left)
            }
            None => false,
        },
        _ => false,
    }
}

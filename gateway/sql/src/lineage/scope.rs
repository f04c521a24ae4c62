//! Which names mean what, as PostgreSQL resolves them.

use std::rc::Rc;

use super::value::{Table, Value};
use crate::analysis::Restriction;

/// What FROM has put in reach at one query level, and the levels around it.
pub(super) struct Scope<'s> {
    pub(super) items: Vec<Item>,
    pub(super) outer: Option<&'s Scope<'s>>,
    pub(super) with: With,
    pub(super) level: Level,
}

/// How many levels a query level is inside others.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Level(u32);

/// Some query levels. Very deep ones are not told apart.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Levels(u64);

impl Level {
    pub(super) fn inner(self) -> Level {
        Level(self.0 + 1)
    }
}

impl Levels {
    pub(super) fn add(&mut self, other: Levels) {
        self.0 |= other.0;
    }

    pub(super) fn has(self, level: Level) -> bool {
        self.0 & Levels::from(level).0 != 0
    }
}

impl From<Level> for Levels {
    fn from(level: Level) -> Levels {
        Levels(1 << level.0.min(u64::BITS - 1))
    }
}

/// The common table expressions in reach, the nearest first.
pub(super) type With = Option<Rc<Common>>;

/// A common table expression.
pub(super) struct Common {
    pub(super) name: String,
    /// None while WITH RECURSIVE has named it and it is not worked out yet.
    pub(super) table: Option<Rc<Table>>,
    /// What restricts its rows.
    pub(super) rows: Restriction,
    /// How many are in reach further out.
    pub(super) place: usize,
    pub(super) next: With,
}

/// How many common table expressions are in reach.
pub(super) fn number_of(with: &With) -> usize {
    with.as_ref().map_or(0, |common| common.place + 1)
}

/// A thing in FROM.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// The alias, else the relation's name; empty for a join without alias and the like.
    pub(super) name: String,
    /// The schemas that may qualify the name; none under an alias.
    pub(super) schemas: Vec<String>,
    pub(super) table: Rc<Table>,
    /// The relation that it is, where its rows are that one's.
    pub(super) relation: Option<u32>,
    /// Whether `name.column` finds it.
    pub(super) by_name: bool,
    /// Whether its columns are found without a qualifier.
    pub(super) bare: bool,
    /// Whether it has `ctid` and the like.
    pub(super) system: bool,
    /// Whether columns by other names may exist that are of a level further out instead.
    pub(super) doubtful: bool,
    /// Whether its columns were given other names in FROM: the fields of its rows may have those of
    /// their type.
    pub(super) renamed: bool,
    /// Whether a condition on it says which rows the statement is about: not what an UPDATE or
    /// DELETE only looks at beside its target.
    pub(super) restricts: bool,
}

/// What a column name was found to be.
pub(super) enum Found {
    /// A value, and the levels that it is of.
    Value(Value, Levels),
    /// Nothing.
    Nothing,
}

/// What every row has beside its columns.
pub(super) const SYSTEM_COLUMNS: [&str; 6] = ["ctid", "xmin", "cmin", "xmax", "cmax", "tableoid"];

impl<'s> Scope<'s> {
    /// A level inside another, with nothing in FROM yet.
    pub(super) fn inside(outer: &'s Scope<'s>) -> Scope<'s> {
        Scope {
            items: Vec::new(),
            outer: Some(outer),
            with: outer.with.clone(),
            level: outer.level.inner(),
        }
    }

    /// The outermost level.
    pub(super) fn outermost() -> Scope<'static> {
        Scope {
            items: Vec::new(),
            outer: None,
            with: None,
            level: Level::default(),
        }
    }

    /// How much there is to look through for a name.
    pub(super) fn breadth(&self) -> usize {
        let mut breadth = 0;
        let mut level = Some(self);
        while let Some(scope) = level {
            let columns = scope.items.iter().map(|item| item.table.columns.len());
            breadth += 1 + scope.items.len() + columns.sum::<usize>();
            level = scope.outer;
        }
        breadth
    }

    /// A column by its bare name, from the nearest level that has it.
    pub(super) fn column(&self, name: &str) -> Found {
        let mut found: Option<Value> = None;
        let mut levels = Levels::default();
        let mut level = Some(self);
        while let Some(scope) = level {
            let mut sure = false;
            for item in scope.items.iter().filter(|item| item.bare) {
                let Some(value) = item.column(name) else {
                    continue;
                };
                sure |= !item.doubtful && item.is_certain(name);
                if item.restricts {
                    levels.add(scope.level.into());
                }
                found = Some(match found {
                    Some(before) => before.or(value),
                    None => value,
                });
            }
            if sure {
                break;
            }
            level = scope.outer;
        }
        found.map_or(Found::Nothing, |value| Found::Value(value, levels))
    }

    /// Whether something in FROM goes by this name, at any level.
    pub(super) fn has_item(&self, name: &str) -> bool {
        let mut level = Some(self);
        while let Some(scope) = level {
            if scope
                .items
                .iter()
                .any(|item| item.by_name && item.name == name)
            {
                return true;
            }
            level = scope.outer;
        }
        false
    }

    /// A column by its bare name, if it is certain which one it is.
    pub(super) fn certain_column(&self, name: &str) -> Option<Value> {
        let mut level = Some(self);
        while let Some(scope) = level {
            let items = scope.items.iter().filter(|item| item.bare);
            let mut found = items.filter_map(|item| Some((item, item.column(name)?)));
            match (found.next(), found.next()) {
                (None, _) => level = scope.outer,
                (Some((item, value)), None) => return item.has(name).then_some(value),
                (Some(_), Some(_)) => return None,
            }
        }
        None
    }

    /// The same of a column by the name of a thing in FROM and its own.
    pub(super) fn certain_column_of(&self, table: &str, name: &str) -> Option<Value> {
        match self.named(None, table).0.as_slice() {
            [item] if item.has(name) => item.column(name),
            _ => None,
        }
    }

    /// The things of the nearest level that go by this name, and that level.
    pub(super) fn named(&self, schema: Option<&str>, name: &str) -> (Vec<&Item>, Levels) {
        let mut level = Some(self);
        while let Some(scope) = level {
            let matching = |item: &&Item| {
                item.by_name
                    && item.name == name
                    && schema.is_none_or(|schema| item.schemas.iter().any(|one| one == schema))
            };
            let found: Vec<&Item> = scope.items.iter().filter(matching).collect();
            if !found.is_empty() {
                let restricts = found.iter().any(|item| item.restricts);
                let levels = restricts.then(|| scope.level.into());
                return (found, levels.unwrap_or_default());
            }
            level = scope.outer;
        }
        (Vec::new(), Levels::default())
    }

    /// The common table expression of this name.
    pub(super) fn common(&self, name: &str) -> Option<&Common> {
        let mut next = self.with.as_deref();
        while let Some(common) = next {
            if common.name == name {
                return Some(common);
            }
            next = common.next.as_deref();
        }
        None
    }
}

impl Item {
    /// A thing that is found by its name and whose columns are found without it.
    pub(super) fn new(name: &str, table: Table) -> Item {
        Item {
            name: name.to_owned(),
            schemas: Vec::new(),
            table: Rc::new(table),
            relation: None,
            by_name: !name.is_empty(),
            bare: true,
            system: false,
            doubtful: false,
            renamed: false,
            restricts: true,
        }
    }

    /// Its whole row as one value.
    pub(super) fn whole_row(&self) -> Value {
        let row = self.table.whole_row();
        match self.renamed {
            true => Value {
                fields: None,
                ..row
            },
            false => row,
        }
    }

    /// Whether the column of this name is one of this, and not only may be.
    pub(super) fn is_certain(&self, name: &str) -> bool {
        let is_system = self.system && SYSTEM_COLUMNS.contains(&name);
        self.table.other.is_none() && (is_system || self.table.is_certain(name))
    }

    /// Whether it certainly has a column of this name.
    fn has(&self, name: &str) -> bool {
        !self.doubtful && self.is_certain(name)
    }

    /// The column of this name; system columns carry no value of a row.
    pub(super) fn column(&self, name: &str) -> Option<Value> {
        let listed = self.table.columns.iter().any(|column| column.name == name);
        if !listed && self.system && SYSTEM_COLUMNS.contains(&name) {
            return Some(Value::default());
        }
        self.table.column(name)
    }
}

//! Names that columns had before they, their relation or their schema were renamed or moved: what is
//! protected by name stays protected.

use std::collections::{BTreeMap, BTreeSet};

use super::{Catalog, Column, ColumnInfo, Relation};
use crate::analysis::ColumnId;

/// Of one relation, and of one column, more names than these are forgotten, the oldest first.
const MOST_NAMES: usize = 64;

/// The former names of all that is still there.
#[derive(Clone, Debug, Default, Hash, PartialEq, Eq)]
pub(super) struct FormerNames {
    /// Schema and name of each relation that had others.
    relations: BTreeMap<u32, Vec<(String, String)>>,
    columns: BTreeMap<ColumnId, Vec<String>>,
}

impl FormerNames {
    /// Those that were known, and those by which the catalog differs from the one before.
    fn of(catalog: &Catalog, before: &Catalog) -> FormerNames {
        let mut names = before.root().former.clone();
        names
            .relations
            .retain(|oid, _| catalog.relation(*oid).is_some());
        names
            .columns
            .retain(|column, _| catalog.column(*column).is_some());
        for old in before.relations() {
            let Some(new) = catalog.relation(old.oid) else {
                continue;
            };
            if (&new.schema, &new.name) != (&old.schema, &old.name) {
                let known = names.relations.entry(old.oid).or_default();
                add(known, (old.schema.clone(), old.name.clone()));
            }
            for column in &old.columns {
                let renamed = new.column(column.attribute);
                if renamed.is_some_and(|renamed| renamed.name != column.name) {
                    let known = names.columns.entry(old.id(column)).or_default();
                    add(known, column.name.clone());
                }
            }
        }
        names
    }

    /// The columns of a relation by all names but those that they have.
    fn told<'a>(&'a self, relation: &'a Relation) -> impl Iterator<Item = ColumnInfo<'a>> {
        let present = (relation.schema.as_str(), relation.name.as_str());
        let relations = self.relations.get(&relation.oid).into_iter().flatten();
        let relations = relations.map(|(schema, name)| (schema.as_str(), name.as_str()));
        let relations = std::iter::once(present).chain(relations);
        relations.flat_map(move |(schema, name)| {
            let columns = relation.columns.iter();
            columns.flat_map(move |column| {
                let names = self.names(relation, column);
                let is_present = move |one: &&str| (schema, name) == present && *one == column.name;
                let names = names.filter(move |one| !is_present(one));
                names.map(move |column_name| ColumnInfo {
                    schema,
                    relation: name,
                    name: column_name,
                    ..relation.info(column)
                })
            })
        })
    }

    fn names<'a>(
        &'a self,
        relation: &Relation,
        column: &'a Column,
    ) -> impl Iterator<Item = &'a str> + use<'a> {
        let former = self.columns.get(&relation.id(column));
        let former = former.into_iter().flatten().map(String::as_str);
        std::iter::once(column.name.as_str()).chain(former)
    }
}

fn add<T: PartialEq>(names: &mut Vec<T>, name: T) {
    if !names.contains(&name) {
        names.push(name);
    }
    if names.len() > MOST_NAMES {
        names.remove(0);
    }
}

impl Catalog {
    /// Keeps the names that columns had in the catalog before this one.
    pub fn remember(&mut self, before: &Catalog) {
        self.former = FormerNames::of(self, before);
        if self.former != FormerNames::default() {
            // What was judged before a name was changed and given back does not hold any more.
            self.version = super::digest((self.rows_version, &self.former));
        }
    }

    /// Whether a column, its relation or its schema had another name.
    pub fn was_renamed(&self, column: ColumnId) -> bool {
        let former = &self.root().former;
        former.columns.contains_key(&column) || former.relations.contains_key(&column.relation)
    }

    /// Columns that are still there, under names that they had.
    pub fn former(&self) -> impl Iterator<Item = ColumnInfo<'_>> {
        let former = &self.root().former;
        let columns = former.columns.keys().map(|column| column.relation);
        let relations: BTreeSet<u32> = former.relations.keys().copied().chain(columns).collect();
        let relations = relations.into_iter().filter_map(|oid| self.relation(oid));
        relations.flat_map(|relation| former.told(relation))
    }
}

//! Views that are locked while the catalog is read: they are what they were, where nothing tells otherwise.

use std::collections::HashMap;

use super::{Catalog, CatalogRows, ViewRow};

/// Of relations, their names and those of their columns.
type Names<'a> = HashMap<u32, NamesOfOne<'a>>;

/// Of one: its schema, its name, and the names of its columns.
type NamesOfOne<'a> = (&'a str, &'a str, Vec<(i16, &'a str)>);

impl CatalogRows {
    /// Takes the definitions of views that could not be printed from a catalog before, where their rules are
    /// the same and what they name is, too.
    pub fn keep_views(&mut self, before: &Catalog) {
        let before = before.root();
        let is_missing = |view: &ViewRow| {
            view.definition.is_empty() && !view.rules.is_empty() && !view.reads.is_empty()
        };
        if !self.views.iter().any(is_missing) || self.code_version() != before.code_version {
            return;
        }
        let names = self.names();
        let kept = self.views.iter().map(|view| {
            let mut known = before.views.iter().filter(|_| is_missing(view));
            let known = known.find(|known| {
                known.relation == view.relation
                    && known.rules == view.rules
                    && known.reads == view.reads
            })?;
            let mut reads = view.reads.iter();
            let is_same = reads.all(|oid| names.get(oid) == before.names_of(*oid).as_ref());
            is_same.then(|| known.definition.clone())
        });
        let kept: Vec<Option<String>> = kept.collect();
        for (view, kept) in self.views.iter_mut().zip(kept) {
            if let Some(definition) = kept {
                view.definition = definition;
            }
        }
    }

    /// A digest of what the names of functions, operators and types mean, but the types of relations.
    pub(super) fn code_version(&self) -> u64 {
        let functions = self.functions.iter();
        let functions = functions.map(|one| (one.oid, &one.schema, &one.name));
        let operators = self.operators.iter().map(|one| (&one.schema, &one.name));
        let types = self.types.iter();
        let types = types.filter(|one| one.kind != 'c' && !(one.kind == 'b' && one.base != 0));
        let types = types.map(|one| (one.oid, &one.schema, &one.name));
        super::digest((
            functions.collect::<Vec<_>>(),
            operators.collect::<Vec<_>>(),
            types.collect::<Vec<_>>(),
        ))
    }

    fn names(&self) -> Names<'_> {
        let relations = self.relations.iter();
        let mut names: Names<'_> = relations
            .map(|one| {
                (
                    one.oid,
                    (one.schema.as_str(), one.name.as_str(), Vec::new()),
                )
            })
            .collect();
        for column in &self.columns {
            if let Some((_, _, columns)) = names.get_mut(&column.relation) {
                columns.push((column.attribute, column.name.as_str()));
            }
        }
        for (_, _, columns) in names.values_mut() {
            columns.sort_unstable();
        }
        names
    }
}

impl Catalog {
    fn names_of(&self, oid: u32) -> Option<NamesOfOne<'_>> {
        let relation = self.relation(oid)?;
        let columns = relation.columns.iter();
        let columns = columns.map(|column| (column.attribute, column.name.as_str()));
        Some((&relation.schema, &relation.name, columns.collect()))
    }
}

//! What runs, and what is compared, where rows are written: triggers, defaults, checks, indexes.

use std::collections::HashSet;

use super::Walk;
use crate::analysis::{Access, ColumnId, OpaqueReason, Use};
use crate::catalog::{Relation, RelationKind, Trigger};
use crate::parse::{NodeEnum, inner, pg};

/// How rows come to be written that triggers see.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Write {
    /// A row of the statement's own comes to be.
    New,
    /// A row is changed.
    Changed,
    /// Rows go.
    Gone,
}

impl<'a> Walk<'a> {
    /// What runs where rows of a relation are written: it is as if the statement called it. What
    /// depends on which columns are set is left to [`Walk::set_columns`].
    pub(super) fn runs_on_write(&mut self, relation: &'a Relation, access: Access) {
        if matches!(access, Access::Insert | Access::Update) {
            self.code(&relation.computes, &relation.name, 0);
            for column in &relation.columns {
                if let Some(data_type) = self.catalog.column_type(column) {
                    self.data_type(data_type, 0);
                }
            }
        }
        // Foreign keys are looked up.
        for other in self.catalog.beside_by_keys(relation.oid) {
            self.functions_of(self.catalog.folded(other), &relation.name);
        }
        let (events, write) = match access {
            Access::Insert => (INSERT, Write::New),
            // It may move a row to another partition, as if it were deleted here and inserted there.
            Access::Update if self.may_move(relation) => (INSERT | DELETE | UPDATE, Write::Changed),
            Access::Update => (UPDATE, Write::Changed),
            Access::Delete => (DELETE, Write::Gone),
            Access::Truncate => (TRUNCATE, Write::Gone),
            Access::Read | Access::Define => return,
        };
        for trigger in &relation.triggers {
            let of_columns = trigger.events & events == UPDATE && !trigger.attributes.is_empty();
            if trigger.events & events != 0 && !of_columns {
                self.runs(relation, trigger, write);
            }
        }
    }

    fn may_move(&self, relation: &Relation) -> bool {
        let whole = self.catalog.ancestors(relation.oid);
        let mut whole = whole
            .into_iter()
            .filter_map(|oid| self.catalog.relation(oid));
        relation.kind == RelationKind::Partitioned
            || whole.any(|one| one.kind == RelationKind::Partitioned)
    }

    /// A trigger that runs.
    fn runs(&mut self, relation: &'a Relation, trigger: &'a Trigger, write: Write) {
        self.functions_of(&[trigger.function], &relation.name);
        self.code(&trigger.condition, &relation.name, 0);
        // When it runs may tell, whatever it does.
        for &attribute in &trigger.asked {
            match write {
                Write::New => self.asked_of_new(relation, attribute),
                Write::Changed | Write::Gone => self.asked_for(relation, attribute),
            }
        }
        let Some(fields) = self.catalog.fields(trigger.function) else {
            return;
        };
        for field in &fields.reads {
            // What its function makes of a field, it may put into another column.
            let known = self.table(relation).column(&field.name);
            match known {
                Some(_) if write == Write::New && !self.has_default(relation, &field.name) => {}
                Some(value) => self.mark(&value, field.used),
                None => self.opaque(OpaqueReason::UnknownColumn, &field.name),
            }
        }
        if write == Write::Changed {
            let columns = relation.columns.iter();
            let set = columns.filter(|column| fields.writes.contains(&column.name));
            self.compared(set.map(|column| relation.id(column)).collect());
        }
    }

    /// A condition over a new row: all that is not the statement's own there are defaults.
    fn asked_of_new(&mut self, relation: &'a Relation, attribute: i16) {
        let columns = relation.columns.iter();
        let asked = columns.filter(|one| attribute == 0 || one.attribute == attribute);
        for column in asked {
            if self.has_default(relation, &column.name) {
                self.asked_for(relation, column.attribute);
            }
        }
    }

    /// Whether a new row may have a value in this column that the statement does not give: those that
    /// come by a parent have its defaults.
    fn has_default(&self, relation: &Relation, name: &str) -> bool {
        let above = self.catalog.ancestors(relation.oid);
        let above = above
            .into_iter()
            .filter_map(|oid| self.catalog.relation(oid));
        let mut columns = std::iter::once(relation)
            .chain(above)
            .flat_map(|one| &one.columns);
        columns.any(|column| column.name == name && column.default)
    }

    /// The columns of these names are given values, by an UPDATE or the like.
    pub(super) fn set_by_names(&mut self, targets: &[pg::Node], of: &[&'a Relation]) {
        let mut written = HashSet::new();
        for node in targets.iter().filter_map(inner) {
            let NodeEnum::ResTarget(target) = node else {
                continue;
            };
            for relation in of {
                // Of a view, what it shows; of a parent, the columns of its children.
                let value = self.table(relation).column(&target.name);
                let bases = value.into_iter().flat_map(|value| value.sources);
                written.extend(bases.map(|source| source.column));
            }
        }
        self.set_columns(written);
    }

    /// The same for columns that are given values whatever they are called.
    pub(super) fn set_columns(&mut self, written: HashSet<ColumnId>) {
        let written = self.families(written);
        let mut relations: Vec<u32> = written.iter().map(|column| column.relation).collect();
        relations.sort_unstable();
        relations.dedup();
        for relation in relations
            .into_iter()
            .filter_map(|oid| self.catalog.relation(oid))
        {
            for trigger in &relation.triggers {
                let mut attributes = trigger.attributes.iter().map(|&attribute| ColumnId {
                    relation: relation.oid,
                    attribute,
                });
                if trigger.events & UPDATE != 0 && attributes.any(|one| written.contains(&one)) {
                    self.runs(relation, trigger, Write::Changed);
                }
            }
        }
        self.compared(written);
    }

    /// Where a column is given a value that a check, a generated column, an index or the key of partitions
    /// puts together with another column's, whether it succeeds tells of that one.
    fn compared(&mut self, written: HashSet<ColumnId>) {
        let written = self.families(written);
        let compared = written.iter().flat_map(|column| {
            let relation = self.catalog.relation(column.relation).into_iter();
            let checks = relation.flat_map(|relation| &relation.checks);
            let checks = checks.filter(|check| check.contains(&column.attribute));
            checks.flatten().map(|&attribute| ColumnId {
                relation: column.relation,
                attribute,
            })
        });
        let old: HashSet<ColumnId> = compared.filter(|one| !written.contains(one)).collect();
        for column in old {
            self.mark_column(column, Use::Filtered);
        }
    }

    fn families(&mut self, columns: HashSet<ColumnId>) -> HashSet<ColumnId> {
        let families = columns.iter().map(|column| self.catalog.family(*column));
        let families: HashSet<ColumnId> = families.flatten().collect();
        match self.spend(families.len()) {
            true => families,
            false => HashSet::new(),
        }
    }
}

/// Bits of `pg_trigger.tgtype`.
const INSERT: i16 = 1 << 2;
const DELETE: i16 = 1 << 3;
const UPDATE: i16 = 1 << 4;
const TRUNCATE: i16 = 1 << 5;

//! What runs, and what is compared, where rows are written: triggers, defaults, checks, indexes.

use std::collections::{BTreeSet, HashSet};

use super::Walk;
use crate::analysis::{Access, ColumnId, OpaqueReason, Reach, Use};
use crate::catalog::{Column, FIRST_OWN_OID, FieldUse, Relation, RelationKind, Trigger, WHOLE_ROW};
use crate::parse::{NodeEnum, inner, pg};

/// The columns that a statement sets.
#[derive(Default)]
pub(super) struct Given {
    /// All of them, with those that are written with them.
    columns: BTreeSet<ColumnId>,
    /// Those that have nothing of what they were, whatever triggers do.
    certain: HashSet<ColumnId>,
    /// No others are set.
    is_all: bool,
}

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
    /// What runs where rows of a relation are written, by a statement that gives them this: it is as if
    /// the statement called it. What depends on which columns are set is left to [`Walk::set_columns`].
    pub(super) fn runs_on_write(&mut self, relation: &'a Relation, access: Access, given: &Given) {
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
            Access::Update => (self.events_of_update(relation), Write::Changed),
            Access::Delete => (DELETE, Write::Gone),
            Access::Truncate => (TRUNCATE, Write::Gone),
            Access::Read | Access::Define => return,
        };
        let mut changed = Vec::new();
        for trigger in &relation.triggers {
            if runs_for_any_column(relation, trigger, events) {
                changed.extend(self.runs(relation, trigger, write, given));
            }
        }
        self.changed(changed, true, given);
    }

    /// What an UPDATE is to triggers: it may move a row to another partition, as if it were deleted here and
    /// inserted there.
    fn events_of_update(&self, relation: &Relation) -> i16 {
        match self.may_move(relation) {
            true => INSERT | DELETE | UPDATE,
            false => UPDATE,
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

    /// A trigger that runs, where a statement gives this: the columns of a changed row to which it may give
    /// other values.
    fn runs(
        &mut self,
        relation: &'a Relation,
        trigger: &'a Trigger,
        write: Write,
        given: &Given,
    ) -> Vec<ColumnId> {
        self.code(&trigger.condition, &relation.name, 0);
        // When it runs may tell, whatever it does.
        for &attribute in &trigger.asked {
            match write {
                Write::New => self.asked_of_new(relation, attribute),
                Write::Changed | Write::Gone => self.asked_for(relation, attribute),
            }
        }
        let set = self.set_within(relation, given);
        for column in &relation.columns {
            let is_compared = |&one: &i16| one == 0 || one == column.attribute;
            if trigger.compared.iter().any(is_compared) && set.contains(&column.attribute) {
                self.asked_for(relation, column.attribute);
            }
        }
        if trigger.function < FIRST_OWN_OID {
            return Vec::new();
        }
        self.functions_of(&[trigger.function], &relation.name);
        let Some(fields) = self.catalog.fields(trigger.function) else {
            return Vec::new();
        };
        // A row that moves to another partition has no OLD there, and no NEW where it was.
        let has_both = trigger.events & (INSERT | DELETE) == 0 || !self.may_move(relation);
        for field in &fields.reads {
            let kept = has_both.then_some(&set).filter(|_| field.compared);
            self.field_read(relation, field, write, (given, kept));
        }
        let columns = relation.columns.iter();
        let written = columns.filter(|column| fields.writes.contains(&column.name));
        let written = written.map(|column| relation.id(column));
        written.filter(|_| write == Write::Changed).collect()
    }

    /// A field that a trigger's function reads: what it makes of it, it may put into another column. Where it
    /// only compares it with itself, it tells of columns that are set.
    fn field_read(
        &mut self,
        relation: &'a Relation,
        field: &FieldUse,
        write: Write,
        (given, set): (&Given, Option<&HashSet<i16>>),
    ) {
        let is_read = |column: &&Column| field.name == WHOLE_ROW || column.name == field.name;
        let mut columns = relation.columns.iter().filter(is_read).peekable();
        if columns.peek().is_none() {
            self.opaque(OpaqueReason::UnknownColumn, &field.name);
        }
        for column in columns {
            let is_given = !field.old && given.certain.contains(&relation.id(column));
            // A generated column is made after the function has run.
            let is_kept =
                |set: &HashSet<i16>| !column.generated && !set.contains(&column.attribute);
            let is_same = set.is_some_and(is_kept);
            match write {
                Write::New if !self.has_default(relation, &column.name) => {}
                Write::Changed if is_given || is_same => {}
                _ => {
                    let value = self.table(relation).column(&column.name);
                    self.mark(&value.unwrap_or_default(), field.used);
                }
            }
        }
    }

    /// The attributes that an UPDATE may give other values, where these are known and rows stay where they are.
    pub(super) fn set_for_certain(
        &self,
        relation: &Relation,
        access: Access,
        given: &Given,
    ) -> Option<HashSet<i16>> {
        let is_known = access == Access::Update && given.is_all && !relation.is_view();
        (is_known && !self.may_move(relation)).then(|| self.set_within(relation, given))
    }

    /// The attributes of which a trigger may find other values in a changed row than it had: those that the
    /// statement sets, that triggers assign to, and what is made of these.
    fn set_within(&self, relation: &Relation, given: &Given) -> HashSet<i16> {
        let earlier = relation.triggers.iter();
        let earlier = earlier.filter(|one| one.events & UPDATE != 0 && one.precedes());
        let earlier = earlier.filter(|one| one.function >= FIRST_OWN_OID);
        let earlier: Vec<_> = earlier
            .map(|one| self.catalog.fields(one.function))
            .collect();
        // A function that is trusted, whatever it does, may assign to any.
        let is_known = given.is_all && earlier.iter().all(Option::is_some);
        let assigned = earlier.into_iter().flatten();
        let assigned: HashSet<&String> = assigned.flat_map(|fields| &fields.assigns).collect();
        let is_set = |column: &&Column| {
            !is_known
                || given.columns.contains(&relation.id(column))
                || assigned.contains(&column.name)
                // One of PostgreSQL's own functions at a trigger may assign to it, and not all are known.
                || column.type_name == "tsvector"
        };
        let columns = relation.columns.iter();
        let set: HashSet<i16> = columns.filter(is_set).map(|one| one.attribute).collect();
        let columns = relation.columns.iter();
        let made = columns.filter(|one| one.made_from.iter().any(|from| set.contains(from)));
        let made = made.map(|one| one.attribute).collect();
        &set | &made
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

    /// The columns of these names, which are given values by an UPDATE or the like.
    pub(super) fn given(&mut self, targets: &[pg::Node], of: &[&'a Relation]) -> Given {
        let mut named = BTreeSet::new();
        let mut partly: BTreeSet<ColumnId> = BTreeSet::new();
        let mut is_all = true;
        for node in targets.iter().filter_map(inner) {
            let NodeEnum::ResTarget(target) = node else {
                continue;
            };
            for relation in of {
                let mut columns = relation.columns.iter();
                let Some(place) = columns.position(|one| one.name == target.name) else {
                    continue;
                };
                let mut set = vec![relation.id(&relation.columns[place])];
                // Of a view, what it shows.
                let view = self.view(relation).filter(|_| relation.is_view());
                let shown = view.and_then(|view| view.columns.get(place));
                let shown = shown.into_iter().flatten();
                let shown = shown.filter(|source| source.how == Reach::Projected);
                let shown: Vec<ColumnId> = shown.map(|source| source.column).collect();
                is_all &= !relation.is_view() || !shown.is_empty();
                set.extend(shown);
                // Of a field or an element that is set, the others stay.
                if !target.indirection.is_empty() {
                    partly.extend(&set);
                }
                named.extend(set);
            }
        }
        let mut given = Given {
            is_all,
            ..Given::default()
        };
        for column in named {
            let known = self.catalog.relation(column.relation);
            let known = known.and_then(|relation| relation.column(column.attribute));
            // A generated column is made anew of what the others are.
            let Some(known) = known.filter(|known| !known.generated) else {
                continue;
            };
            let written = self.written_with(column);
            let is_whole = !partly.contains(&column);
            if is_whole && !written.iter().any(|one| self.restores(*one, &known.name)) {
                given.certain.extend(&written);
            }
            given.columns.extend(written);
        }
        given
    }

    /// Whether a trigger may give a column of this name back what it was.
    fn restores(&self, column: ColumnId, name: &str) -> bool {
        let relation = self.catalog.relation(column.relation).into_iter();
        let mut triggers = relation.flat_map(|relation| &relation.triggers);
        triggers.any(|trigger| {
            // What a trigger that runs later returns counts for nothing.
            let returns = trigger.events & UPDATE != 0 && trigger.precedes();
            match self.catalog.fields(trigger.function) {
                Some(fields) => {
                    fields.restores.iter().any(|one| one == name) || (returns && fields.returns_old)
                }
                // A function that is trusted, whatever it does.
                None => returns && trigger.function >= FIRST_OWN_OID,
            }
        })
    }

    fn written_with(&mut self, column: ColumnId) -> Vec<ColumnId> {
        let columns = self.catalog.written_with(column);
        match self.spend(columns.len()) {
            true => columns,
            false => Vec::new(),
        }
    }

    /// The statement sets these columns.
    pub(super) fn set_columns(&mut self, given: Given) {
        self.changed(given.columns.iter().copied().collect(), true, &given);
    }

    /// Foreign keys set these columns: what else there is in their rows, they keep.
    pub(super) fn set_by_key(&mut self, columns: impl Iterator<Item = ColumnId>) {
        for column in columns {
            let columns = self.written_with(column);
            self.changed(columns, false, &Given::default());
        }
    }

    /// Columns get other values, by the statement itself or by a foreign key: what runs and is compared by
    /// that, also where foreign keys and triggers pass them on. In the rows that the statement changes itself,
    /// some are certain to be its own. Others may be there of a relation that it changes, too: all triggers
    /// for them run.
    fn changed(&mut self, columns: Vec<ColumnId>, by_itself: bool, given: &Given) {
        let none = Given::default();
        let mut ran = HashSet::new();
        let mut open: Vec<_> = columns
            .into_iter()
            .map(|column| (column, by_itself))
            .collect();
        let mut seen: HashSet<_> = open.iter().copied().collect();
        while let Some((column, by_itself)) = open.pop() {
            let Some(relation) = self.catalog.relation(column.relation) else {
                continue;
            };
            if !self.spend(1 + relation.checks.len()) {
                return;
            }
            let given = if by_itself { given } else { &none };
            self.compared(relation, column, &given.certain);
            let made = relation.columns.iter();
            let made = made.filter(|one| one.made_from.contains(&column.attribute));
            let mut next: Vec<_> = made.map(|one| (relation.id(one), by_itself)).collect();
            let events = self.events_of_update(relation);
            for (place, trigger) in relation.triggers.iter().enumerate() {
                if trigger.function == SUPPRESSES_SAME {
                    self.mark_column(column, Use::Filtered);
                }
                let of_it =
                    trigger.events & UPDATE != 0 && trigger.attributes.contains(&column.attribute);
                let runs = of_it || (!by_itself && runs_for_any_column(relation, trigger, events));
                if runs && ran.insert((relation.oid, place, by_itself)) {
                    let written = self.runs(relation, trigger, Write::Changed, given);
                    next.extend(written.into_iter().map(|column| (column, by_itself)));
                }
            }
            let by_key: Vec<ColumnId> = self.catalog.set_with(column).collect();
            for column in by_key {
                let columns = self.written_with(column).into_iter();
                next.extend(columns.map(|column| (column, false)));
            }
            open.extend(next.into_iter().filter(|one| seen.insert(*one)));
        }
    }

    /// Where a column is given a value that a check, a generated column, an index or the key of partitions
    /// puts together with another column's, whether it succeeds tells of that one.
    fn compared(&mut self, relation: &'a Relation, column: ColumnId, certain: &HashSet<ColumnId>) {
        let id = |attribute| ColumnId {
            relation: relation.oid,
            attribute,
        };
        let is_old =
            |attribute: &i16| *attribute != column.attribute && !certain.contains(&id(*attribute));
        let mut old = BTreeSet::new();
        for check in &relation.checks {
            // A generated column is what it is made from.
            let (made, plain): (Vec<_>, Vec<_>) = check
                .iter()
                .filter_map(|attribute| relation.column(*attribute))
                .partition(|one| one.generated);
            let of_made = made.iter().flat_map(|one| &one.made_from);
            let parts: BTreeSet<i16> = plain
                .iter()
                .map(|one| one.attribute)
                .chain(of_made.copied())
                .collect();
            if !parts.contains(&column.attribute) {
                continue;
            }
            old.extend(parts.into_iter().filter(is_old));
            let kept = made.iter().filter(|one| one.made_from.iter().all(is_old));
            old.extend(kept.map(|one| one.attribute));
        }
        for attribute in old {
            self.mark_column(id(attribute), Use::Filtered);
        }
    }
}

impl Trigger {
    /// Whether what its function returns is the row that is written.
    fn precedes(&self) -> bool {
        self.events & (BEFORE | INSTEAD) != 0
    }
}

/// Whether a trigger runs on one of these events whatever columns are set.
fn runs_for_any_column(relation: &Relation, trigger: &Trigger, events: i16) -> bool {
    let is_generated = |&attribute: &i16| {
        let column = relation.column(attribute);
        column.is_some_and(|column| column.generated)
    };
    // Beside other triggers, all generated columns count as set.
    let of_columns = trigger.events & events == UPDATE
        && !trigger.attributes.is_empty()
        && !trigger.attributes.iter().any(is_generated);
    trigger.events & events != 0 && !of_columns
}

/// The function of PostgreSQL's own that tells whether what is written changes a row: the same number in
/// every version.
const SUPPRESSES_SAME: u32 = 1291;

/// Bits of `pg_trigger.tgtype`.
const BEFORE: i16 = 1 << 1;
const INSERT: i16 = 1 << 2;
const DELETE: i16 = 1 << 3;
const UPDATE: i16 = 1 << 4;
const TRUNCATE: i16 = 1 << 5;
const INSTEAD: i16 = 1 << 6;

//! INSERT, UPDATE, DELETE and MERGE.

use std::collections::HashSet;
use std::rc::Rc;

use super::scope::{Item, Scope};
use super::value::{Table, Value};
use super::written::Given;
use super::{LOOKED_AT, Walk};
use crate::analysis::{Access, Class, ColumnId, Inner, Kind, OpaqueReason, Restriction, Use};
use crate::catalog::{Relation, RelationKind};
use crate::parse::{NodeEnum, boxed, inner, pg};

impl<'a> Walk<'a> {
    /// A statement that changes rows, as part of another.
    pub(super) fn hidden_modify(&mut self, node: &NodeEnum, scope: &Scope<'_>) -> Table {
        let (table, kind, restriction) = self.modify(node, scope);
        self.inner.push(Inner { kind, restriction });
        table.unwrap_or_default()
    }

    /// A statement that changes rows: what it returns, what it is, what it restricts.
    pub(super) fn modify(
        &mut self,
        node: &NodeEnum,
        scope: &Scope<'_>,
    ) -> (Option<Table>, Kind, Option<Restriction>) {
        let (command, (table, restriction)) = match node {
            NodeEnum::InsertStmt(insert) => ("insert", (self.insert(insert, scope), None)),
            NodeEnum::UpdateStmt(update) => ("update", self.update(update, scope)),
            NodeEnum::DeleteStmt(delete) => ("delete", self.delete(delete, scope)),
            NodeEnum::MergeStmt(merge) => ("merge", (self.merge(merge, scope), None)),
            _ => {
                self.opaque(OpaqueReason::Unsupported, "statement");
                ("unknown", (None, None))
            }
        };
        (
            table,
            Kind {
                class: Class::Write,
                command,
            },
            restriction,
        )
    }

    fn insert(&mut self, insert: &pg::InsertStmt, outer: &Scope<'_>) -> Option<Table> {
        let mut scope = Scope::inside(outer);
        scope.with = self.with(insert.with_clause.as_ref(), &scope);
        let var = insert.relation.as_ref()?;
        let (targets, item) = self.target(var, Access::Insert);
        let mut width = None;
        // DEFAULT VALUES is one row.
        self.rows = Restriction::Key;
        if let Some(query) = boxed(&insert.select_stmt) {
            let table = self.query(Some(query), &Scope::inside(&scope));
            width = table.other.is_none().then_some(table.columns.len());
            self.copied(&table);
        }
        let rows = self.rows;
        if insert.cols.is_empty() {
            self.written_first(&targets, width);
        } else {
            self.assigned(&insert.cols, &targets, &scope);
        }
        scope.items.push(item.clone());
        if let Some(conflict) = insert.on_conflict_clause.as_deref() {
            let excluded = Item {
                name: "excluded".to_owned(),
                bare: false,
                schemas: Vec::new(),
                table: Rc::new(excluded(insert, &targets, &item.table, width)),
                ..item.clone()
            };
            self.on_conflict(conflict, var, rows, (&targets, excluded), &scope);
        }
        self.returning(insert.returning_clause.as_ref(), &item, scope)
    }

    fn on_conflict(
        &mut self,
        conflict: &pg::OnConflictClause,
        var: &pg::RangeVar,
        rows: Restriction,
        (targets, excluded): (&[&'a Relation], Item),
        scope: &Scope<'_>,
    ) {
        if let Some(infer) = conflict.infer.as_deref() {
            for node in &infer.index_elems {
                let Some(NodeEnum::IndexElem(element)) = inner(node) else {
                    continue;
                };
                let value = self.optional(&element.expr, scope);
                self.mark(&value, Use::Filtered);
            }
            if let Some(condition) = infer.where_clause.as_deref() {
                self.condition(condition, scope);
            }
        }
        if conflict.action() == pg::OnConflictAction::OnconflictUpdate {
            let given = self.given(&conflict.target_list, targets);
            self.target_given(var, Access::Update, &given);
            let mut scope = Scope {
                items: scope.items.clone(),
                outer: scope.outer,
                with: scope.with.clone(),
                level: scope.level,
            };
            scope.items.push(excluded);
            self.assignments(&conflict.target_list, targets, &scope);
            self.set_columns(given);
            let condition = conflict.where_clause.as_deref();
            let restricts = condition.is_some_and(|one| self.condition(one, &scope));
            // Each row given changes one row at most.
            let restriction = match restricts {
                true => rows.max(Restriction::Some),
                false => rows,
            };
            let kind = Kind {
                class: Class::Write,
                command: "update",
            };
            self.inner.push(Inner {
                kind,
                restriction: Some(restriction),
            });
        }
    }

    fn update(
        &mut self,
        update: &pg::UpdateStmt,
        outer: &Scope<'_>,
    ) -> (Option<Table>, Option<Restriction>) {
        let mut scope = Scope::inside(outer);
        scope.with = self.with(update.with_clause.as_ref(), &scope);
        let Some(var) = update.relation.as_ref() else {
            return (None, None);
        };
        let named = self.catalog.relations_named(&var.schemaname, &var.relname);
        let given = self.given(&update.target_list, &named);
        let (targets, item) = self.target_given(var, Access::Update, &given);
        scope.items.push(item.clone());
        self.put_beside(&update.from_clause, &mut scope);
        let condition = update.where_clause.as_deref();
        let restriction = self.filtered(condition, &targets, &scope);
        self.assignments(&update.target_list, &targets, &scope);
        self.set_columns(given);
        (
            self.returning(update.returning_clause.as_ref(), &item, scope),
            Some(restriction),
        )
    }

    fn delete(
        &mut self,
        delete: &pg::DeleteStmt,
        outer: &Scope<'_>,
    ) -> (Option<Table>, Option<Restriction>) {
        let mut scope = Scope::inside(outer);
        scope.with = self.with(delete.with_clause.as_ref(), &scope);
        let Some(var) = delete.relation.as_ref() else {
            return (None, None);
        };
        let (targets, item) = self.target(var, Access::Delete);
        scope.items.push(item.clone());
        self.put_beside(&delete.using_clause, &mut scope);
        let condition = delete.where_clause.as_deref();
        let restriction = self.filtered(condition, &targets, &scope);
        (
            self.returning(delete.returning_clause.as_ref(), &item, scope),
            Some(restriction),
        )
    }

    /// Puts in reach what is looked at beside the target: it is the only one in reach so far.
    fn put_beside(&mut self, list: &[pg::Node], scope: &mut Scope<'_>) {
        let target = scope.items.len();
        self.put_in_reach(list, scope);
        for item in scope.items.iter_mut().skip(target) {
            item.restricts = false;
        }
    }

    fn filtered(
        &mut self,
        condition: Option<&pg::Node>,
        targets: &[&'a Relation],
        scope: &Scope<'_>,
    ) -> Restriction {
        let condition = condition.map(|one| (one, self.condition(one, scope)));
        let conditions: Vec<_> = condition.into_iter().collect();
        self.restriction(&conditions, targets, scope)
    }

    fn merge(&mut self, merge: &pg::MergeStmt, outer: &Scope<'_>) -> Option<Table> {
        let mut scope = Scope::inside(outer);
        scope.with = self.with(merge.with_clause.as_ref(), &scope);
        let var = merge.relation.as_ref()?;
        let accesses: Vec<Access> = merge
            .merge_when_clauses
            .iter()
            .filter_map(merge_access)
            .collect();
        let first = accesses.first().copied().unwrap_or(Access::Read);
        let (targets, item) = self.target(var, first);
        for access in accesses {
            self.target(var, access);
        }
        scope.items.push(item.clone());
        if let Some(source) = merge.source_relation.as_deref() {
            let (items, _) = self.member(source, &Scope::inside(&scope), &[]);
            let beside = items.into_iter().map(|item| Item {
                restricts: false,
                ..item
            });
            scope.items.extend(beside);
        }
        let on = merge.join_condition.as_deref();
        let on = on.map(|one| (one, self.condition(one, &scope)));
        for node in &merge.merge_when_clauses {
            let Some(NodeEnum::MergeWhenClause(when)) = inner(node) else {
                continue;
            };
            self.merge_action(when, on, &targets, &scope);
        }
        // A star gives the columns of the source first.
        scope.items.rotate_left(1);
        self.returning(merge.returning_clause.as_ref(), &item, scope)
    }

    /// What MERGE does to some rows, as the statement that would do it by itself.
    fn merge_action(
        &mut self,
        when: &pg::MergeWhenClause,
        on: Option<(&pg::Node, bool)>,
        targets: &[&'a Relation],
        scope: &Scope<'_>,
    ) {
        let condition = when.condition.as_deref();
        let condition = condition.map(|one| (one, self.condition(one, scope)));
        self.assignments(&when.target_list, targets, scope);
        let given = self.given(&when.target_list, targets);
        self.set_columns(given);
        for value in &when.values {
            let value = self.value(value, scope);
            self.mark(&value, Use::Copied);
        }
        let (command, restricts) = match when.command_type() {
            pg::CmdType::CmdInsert => ("insert", false),
            pg::CmdType::CmdUpdate => ("update", true),
            pg::CmdType::CmdDelete => ("delete", true),
            _ => return,
        };
        let restriction = restricts.then(|| {
            // Rows without a match are those for which ON does not hold.
            let on = on.filter(|_| when.match_kind() == pg::MergeMatchKind::MergeWhenMatched);
            let conditions: Vec<_> = on.into_iter().chain(condition).collect();
            self.restriction(&conditions, targets, scope)
        });
        let kind = Kind {
            class: Class::Write,
            command,
        };
        self.inner.push(Inner { kind, restriction });
    }

    /// The relation that is changed, and how its columns are reached.
    pub(super) fn target(
        &mut self,
        var: &pg::RangeVar,
        access: Access,
    ) -> (Vec<&'a Relation>, Item) {
        self.target_given(var, access, &Given::default())
    }

    /// The same, where it is given some columns.
    fn target_given(
        &mut self,
        var: &pg::RangeVar,
        access: Access,
        given: &Given,
    ) -> (Vec<&'a Relation>, Item) {
        let targets = self.relations(var, access);
        for relation in &targets {
            self.written_through(relation, (access, given), var.inh);
            if access != Access::Truncate {
                let set = self.set_for_certain(relation, access, given);
                self.written_by_keys(relation, access, set.as_ref());
            }
        }
        let item = self.item(&var.relname, &targets);
        let item = self.aliased(item, var.alias.as_ref());
        (targets, item)
    }

    /// What else is changed with a relation: children, and what is behind a view.
    fn written_through(
        &mut self,
        relation: &'a Relation,
        (access, given): (Access, &Given),
        inherit: bool,
    ) {
        self.written_with_children(relation, (access, given), inherit);
        if relation.is_view() {
            self.read_view(relation);
            let behind = self.view(relation).map(|view| view.relations.as_slice());
            for inner in behind.unwrap_or_default() {
                self.use_relation(inner.oid, &inner.schema, &inner.name, access);
                if let Some(base) = inner.oid.and_then(|oid| self.catalog.relation(oid)) {
                    self.written_with_children(base, (access, given), true);
                }
            }
        }
    }

    /// A relation that is written, with its rules, and its children.
    fn written_with_children(
        &mut self,
        relation: &'a Relation,
        (access, given): (Access, &Given),
        inherit: bool,
    ) {
        if relation.has_rules {
            self.opaque(OpaqueReason::ProceduralCode, &relation.name);
        }
        self.runs_on_write(relation, access, given);
        if !inherit {
            return;
        }
        let descendants = self.catalog.descendants(relation.oid);
        self.spend(descendants.len());
        for oid in descendants {
            if let Some(child) = self.catalog.relation(oid) {
                self.use_relation(Some(oid), &child.schema, &child.name, access);
                self.runs_on_write(child, access, given);
            }
        }
    }

    /// What foreign keys change where rows of a relation are changed, in turn too: by all keys, or by those to
    /// columns that are set.
    pub(super) fn written_by_keys(
        &mut self,
        relation: &'a Relation,
        access: Access,
        set: Option<&HashSet<i16>>,
    ) {
        let mut written = vec![(relation.oid, access)];
        let below = self.catalog.descendants(relation.oid);
        written.extend(below.into_iter().map(|oid| (oid, access)));
        let behind = self.view(relation).filter(|_| relation.is_view());
        let behind = behind.into_iter().flat_map(|view| &view.relations);
        written.extend(behind.filter_map(|inner| Some((inner.oid?, access))));
        let mut seen: HashSet<_> = written.iter().copied().collect();
        while let Some((oid, access)) = written.pop() {
            let set = set.filter(|_| (oid, access) == (relation.oid, Access::Update));
            self.set_by_key(self.catalog.set_by_keys(oid, access, set));
            for (oid, access) in self.catalog.cascades(oid, access, set) {
                let below = self.catalog.descendants(oid);
                for oid in std::iter::once(oid).chain(below) {
                    if !self.spend(1) {
                        return;
                    }
                    if seen.insert((oid, access)) {
                        written.push((oid, access));
                        self.written_by_key(oid, access);
                    }
                }
            }
        }
    }

    fn written_by_key(&mut self, oid: u32, access: Access) {
        let Some(relation) = self.catalog.relation(oid) else {
            self.opaque(OpaqueReason::Unsupported, "a foreign key");
            return;
        };
        self.use_relation(Some(oid), &relation.schema, &relation.name, access);
        if relation.has_rules {
            self.opaque(OpaqueReason::ProceduralCode, &relation.name);
        }
        self.row_security(relation);
        self.runs_on_write(relation, access, &Given::default());
    }

    /// SET column = expression, ...
    fn assignments(&mut self, targets: &[pg::Node], of: &[&'a Relation], scope: &Scope<'_>) {
        for node in targets {
            let Some(NodeEnum::ResTarget(target)) = inner(node) else {
                continue;
            };
            let value = self.optional(&target.val, scope);
            self.mark(&value, Use::Copied);
        }
        self.assigned(targets, of, scope);
    }

    /// The columns that are assigned to.
    fn assigned(&mut self, targets: &[pg::Node], of: &[&'a Relation], scope: &Scope<'_>) {
        for node in targets {
            let Some(NodeEnum::ResTarget(target)) = inner(node) else {
                continue;
            };
            for step in &target.indirection {
                if let Some(NodeEnum::AIndices(indices)) = inner(step) {
                    for bound in [&indices.lidx, &indices.uidx] {
                        let value = self.optional(bound, scope);
                        self.mark(&value, Use::Copied);
                    }
                }
            }
            self.written_column(&target.name, of);
            if !target.indirection.is_empty() {
                // What is left of the old value must fit the new part.
                self.used_column(&target.name, of, Use::Filtered);
            }
        }
    }

    /// Notes a use of the columns of this name; false where there is none.
    fn used_column(&mut self, name: &str, of: &[&'a Relation], used: Use) -> bool {
        let mut known = false;
        for relation in of {
            self.spend(relation.columns.len() / LOOKED_AT);
            for column in relation.columns.iter().filter(|column| column.name == name) {
                known = true;
                self.mark_column(relation.id(column), used);
            }
        }
        known
    }

    /// A column that is only written.
    pub(super) fn written_column(&mut self, name: &str, of: &[&'a Relation]) {
        let known = self.used_column(name, of, Use::Written);
        if !known && !of.is_empty() {
            self.opaque(OpaqueReason::UnknownColumn, name);
        }
    }

    /// The first columns, where an INSERT or COPY names none.
    pub(super) fn written_first(&mut self, of: &[&'a Relation], width: Option<usize>) {
        for relation in of {
            for column in relation.columns.iter().take(width.unwrap_or(usize::MAX)) {
                self.mark_column(relation.id(column), Use::Written);
            }
        }
    }

    /// RETURNING, with OLD and NEW under their names.
    fn returning(
        &mut self,
        clause: Option<&pg::ReturningClause>,
        item: &Item,
        mut scope: Scope<'_>,
    ) -> Option<Table> {
        let clause = clause?;
        let mut names = vec!["old".to_owned(), "new".to_owned()];
        for option in &clause.options {
            if let Some(NodeEnum::ReturningOption(option)) = inner(option) {
                names.push(option.value.clone());
            }
        }
        for name in names {
            if !scope
                .items
                .iter()
                .any(|item| item.by_name && item.name == name)
            {
                let pseudo = Item {
                    name,
                    bare: false,
                    schemas: Vec::new(),
                    ..item.clone()
                };
                scope.items.push(pseudo);
            }
        }
        Some(self.target_list(&clause.exprs, &scope))
    }

    /// Notes a use of a column, and of all that its value is made of where it is more than written.
    pub(super) fn mark_column(&mut self, column: ColumnId, used: Use) {
        let source = crate::analysis::Source {
            column,
            how: crate::analysis::Reach::Projected,
        };
        self.mark(&Value::of(vec![source]), used);
        let relation = self.catalog.relation(column.relation);
        for relation in relation.into_iter().filter(|_| used != Use::Written) {
            let table = self.table(relation);
            let mut columns = relation.columns.iter();
            let place = columns.position(|one| one.attribute == column.attribute);
            if let Some(named) = place.and_then(|place| table.columns.get(place)) {
                self.mark(&named.value, used);
            }
        }
    }
}

/// The row that an INSERT would have added, as ON CONFLICT knows it: of a table, all that the statement was
/// given. Of a view PostgreSQL computes it by what the view is made of: only a column that is nothing but one
/// of its table can be given a value, and that is the statement's own then.
fn excluded(
    insert: &pg::InsertStmt,
    targets: &[&Relation],
    table: &Table,
    width: Option<usize>,
) -> Table {
    if targets.iter().all(|one| one.kind != RelationKind::View) {
        return table.given(|_| true);
    }
    let defaults = defaults(insert);
    let is_given = |place: usize| !defaults.contains(&place);
    let first = width.filter(|_| insert.cols.is_empty()).unwrap_or(0);
    table.given(|name| {
        let named = insert.cols.iter().position(
            |node| matches!(inner(node), Some(NodeEnum::ResTarget(one)) if one.name == name),
        );
        let is_first = |relation: &&Relation| {
            let mut columns = relation.columns.iter().take(first);
            columns
                .position(|one| one.name == name)
                .is_some_and(is_given)
        };
        named.is_some_and(is_given) || targets.iter().all(is_first)
    })
}

/// Where VALUES has DEFAULT for what an INSERT gives: a column of a view need not be one of its table then.
fn defaults(insert: &pg::InsertStmt) -> HashSet<usize> {
    let Some(NodeEnum::SelectStmt(select)) = boxed(&insert.select_stmt) else {
        return HashSet::new();
    };
    let rows = select.values_lists.iter().filter_map(inner);
    let rows = rows.filter_map(|row| match row {
        NodeEnum::List(list) => Some(list.items.iter().enumerate()),
        _ => None,
    });
    rows.flatten()
        .filter(|(_, value)| matches!(inner(value), Some(NodeEnum::SetToDefault(_))))
        .map(|(place, _)| place)
        .collect()
}

fn merge_access(node: &pg::Node) -> Option<Access> {
    let NodeEnum::MergeWhenClause(when) = inner(node)? else {
        return None;
    };
    match when.command_type() {
        pg::CmdType::CmdInsert => Some(Access::Insert),
        pg::CmdType::CmdUpdate => Some(Access::Update),
        pg::CmdType::CmdDelete => Some(Access::Delete),
        _ => None,
    }
}

//! Queries: SELECT, VALUES, set operations, WITH.

use std::rc::Rc;
use std::slice;

use super::condition::is_constant;
use super::names::{is_certain, output_name};
use super::restriction::is_null;
use super::scope::{Common, Found, Item, Scope, With, number_of};
use super::value::{Named, Table, Value};
use super::{LOOKED_AT, Walk};
use crate::analysis::{OpaqueReason, Restriction, Use};
use crate::older;
use crate::parse::{NodeEnum, boxed, inner, pg, string, strings};

/// How often a recursive query is followed before it is given up.
const ROUNDS: usize = 24;

impl<'a> Walk<'a> {
    /// What a query that stands as a node gives: SELECT, or DML with RETURNING.
    pub(super) fn query(&mut self, node: Option<&NodeEnum>, scope: &Scope<'_>) -> Table {
        match node {
            Some(NodeEnum::SelectStmt(select)) => self.select(select, scope),
            Some(
                node @ (NodeEnum::InsertStmt(_)
                | NodeEnum::UpdateStmt(_)
                | NodeEnum::DeleteStmt(_)
                | NodeEnum::MergeStmt(_)),
            ) => {
                let table = self.hidden_modify(node, scope);
                // Which rows it changes and gives is judged by itself.
                self.rows = Restriction::Some;
                table
            }
            _ => {
                self.opaque(OpaqueReason::Unsupported, "query");
                self.rows = Restriction::None;
                Table::unknown(Value::default())
            }
        }
    }

    /// A SELECT with all its clauses.
    pub(super) fn select(&mut self, select: &pg::SelectStmt, outer: &Scope<'_>) -> Table {
        if !self.spend(1) {
            return Table::unknown(Value::default());
        }
        // What an outer SELECT reads says nothing of this one's columns.
        let setting = self.setting.take();
        let mut scope = Scope::inside(outer);
        scope.with = self.with(select.with_clause.as_ref(), &scope);
        let (table, mut rows) = if select.op > pg::SetOperation::SetopNone as i32 {
            (self.set_operation(select, &scope), self.rows)
        } else if !select.values_lists.is_empty() {
            let table = self.values(&select.values_lists, &scope);
            // ORDER BY finds it by this name.
            let listed = self.columns_of(&table);
            scope.items.push(Item::new("*VALUES*", listed));
            (table, Restriction::Key)
        } else {
            self.put_in_reach(&select.from_clause, &mut scope);
            let mut rows = self.rows;
            if let Some(condition) = &select.where_clause {
                rows = rows.max(match self.condition(condition, &scope) {
                    true => Restriction::Some,
                    false => Restriction::AlwaysTrue,
                });
            }
            (self.simple_select(select, &scope), rows)
        };
        self.order(&select.sort_clause, &table, &select.target_list, &scope);
        for limit in [&select.limit_offset, &select.limit_count] {
            if let Some(node) = limit.as_deref() {
                let value = self.value(node, &scope);
                self.mark(&value, Use::Filtered);
            }
        }
        if select.limit_count.as_deref().is_some_and(is_number) {
            rows = rows.max(Restriction::Some);
        }
        self.rows = rows;
        self.setting = setting;
        table
    }

    /// SELECT ... GROUP BY ..., its FROM already in the scope and its WHERE done.
    fn simple_select(&mut self, select: &pg::SelectStmt, scope: &Scope<'_>) -> Table {
        self.setting = self.one_setting(select);
        let table = self.target_list(&select.target_list, scope);
        self.setting = None;
        self.group(&select.group_clause, &table, &select.target_list, scope);
        if let Some(condition) = &select.having_clause {
            let value = self.value(condition, scope);
            self.mark(&value, Use::Filtered);
        }
        for window in &select.window_clause {
            if let Some(NodeEnum::WindowDef(window)) = inner(window) {
                self.window(window, scope);
            }
        }
        self.distinct(select, &table, scope);
        table
    }

    /// SELECT DISTINCT has one empty node, SELECT DISTINCT ON its expressions.
    fn distinct(&mut self, select: &pg::SelectStmt, table: &Table, scope: &Scope<'_>) {
        let clause = &select.distinct_clause;
        if clause.is_empty() {
            return;
        }
        if clause.iter().all(|node| inner(node).is_none()) {
            return self.mark(&table.everything(), Use::Ordered);
        }
        self.group_each(clause, table, scope);
    }

    fn set_operation(&mut self, select: &pg::SelectStmt, scope: &Scope<'_>) -> Table {
        // Left arms are nested: walked with a stack of our own, so that long chains cost no depth.
        let mut arms = Vec::new();
        let mut left = select;
        loop {
            arms.push(left);
            match left.larg.as_deref() {
                Some(next)
                    if next.op > pg::SetOperation::SetopNone as i32
                        && next.with_clause.is_none()
                        && next.sort_clause.is_empty()
                        && next.limit_count.is_none()
                        && next.limit_offset.is_none() =>
                {
                    left = next;
                }
                _ => break,
            }
        }
        let mut table = match left.larg.as_deref() {
            Some(first) => self.select(first, scope),
            None => Table::default(),
        };
        let mut rows = self.rows;
        for arm in arms.into_iter().rev() {
            if let Some(right) = arm.rarg.as_deref() {
                let right = self.select(right, scope);
                table = table.or(right);
                rows = rows.min(self.rows);
            }
            if !self.spend(1 + table.size() / LOOKED_AT) {
                table = Table::unknown(table.everything());
                break;
            }
            if !(arm.all && arm.op == pg::SetOperation::SetopUnion as i32) {
                self.mark(&table.everything(), Use::Ordered);
            }
        }
        self.rows = rows;
        table
    }

    /// VALUES (...), (...): columns are the union over the rows.
    fn values(&mut self, lists: &[pg::Node], scope: &Scope<'_>) -> Table {
        // The second reader takes it for a function where it stands in parentheses of its own.
        self.names.insert("values".to_owned());
        let mut table: Option<Table> = None;
        for list in lists {
            let Some(NodeEnum::List(list)) = inner(list) else {
                continue;
            };
            let mut row = Table::default();
            for item in &list.items {
                if let Some(columns) = self.star(item, scope) {
                    extend(&mut row, columns);
                    continue;
                }
                let value = self.value(item, scope);
                self.mark_derived(&value);
                row.columns.push(Named::new("", value));
            }
            for (position, column) in row.columns.iter_mut().enumerate() {
                column.name = format!("column{}", position + 1);
                column.certain = true;
            }
            let both = match table {
                None => row,
                Some(before) => before.or(row),
            };
            if !self.spend(1 + both.size() / LOOKED_AT) {
                return Table::unknown(both.everything());
            }
            table = Some(both);
        }
        table.unwrap_or_default()
    }

    /// GROUP BY: names of outputs, positions, expressions, grouping sets.
    fn group(
        &mut self,
        clause: &[pg::Node],
        table: &Table,
        targets: &[pg::Node],
        scope: &Scope<'_>,
    ) {
        let determined = self.grouped_by_key(clause, targets, scope);
        for (node, determined) in clause.iter().zip(determined) {
            match determined {
                true => drop(self.by_output(node, table, scope)),
                false => self.group_each(slice::from_ref(node), table, scope),
            }
        }
    }

    /// The same where each counts, as for DISTINCT ON.
    fn group_each(&mut self, clause: &[pg::Node], table: &Table, scope: &Scope<'_>) {
        for node in clause {
            match inner(node) {
                Some(NodeEnum::GroupingSet(set)) => self.group_each(&set.content, table, scope),
                Some(NodeEnum::RowExpr(row)) => self.group_each(&row.args, table, scope),
                _ => {
                    let value = self.by_output(node, table, scope);
                    self.mark(&value, Use::Ordered);
                }
            }
        }
    }

    /// ORDER BY of a query.
    pub(super) fn order(
        &mut self,
        clause: &[pg::Node],
        table: &Table,
        targets: &[pg::Node],
        scope: &Scope<'_>,
    ) {
        let determined = self.ordered_by_key(clause, targets, scope);
        for (node, determined) in clause.iter().zip(determined) {
            let Some(NodeEnum::SortBy(sort)) = inner(node) else {
                continue;
            };
            if !sort.use_op.is_empty() {
                self.operator(&sort.use_op);
            }
            if let Some(node) = sort.node.as_deref() {
                let value = self.by_output(node, table, scope);
                if !determined {
                    self.mark(&value, Use::Ordered);
                }
            }
        }
    }

    /// An expression that may also be the name or position of an output. PostgreSQL prefers one or
    /// the other by clause; here it is both.
    fn by_output(&mut self, node: &pg::Node, table: &Table, scope: &Scope<'_>) -> Value {
        if !self.spend(table.columns.len() / LOOKED_AT) {
            return Value::default();
        }
        match inner(node) {
            Some(NodeEnum::AConst(constant)) => match constant.val {
                Some(pg::a_const::Val::Ival(ref number)) => position(table, number.ival),
                _ => Value::default(),
            },
            Some(NodeEnum::ColumnRef(column)) if column.fields.len() == 1 => {
                self.mention(column, scope);
                let Some(name) = column.fields.first().and_then(string) else {
                    return self.value(node, scope);
                };
                let Some(output) = table.column(name) else {
                    return self.value(node, scope);
                };
                if !table.is_certain(name) {
                    return output.with(self.value(node, scope));
                }
                match scope.column(name) {
                    Found::Value(value, _) => output.with(value),
                    Found::Nothing => output,
                }
            }
            Some(NodeEnum::FuncCall(call)) if older::is_column_name(call) => {
                let named = strings(&call.funcname).last().copied();
                let output = named.and_then(|name| table.column(name));
                self.value(node, scope).with(output.unwrap_or_default())
            }
            _ => self.value(node, scope),
        }
    }

    /// A window: PARTITION BY, ORDER BY and the frame.
    pub(super) fn window(&mut self, window: &pg::WindowDef, scope: &Scope<'_>) {
        for node in &window.partition_clause {
            let value = self.value(node, scope);
            self.mark(&value, Use::Ordered);
        }
        self.order(&window.order_clause, &Table::default(), &[], scope);
        for offset in [&window.start_offset, &window.end_offset] {
            if let Some(node) = offset.as_deref() {
                let value = self.value(node, scope);
                self.mark(&value, Use::Filtered);
            }
        }
    }

    /// The output columns of a SELECT or RETURNING.
    pub(super) fn target_list(&mut self, targets: &[pg::Node], scope: &Scope<'_>) -> Table {
        let mut table = Table::default();
        for target in targets {
            let Some(NodeEnum::ResTarget(target)) = inner(target) else {
                continue;
            };
            let Some(node) = target.val.as_deref() else {
                continue;
            };
            match self.star(node, scope) {
                Some(columns) => extend(&mut table, columns),
                None => {
                    let value = self.value(node, scope);
                    // A computed value counts even where nobody takes it: computing may fail and
                    // tell. What a column carries along counts where it arrives.
                    if !matches!(inner(node), Some(NodeEnum::ColumnRef(_))) {
                        self.mark_derived(&value);
                    }
                    table.columns.push(match target.name.as_str() {
                        "" if is_certain(node) => Named::new(output_name(node), value),
                        "" => Named::guessed(output_name(node), value),
                        name => Named::new(name, value),
                    });
                }
            }
            if table.columns.len() > MOST_COLUMNS {
                self.opaque(OpaqueReason::TooComplex, "more columns than a row can have");
                return Table::unknown(table.everything());
            }
        }
        for source in table
            .columns
            .iter()
            .flat_map(|column| &column.value.sources)
        {
            if self.found.selected.insert(source.column) {
                self.spend(1);
            }
        }
        table
    }

    /// What a star stands for; none where the node has no star.
    fn star(&mut self, node: &pg::Node, scope: &Scope<'_>) -> Option<Table> {
        match inner(node)? {
            NodeEnum::ColumnRef(column) => {
                let (last, rest) = column.fields.split_last()?;
                if !matches!(inner(last), Some(NodeEnum::AStar(_))) {
                    return None;
                }
                self.takes_rows = true;
                Some(self.star_of(&strings(rest), scope))
            }
            NodeEnum::AIndirection(indirection) => {
                let (last, rest) = indirection.indirection.split_last()?;
                if !matches!(inner(last), Some(NodeEnum::AStar(_))) {
                    return None;
                }
                self.takes_rows = true;
                let value = self.indirection(boxed(&indirection.arg), rest, scope);
                let fields = value.fields.clone();
                Some(match fields {
                    Some(fields) => self.columns_of(&fields),
                    None => Table::unknown(value.derived()),
                })
            }
            _ => None,
        }
    }

    /// `*`, `t.*` or `s.t.*`.
    fn star_of(&mut self, path: &[&str], scope: &Scope<'_>) -> Table {
        let mut table = Table::default();
        match path {
            [] => {
                for item in scope.items.iter().filter(|item| item.bare) {
                    if table.columns.len() + item.table.columns.len() > MOST_COLUMNS {
                        return self.too_wide();
                    }
                    extend(&mut table, self.columns_of(&item.table));
                }
                return table;
            }
            [.., name] => {
                let schema = path.len().checked_sub(2).map(|place| path[place]);
                let mut named = scope.named(schema, name).0.into_iter();
                match (named.next(), named.next()) {
                    (Some(item), None) => return self.columns_of(&item.table),
                    (Some(first), Some(second)) => {
                        let tables = [first, second].into_iter().chain(named);
                        let any = tables.fold(Value::default(), |any, item| {
                            any.with(item.table.everything())
                        });
                        return Table::unknown(any);
                    }
                    (None, _) => {}
                }
            }
        }
        self.opaque(
            OpaqueReason::UnknownColumn,
            &format!("{}.*", path.join(".")),
        );
        Table::unknown(Value::default())
    }

    /// The columns again, to be changed.
    pub(super) fn columns_of(&mut self, table: &Table) -> Table {
        if self.spend(table.size()) {
            table.clone()
        } else {
            Table::unknown(Value::default())
        }
    }

    pub(super) fn too_wide(&mut self) -> Table {
        self.opaque(OpaqueReason::TooComplex, "more columns than a row can have");
        Table::unknown(Value::default())
    }

    /// The common table expressions that a WITH adds to those in reach.
    pub(super) fn with(&mut self, clause: Option<&pg::WithClause>, scope: &Scope<'_>) -> With {
        let mut with = scope.with.clone();
        let Some(clause) = clause else { return with };
        let ctes: Vec<&pg::CommonTableExpr> = clause
            .ctes
            .iter()
            .filter_map(|node| match inner(node) {
                Some(NodeEnum::CommonTableExpr(cte)) => Some(cte.as_ref()),
                _ => None,
            })
            .collect();
        if clause.recursive {
            for cte in &ctes {
                with = Some(Rc::new(Common {
                    name: cte.ctename.clone(),
                    table: None,
                    rows: Restriction::None,
                    place: number_of(&with),
                    next: with,
                }));
            }
        }
        for cte in ctes {
            let table = if clause.recursive {
                self.recursive(cte, scope, &with)
            } else {
                self.common(cte, scope, &with)
            };
            let table = Some(Rc::new(table));
            with = Some(Rc::new(Common {
                name: cte.ctename.clone(),
                table,
                rows: self.rows,
                place: number_of(&with),
                next: with,
            }));
        }
        with
    }

    fn common(&mut self, cte: &pg::CommonTableExpr, scope: &Scope<'_>, with: &With) -> Table {
        let scope = Scope {
            items: Vec::new(),
            outer: Some(scope),
            with: with.clone(),
            level: scope.level.inner(),
        };
        let table = self.query(boxed(&cte.ctequery), &scope);
        let table = table.renamed(&strings(&cte.aliascolnames));
        self.search_and_cycle(cte, table)
    }

    /// A member of WITH RECURSIVE: followed until nothing new comes out of it.
    fn recursive(&mut self, cte: &pg::CommonTableExpr, scope: &Scope<'_>, with: &With) -> Table {
        let Some(NodeEnum::SelectStmt(select)) = boxed(&cte.ctequery) else {
            return self.common(cte, scope, with);
        };
        let Some(first) = select.larg.as_deref() else {
            return self.common(cte, scope, with);
        };
        let mut table = {
            let mut scope = Scope {
                items: Vec::new(),
                outer: Some(scope),
                with: with.clone(),
                level: scope.level.inner(),
            };
            scope.with = self.with(select.with_clause.as_ref(), &scope);
            let table = self.select(first, &scope);
            let table = table.renamed(&strings(&cte.aliascolnames));
            self.search_and_cycle(cte, table)
        };
        for _ in 0..ROUNDS {
            let known = Common {
                name: cte.ctename.clone(),
                table: Some(Rc::new(self.columns_of(&table))),
                // What restricts the first part restricts all of it.
                rows: Restriction::Some,
                place: number_of(with),
                next: with.clone(),
            };
            let next = self.common(cte, scope, &Some(Rc::new(known)));
            if next.is(&table) {
                return table;
            }
            table = next;
        }
        self.opaque(OpaqueReason::Unsupported, "WITH RECURSIVE");
        Table::unknown(table.everything())
    }

    /// The columns that SEARCH and CYCLE add.
    fn search_and_cycle(&mut self, cte: &pg::CommonTableExpr, mut table: Table) -> Table {
        if cte.search_clause.is_none() && cte.cycle_clause.is_none() {
            return table;
        }
        // Stars of deeper levels leave out what is added.
        self.doubts = true;
        let any = table.everything();
        self.mark(&any, Use::Ordered);
        let mut add = |name: &str, value: Value| {
            table.columns.push(Named::new(name, value));
        };
        if let Some(search) = &cte.search_clause {
            add(&search.search_seq_column, any.clone());
        }
        if let Some(cycle) = &cte.cycle_clause {
            // The mark tells what was met before: `any` is Ordered.
            add(&cycle.cycle_mark_column, Value::default());
            add(&cycle.cycle_path_column, any);
        }
        table
    }
}

/// PostgreSQL's own limit (MaxTupleAttributeNumber). Stars over stars would double without one.
const MOST_COLUMNS: usize = 1664;

/// Whether a LIMIT is one: not ALL, which is NULL.
fn is_number(limit: &pg::Node) -> bool {
    is_constant(limit) && !is_null(limit)
}

/// Adds the columns of a star to an output list.
fn extend(table: &mut Table, more: Table) {
    table.columns.extend(more.columns);
    if let Some(other) = more.other {
        let before = table.other.take().unwrap_or_default();
        table.other = Some(before.with(other));
    }
}

fn position(table: &Table, number: i32) -> Value {
    if table.other.is_some() {
        return table.everything();
    }
    let place = usize::try_from(number)
        .ok()
        .and_then(|number| number.checked_sub(1));
    let column = place.and_then(|place| table.columns.get(place));
    column
        .map(|column| column.value.clone())
        .unwrap_or_default()
}

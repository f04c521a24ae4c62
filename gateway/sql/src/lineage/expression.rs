//! Expressions: which base columns are in the value.

use super::scope::{Found, Scope};
use super::value::Value;
use super::{LOOKED_AT, Walk};
use crate::analysis::{OpaqueReason, Reach, Source, Use};
use crate::parse::{NodeEnum, boxed, inner, pg, string, strings};

impl<'a> Walk<'a> {
    /// What the value of an expression is made of.
    pub(super) fn value(&mut self, node: &pg::Node, scope: &Scope<'_>) -> Value {
        inner(node)
            .map(|node| self.expression(node, scope))
            .unwrap_or_default()
    }

    fn expression(&mut self, node: &NodeEnum, scope: &Scope<'_>) -> Value {
        if !self.spend(1) {
            return Value::default();
        }
        let value = self.made_of(node, scope);
        self.spend(value.sources.len() / 4);
        value
    }

    fn made_of(&mut self, node: &NodeEnum, scope: &Scope<'_>) -> Value {
        match node {
            NodeEnum::ColumnRef(column) => self.column_ref(column, scope),
            NodeEnum::AConst(_)
            | NodeEnum::ParamRef(_)
            | NodeEnum::SetToDefault(_)
            | NodeEnum::SqlvalueFunction(_)
            | NodeEnum::CurrentOfExpr(_)
            | NodeEnum::AStar(_)
            | NodeEnum::Integer(_)
            | NodeEnum::Float(_)
            | NodeEnum::Boolean(_)
            | NodeEnum::String(_)
            | NodeEnum::BitString(_) => Value::default(),
            NodeEnum::AExpr(expression) => self.operation(expression, scope),
            NodeEnum::BoolExpr(expression) => self.values_of(&expression.args, scope).derived(),
            NodeEnum::TypeCast(cast) => {
                let value = self.optional(&cast.arg, scope);
                if self.stays_text(cast, scope) {
                    return value;
                }
                let value = value.derived();
                match cast
                    .type_name
                    .as_ref()
                    .and_then(|name| self.type_name(name))
                {
                    Some(fields) => value.row(&fields),
                    None => value,
                }
            }
            NodeEnum::CollateClause(collate) => self.optional(&collate.arg, scope).derived(),
            NodeEnum::FuncCall(call) => self.call(call, scope),
            NodeEnum::NamedArgExpr(argument) => self.optional(&argument.arg, scope),
            NodeEnum::AIndirection(indirection) => {
                self.indirection(boxed(&indirection.arg), &indirection.indirection, scope)
            }
            NodeEnum::AArrayExpr(array) => {
                self.reads_literals = true;
                self.values_of(&array.elements, scope).derived()
            }
            NodeEnum::RowExpr(row) => self.values_of(&row.args, scope).derived(),
            NodeEnum::List(list) => self.values_of(&list.items, scope).derived(),
            NodeEnum::ResTarget(target) => self.optional(&target.val, scope).derived(),
            NodeEnum::SubLink(link) => self.sublink(link, scope),
            NodeEnum::CaseExpr(case) => self.case(case, scope),
            NodeEnum::CoalesceExpr(coalesce) => self.values_of(&coalesce.args, scope).derived(),
            NodeEnum::MinMaxExpr(extreme) => self.values_of(&extreme.args, scope).derived(),
            NodeEnum::NullTest(test) => self.optional(&test.arg, scope).derived(),
            NodeEnum::BooleanTest(test) => self.optional(&test.arg, scope).derived(),
            NodeEnum::GroupingFunc(grouping) => {
                let value = self.values_of(&grouping.args, scope);
                self.mark(&value, Use::Ordered);
                Value::default()
            }
            NodeEnum::MultiAssignRef(assign) => self.optional(&assign.source, scope),
            NodeEnum::XmlExpr(xml) => {
                let named = self.values_of(&xml.named_args, scope);
                named.with(self.values_of(&xml.args, scope)).derived()
            }
            NodeEnum::XmlSerialize(xml) => {
                if let Some(type_name) = &xml.type_name {
                    self.type_name(type_name);
                }
                self.optional(&xml.expr, scope).derived()
            }
            _ => self.json(node, scope),
        }
    }

    /// An optional expression.
    pub(super) fn optional(&mut self, node: &Option<Box<pg::Node>>, scope: &Scope<'_>) -> Value {
        node.as_deref()
            .map(|node| self.value(node, scope))
            .unwrap_or_default()
    }

    /// Several expressions together.
    pub(super) fn values_of(&mut self, nodes: &[pg::Node], scope: &Scope<'_>) -> Value {
        nodes.iter().fold(Value::default(), |all, node| {
            all.with(self.value(node, scope))
        })
    }

    /// `a`, `t.a`, `s.t.a`, or a whole row.
    fn column_ref(&mut self, column: &pg::ColumnRef, scope: &Scope<'_>) -> Value {
        if !self.spend(scope.breadth() / LOOKED_AT) {
            return Value::default();
        }
        self.mention(column, scope);
        if column.fields.iter().any(|field| string(field).is_none()) {
            // A star where one value stands: `count(t.*)`, `t.*::text`, `ROW(t.*)`.
            let path = strings(&column.fields);
            return self.row_star(&path, scope);
        }
        let path = strings(&column.fields);
        let found = match path.as_slice() {
            [name] => self.bare_name(name, scope),
            [table, name] => self.qualified_name(None, table, name, scope),
            [schema, table, name] | [_, schema, table, name] => {
                self.qualified_name(Some(schema), table, name, scope)
            }
            _ => None,
        };
        found.unwrap_or_else(|| {
            self.opaque(OpaqueReason::UnknownColumn, &path.join("."));
            Value::default()
        })
    }

    /// Notes the columns that a name may mean.
    pub(super) fn mention(&mut self, column: &pg::ColumnRef, scope: &Scope<'_>) {
        let path = strings(&column.fields);
        let may_be_column = match path.as_slice() {
            [name] => {
                self.takes_rows |= scope.has_item(name);
                path.as_slice()
            }
            [table, rest @ ..] => {
                let name = rest.last().copied().unwrap_or_default();
                let is_column =
                    || rest.len() == 1 && scope.certain_column_of(table, name).is_some();
                // A function of the whole row, where it is no column.
                self.takes_rows |= self.catalog.has_function(name) && !is_column();
                rest
            }
            [] => &[],
        };
        self.takes_rows |= path.len() < column.fields.len();
        for name in may_be_column {
            if !self.mentioned.contains(*name) {
                self.mentioned.insert((*name).to_owned());
            }
        }
    }

    fn row_star(&mut self, path: &[&str], scope: &Scope<'_>) -> Value {
        self.reads_literals = true;
        let (name, schema) = match path {
            [] => {
                self.met.add(scope.level.into());
                let all = scope.items.iter().filter(|item| item.bare);
                return all.fold(Value::default(), |all, item| all.with(item.whole_row()));
            }
            [name] => (name, None),
            [.., schema, name] => (name, Some(*schema)),
        };
        let (items, levels) = scope.named(schema, name);
        self.met.add(levels);
        if items.is_empty() {
            let detail = format!("{}.*", path.join("."));
            self.opaque(OpaqueReason::UnknownColumn, &detail);
        }
        items
            .into_iter()
            .fold(Value::default(), |all, item| all.with(item.whole_row()))
    }

    /// A bare name: a column of the nearest level that has one, else a whole row.
    pub(super) fn bare_name(&mut self, name: &str, scope: &Scope<'_>) -> Option<Value> {
        let column = match scope.column(name) {
            Found::Value(value, levels) => {
                self.met.add(levels);
                Some(value)
            }
            Found::Nothing => None,
        };
        let doubtful = column.is_none() || self.doubted(name, scope);
        if !doubtful {
            return column;
        }
        let (rows, levels) = scope.named(None, name);
        self.met.add(levels);
        let row = rows
            .into_iter()
            .map(|item| item.whole_row())
            .reduce(Value::with);
        self.reads_literals |= row.is_some();
        match (column, row) {
            (Some(column), Some(row)) => Some(column.with(row)),
            (column, row) => column.or(row),
        }
    }

    /// Whether a bare column was found only where its existence is not certain.
    fn doubted(&self, name: &str, scope: &Scope<'_>) -> bool {
        let mut level = Some(scope);
        while let Some(scope) = level {
            let mut items = scope.items.iter();
            if items.any(|item| item.bare && !item.doubtful && item.is_certain(name)) {
                return false;
            }
            level = scope.outer;
        }
        true
    }

    /// `table.name`: a column, a system column, or a function of the row.
    fn qualified_name(
        &mut self,
        schema: Option<&str>,
        table: &str,
        name: &str,
        scope: &Scope<'_>,
    ) -> Option<Value> {
        let (items, levels) = scope.named(schema, table);
        self.met.add(levels);
        let mut found: Option<Value> = None;
        let mut missing: Option<Value> = None;
        for item in items {
            match item.column(name) {
                Some(value) => {
                    found = Some(match found {
                        Some(before) => before.or(value),
                        None => value,
                    });
                    if item.doubtful || !item.is_certain(name) {
                        missing = Some(item.whole_row());
                    }
                }
                None => missing = Some(item.whole_row()),
            }
        }
        match (found, missing) {
            (Some(value), None) => Some(value),
            (found, Some(row)) => {
                let called = self.catalog.has_function(name);
                if called {
                    self.function(&[name], std::slice::from_ref(&row));
                }
                match (found, called) {
                    (Some(value), true) => Some(value.with(row)),
                    (Some(value), false) => Some(value),
                    (None, true) => Some(row),
                    (None, false) => None,
                }
            }
            (None, None) => None,
        }
    }

    /// Subscripts and fields after an expression.
    pub(super) fn indirection(
        &mut self,
        argument: Option<&NodeEnum>,
        path: &[pg::Node],
        scope: &Scope<'_>,
    ) -> Value {
        let mut value = argument
            .map(|node| self.expression(node, scope))
            .unwrap_or_default();
        for step in path {
            value = match inner(step) {
                Some(NodeEnum::String(field)) => {
                    self.mentioned.insert(field.sval.clone());
                    let row = value.fields.as_ref().is_none_or(|fields| {
                        fields.other.is_some()
                            || !fields
                                .columns
                                .iter()
                                .any(|column| column.name == field.sval)
                    });
                    if row && self.catalog.has_function(&field.sval) {
                        self.takes_rows = true;
                        self.function(&[&field.sval], std::slice::from_ref(&value));
                    }
                    value.field(&field.sval)
                }
                Some(NodeEnum::AIndices(indices)) => {
                    let low = self.optional(&indices.lidx, scope);
                    let high = self.optional(&indices.uidx, scope);
                    value.with(low).with(high).derived()
                }
                _ => value.derived(),
            };
        }
        value
    }

    /// An operator, or one of the constructs that are made of operators.
    fn operation(&mut self, expression: &pg::AExpr, scope: &Scope<'_>) -> Value {
        self.operator(&expression.name);
        let left = self.optional(&expression.lexpr, scope);
        let right = self.optional(&expression.rexpr, scope);
        left.with(right).derived()
    }

    /// A subquery in an expression.
    fn sublink(&mut self, link: &pg::SubLink, scope: &Scope<'_>) -> Value {
        let table = self.query(boxed(&link.subselect), &Scope::inside(scope));
        let first = || match (table.columns.as_slice(), &table.other) {
            ([only], None) => only.value.clone(),
            _ => table.everything(),
        };
        match link.sub_link_type() {
            pg::SubLinkType::ExistsSublink => Value::default(),
            pg::SubLinkType::ExprSublink => first(),
            pg::SubLinkType::MultiexprSublink => table.everything(),
            pg::SubLinkType::ArraySublink => {
                self.reads_literals = true;
                first().derived()
            }
            pg::SubLinkType::AnySublink
            | pg::SubLinkType::AllSublink
            | pg::SubLinkType::RowcompareSublink => {
                if link.oper_name.is_empty() {
                    self.operator_named("=");
                } else {
                    self.operator(&link.oper_name);
                }
                let test = self.optional(&link.testexpr, scope);
                test.with(table.everything()).derived()
            }
            pg::SubLinkType::CteSublink | pg::SubLinkType::Undefined => {
                self.opaque(OpaqueReason::Unsupported, "subquery");
                table.everything()
            }
        }
    }

    /// CASE: what is tested filters, what is chosen is derived.
    fn case(&mut self, case: &pg::CaseExpr, scope: &Scope<'_>) -> Value {
        if case.arg.is_some() {
            self.operator_named("=");
            let tested = self.optional(&case.arg, scope);
            self.mark(&tested, Use::Filtered);
        }
        let mut chosen = self.optional(&case.defresult, scope);
        for when in &case.args {
            let Some(NodeEnum::CaseWhen(when)) = inner(when) else {
                continue;
            };
            let tested = self.optional(&when.expr, scope);
            self.mark(&tested, Use::Filtered);
            chosen = chosen.with(self.optional(&when.result, scope));
        }
        chosen.derived()
    }

    /// Notes a use of every column in a value.
    pub(super) fn mark(&mut self, value: &Value, used: Use) {
        for source in &value.sources {
            self.mark_source(source, used);
        }
    }

    fn mark_source(&mut self, source: &Source, used: Use) {
        let new = self.found.columns.insert(crate::analysis::ColumnUse {
            column: source.column,
            used,
            statement: self.statement,
        });
        if new {
            self.spend(1);
        }
    }

    /// Notes what of a value is computed, wherever it goes: computing may fail and tell.
    pub(super) fn mark_derived(&mut self, value: &Value) {
        for source in &value.sources {
            match source.how {
                Reach::Projected => {}
                Reach::Derived => self.mark_source(source, Use::Derived),
                Reach::WholeRow => self.mark_source(source, Use::WholeRow),
            }
        }
    }

    /// Notes a value that reaches the client.
    pub(super) fn mark_output(&mut self, value: &Value) {
        for source in &value.sources {
            let used = match source.how {
                Reach::Projected => Use::Projected,
                Reach::Derived => Use::Derived,
                Reach::WholeRow => Use::WholeRow,
            };
            self.mark_source(source, used);
        }
    }
}

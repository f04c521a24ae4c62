//! FROM: relations, subqueries, functions, joins.

use std::rc::Rc;

use super::scope::{Item, Scope};
use super::value::{Named, Table, Value};
use super::{LOOKED_AT, Walk, names};
use crate::analysis::{OpaqueReason, Reach, Restriction, Source, Use};
use crate::catalog::{Type, TypeKind};
use crate::functions;
use crate::older;
use crate::parse::{NodeEnum, boxed, inner, pg, strings};

impl<'a> Walk<'a> {
    /// Puts everything in a FROM list in reach. `scope` is the level that the list belongs to.
    pub(super) fn put_in_reach(&mut self, list: &[pg::Node], scope: &mut Scope<'_>) {
        let mut rows = Restriction::Key;
        for node in list {
            let (items, _) = self.member(node, scope, &[]);
            scope.items.extend(items);
            rows = rows.min(self.rows);
        }
        self.rows = rows;
    }

    /// One member of FROM: what it puts in reach, and its columns. `left` is what LATERAL sees
    /// beside what the level already has.
    pub(super) fn member(
        &mut self,
        node: &pg::Node,
        scope: &Scope<'_>,
        left: &[Item],
    ) -> (Vec<Item>, Rc<Table>) {
        if !self.spend(1) {
            return self.unknown_item();
        }
        let item = match inner(node) {
            Some(NodeEnum::RangeVar(var)) => self.range_var(var, scope),
            Some(NodeEnum::RangeSubselect(sub)) => self.subselect(sub, scope, left),
            Some(NodeEnum::RangeFunction(function)) => {
                let scope = self.beside(scope, left);
                self.range_function(function, &scope)
            }
            Some(NodeEnum::RangeTableFunc(table)) => {
                let scope = self.beside(scope, left);
                self.xml_table(table, &scope)
            }
            Some(NodeEnum::JsonTable(table)) => {
                let scope = self.beside(scope, left);
                self.json_table(table, &scope)
            }
            Some(NodeEnum::RangeTableSample(sample)) => {
                return self.sample(sample, scope, left);
            }
            Some(NodeEnum::JoinExpr(join)) => return self.join(join, scope, left),
            _ => return self.unknown_item(),
        };
        // A relation's are those of the catalog: those of several by one name, together.
        self.doubts |= !item.table.is_known() && !item.doubtful;
        let table = item.table.clone();
        (vec![item], table)
    }

    fn unknown_item(&mut self) -> (Vec<Item>, Rc<Table>) {
        self.opaque(OpaqueReason::Unsupported, "FROM");
        self.rows = Restriction::None;
        let item = Item::new("", Table::unknown(Value::default()));
        let table = item.table.clone();
        (vec![item], table)
    }

    fn subselect(&mut self, sub: &pg::RangeSubselect, scope: &Scope<'_>, left: &[Item]) -> Item {
        let table = if sub.lateral {
            {
                let scope = self.beside(scope, left);
                self.query(boxed(&sub.subquery), &scope)
            }
        } else {
            self.query(boxed(&sub.subquery), &without_items(scope))
        };
        let item = Item {
            by_name: false,
            ..Item::new("", table)
        };
        self.aliased(item, sub.alias.as_ref())
    }

    /// JOIN: both arms, the condition over them, and the merged columns.
    fn join(
        &mut self,
        join: &pg::JoinExpr,
        scope: &Scope<'_>,
        left: &[Item],
    ) -> (Vec<Item>, Rc<Table>) {
        let (Some(larg), Some(rarg)) = (join.larg.as_deref(), join.rarg.as_deref()) else {
            return self.unknown_item();
        };
        let (mut items, left_table) = self.member(larg, scope, left);
        let left_rows = self.rows;
        if !self.spend((left.len() + items.len()) * ITEM) {
            return self.unknown_item();
        }
        let seen: Vec<Item> = left.iter().chain(&items).cloned().collect();
        let (right_items, right_table) = self.member(rarg, scope, &seen);
        let right_rows = self.rows;
        items.extend(right_items);
        let mut joins = join.is_natural || !join.using_clause.is_empty();
        if !self.spend(items.len() * ITEM) {
            return self.unknown_item();
        }
        if let Some(condition) = join.quals.as_deref() {
            let own = Scope {
                items: items.clone(),
                outer: scope.outer,
                with: scope.with.clone(),
                level: scope.level,
            };
            joins = self.condition(condition, &own);
        }
        let (wide, named) = (left_table.columns.len(), join.using_clause.len());
        let compared = match join.is_natural {
            true => wide * right_table.columns.len(),
            false => (wide + right_table.columns.len()) * named,
        };
        if !self.spend(compared / LOOKED_AT) {
            return self.unknown_item();
        }
        self.takes_rows |= join.is_natural || join.alias.is_some();
        self.mentioned
            .extend(strings(&join.using_clause).into_iter().map(str::to_owned));
        let using: Vec<String> = if join.is_natural {
            common_names(&left_table, &right_table)
        } else {
            strings(&join.using_clause)
                .into_iter()
                .map(str::to_owned)
                .collect()
        };
        if join.is_natural && (left_table.other.is_some() || right_table.other.is_some()) {
            self.mark(&left_table.everything(), Use::Filtered);
            self.mark(&right_table.everything(), Use::Filtered);
        }
        let (merged, table) = self.merge_columns(&using, &left_table, &right_table);
        for item in &mut items {
            item.bare = false;
            item.by_name &= join.alias.is_none();
        }
        // The joins inside this one are found no more.
        items.retain(|item| item.by_name);
        // The alias of the join hides that of USING.
        let using_alias = join.join_using_alias.as_ref();
        if let Some(alias) = using_alias.filter(|_| join.alias.is_none()) {
            let table = Table {
                columns: merged,
                other: None,
            };
            items.push(Item {
                bare: false,
                ..Item::new(&alias.aliasname, table)
            });
        }
        let item = Item {
            by_name: false,
            ..Item::new("", table)
        };
        let item = self.aliased(item, join.alias.as_ref());
        let table = item.table.clone();
        items.push(item);
        self.rows = match join.jointype() {
            pg::JoinType::JoinInner if joins => left_rows.max(right_rows).min(Restriction::Some),
            pg::JoinType::JoinLeft if joins => left_rows.min(Restriction::Some),
            pg::JoinType::JoinRight if joins => right_rows.min(Restriction::Some),
            _ => left_rows.min(right_rows),
        };
        (items, table)
    }

    /// The columns of a join: those of USING once, then the rest of both sides.
    fn merge_columns(
        &mut self,
        using: &[String],
        left: &Table,
        right: &Table,
    ) -> (Vec<Named>, Table) {
        let mut merged = Vec::new();
        if !using.is_empty() {
            self.operator_named("=");
        }
        for name in using {
            let (Some(one), Some(two)) = (left.column(name), right.column(name)) else {
                self.opaque(OpaqueReason::UnknownColumn, name);
                continue;
            };
            let value = one.or(two);
            self.mark(&value, Use::Filtered);
            merged.push(Named::new(name.as_str(), value));
        }
        if left.columns.len() + right.columns.len() > MOST_JOINED {
            return (merged, self.too_wide());
        }
        if !self.spend(left.size() + right.size()) {
            return (merged, Table::unknown(Value::default()));
        }
        let rest = left.columns.iter().chain(&right.columns);
        let rest = rest.filter(|column| !using.contains(&column.name)).cloned();
        let columns = merged.iter().cloned().chain(rest).collect();
        let other = match (&left.other, &right.other) {
            (None, None) => None,
            (one, two) => {
                let values = one.iter().chain(two).cloned();
                Some(values.fold(Value::default(), Value::with))
            }
        };
        (merged, Table { columns, other })
    }

    /// TABLESAMPLE.
    fn sample(
        &mut self,
        sample: &pg::RangeTableSample,
        scope: &Scope<'_>,
        left: &[Item],
    ) -> (Vec<Item>, Rc<Table>) {
        let method = strings(&sample.method);
        if !matches!(method.as_slice(), ["bernoulli" | "system"]) {
            self.opaque(OpaqueReason::UnknownFunction, &method.join("."));
        }
        let arguments = sample.args.iter().chain(sample.repeatable.as_deref());
        // What stands before it in FROM is passed over.
        let outer = without_items(scope);
        for node in arguments {
            let value = self.value(node, &outer);
            self.mark(&value, Use::Filtered);
        }
        let (mut items, table) = match sample.relation.as_deref() {
            Some(relation) => self.member(relation, scope, left),
            None => self.unknown_item(),
        };
        for item in &mut items {
            // Some of its rows.
            item.relation = None;
        }
        (items, table)
    }

    /// Functions in FROM: one, or ROWS FROM several.
    fn range_function(&mut self, range: &pg::RangeFunction, scope: &Scope<'_>) -> Item {
        let mut table = Table::default();
        let mut scalar = range.functions.len() == 1;
        let mut rows = Restriction::Some;
        let mut name = String::new();
        let definitions = range.coldeflist.as_slice();
        for node in &range.functions {
            let Some(NodeEnum::List(pair)) = inner(node) else {
                continue;
            };
            let Some(call) = pair.items.first() else {
                continue;
            };
            let own = pair.items.get(1).map(inner);
            let own = match own {
                Some(Some(NodeEnum::List(list))) => list.items.as_slice(),
                _ => &[],
            };
            let definitions = if own.is_empty() { definitions } else { own };
            let value = self.value(call, scope);
            self.mark_derived(&value);
            // How many rows there are, and their ordinality, depends on it.
            self.mark(&value, Use::Filtered);
            let called = names::output_name(call);
            if let Some(NodeEnum::FuncCall(call)) = inner(call)
                && older::is_column_name(call)
            {
                // A relation of this name, to older versions.
                self.opaque(OpaqueReason::UnknownRelation, &called);
            }
            // It may be found by another name, and another thing in FROM by this one.
            self.doubts |= range.alias.is_none() && !names::is_certain(call);
            if !functions::lists_rows(&called) {
                rows = Restriction::None;
            }
            let columns = self.function_columns((call, &called), value, definitions, scope);
            scalar &=
                columns.other.is_none() && columns.columns.len() == 1 && definitions.is_empty();
            if name.is_empty() {
                name = called;
            }
            if table.other.is_none() && columns.other.is_none() {
                table.columns.extend(columns.columns);
            } else {
                let any = table.everything().with(columns.everything());
                table.columns.extend(columns.columns);
                table.other = Some(any);
            }
        }
        let alias = range.alias.as_ref();
        if let Some(alias) = alias
            && scalar
            && alias.colnames.is_empty()
            && (matches!(&*name, "unnest" | "lower" | "upper") || functions::is_scalar(&name))
        {
            table = table.renamed(&[alias.aliasname.as_str()]);
        }
        if range.ordinality {
            table
                .columns
                .push(Named::new("ordinality", Value::default()));
        }
        self.rows = rows;
        self.aliased(Item::new(&name, table), alias)
    }

    /// The columns that a function in FROM gives.
    fn function_columns(
        &mut self,
        (call, called): (&pg::Node, &str),
        value: Value,
        definitions: &[pg::Node],
        scope: &Scope<'_>,
    ) -> Table {
        let value_of = |name: &str| Named::guessed(name, value.clone().derived());
        if !definitions.is_empty() {
            let mut columns = Vec::new();
            for node in definitions {
                let Some(NodeEnum::ColumnDef(column)) = inner(node) else {
                    continue;
                };
                if let Some(type_name) = &column.type_name {
                    self.type_name(type_name);
                }
                columns.push(Named::new(column.colname.as_str(), value.clone().derived()));
            }
            return Table {
                columns,
                other: None,
            };
        }
        if let Some(fields) = &value.fields {
            let columns = fields
                .columns
                .iter()
                .map(|column| value_of(&column.name))
                .collect();
            let other = fields.other.as_ref().map(|_| value.clone().derived());
            return Table { columns, other };
        }
        if let Some(NodeEnum::FuncCall(call)) = inner(call)
            && !self.may_be_own(called)
            && !self.may_be_field(call, scope)
        {
            if called == "unnest"
                && call
                    .args
                    .iter()
                    .all(|node| self.is_plain_array(node, scope))
            {
                let column = Named::new(called, value.derived());
                return Table {
                    columns: vec![column; call.args.len()],
                    other: None,
                };
            }
            if let Some(names) = functions::columns(called) {
                let value = value.derived();
                let columns = names.iter().map(|name| Named::new(*name, value.clone()));
                return Table {
                    columns: columns.collect(),
                    other: None,
                };
            }
            if functions::is_scalar(called) || folds_text(called, call) {
                return Table {
                    columns: vec![Named::new(called, value.derived())],
                    other: None,
                };
            }
        }
        // A record of unknown columns, or one column by the function's name or its alias.
        Table::unknown(value.derived())
    }

    /// Whether a call by this name may be of a function that is not PostgreSQL's own, or make a value of
    /// a type by that name.
    fn may_be_own(&self, name: &str) -> bool {
        self.catalog.has_own_function(name) || !self.catalog.types_named("", name).is_empty()
    }

    /// Whether a call may stand for the field of a row, by the name of a function: then it is of any
    /// type. Nothing is taken for no row that is not surely none.
    fn may_be_field(&mut self, call: &pg::FuncCall, scope: &Scope<'_>) -> bool {
        let path = strings(&call.funcname);
        let ([name], [argument]) = (path.as_slice(), call.args.as_slice()) else {
            return false;
        };
        self.may_have_field(argument, name, scope)
    }

    fn may_have_field(&mut self, node: &pg::Node, name: &str, scope: &Scope<'_>) -> bool {
        match inner(node) {
            Some(NodeEnum::AConst(_) | NodeEnum::AArrayExpr(_) | NodeEnum::BoolExpr(_)) => false,
            Some(NodeEnum::AExpr(one)) => {
                let name = strings(&one.name).last().copied().unwrap_or_default();
                let own = self.catalog.operators_named("", name);
                one.kind() == pg::AExprKind::AexprNullif || !own.is_empty()
            }
            Some(NodeEnum::ParamRef(_)) => {
                !self.spend(self.catalog.size() / LOOKED_AT) || self.catalog.has_column(name)
            }
            Some(NodeEnum::TypeCast(cast)) => !self.is_to_plain_type(cast),
            Some(NodeEnum::CoalesceExpr(either)) => {
                let mut args = either.args.iter();
                args.any(|node| self.may_have_field(node, name, scope))
            }
            Some(NodeEnum::FuncCall(call)) => !self.is_plain_call(call, scope),
            Some(NodeEnum::ColumnRef(column)) => self.plain_type_of(column, scope).is_none(),
            _ => true,
        }
    }

    /// Whether a call is one of a function of PostgreSQL's own whose result has no fields.
    fn is_plain_call(&mut self, call: &pg::FuncCall, scope: &Scope<'_>) -> bool {
        let name = strings(&call.funcname);
        let name = name.last().copied().unwrap_or_default();
        let is_plain = functions::makes_document(name) || functions::lists_texts(name);
        is_plain && !self.may_be_own(name) && !self.may_be_field(call, scope)
    }

    /// Whether it is an array of values of one column each: of a row, and of a tsvector, unnest
    /// gives several.
    fn is_plain_array(&mut self, node: &pg::Node, scope: &Scope<'_>) -> bool {
        match inner(node) {
            Some(NodeEnum::TypeCast(cast)) => {
                let name = cast.type_name.as_ref();
                name.is_some_and(|name| !name.array_bounds.is_empty())
                    && self.is_to_plain_type(cast)
            }
            Some(NodeEnum::AArrayExpr(array)) => {
                array.elements.iter().all(|element| match inner(element) {
                    Some(NodeEnum::AConst(_)) => true,
                    Some(NodeEnum::ColumnRef(column)) => {
                        self.plain_type_of(column, scope).is_some()
                    }
                    Some(NodeEnum::TypeCast(cast)) => self.is_to_plain_type(cast),
                    _ => false,
                })
            }
            Some(NodeEnum::FuncCall(call)) => {
                let name = strings(&call.funcname);
                let lists = name.last().is_some_and(|name| functions::lists_texts(name));
                lists && self.is_plain_call(call, scope)
            }
            Some(NodeEnum::ColumnRef(column)) => {
                self.plain_type_of(column, scope).is_some_and(|name| {
                    name.ends_with("[]") || matches!(name, "int2vector" | "oidvector")
                })
            }
            _ => false,
        }
    }

    /// The type of what is certainly a column of a relation, where that has no fields.
    fn plain_type_of(&mut self, column: &pg::ColumnRef, scope: &Scope<'_>) -> Option<&'a str> {
        let path = strings(&column.fields);
        let value = match path.as_slice() {
            _ if path.len() < column.fields.len() => None,
            [name] => scope.certain_column(name),
            [table, name] => scope.certain_column_of(table, name),
            _ => None,
        }?;
        let catalog = self.catalog;
        match value.sources[..] {
            [
                Source {
                    column,
                    how: Reach::Projected,
                },
            ] => catalog.plain_type(column),
            _ => None,
        }
    }

    fn is_to_plain_type(&self, cast: &pg::TypeCast) -> bool {
        let name = cast.type_name.as_ref();
        name.is_some_and(|name| self.is_plain_type(name))
    }

    fn is_plain_type(&self, name: &pg::TypeName) -> bool {
        let path = strings(&name.names);
        let Some(last) = path.last() else {
            return false;
        };
        let schema = older::schema_of_type(&path);
        let named = |name: &str| self.catalog.types_named(schema, name);
        let has_no_fields = |one: &&Type| matches!(one.kind, TypeKind::Base | TypeKind::Enum);
        let is_known = !named(last).is_empty() || functions::is_builtin_type(schema, last);
        // The name of an array is that of its elements after one or more of these; it may be cut, and
        // have a number behind it. No other name is safe to be one than PostgreSQL's own.
        let before = last.len() - last.trim_start_matches('_').len();
        let is_known = is_known && (before == 0 || functions::is_builtin_type(schema, last));
        let mut meant = (0..=before).map(|from| named(&last[from..]));
        is_known && meant.all(|types| types.iter().all(has_no_fields))
    }

    /// XMLTABLE.
    fn xml_table(&mut self, table: &pg::RangeTableFunc, scope: &Scope<'_>) -> Item {
        let mut all = Value::default();
        for node in [&table.docexpr, &table.rowexpr]
            .into_iter()
            .filter_map(|node| node.as_deref())
        {
            all = all.with(self.value(node, scope));
        }
        for node in &table.namespaces {
            all = all.with(self.value(node, scope));
        }
        let mut columns = Vec::new();
        for node in &table.columns {
            let Some(NodeEnum::RangeTableFuncCol(column)) = inner(node) else {
                continue;
            };
            if let Some(type_name) = &column.type_name {
                self.type_name(type_name);
            }
            for node in [&column.colexpr, &column.coldefexpr]
                .into_iter()
                .filter_map(|n| n.as_deref())
            {
                all = all.with(self.value(node, scope));
            }
            columns.push(column.colname.clone());
        }
        self.function_item("xmltable", columns, all, table.alias.as_ref())
    }

    /// JSON_TABLE.
    fn json_table(&mut self, table: &pg::JsonTable, scope: &Scope<'_>) -> Item {
        self.keyword_function("json_table");
        let mut all = self.json_value(table.context_item.as_deref(), scope);
        for node in &table.passing {
            all = all.with(self.value(node, scope));
        }
        let mut columns = Vec::new();
        self.json_columns(&table.columns, scope, &mut columns, &mut all);
        all = all.with(self.json_behavior(table.on_error.as_deref(), scope));
        self.function_item("json_table", columns, all, table.alias.as_ref())
    }

    fn json_columns(
        &mut self,
        nodes: &[pg::Node],
        scope: &Scope<'_>,
        names: &mut Vec<String>,
        all: &mut Value,
    ) {
        for node in nodes {
            let Some(NodeEnum::JsonTableColumn(column)) = inner(node) else {
                continue;
            };
            if let Some(type_name) = &column.type_name {
                self.type_name(type_name);
            }
            let empty = self.json_behavior(column.on_empty.as_deref(), scope);
            let error = self.json_behavior(column.on_error.as_deref(), scope);
            *all = std::mem::take(all).with(empty).with(error);
            if column.coltype == pg::JsonTableColumnType::JtcNested as i32 {
                // Their order is not that of the text.
                self.doubts = true;
                self.json_columns(&column.columns, scope, names, all);
            } else {
                names.push(column.name.clone());
            }
        }
    }

    fn function_item(
        &mut self,
        name: &str,
        columns: Vec<String>,
        value: Value,
        alias: Option<&pg::Alias>,
    ) -> Item {
        let value = value.derived();
        self.mark_derived(&value);
        self.mark(&value, Use::Filtered);
        self.rows = Restriction::Some;
        let columns = columns.into_iter();
        let columns = columns.map(|name| Named::new(name, value.clone()));
        let table = Table {
            columns: columns.collect(),
            other: None,
        };
        self.aliased(Item::new(name, table), alias)
    }

    /// The level with more in reach: what LATERAL sees.
    fn beside<'s>(&mut self, scope: &'s Scope<'s>, left: &[Item]) -> Scope<'s> {
        let items = scope.items.iter().chain(left);
        let items = match self.spend((scope.items.len() + left.len()) * ITEM) {
            true => items.cloned().collect(),
            false => Vec::new(),
        };
        Scope {
            items,
            outer: scope.outer,
            with: scope.with.clone(),
            level: scope.level,
        }
    }
}

/// Whether it is a call of `lower` or `upper` for a text, not for a range that may be one of rows: what
/// is no field of a row has a type without fields here.
fn folds_text(called: &str, call: &pg::FuncCall) -> bool {
    let is_plain = |node: &pg::Node| {
        matches!(
            inner(node),
            Some(NodeEnum::ColumnRef(_) | NodeEnum::AConst(_) | NodeEnum::TypeCast(_))
        )
    };
    matches!(called, "lower" | "upper") && call.args.len() == 1 && call.args.iter().all(is_plain)
}

/// PostgreSQL's own limit on the columns of a join (MaxAttrNumber).
const MOST_JOINED: usize = 32_767;

/// What a thing in FROM costs where it is copied.
const ITEM: usize = 4;

/// The level with nothing of FROM in reach: what a plain subquery sees.
fn without_items<'s>(scope: &Scope<'s>) -> Scope<'s> {
    Scope {
        items: Vec::new(),
        outer: scope.outer,
        with: scope.with.clone(),
        level: scope.level,
    }
}

fn common_names(left: &Table, right: &Table) -> Vec<String> {
    let names = left.columns.iter().map(|column| &column.name);
    let both = names.filter(|name| right.columns.iter().any(|column| column.name == **name));
    both.cloned().collect()
}

//! Calls: functions, operators, casts, and what is known of them.

use std::collections::HashSet;
use std::sync::Arc;

use super::Walk;
use super::parameters::{JSON, TEXT};
use super::relation::qualified;
use super::scope::Scope;
use super::value::Value;
use crate::analysis::{Access, FunctionUse, OpaqueReason, Use};
use crate::catalog::{Cast, Code, FIRST_OWN_OID, Function, Type, TypeKind};
use crate::functions::{self, Effect};
use crate::older;
use crate::parse::{NodeEnum, inner, pg, string, strings};

impl<'a> Walk<'a> {
    /// A function call, an aggregate or a window function.
    pub(super) fn call(&mut self, call: &pg::FuncCall, scope: &Scope<'_>) -> Value {
        if older::is_column_name(call) {
            return self.keyword_column(call, scope);
        }
        let mut arguments = Vec::with_capacity(call.args.len());
        for node in &call.args {
            arguments.push(self.value(node, scope));
        }
        for node in &call.agg_order {
            let Some(NodeEnum::SortBy(sort)) = inner(node) else {
                continue;
            };
            if !sort.use_op.is_empty() {
                self.operator(&sort.use_op);
            }
            let value = self.optional(&sort.node, scope);
            self.mark(&value, Use::Ordered);
            arguments.push(value);
        }
        if let Some(condition) = call.agg_filter.as_deref() {
            let value = self.value(condition, scope);
            self.mark(&value, Use::Filtered);
        }
        if let Some(window) = call.over.as_deref() {
            self.window(window, scope);
        }
        let name = strings(&call.funcname);
        self.names
            .extend(name.last().map(|name| (*name).to_owned()));
        if let ([field], [row]) = (name.as_slice(), arguments.as_slice())
            && let Some(value) = self.field_of(field, row)
        {
            return value;
        }
        self.function(&name, &arguments);
        let is_typed = matches!(
            call.args.first().and_then(inner),
            Some(NodeEnum::TypeCast(_))
        );
        let fills = |name: &str| name.contains("populate_record") && !is_typed;
        // A type may be named by any text.
        let last = name.last().copied().unwrap_or_default();
        if fills(last) || last.starts_with("pg_input_") {
            self.checks_of_all();
        }
        // PostgreSQL 13 takes the default of these for one of the other's type.
        self.reads_literals |= last.starts_with("array_")
            || matches!(last, "lag" | "lead" | "width_bucket" | "percentile_disc");
        if let ["pg_catalog", keyword] = name.as_slice()
            && older::is_plain_function(keyword)
        {
            self.keyword_function(keyword);
        }
        self.setting_function(&name, &call.args);
        let fields = match (name.last(), call.args.first()) {
            (Some(name), Some(first))
                if functions::returns_first_argument(name)
                    && !self.catalog.has_own_function(name) =>
            {
                self.cast_fields(first)
            }
            _ => None,
        };
        let all = arguments
            .into_iter()
            .fold(Value::default(), Value::with)
            .derived();
        match fields {
            Some(fields) => all.row(&fields),
            None => all,
        }
    }

    /// `column(row)`, which means `row.column` where there is no such function.
    fn field_of(&mut self, name: &str, row: &Value) -> Option<Value> {
        let fields = row.fields.as_ref()?;
        if !fields.columns.iter().any(|column| column.name == name) {
            return None;
        }
        let value = row.field(name);
        if self.catalog.has_function(name) {
            self.function(&[name], std::slice::from_ref(row));
            return Some(value.with(row.clone()).derived());
        }
        Some(value)
    }

    /// The fields of the composite type that an expression is cast to.
    fn cast_fields(&mut self, node: &pg::Node) -> Option<Vec<String>> {
        match inner(node)? {
            NodeEnum::TypeCast(cast) => self.type_name(cast.type_name.as_ref()?),
            _ => None,
        }
    }

    /// Notes a call and what is known of the function.
    pub(super) fn function(&mut self, path: &[&str], arguments: &[Value]) {
        let Some(name) = path.last() else { return };
        let schema = path.len().checked_sub(2).map_or("", |place| path[place]);
        if functions::returns_set(name) {
            for argument in arguments {
                self.mark(argument, Use::Filtered);
            }
        }
        let mut any = false;
        for own in self.catalog.functions_named(schema, name) {
            any = true;
            self.own_function(own, name);
        }
        match schema {
            "" | "pg_catalog" => self.builtin(name, any && schema.is_empty(), arguments),
            "information_schema" if !any => {
                self.use_function(schema, name);
                if !functions::is_harmless_in_information_schema(name) {
                    self.opaque(OpaqueReason::UnknownFunction, &qualified(schema, name));
                }
            }
            _ if !any => {
                self.use_function(schema, name);
                let reason = functions::dangerous(name).unwrap_or(OpaqueReason::UnknownFunction);
                self.opaque(reason, &qualified(schema, name));
            }
            _ => {}
        }
    }

    /// A function that is not PostgreSQL's own.
    fn own_function(&mut self, function: &Function, name: &str) {
        self.use_own(&function.schema, name, function.text.as_ref());
        self.reads_literals = true;
        if let Some(reason) = functions::dangerous(name) {
            self.opaque(reason, &qualified(&function.schema, name));
        } else if functions::is_reviewed(&function.extension) || function.fields.is_some() {
        } else if let Some(calls) = &mut self.calls {
            calls.push(function.oid);
        } else {
            self.opaque(
                OpaqueReason::UnknownFunction,
                &qualified(&function.schema, name),
            );
        }
    }

    /// One of PostgreSQL's own functions, or a name that nobody knows. `otherwise` tells that the
    /// name has another meaning too.
    fn builtin(&mut self, name: &str, otherwise: bool, arguments: &[Value]) {
        match functions::effect(name) {
            Some(effect) => {
                self.use_function("pg_catalog", name);
                if matches!(name, "quote_literal" | "quote_nullable") {
                    self.casts_of_any_to(TEXT);
                }
                if name.contains("json") {
                    self.casts_of_any_to(JSON);
                }
                match effect {
                    Effect::Harmless => {}
                    Effect::Keeps => {
                        self.keeps = true;
                        self.leaves |= !functions::takes_time(name);
                        for argument in arguments {
                            self.mark(argument, Use::Copied);
                        }
                    }
                    Effect::Opaque(reason) => {
                        for argument in arguments {
                            self.mark(argument, Use::Copied);
                        }
                        self.opaque(reason, name);
                    }
                }
            }
            None if otherwise => {}
            None => {
                self.use_function("", name);
                self.opaque(OpaqueReason::UnknownFunction, name);
            }
        }
    }

    /// A keyword that older versions read as the name of a column: it may be either.
    fn keyword_column(&mut self, call: &pg::FuncCall, scope: &Scope<'_>) -> Value {
        let Some(name) = strings(&call.funcname).last().copied() else {
            return Value::default();
        };
        self.use_function("pg_catalog", name);
        self.bare_name(name, scope).unwrap_or_default()
    }

    /// A construct of the grammar that older versions read as a call of a function.
    pub(super) fn keyword_function(&mut self, name: &str) {
        if self.catalog.has_own_function(name) {
            self.function(&[name], &[]);
        }
    }

    pub(super) fn use_function(&mut self, schema: &str, name: &str) {
        self.use_own(schema, name, None);
    }

    /// Notes the call of a function that is not PostgreSQL's own, with its text where that is known.
    pub(super) fn use_own(&mut self, schema: &str, name: &str, text: Option<&Arc<str>>) {
        self.found.functions.push(FunctionUse {
            schema: schema.to_owned(),
            name: name.to_owned(),
            statement: self.statement,
            text: text.cloned(),
        });
    }

    /// An operator by its possibly qualified name.
    pub(super) fn operator(&mut self, name: &[pg::Node]) {
        match strings(name).as_slice() {
            [.., "pg_catalog", _] => {}
            [.., schema, operator] => self.operator_in(schema, operator),
            [operator] => match *operator {
                "BETWEEN" | "NOT BETWEEN" | "BETWEEN SYMMETRIC" | "NOT BETWEEN SYMMETRIC" => {
                    self.operator_named(">=");
                    self.operator_named("<=");
                }
                operator => self.operator_named(operator),
            },
            [] => {}
        }
    }

    /// An operator by its bare name.
    pub(super) fn operator_named(&mut self, name: &str) {
        self.operator_in("", name);
    }

    fn operator_in(&mut self, schema: &str, name: &str) {
        if name == "||" {
            self.casts_of_any_to(TEXT);
        }
        // That of hstore fills a row.
        if name == "#=" {
            self.checks_of_all();
        }
        for (schema, extension) in self.catalog.operators_named(schema, name) {
            if !functions::is_reviewed(&extension) {
                self.use_function(&schema, name);
                self.opaque(OpaqueReason::UnknownFunction, &qualified(&schema, name));
            }
        }
    }

    /// A type that something is cast to. Gives the fields of a composite type.
    pub(super) fn type_name(&mut self, name: &pg::TypeName) -> Option<Vec<String>> {
        let path = strings(&name.names);
        let last = *path.last()?;
        let schema = older::schema_of_type(&path);
        let mut found = self.catalog.types_named(schema, last);
        let array = !name.array_bounds.is_empty();
        let mut element = array;
        if found.is_empty()
            && let Some(base) = last.strip_prefix('_')
        {
            found = self.catalog.types_named(schema, base);
            element = true;
        }
        if found.is_empty() && !functions::is_builtin_type(schema, last) {
            self.opaque(OpaqueReason::UnknownFunction, &qualified(schema, last));
        }
        let mut fields = None;
        let composites = found
            .iter()
            .filter(|one| one.kind == TypeKind::Composite)
            .count();
        if composites > 0 && found.len() > 1 {
            // Which of them is meant, the search path of the session decides.
            self.opaque(OpaqueReason::Unsupported, &qualified(schema, last));
        }
        for data_type in found {
            self.own_types |= data_type.oid >= FIRST_OWN_OID;
            self.data_type(data_type, 0);
            self.casts_to(data_type.oid);
            if !element && data_type.kind == TypeKind::Composite {
                let relation = self.catalog.relation(data_type.relation);
                fields = relation.map(|relation| {
                    relation
                        .columns
                        .iter()
                        .map(|column| column.name.clone())
                        .collect()
                });
            }
        }
        fields
    }

    /// Whether making a value of a type may run code that nobody has reviewed.
    pub(super) fn data_type(&mut self, data_type: &'a Type, depth: usize) {
        if !self.spend(1) {
            return;
        }
        let own = data_type.oid >= FIRST_OWN_OID && !functions::is_reviewed(&data_type.extension);
        match data_type.kind {
            TypeKind::Enum | TypeKind::Pseudo => {}
            TypeKind::Base if own => {
                let name = qualified(&data_type.schema, &data_type.name);
                self.opaque(OpaqueReason::UnknownFunction, &name);
            }
            TypeKind::Base => {}
            TypeKind::Domain | TypeKind::Range | TypeKind::Composite if depth > 8 => {
                self.opaque(OpaqueReason::Unsupported, &data_type.name);
            }
            TypeKind::Domain | TypeKind::Range => {
                self.code(&data_type.code, &data_type.name, depth);
                self.casts_to(data_type.base);
                if let Some(base) = self.catalog.data_type(data_type.base) {
                    self.data_type(base, depth + 1);
                }
            }
            TypeKind::Composite => {
                let Some(relation) = self.catalog.relation(data_type.relation) else {
                    return;
                };
                self.may_vanish(relation);
                for column in &relation.columns {
                    self.casts_to(column.type_oid);
                    match self.catalog.column_type(column) {
                        Some(inner) => {
                            self.casts_to(inner.oid);
                            self.data_type(inner, depth + 1);
                        }
                        // Which type of PostgreSQL's own the elements are of is not known.
                        None if column.type_name.ends_with("[]") => self.casts_to_builtin(),
                        None => {}
                    }
                }
            }
        }
    }

    /// What expressions of something call and make, at some depth of types.
    pub(super) fn code(&mut self, code: &'a Code, by: &str, depth: usize) {
        self.functions_of(&code.calls, by);
        for name in &code.builtin {
            self.use_function("pg_catalog", name);
            let reason = match functions::effect(name) {
                Some(Effect::Opaque(reason)) => reason,
                _ => OpaqueReason::SessionState,
            };
            self.opaque(reason, name);
        }
        for &made in &code.types {
            match self.catalog.data_type(made) {
                Some(data_type) => self.data_type(data_type, depth + 1),
                None => self.opaque(OpaqueReason::UnknownFunction, by),
            }
        }
    }

    /// Functions that something calls, by number.
    pub(super) fn functions_of(&mut self, called: &[u32], by: &str) {
        for &function in called {
            match self.catalog.function(function) {
                Some((schema, name)) => self.function(&[schema, name], &[]),
                None => self.opaque(OpaqueReason::ProceduralCode, by),
            }
        }
    }

    /// Casts to a type that run functions nobody has reviewed.
    fn casts_to(&mut self, target: u32) {
        for cast in self.catalog.casts_to(target) {
            self.cast(cast);
        }
    }

    fn casts_to_builtin(&mut self) {
        let casts = self.catalog.casts();
        for cast in casts.filter(|cast| cast.target < FIRST_OWN_OID) {
            self.cast(cast);
        }
    }

    fn cast(&mut self, cast: &'a Cast) {
        if functions::is_reviewed(&cast.extension) {
            return;
        }
        if cast.source < FIRST_OWN_OID {
            self.opaque(OpaqueReason::UnknownFunction, &cast.function);
        } else {
            self.own_casts.push(&cast.function);
        }
    }

    /// Casts that PostgreSQL may put in by itself: those from its own types, and all where there may be
    /// a value of another type.
    pub(super) fn implicit_casts(&mut self) {
        // What is compared where, and by which class, plans decide.
        if let Some(class) = self.catalog.own_class() {
            self.opaque(OpaqueReason::UnknownFunction, class);
        }
        if std::mem::take(&mut self.reads_literals) {
            self.checks_of_elements();
        }
        let own_values = self.may_have_own_values();
        for function in std::mem::take(&mut self.own_casts) {
            if own_values {
                self.opaque(OpaqueReason::UnknownFunction, function);
            }
        }
        for cast in self.catalog.implicit_casts() {
            let reviewed = functions::is_reviewed(&cast.extension);
            if !reviewed && (own_values || cast.source < FIRST_OWN_OID) {
                self.opaque(OpaqueReason::UnknownFunction, &cast.function);
            }
        }
    }

    /// Whether a value of a type that is not PostgreSQL's own may occur: it was named, or a relation has
    /// a column of one, or a function may give one.
    pub(super) fn may_have_own_values(&self) -> bool {
        let own = |type_oid: u32| type_oid >= FIRST_OWN_OID;
        let functions = &self.found.functions.list;
        // Of functions of one name, PostgreSQL's own takes values of its types.
        let builtin = functions.iter().filter(|one| one.schema == "pg_catalog");
        let builtin: HashSet<&str> = builtin.map(|one| one.name.as_str()).collect();
        self.own_types
            || !self.looks(functions.len())
            || functions
                .iter()
                .any(|one| !builtin.contains(one.name.as_str()))
            || self.found.relations.list.iter().any(|relation| {
                let known = relation.oid.and_then(|oid| self.catalog.relation(oid));
                let is_new = relation.oid.is_none() && relation.access == Access::Define;
                !is_new
                    && known.is_none_or(|known| {
                        !self.looks(known.columns.len())
                            || known.columns.iter().any(|one| own(one.type_oid))
                    })
            })
    }

    /// SQL/JSON. Before PostgreSQL 16 these were read as calls of functions.
    pub(super) fn json(&mut self, node: &NodeEnum, scope: &Scope<'_>) -> Value {
        self.casts_of_any_to(JSON);
        let value = match node {
            NodeEnum::JsonFuncExpr(json) => {
                let name = match json.op() {
                    pg::JsonExprOp::JsonExistsOp => "json_exists",
                    pg::JsonExprOp::JsonQueryOp => "json_query",
                    pg::JsonExprOp::JsonValueOp => "json_value",
                    pg::JsonExprOp::JsonTableOp | pg::JsonExprOp::Undefined => "json_table",
                };
                self.keyword_function(name);
                self.json_output(json.output.as_ref());
                self.json_value(json.context_item.as_deref(), scope)
                    .with(self.optional(&json.pathspec, scope))
                    .with(self.values_of(&json.passing, scope))
                    .with(self.json_behavior(json.on_empty.as_deref(), scope))
                    .with(self.json_behavior(json.on_error.as_deref(), scope))
            }
            NodeEnum::JsonValueExpr(json) => self.json_value(Some(json), scope),
            NodeEnum::JsonArgument(json) => self.json_value(json.val.as_deref(), scope),
            NodeEnum::JsonKeyValue(json) => {
                let key = self.optional(&json.key, scope);
                key.with(self.json_value(json.value.as_deref(), scope))
            }
            NodeEnum::JsonObjectConstructor(json) => {
                self.keyword_function("json_object");
                self.json_output(json.output.as_ref());
                self.values_of(&json.exprs, scope)
            }
            NodeEnum::JsonArrayConstructor(json) => {
                self.keyword_function("json_array");
                self.json_output(json.output.as_ref());
                self.values_of(&json.exprs, scope)
            }
            NodeEnum::JsonArrayQueryConstructor(json) => {
                self.keyword_function("json_array");
                self.json_output(json.output.as_ref());
                let query = json.query.as_deref().and_then(inner);
                self.query(query, &Scope::inside(scope)).everything()
            }
            NodeEnum::JsonParseExpr(json) => {
                self.keyword_function("json");
                self.json_output(json.output.as_ref());
                self.json_value(json.expr.as_deref(), scope)
            }
            NodeEnum::JsonScalarExpr(json) => {
                self.keyword_function("json_scalar");
                self.json_output(json.output.as_ref());
                self.optional(&json.expr, scope)
            }
            NodeEnum::JsonSerializeExpr(json) => {
                self.keyword_function("json_serialize");
                self.json_output(json.output.as_ref());
                self.json_value(json.expr.as_deref(), scope)
            }
            NodeEnum::JsonIsPredicate(json) => self.optional(&json.expr, scope),
            NodeEnum::JsonObjectAgg(json) => {
                self.keyword_function("json_objectagg");
                self.json_aggregate(json.constructor.as_deref(), scope);
                let Some(pair) = json.arg.as_deref() else {
                    return Value::default();
                };
                let key = self.optional(&pair.key, scope);
                key.with(self.json_value(pair.value.as_deref(), scope))
            }
            NodeEnum::JsonArrayAgg(json) => {
                self.keyword_function("json_arrayagg");
                self.json_aggregate(json.constructor.as_deref(), scope);
                self.json_value(json.arg.as_deref(), scope)
            }
            NodeEnum::MergeSupportFunc(_) => {
                self.keyword_function("merge_action");
                Value::default()
            }
            _ => {
                self.opaque(OpaqueReason::Unsupported, "expression");
                Value::default()
            }
        };
        value.derived()
    }

    fn json_aggregate(&mut self, json: Option<&pg::JsonAggConstructor>, scope: &Scope<'_>) {
        let Some(json) = json else { return };
        self.json_output(json.output.as_ref());
        if let Some(filter) = json.agg_filter.as_deref() {
            let value = self.value(filter, scope);
            self.mark(&value, Use::Filtered);
        }
        self.order(&json.agg_order, &super::value::Table::default(), &[], scope);
        if let Some(window) = json.over.as_deref() {
            self.window(window, scope);
        }
    }

    fn json_output(&mut self, output: Option<&pg::JsonOutput>) {
        if let Some(name) = output.and_then(|output| output.type_name.as_ref()) {
            self.type_name(name);
        }
    }

    /// The value that a JSON construct works on.
    pub(super) fn json_value(
        &mut self,
        json: Option<&pg::JsonValueExpr>,
        scope: &Scope<'_>,
    ) -> Value {
        json.map(|json| self.optional(&json.raw_expr, scope))
            .unwrap_or_default()
    }

    /// DEFAULT expressions of ON EMPTY and ON ERROR.
    pub(super) fn json_behavior(
        &mut self,
        behavior: Option<&pg::JsonBehavior>,
        scope: &Scope<'_>,
    ) -> Value {
        behavior
            .map(|behavior| self.optional(&behavior.expr, scope))
            .unwrap_or_default()
    }

    /// `set_config`: harmless where it is plain that it sets a harmless setting.
    fn setting_function(&mut self, name: &[&str], arguments: &[pg::Node]) {
        if name.last() != Some(&"set_config") {
            return;
        }
        // A cast may change what a constant says.
        let constant = |place: usize| arguments.get(place).and_then(plain_constant);
        let by_row = || {
            let NodeEnum::ColumnRef(column) = arguments.first().and_then(inner)? else {
                return None;
            };
            let setting = self.setting.as_ref()?;
            let is_its_name = setting.is_name(&strings(&column.fields));
            is_its_name.then(|| setting.value.clone())
        };
        // In the body of a function a parameter may be anything.
        let given = || self.calls.is_none() && arguments.get(1).is_some_and(is_parameter);
        let value = constant(1).or_else(|| given().then(|| ANY_VALUE.to_owned()));
        match (constant(0).or_else(by_row), value) {
            (Some(name), Some(value)) => {
                if let Some(reason) = super::setting::danger(&name, Some(&value)) {
                    self.opaque(reason, &name);
                }
            }
            _ => self.opaque(OpaqueReason::SessionState, "set_config"),
        }
    }
}

/// Stands for whatever the client gives: no setting that takes only some values takes it.
const ANY_VALUE: &str = "\0";

/// True for a parameter, with or without a cast.
fn is_parameter(node: &pg::Node) -> bool {
    match inner(node) {
        Some(NodeEnum::ParamRef(_)) => true,
        Some(NodeEnum::TypeCast(cast)) => cast.arg.as_deref().is_some_and(is_parameter),
        _ => false,
    }
}

/// The text of a string constant that stands as itself.
pub(super) fn plain_constant(node: &pg::Node) -> Option<String> {
    match inner(node)? {
        NodeEnum::AConst(constant) => match constant.val.as_ref()? {
            pg::a_const::Val::Sval(text) => Some(text.sval.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// The text of a string constant, with or without a cast.
pub(super) fn text_constant(node: &pg::Node) -> Option<String> {
    match inner(node)? {
        NodeEnum::AConst(constant) => match constant.val.as_ref()? {
            pg::a_const::Val::Sval(text) => Some(text.sval.clone()),
            pg::a_const::Val::Ival(number) => Some(number.ival.to_string()),
            pg::a_const::Val::Fval(number) => Some(number.fval.clone()),
            pg::a_const::Val::Boolval(truth) => Some(truth.boolval.to_string()),
            pg::a_const::Val::Bsval(_) => None,
        },
        NodeEnum::TypeCast(cast) => cast.arg.as_deref().and_then(text_constant),
        _ => string(node).map(str::to_owned),
    }
}

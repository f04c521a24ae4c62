//! What the condition of an UPDATE or DELETE restricts.

use super::Walk;
use super::broad::is_anything;
use super::condition::{equality_column, is_constant};
use super::scope::{Item, SYSTEM_COLUMNS, Scope};
use crate::analysis::{Reach, Restriction};
use crate::catalog::{Relation, RelationKind};
use crate::parse::{NodeEnum, inner, pg, strings};

impl<'a> Walk<'a> {
    /// What conditions that hold together restrict of these relations. Each comes with whether it
    /// may keep rows out.
    pub(super) fn restriction(
        &mut self,
        conditions: &[(&pg::Node, bool)],
        targets: &[&'a Relation],
        scope: &Scope<'_>,
    ) -> Restriction {
        if conditions.is_empty() {
            return Restriction::None;
        }
        if let [(only, _)] = conditions
            && matches!(inner(only), Some(NodeEnum::CurrentOfExpr(_)))
        {
            return Restriction::Key;
        }
        let restricts = |(one, keeps_out): &(&pg::Node, bool)| {
            *keeps_out && !self.is_always(one, targets, scope)
        };
        if !conditions.iter().any(restricts) {
            return Restriction::AlwaysTrue;
        }
        let mut columns = Vec::new();
        for (condition, _) in conditions {
            self.equalities(condition, scope, &mut columns);
        }
        let by_key = |relation: &&Relation| {
            relation.keys.iter().any(|key| {
                !key.is_empty()
                    && key
                        .iter()
                        .all(|one| columns.contains(&(relation.oid, *one)))
            })
        };
        if !targets.is_empty() && targets.iter().all(by_key) {
            return Restriction::Key;
        }
        Restriction::Some
    }

    /// The columns that must equal a constant for the condition to hold.
    fn equalities(&mut self, node: &pg::Node, scope: &Scope<'_>, found: &mut Vec<(u32, i16)>) {
        match inner(node) {
            Some(NodeEnum::BoolExpr(expression))
                if expression.boolop() == pg::BoolExprType::AndExpr =>
            {
                for argument in &expression.args {
                    self.equalities(argument, scope, found);
                }
            }
            Some(NodeEnum::AExpr(expression)) => {
                let column = equality_column(expression).or_else(|| in_one(expression));
                let Some(column) = column else { return };
                for source in self.value(column, scope).sources {
                    if source.how == Reach::Projected {
                        found.push((source.column.relation, source.column.attribute));
                    }
                }
            }
            _ => {}
        }
    }

    /// Whether a condition holds for every row of these relations, or nearly, as far as the catalog tells.
    pub(super) fn is_always(
        &self,
        node: &pg::Node,
        targets: &[&'a Relation],
        scope: &Scope<'_>,
    ) -> bool {
        let is_there =
            |node: Option<&pg::Node>| node.is_some_and(|node| self.is_there(node, targets, scope));
        let is_true = || truth(node) == Some(true);
        let holds = match inner(node) {
            Some(NodeEnum::BoolExpr(expression)) => {
                let mut parts = expression.args.iter();
                let is_always = |part: &pg::Node| self.is_always(part, targets, scope);
                match expression.boolop() {
                    pg::BoolExprType::AndExpr => parts.all(is_always),
                    pg::BoolExprType::OrExpr => {
                        parts.any(is_always) || covers_all(&expression.args)
                    }
                    pg::BoolExprType::NotExpr => {
                        is_true()
                            || parts.any(|part| {
                                matches!(inner(part), Some(NodeEnum::NullTest(test))
                                    if test.nulltesttype() == pg::NullTestType::IsNull
                                        && is_there(test.arg.as_deref()))
                            })
                    }
                    pg::BoolExprType::Undefined => false,
                }
            }
            Some(NodeEnum::NullTest(test))
                if test.nulltesttype() == pg::NullTestType::IsNotNull
                    && is_there(test.arg.as_deref()) =>
            {
                true
            }
            Some(NodeEnum::AExpr(expression)) => {
                is_true() || self.joins_itself(expression, targets, scope)
            }
            _ => is_true(),
        };
        holds || self.looks.get() == 0 || self.is_broad(node, targets, scope)
    }

    /// `one.column = other.column` of two that are the same table, whole: to each row there is one, itself.
    fn joins_itself(
        &self,
        expression: &pg::AExpr,
        targets: &[&'a Relation],
        scope: &Scope<'_>,
    ) -> bool {
        let is_whole = |relation: &Relation| {
            relation.kind == RelationKind::Partitioned
                || self.catalog.descendants(relation.oid).is_empty()
        };
        let is_target = |item: &Item| {
            let mut targets = targets.iter();
            targets.any(|one| item.relation == Some(one.oid) && is_whole(one))
        };
        let sides = [&expression.lexpr, &expression.rexpr].map(|side| side.as_deref());
        let [Some(left), Some(right)] = sides else {
            return false;
        };
        let equals = expression.kind() == pg::AExprKind::AexprOp
            && matches!(strings(&expression.name).as_slice(), ["=" | "<=" | ">="]);
        let attribute = |side| self.own_column(side, scope).map(|(_, attribute)| attribute);
        equals
            && scope.items.len() == 2
            && scope.items.iter().all(is_target)
            && [left, right]
                .iter()
                .any(|side| self.is_there(side, targets, scope))
            && attribute(left).is_some()
            && attribute(left) == attribute(right)
    }

    /// Whether a column of the rows that are changed has a value in each: what is joined to them may be NULL
    /// all the same.
    pub(super) fn is_there(
        &self,
        node: &pg::Node,
        targets: &[&'a Relation],
        scope: &Scope<'_>,
    ) -> bool {
        let is_required = |(item, attribute): (usize, i16)| {
            let item = &scope.items[item];
            let mut targets = targets.iter();
            let relation = targets.find(|one| item.relation == Some(one.oid));
            let column = relation.and_then(|relation| relation.column(attribute));
            item.restricts && column.is_some_and(|column| column.required)
        };
        self.own_column(node, scope).is_some_and(is_required) || is_of_system(node, scope)
    }
}

/// Whether it is one of the columns that every row has, of the rows that are changed.
fn is_of_system(node: &pg::Node, scope: &Scope<'_>) -> bool {
    let Some(NodeEnum::ColumnRef(column)) = inner(node) else {
        return false;
    };
    let (table, name) = match strings(&column.fields)[..] {
        [name] => (None, name),
        [table, name] | [_, table, name] | [_, _, table, name] => (Some(table), name),
        _ => return false,
    };
    let is_meant = |item: &&Item| match table {
        Some(table) => item.by_name && item.name == table,
        None => item.bare && item.column(name).is_some(),
    };
    let mut meant = scope.items.iter().filter(is_meant);
    SYSTEM_COLUMNS.contains(&name)
        && meant.next().is_some_and(|item| item.restricts)
        && meant.next().is_none()
}

/// `column IN (constant)`.
fn in_one(expression: &pg::AExpr) -> Option<&pg::Node> {
    if expression.kind() != pg::AExprKind::AexprIn || strings(&expression.name) != ["="] {
        return None;
    }
    let column = expression.lexpr.as_deref()?;
    let Some(NodeEnum::List(list)) = expression.rexpr.as_deref().and_then(inner) else {
        return None;
    };
    let one = matches!(list.items.as_slice(), [one] if is_constant(one));
    (one && matches!(inner(column), Some(NodeEnum::ColumnRef(_)))).then_some(column)
}

/// What a condition is for every row, as far as constants tell. NULL is taken for neither.
pub(super) fn truth(node: &pg::Node) -> Option<bool> {
    match inner(node)? {
        NodeEnum::AConst(constant) => match constant.val.as_ref()? {
            pg::a_const::Val::Boolval(truth) => Some(truth.boolval),
            pg::a_const::Val::Sval(text) => text_truth(&text.sval),
            _ => None,
        },
        NodeEnum::TypeCast(cast) => {
            let name = cast.type_name.as_ref()?;
            if strings(&name.names).last() != Some(&"bool") {
                return None;
            }
            let argument = cast.arg.as_deref()?;
            match constant(argument) {
                Some(Constant::Number(number)) => Some(number != 0.0),
                _ => truth(argument),
            }
        }
        NodeEnum::BoolExpr(expression) => bool_truth(expression),
        NodeEnum::AExpr(expression) => comparison_truth(expression),
        NodeEnum::BooleanTest(test) => {
            let value = truth(test.arg.as_deref()?)?;
            match test.booltesttype() {
                pg::BoolTestType::IsTrue | pg::BoolTestType::IsNotFalse => Some(value),
                pg::BoolTestType::IsFalse | pg::BoolTestType::IsNotTrue => Some(!value),
                pg::BoolTestType::IsNotUnknown => Some(true),
                pg::BoolTestType::IsUnknown => Some(false),
                pg::BoolTestType::Undefined => None,
            }
        }
        NodeEnum::NullTest(test) => {
            let argument = test.arg.as_deref()?;
            let null = match inner(argument)? {
                NodeEnum::AConst(constant) => constant.isnull,
                _ => return None,
            };
            Some(null == (test.nulltesttype() == pg::NullTestType::IsNull))
        }
        NodeEnum::CoalesceExpr(coalesce) => {
            let first = coalesce.args.first()?;
            let truths: Vec<Option<bool>> = coalesce.args.iter().map(truth).collect();
            let agree = truths.iter().all(|one| *one == truths[0]);
            truths[0].filter(|_| agree || constant(first).is_some())
        }
        NodeEnum::CaseExpr(case) => {
            let whens = case.args.iter().map(|when| match inner(when) {
                Some(NodeEnum::CaseWhen(when)) => when.result.as_deref().and_then(truth),
                _ => None,
            });
            let results: Vec<Option<bool>> = whens
                .chain([case.defresult.as_deref().and_then(truth)])
                .collect();
            let first = *results.first()?;
            results
                .iter()
                .all(|one| *one == first)
                .then_some(first)
                .flatten()
        }
        NodeEnum::SubLink(link) => subquery_truth(link),
        _ => None,
    }
}

fn text_truth(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "t" | "tr" | "tru" | "true" | "y" | "ye" | "yes" | "on" | "1" => Some(true),
        "f" | "fa" | "fal" | "fals" | "false" | "n" | "no" | "of" | "off" | "0" => Some(false),
        _ => None,
    }
}

fn bool_truth(expression: &pg::BoolExpr) -> Option<bool> {
    let parts: Vec<Option<bool>> = expression.args.iter().map(truth).collect();
    match expression.boolop() {
        pg::BoolExprType::NotExpr => parts.first().copied().flatten().map(|truth| !truth),
        pg::BoolExprType::AndExpr if parts.contains(&Some(false)) => Some(false),
        pg::BoolExprType::AndExpr => parts.iter().all(|one| *one == Some(true)).then_some(true),
        pg::BoolExprType::OrExpr if parts.contains(&Some(true)) => Some(true),
        pg::BoolExprType::OrExpr if covers_all(&expression.args) => Some(true),
        pg::BoolExprType::OrExpr => parts.iter().all(|one| *one == Some(false)).then_some(false),
        pg::BoolExprType::Undefined => None,
    }
}

/// How many arms of an OR are compared with each other.
pub(super) const MOST_COMPARED: usize = 256;

/// Whether it is the constant `false`.
pub(super) fn is_false(node: &pg::Node) -> bool {
    let Some(NodeEnum::AConst(constant)) = inner(node) else {
        return false;
    };
    matches!(&constant.val, Some(pg::a_const::Val::Boolval(truth)) if !truth.boolval)
}

/// `x IS NULL OR x IS NOT NULL`, `c OR NOT c`, `x = 1 OR x <> 1`.
pub(super) fn covers_all(arguments: &[pg::Node]) -> bool {
    arguments.len() <= MOST_COMPARED
        && arguments
            .iter()
            .any(|one| arguments.iter().any(|other| opposite(one, other)))
}

fn opposite(one: &pg::Node, other: &pg::Node) -> bool {
    match (inner(one), inner(other)) {
        (Some(NodeEnum::NullTest(one)), Some(NodeEnum::NullTest(other))) => {
            one.nulltesttype != other.nulltesttype && same(&one.arg, &other.arg)
        }
        (_, Some(NodeEnum::BoolExpr(not))) if not.boolop() == pg::BoolExprType::NotExpr => not
            .args
            .first()
            .is_some_and(|argument| same_node(argument, one)),
        (Some(NodeEnum::AExpr(one)), Some(NodeEnum::AExpr(other))) => {
            let names = (strings(&one.name), strings(&other.name));
            let pair = match (names.0.as_slice(), names.1.as_slice()) {
                ([one], [other]) => matches!(
                    (*one, *other),
                    ("=", "<>") | ("<", ">=") | (">", "<=") | ("<=", ">=") | ("~~", "!~~")
                ),
                _ => false,
            };
            pair && same(&one.lexpr, &other.lexpr) && same(&one.rexpr, &other.rexpr)
        }
        _ => false,
    }
}

fn comparison_truth(expression: &pg::AExpr) -> Option<bool> {
    let (left, right) = (expression.lexpr.as_deref()?, expression.rexpr.as_deref()?);
    let names = strings(&expression.name);
    let name = names.last().copied()?;
    match expression.kind() {
        pg::AExprKind::AexprOp | pg::AExprKind::AexprOpAny => {}
        pg::AExprKind::AexprNotDistinct => return same_node(left, right).then_some(true),
        pg::AExprKind::AexprDistinct => return same_node(left, right).then_some(false),
        pg::AExprKind::AexprIn => {
            let Some(NodeEnum::List(list)) = inner(right) else {
                return None;
            };
            let wanted = constant(left);
            let among = list.items.iter().any(|item| {
                same_node(left, item) && !is_null(item)
                    || wanted.is_some() && constant(item) == wanted
            });
            return (among && name == "=").then_some(true);
        }
        pg::AExprKind::AexprLike | pg::AExprKind::AexprIlike => {
            let all = matches!(constant(right), Some(Constant::Text(text)) if !text.is_empty()
                && text.chars().all(|letter| letter == '%'));
            return (all && !name.starts_with('!')).then_some(true);
        }
        pg::AExprKind::AexprBetween | pg::AExprKind::AexprBetweenSym => {
            let Some(NodeEnum::List(list)) = inner(right) else {
                return None;
            };
            return list
                .items
                .iter()
                .all(|item| same_node(left, item))
                .then_some(true);
        }
        _ => return None,
    }
    if let (Some(left), Some(right)) = (constant(left), constant(right)) {
        return left.compare(&right, name);
    }
    if let NodeEnum::AArrayExpr(array) = inner(right)?
        && expression.kind() == pg::AExprKind::AexprOpAny
    {
        let among = array.elements.iter().any(|item| same_node(left, item));
        return (among && name == "=").then_some(true);
    }
    if is_row_column(left) && same_node(left, right) {
        return match name {
            "=" | "<=" | ">=" => Some(true),
            "<>" | "<" | ">" => Some(false),
            _ => None,
        };
    }
    let anything = matches!(constant(right), Some(Constant::Text(text)) if is_anything(&text));
    (anything && matches!(name, "~" | "~*")).then_some(true)
}

/// Whether it is the constant NULL.
pub(super) fn is_null(node: &pg::Node) -> bool {
    matches!(inner(node), Some(NodeEnum::AConst(constant)) if constant.isnull)
}

/// An expression over columns that gives the same twice.
pub(super) fn is_row_column(node: &pg::Node) -> bool {
    match inner(node) {
        Some(NodeEnum::ColumnRef(_)) => true,
        Some(NodeEnum::RowExpr(row)) => row.args.iter().all(is_row_column),
        Some(NodeEnum::TypeCast(cast)) => cast.arg.as_deref().is_some_and(is_row_column),
        Some(NodeEnum::FuncCall(call)) => call.args.iter().all(is_row_column),
        Some(NodeEnum::AExpr(expression)) => {
            let mut sides = [&expression.lexpr, &expression.rexpr].into_iter().flatten();
            // A verdict may hold for other literals in equalities.
            let may_differ = strings(&expression.name) == ["="];
            sides.all(|side| is_row_column(side) || !may_differ && constant(side).is_some())
        }
        Some(NodeEnum::CoalesceExpr(coalesce)) => coalesce
            .args
            .iter()
            .all(|one| is_row_column(one) || constant(one).is_some()),
        _ => false,
    }
}

/// `EXISTS (SELECT 1)`: no FROM, no WHERE.
fn subquery_truth(link: &pg::SubLink) -> Option<bool> {
    let NodeEnum::SelectStmt(select) = link.subselect.as_deref().and_then(inner)? else {
        return None;
    };
    let plain = select.from_clause.is_empty()
        && select.where_clause.is_none()
        && select.having_clause.is_none()
        && select.limit_count.is_none()
        && select.limit_offset.is_none()
        && select.larg.is_none();
    if !plain {
        return None;
    }
    match link.sub_link_type() {
        pg::SubLinkType::ExistsSublink => Some(true),
        pg::SubLinkType::ExprSublink => match select.target_list.first().and_then(inner)? {
            NodeEnum::ResTarget(target) => truth(target.val.as_deref()?),
            _ => None,
        },
        _ => None,
    }
}

/// A literal that can be compared here.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Constant {
    Number(f64),
    Text(String),
    Truth(bool),
}

impl Constant {
    fn compare(&self, other: &Constant, operator: &str) -> Option<bool> {
        let order = match (self, other) {
            (Constant::Number(one), Constant::Number(two)) => one.partial_cmp(two)?,
            (Constant::Truth(one), Constant::Truth(two)) => one.cmp(two),
            (Constant::Text(one), Constant::Text(two)) => match operator {
                "=" | "<>" => one.cmp(two),
                _ => return None,
            },
            _ => return None,
        };
        match operator {
            "=" => Some(order.is_eq()),
            "<>" => Some(order.is_ne()),
            "<" => Some(order.is_lt()),
            ">" => Some(order.is_gt()),
            "<=" => Some(order.is_le()),
            ">=" => Some(order.is_ge()),
            _ => None,
        }
    }
}

pub(super) fn constant(node: &pg::Node) -> Option<Constant> {
    match inner(node)? {
        NodeEnum::AConst(constant) => match constant.val.as_ref()? {
            pg::a_const::Val::Ival(number) => Some(Constant::Number(f64::from(number.ival))),
            pg::a_const::Val::Fval(number) => number.fval.parse().ok().map(Constant::Number),
            pg::a_const::Val::Boolval(truth) => Some(Constant::Truth(truth.boolval)),
            pg::a_const::Val::Sval(text) => Some(Constant::Text(text.sval.clone())),
            pg::a_const::Val::Bsval(_) => None,
        },
        NodeEnum::TypeCast(cast) => constant(cast.arg.as_deref()?),
        NodeEnum::AExpr(sum) if sum.kind() == pg::AExprKind::AexprOp => {
            let right = constant(sum.rexpr.as_deref()?)?;
            let left = match sum.lexpr.as_deref() {
                Some(left) => constant(left)?,
                None => Constant::Number(0.0),
            };
            match (left, right, strings(&sum.name).as_slice()) {
                (Constant::Number(one), Constant::Number(two), ["+"]) => {
                    Some(Constant::Number(one + two))
                }
                (Constant::Number(one), Constant::Number(two), ["-"]) => {
                    Some(Constant::Number(one - two))
                }
                (Constant::Number(one), Constant::Number(two), ["*"]) => {
                    Some(Constant::Number(one * two))
                }
                (Constant::Text(one), Constant::Text(two), ["||"]) => {
                    Some(Constant::Text(one + &two))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

fn same(one: &Option<Box<pg::Node>>, other: &Option<Box<pg::Node>>) -> bool {
    match (one.as_deref(), other.as_deref()) {
        (Some(one), Some(other)) => same_node(one, other),
        (None, None) => true,
        _ => false,
    }
}

/// Whether two expressions are written alike; places in the text do not count.
pub(super) fn same_node(one: &pg::Node, other: &pg::Node) -> bool {
    match (inner(one), inner(other)) {
        (Some(NodeEnum::ColumnRef(one)), Some(NodeEnum::ColumnRef(other))) => {
            let (one, other) = (strings(&one.fields), strings(&other.fields));
            one.ends_with(&other) || other.ends_with(&one)
        }
        (Some(NodeEnum::AConst(one)), Some(NodeEnum::AConst(other))) => {
            one.val == other.val && one.isnull == other.isnull
        }
        (Some(NodeEnum::RowExpr(one)), Some(NodeEnum::RowExpr(other))) => {
            same_nodes(&one.args, &other.args)
        }
        (Some(NodeEnum::ParamRef(one)), Some(NodeEnum::ParamRef(other))) => {
            one.number == other.number
        }
        (Some(NodeEnum::TypeCast(one)), Some(NodeEnum::TypeCast(other))) => {
            let name = |cast: &pg::TypeCast| {
                cast.type_name
                    .as_ref()
                    .map(|name| strings(&name.names).join("."))
            };
            name(one) == name(other) && same(&one.arg, &other.arg)
        }
        (Some(NodeEnum::FuncCall(one)), Some(NodeEnum::FuncCall(other))) => {
            strings(&one.funcname) == strings(&other.funcname) && same_nodes(&one.args, &other.args)
        }
        (Some(NodeEnum::CoalesceExpr(one)), Some(NodeEnum::CoalesceExpr(other))) => {
            same_nodes(&one.args, &other.args)
        }
        (Some(NodeEnum::AExpr(one)), Some(NodeEnum::AExpr(other))) => {
            one.kind == other.kind
                && strings(&one.name) == strings(&other.name)
                && same(&one.lexpr, &other.lexpr)
                && same(&one.rexpr, &other.rexpr)
        }
        _ => false,
    }
}

fn same_nodes(one: &[pg::Node], other: &[pg::Node]) -> bool {
    let mut pairs = one.iter().zip(other);
    one.len() == other.len() && pairs.all(|(one, other)| same_node(one, other))
}

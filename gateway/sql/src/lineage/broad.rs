//! Conditions that keep no row out, or hardly any, as far as the kinds of columns tell: what holds for each
//! value, and bounds that lie outside of what such columns hold.

use super::Walk;
use super::restriction::{Constant, MOST_COMPARED, constant, is_null, is_row_column, same_node};
use super::scope::Scope;
use crate::catalog::{Column, Relation, RelationKind};
use crate::parse::{NodeEnum, inner, pg, strings};

/// `int2`, `int4`, `int8`, and what keys of theirs that are counted up stay below.
const INTEGERS: [(u32, f64); 3] = [(21, 32_767.0), (23, 999_999_999.0), (20, 9.0e18)];
/// `date`, `timestamp`, `timestamptz`, and the year after which people note some: days of birth are old.
const TIMES: [(u32, u32); 3] = [(1082, 1900), (1114, 1970), (1184, 1970)];
/// Functions that give no number below 0.
const LENGTHS: [&str; 6] = [
    "length",
    "char_length",
    "character_length",
    "octet_length",
    "bit_length",
    "abs",
];
/// Functions that give a text for each.
const TEXTS: [&str; 6] = ["lower", "upper", "btrim", "concat", "md5", "to_tsvector"];
/// Types that a cast makes of a value without a loss.
const KEEPING: [&str; 3] = ["text", "varchar", "numeric"];
/// Operators that give a value wherever both operands are one.
const TOTAL: [&str; 11] = ["=", "<>", "<", ">", "<=", ">=", "+", "-", "*", "/", "||"];
/// More queries within each other are not looked through.
const MOST_WITHIN: usize = 100;
/// Patterns of `~` that match every text, or every one that is not empty.
const ANYTHING: [&str; 9] = ["", ".", ".*", ".+", "^", "$", "^.*", "^.*$", ".*$"];

impl<'a> Walk<'a> {
    /// Whether a condition keeps hardly a row of these relations out.
    pub(super) fn is_broad(
        &self,
        node: &pg::Node,
        targets: &[&'a Relation],
        scope: &Scope<'_>,
    ) -> bool {
        let is_always =
            |node: Option<&pg::Node>| node.is_some_and(|node| self.is_always(node, targets, scope));
        let has_value =
            |node: Option<&pg::Node>| node.is_some_and(|node| self.has_value(node, targets, scope));
        match inner(node) {
            Some(NodeEnum::AExpr(expression)) => self.compares_broadly(expression, targets, scope),
            Some(NodeEnum::NullTest(test)) => {
                test.nulltesttype() == pg::NullTestType::IsNotNull && has_value(test.arg.as_deref())
            }
            Some(NodeEnum::BooleanTest(test)) => match test.booltesttype() {
                pg::BoolTestType::IsTrue | pg::BoolTestType::IsNotFalse => {
                    is_always(test.arg.as_deref())
                }
                pg::BoolTestType::IsNotTrue => match test.arg.as_deref().and_then(inner) {
                    Some(NodeEnum::NullTest(test)) => {
                        test.nulltesttype() == pg::NullTestType::IsNull
                            && has_value(test.arg.as_deref())
                    }
                    _ => false,
                },
                pg::BoolTestType::IsNotUnknown => has_value(test.arg.as_deref()),
                _ => false,
            },
            Some(NodeEnum::BoolExpr(expression))
                if expression.boolop() == pg::BoolExprType::NotExpr =>
            {
                matches!(expression.args.first().and_then(inner), Some(NodeEnum::AExpr(not))
                    if self.excludes_hardly(not, targets, scope))
            }
            Some(NodeEnum::BoolExpr(expression))
                if expression.boolop() == pg::BoolExprType::OrExpr =>
            {
                overlap(&expression.args)
            }
            Some(NodeEnum::FuncCall(call)) => is_equality_of_itself(call),
            Some(NodeEnum::SubLink(link)) => self.selects_itself(link, targets, scope),
            Some(NodeEnum::CaseExpr(case)) => match case.args.first().and_then(inner) {
                Some(NodeEnum::CaseWhen(when)) => {
                    case.arg.is_none()
                        && is_always(when.expr.as_deref())
                        && is_always(when.result.as_deref())
                }
                _ => false,
            },
            _ => false,
        }
    }

    fn compares_broadly(
        &self,
        expression: &pg::AExpr,
        targets: &[&'a Relation],
        scope: &Scope<'_>,
    ) -> bool {
        let (Some(left), Some(right)) = (&expression.lexpr, &expression.rexpr) else {
            return false;
        };
        let names = strings(&expression.name);
        let Some(operator) = names.last().copied() else {
            return false;
        };
        let column = |node: &pg::Node| self.column_of(node, targets, scope);
        let has_no_parts = targets.iter().all(|one| self.is_one_table(one));
        match expression.kind() {
            pg::AExprKind::AexprOp => {
                is_itself(left, right, operator)
                    || has_no_parts && [left, right].iter().any(|side| is_table_itself(side))
                    || (matches!(operator, "~~" | "~~*") && is_any_text(right))
                    || is_bound_of_none(left, operator, right, |one| {
                        column(one).is_some_and(|column| column.largest().is_some())
                    })
                    || is_of_table(left, operator, right, &nameable(targets, scope))
                    || column(left).is_some_and(|column| column.is_within(operator, right))
                    || turned(operator).is_some_and(|operator| {
                        column(right).is_some_and(|column| column.is_within(operator, left))
                    })
            }
            pg::AExprKind::AexprDistinct => {
                let is_row = matches!(inner(left), Some(NodeEnum::RowExpr(_)));
                is_null(right) && (is_row || self.has_value(left, targets, scope))
            }
            pg::AExprKind::AexprNotDistinct => is_itself(left, right, "="),
            pg::AExprKind::AexprBetween | pg::AExprKind::AexprBetweenSym => {
                let column = column(left);
                matches!(listed(right), [low, high] if column.is_some_and(|column| {
                    column.is_within(">=", low) && column.is_within("<=", high)
                }))
            }
            pg::AExprKind::AexprNotBetween => {
                let below = |high| column(left).is_some_and(|column| column.is_within(">", high));
                matches!(listed(right), [_, high] if below(high))
            }
            pg::AExprKind::AexprIn => {
                let list = listed(right);
                operator == "<>"
                    && column(left).is_some_and(|column| column.is_key)
                    && list.iter().all(|one| constant(one).is_some())
            }
            pg::AExprKind::AexprOpAny if matches!(operator, "~~" | "~~*") => {
                matches!(inner(right), Some(NodeEnum::AArrayExpr(array))
                    if array.elements.iter().any(is_any_text))
            }
            pg::AExprKind::AexprOpAny => {
                matches!(inner(right), Some(NodeEnum::SubLink(link))
                if link.sub_link_type() == pg::SubLinkType::ArraySublink
                    && operator == "="
                    && column_name(left).zip(select_of(link)).is_some_and(|(name, select)| {
                        is_whole_column(&name, select, &nameable(targets, scope))
                    }))
            }
            pg::AExprKind::AexprSimilar => is_any_text(right) && operator == "~",
            pg::AExprKind::AexprLike | pg::AExprKind::AexprIlike => {
                is_any_text(right) && !operator.starts_with('!')
            }
            _ => false,
        }
    }

    /// Whether what is left by `NOT (column operator constant)` is nearly all.
    fn excludes_hardly(
        &self,
        not: &pg::AExpr,
        targets: &[&'a Relation],
        scope: &Scope<'_>,
    ) -> bool {
        let (Some(left), Some(right)) = (&not.lexpr, &not.rexpr) else {
            return false;
        };
        let operator = match strings(&not.name)[..] {
            ["="] => "<>",
            ["<"] => ">=",
            ["<="] => ">",
            [">"] => "<=",
            [">="] => "<",
            _ => return false,
        };
        not.kind() == pg::AExprKind::AexprOp
            && self
                .column_of(left, targets, scope)
                .is_some_and(|column| column.is_within(operator, right))
    }

    /// `x IN (SELECT x FROM its table)`, also through WITH, a subquery or UNION; `EXISTS (SELECT FROM its table
    /// AS y WHERE y.x = x)`.
    fn selects_itself(
        &self,
        link: &pg::SubLink,
        targets: &[&'a Relation],
        scope: &Scope<'_>,
    ) -> bool {
        let Some(select) = select_of(link) else {
            return false;
        };
        match link.sub_link_type() {
            pg::SubLinkType::AnySublink => {
                let tested = link.testexpr.as_deref().and_then(column_name);
                tested.is_some_and(|tested| {
                    is_whole_column(&tested, select, &nameable(targets, scope))
                })
            }
            pg::SubLinkType::ExistsSublink => {
                let condition = select.where_clause.as_deref().and_then(inner);
                let Some(NodeEnum::AExpr(equality)) = condition else {
                    return false;
                };
                let sides = [&equality.lexpr, &equality.rexpr].map(|side| side.as_deref());
                let [Some(left), Some(right)] = sides else {
                    return false;
                };
                strings(&equality.name) == ["="]
                    && equality.kind() == pg::AExprKind::AexprOp
                    && is_plain(select)
                    && matches!(select.from_clause.as_slice(), [one] if is_target(one, &nameable(targets, scope)))
                    && column_name(left).is_some()
                    && column_name(left) == column_name(right)
                    && [left, right]
                        .iter()
                        .any(|side| self.is_there(side, targets, scope))
            }
            _ => false,
        }
    }

    /// Whether all rows of a table are in it, and not in its partitions or heirs.
    fn is_one_table(&self, relation: &Relation) -> bool {
        relation.kind != RelationKind::Partitioned
            && self.catalog.descendants(relation.oid).is_empty()
    }

    /// A column of the rows that are changed, with what decides which bounds it is within.
    fn column_of(
        &self,
        node: &pg::Node,
        targets: &[&'a Relation],
        scope: &Scope<'_>,
    ) -> Option<Bounded<'a>> {
        let (item, attribute) = self.own_column(without_effect(node), scope)?;
        let item = &scope.items[item];
        let mut targets = targets.iter();
        let relation = targets.find(|one| item.relation == Some(one.oid) && item.restricts)?;
        let column = relation.column(attribute)?;
        Some(Bounded {
            column,
            is_key: column.required && relation.keys.iter().any(|key| *key == [attribute]),
        })
    }

    /// Whether an expression has a value for each row: columns that must have one, and what is made of them.
    fn has_value(&self, node: &pg::Node, targets: &[&'a Relation], scope: &Scope<'_>) -> bool {
        let has_value = |node: &pg::Node| self.has_value(node, targets, scope);
        match inner(node) {
            Some(NodeEnum::AConst(constant)) => !constant.isnull,
            Some(NodeEnum::TypeCast(cast)) => cast.arg.as_deref().is_some_and(has_value),
            Some(NodeEnum::RowExpr(row)) => row.args.iter().all(has_value),
            Some(NodeEnum::FuncCall(call)) => {
                let name = strings(&call.funcname).last().copied();
                name.is_some_and(|name| LENGTHS.contains(&name) || TEXTS.contains(&name))
                    && call.args.iter().all(has_value)
            }
            Some(NodeEnum::CoalesceExpr(coalesce)) => coalesce.args.iter().any(has_value),
            Some(NodeEnum::BoolExpr(expression)) => expression.args.iter().all(has_value),
            Some(NodeEnum::AExpr(expression))
                if expression.kind() == pg::AExprKind::AexprOp
                    && strings(&expression.name)
                        .iter()
                        .all(|name| TOTAL.contains(name)) =>
            {
                let mut sides = [&expression.lexpr, &expression.rexpr].into_iter().flatten();
                sides.all(|side| has_value(side))
            }
            _ => self.is_there(node, targets, scope),
        }
    }
}

/// A column and what is known of it.
struct Bounded<'a> {
    column: &'a Column,
    /// It alone is a key, and no row is without it.
    is_key: bool,
}

impl Bounded<'_> {
    /// Whether `column operator value` holds for nearly every value.
    fn is_within(&self, operator: &str, value: &pg::Node) -> bool {
        let large = self.largest().filter(|_| self.is_key);
        let value = match constant(value) {
            Some(Constant::Text(text)) if large.is_some() => {
                text.parse().ok().map(Constant::Number)
            }
            other => other,
        };
        match (value, operator) {
            (Some(_), "<>") => self.is_key,
            (Some(Constant::Number(number)), ">") => large.is_some() && number <= 0.0,
            (Some(Constant::Number(number)), ">=") => large.is_some() && number <= 1.0,
            (Some(Constant::Number(number)), "<" | "<=") => {
                large.is_some_and(|large| number >= large)
            }
            (Some(Constant::Text(text)), ">" | ">=") if self.column.required => {
                match self.of_type(&TIMES) {
                    Some(first) => text == "-infinity" || year(&text).is_some_and(|it| it <= first),
                    None => operator == ">=" && text.is_empty(),
                }
            }
            _ => false,
        }
    }

    fn largest(&self) -> Option<f64> {
        self.of_type(&INTEGERS)
    }

    /// What a table by types says of the column's.
    fn of_type<T: Copy>(&self, table: &[(u32, T)]) -> Option<T> {
        let of = table.iter().find(|(oid, _)| *oid == self.column.type_oid);
        of.map(|(_, value)| *value)
    }
}

/// `x >= (SELECT min(x) FROM its table)`, `x <= (SELECT max(x) FROM its table)`.
fn is_of_table(left: &pg::Node, operator: &str, right: &pg::Node, targets: &[&Relation]) -> bool {
    let function = match operator {
        ">=" => "min",
        "<=" => "max",
        _ => return false,
    };
    let Some(NodeEnum::SubLink(link)) = inner(right) else {
        return false;
    };
    let Some(select) = select_of(link) else {
        return false;
    };
    let [target] = select.target_list.as_slice() else {
        return false;
    };
    let Some(NodeEnum::ResTarget(target)) = inner(target) else {
        return false;
    };
    let Some(NodeEnum::FuncCall(call)) = target.val.as_deref().and_then(inner) else {
        return false;
    };
    let argument = match call.args.as_slice() {
        [argument] => column_name(argument),
        _ => None,
    };
    select.where_clause.is_none()
        && is_plain(select)
        && call.agg_filter.is_none()
        && strings(&call.funcname).last() == Some(&function)
        && argument.is_some()
        && argument == column_name(left)
        && matches!(select.from_clause.as_slice(), [one] if is_target(one, targets))
}

/// Whether a query gives this column of each row of one of the targets; or is too much to look through.
fn is_whole_column(name: &str, select: &pg::SelectStmt, targets: &[&Relation]) -> bool {
    let mut left = MOST_WITHIN;
    let given = column_within(select, &[], targets, &mut left);
    given.is_some_and(|given| given == name) || left == 0
}

/// The column that a query gives in each of its rows, where these are all rows of one of the targets. It may
/// name these by WITH; each of them is looked at with those before it, in so many steps.
fn column_within(
    select: &pg::SelectStmt,
    outer: &[&pg::CommonTableExpr],
    targets: &[&Relation],
    left: &mut usize,
) -> Option<String> {
    *left = left.checked_sub(1)?;
    let own = select.with_clause.iter().flat_map(|with| &with.ctes);
    let own = own.filter_map(|cte| match inner(cte) {
        Some(NodeEnum::CommonTableExpr(cte)) => Some(cte.as_ref()),
        _ => None,
    });
    let ctes: Vec<&pg::CommonTableExpr> = outer.iter().copied().chain(own).collect();
    let is_cut = select.limit_count.is_some() || select.limit_offset.is_some();
    if select.op == pg::SetOperation::SetopUnion as i32 && !is_cut {
        let mut arms = [&select.larg, &select.rarg].into_iter().flatten();
        return arms.find_map(|arm| column_within(arm, &ctes, targets, left));
    }
    let ([from], [target]) = (select.from_clause.as_slice(), select.target_list.as_slice()) else {
        return None;
    };
    if select.where_clause.is_some() || !is_plain(select) {
        return None;
    }
    let Some(NodeEnum::ResTarget(target)) = inner(target) else {
        return None;
    };
    let given = column_name(target.val.as_deref()?)?;
    let (within, before) = match inner(from)? {
        NodeEnum::RangeSubselect(within) => (within.subquery.as_deref(), ctes.as_slice()),
        NodeEnum::RangeVar(from) if from.schemaname.is_empty() => {
            let named = ctes.iter().rposition(|cte| cte.ctename == from.relname);
            let query = named.and_then(|place| ctes[place].ctequery.as_deref());
            (query, &ctes[..named.unwrap_or_default()])
        }
        NodeEnum::RangeVar(_) => (None, &[][..]),
        _ => return None,
    };
    match within.map(inner) {
        // A name that it gives to the column is not looked through.
        Some(Some(NodeEnum::SelectStmt(within))) => {
            column_within(within, before, targets, left).filter(|name| *name == given)
        }
        Some(_) => None,
        None => is_target(from, targets).then_some(given),
    }
}

/// Those of which the name means them: not what WITH gives it to.
fn nameable<'a>(targets: &[&'a Relation], scope: &Scope<'_>) -> Vec<&'a Relation> {
    let targets = targets.iter().copied();
    targets
        .filter(|one| scope.common(&one.name).is_none())
        .collect()
}

fn select_of(link: &pg::SubLink) -> Option<&pg::SelectStmt> {
    match link.subselect.as_deref().and_then(inner) {
        Some(NodeEnum::SelectStmt(select)) => Some(select),
        _ => None,
    }
}

/// Whether a query leaves no row out but by its WHERE.
fn is_plain(select: &pg::SelectStmt) -> bool {
    select.having_clause.is_none()
        && select.limit_count.is_none()
        && select.limit_offset.is_none()
        && select.locking_clause.is_empty()
        && select
            .distinct_clause
            .iter()
            .all(|one| inner(one).is_none())
        && select.op == pg::SetOperation::SetopNone as i32
}

/// Whether it is one of the tables that are changed, and what inherits from it.
fn is_target(from: &pg::Node, targets: &[&Relation]) -> bool {
    matches!(inner(from), Some(NodeEnum::RangeVar(from))
    if from.inh && targets.iter().any(|relation| {
        relation.name == from.relname
            && (from.schemaname.is_empty() || relation.schema == from.schemaname)
    }))
}

/// `x < 60 OR x > 40`.
fn overlap(arms: &[pg::Node]) -> bool {
    let bounds = arms.iter().filter_map(|arm| match inner(arm)? {
        NodeEnum::AExpr(expression) if expression.kind() == pg::AExprKind::AexprOp => {
            let column = expression.lexpr.as_deref()?;
            let operator = *strings(&expression.name).last()?;
            match constant(expression.rexpr.as_deref()?)? {
                Constant::Number(number) => Some((column, operator.to_owned(), number)),
                Constant::Text(_) | Constant::Truth(_) => None,
            }
        }
        _ => None,
    });
    let bounds: Vec<_> = bounds.take(MOST_COMPARED).collect();
    let of = |operator: char| {
        bounds
            .iter()
            .filter(move |(_, name, _)| name.starts_with(operator))
    };
    of('<').any(|(upper, name, high)| {
        name != "<>" && of('>').any(|(lower, _, low)| same_node(upper, lower) && low < high)
    })
}

/// The year that a date begins with, where it is written first.
fn year(text: &str) -> Option<u32> {
    let (year, _) = text.split_once('-')?;
    let is_year = year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit());
    is_year.then(|| year.parse().ok()).flatten()
}

/// `x = x` and the like, where what stands around one changes nothing.
fn is_itself(left: &pg::Node, right: &pg::Node, operator: &str) -> bool {
    let (left, right) = (without_effect(left), without_effect(right));
    matches!(operator, "=" | "<=" | ">=") && is_row_column(left) && same_node(left, right)
}

/// `int4eq(x, x)`, `texteq(x, x)`: what the operator calls.
fn is_equality_of_itself(call: &pg::FuncCall) -> bool {
    let name = strings(&call.funcname).last().copied();
    match call.args.as_slice() {
        [left, right] => {
            name.is_some_and(|name| name.ends_with("eq")) && is_itself(left, right, "=")
        }
        _ => false,
    }
}

/// `tableoid`: all rows of a table have the same.
fn is_table_itself(node: &pg::Node) -> bool {
    column_name(without_effect(node)).as_deref() == Some("tableoid")
}

/// `x % 1 = 0`, `x * 0 = 0`, `x - x = 0`, `length(x) >= 0`. What such a value equals does not count: a verdict
/// may hold for other literals in equalities.
fn is_bound_of_none(
    left: &pg::Node,
    operator: &str,
    right: &pg::Node,
    is_whole: impl Fn(&pg::Node) -> bool,
) -> bool {
    let Some(Constant::Number(number)) = constant(right) else {
        return false;
    };
    match inner(left) {
        Some(NodeEnum::AExpr(made)) => {
            let (Some(one), Some(other)) = (&made.lexpr, &made.rexpr) else {
                return false;
            };
            let by = constant(other);
            match strings(&made.name)[..] {
                ["%"] => by == Some(Constant::Number(1.0)) && is_whole(one),
                ["*" | "&"] => by == Some(Constant::Number(0.0)),
                ["-" | "#"] => is_row_column(one) && same_node(one, other),
                _ => false,
            }
        }
        Some(NodeEnum::FuncCall(call)) => {
            let name = strings(&call.funcname).last().copied();
            let is_below = number < 0.0 || operator == ">=" && number <= 0.0;
            name.is_some_and(|name| LENGTHS.contains(&name))
                && is_below
                && matches!(operator, ">" | ">=")
        }
        _ => false,
    }
}

/// An expression without what leaves its value as it is: `+ 0`, `|| ''`, a cast, `(SELECT ..)` of nothing else.
fn without_effect(node: &pg::Node) -> &pg::Node {
    let mut node = node;
    while let Some(within) = within_no_effect(node) {
        node = within;
    }
    node
}

fn within_no_effect(node: &pg::Node) -> Option<&pg::Node> {
    match inner(node)? {
        NodeEnum::TypeCast(cast) => {
            let made = cast.type_name.as_ref()?;
            let name = strings(&made.names).last().copied();
            let keeps = name.is_some_and(|name| KEEPING.contains(&name));
            cast.arg
                .as_deref()
                .filter(|_| keeps && made.typmods.is_empty())
        }
        NodeEnum::CollateClause(collate) => collate.arg.as_deref(),
        NodeEnum::CoalesceExpr(coalesce) => {
            let (last, others) = coalesce.args.split_last()?;
            let given = |one: &pg::Node| matches!(inner(one), Some(NodeEnum::ParamRef(_)));
            // Parameters may be NULL.
            others.iter().all(given).then_some(last)
        }
        NodeEnum::SubLink(link) => {
            let select = select_of(link)?;
            let [target] = select.target_list.as_slice() else {
                return None;
            };
            let is_bare = select.from_clause.is_empty() && select.where_clause.is_none();
            match inner(target)? {
                NodeEnum::ResTarget(target)
                    if is_bare && link.sub_link_type() == pg::SubLinkType::ExprSublink =>
                {
                    target.val.as_deref()
                }
                _ => None,
            }
        }
        NodeEnum::AExpr(expression) if expression.kind() == pg::AExprKind::AexprOp => {
            operand(expression)
        }
        _ => None,
    }
}

/// What an operator with a neutral operand leaves as it is.
fn operand(expression: &pg::AExpr) -> Option<&pg::Node> {
    let names = strings(&expression.name);
    let [operator] = names[..] else { return None };
    let right = expression.rexpr.as_deref()?;
    let Some(left) = expression.lexpr.as_deref() else {
        return (operator == "+").then_some(right);
    };
    let is_neutral = |node: &pg::Node| match (operator, constant(node)) {
        ("+" | "-" | "|" | "#" | "<<" | ">>", Some(Constant::Number(number))) => number == 0.0,
        ("*" | "/", Some(Constant::Number(number))) => number == 1.0,
        ("||", Some(Constant::Text(text))) => text.is_empty(),
        _ => false,
    };
    let commutes = matches!(operator, "+" | "*" | "|" | "#" | "||");
    if is_neutral(right) || matches!(operator, "&" | "|") && same_node(left, right) {
        return Some(left);
    }
    (commutes && is_neutral(left)).then_some(right)
}

fn turned(operator: &str) -> Option<&'static str> {
    Some(match operator {
        "<" => ">",
        "<=" => ">=",
        ">" => "<",
        ">=" => "<=",
        "<>" => "<>",
        _ => return None,
    })
}

fn listed(node: &pg::Node) -> &[pg::Node] {
    match inner(node) {
        Some(NodeEnum::List(list)) => &list.items,
        _ => &[],
    }
}

/// The last part of a column's name.
fn column_name(node: &pg::Node) -> Option<String> {
    match inner(node)? {
        NodeEnum::ColumnRef(column) => strings(&column.fields)
            .last()
            .map(|name| (*name).to_owned()),
        _ => None,
    }
}

/// Whether a pattern fits every text that is not empty.
fn is_any_text(node: &pg::Node) -> bool {
    if let Some(NodeEnum::FuncCall(call)) = inner(node) {
        // What SIMILAR TO makes of its pattern.
        return call.args.first().is_some_and(is_any_text);
    }
    let Some(Constant::Text(text)) = constant(node) else {
        return false;
    };
    let one = text.chars().filter(|letter| *letter == '_').count();
    let rest = text.chars().filter(|letter| *letter == '%').count();
    one <= 1 && rest >= 1 && one + rest == text.chars().count()
}

/// Whether a regular expression does.
pub(super) fn is_anything(text: &str) -> bool {
    ANYTHING.contains(&text)
}

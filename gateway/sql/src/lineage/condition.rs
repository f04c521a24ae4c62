//! WHERE and ON: which columns filter, and which only by equality with a constant.

use super::Walk;
use super::restriction::{covers_all, is_false, truth};
use super::scope::Scope;
use crate::analysis::{Reach, Use};
use crate::parse::{NodeEnum, inner, pg, strings};

impl<'a> Walk<'a> {
    /// A condition: AND and OR are taken apart, `column = constant` is kept apart. True where it
    /// may keep rows of this level out: it is `false`, or looks at a column of theirs and is not
    /// always true.
    pub(super) fn condition(&mut self, node: &pg::Node, scope: &Scope<'_>) -> bool {
        match inner(node) {
            Some(NodeEnum::BoolExpr(expression))
                if expression.boolop() == pg::BoolExprType::AndExpr =>
            {
                let arms = expression.args.iter();
                arms.fold(false, |any, arm| self.condition(arm, scope) | any)
            }
            Some(NodeEnum::BoolExpr(expression))
                if expression.boolop() == pg::BoolExprType::OrExpr =>
            {
                let arms = expression.args.iter();
                let all = arms.fold(true, |all, arm| self.condition(arm, scope) & all);
                all && !covers_all(&expression.args)
            }
            _ => {
                let around = std::mem::take(&mut self.met);
                match inner(node) {
                    Some(NodeEnum::AExpr(expression)) => self.comparison(node, expression, scope),
                    _ => {
                        let value = self.value(node, scope);
                        self.mark(&value, Use::Filtered);
                    }
                }
                let looks = self.met.has(scope.level);
                self.met.add(around);
                is_false(node) || looks && truth(node) != Some(true)
            }
        }
    }

    fn comparison(&mut self, node: &pg::Node, expression: &pg::AExpr, scope: &Scope<'_>) {
        let column = equality_column(expression).or_else(|| one_of_constants(expression));
        let Some(column) = column else {
            let value = self.value(node, scope);
            self.mark(&value, Use::Filtered);
            return;
        };
        self.operator(&expression.name);
        for side in [&expression.lexpr, &expression.rexpr].into_iter().flatten() {
            if !std::ptr::eq(side.as_ref(), column) {
                // A constant; walked for the types it is cast to.
                self.value(side, scope);
            }
        }
        let value = self.value(column, scope);
        for source in &value.sources {
            let used = match source.how {
                Reach::Projected => Use::FilteredByEquality,
                Reach::Derived | Reach::WholeRow => Use::Filtered,
            };
            let one = super::value::Value::of(vec![*source]);
            self.mark(&one, used);
        }
    }
}

/// The column of `column = constant` or `constant = column`.
pub(super) fn equality_column(expression: &pg::AExpr) -> Option<&pg::Node> {
    if expression.kind() != pg::AExprKind::AexprOp || !is_equality(expression) {
        return None;
    }
    let (left, right) = (expression.lexpr.as_deref()?, expression.rexpr.as_deref()?);
    if is_column(left) && is_constant(right) {
        return Some(left);
    }
    (is_constant(left) && is_column(right)).then_some(right)
}

/// The column of `column IN (constant, ...)`, `column = ANY (constant)` or `column = ANY (ARRAY[constant, ...])`.
fn one_of_constants(expression: &pg::AExpr) -> Option<&pg::Node> {
    let (left, right) = (expression.lexpr.as_deref()?, expression.rexpr.as_deref()?);
    let is_listed = match (expression.kind(), inner(right)?) {
        (pg::AExprKind::AexprIn, NodeEnum::List(list)) => list.items.iter().all(is_constant),
        (pg::AExprKind::AexprOpAny, NodeEnum::AArrayExpr(array)) => {
            array.elements.iter().all(is_constant)
        }
        (pg::AExprKind::AexprOpAny, _) => is_constant(right),
        _ => false,
    };
    (is_equality(expression) && is_listed && is_column(left)).then_some(left)
}

fn is_equality(expression: &pg::AExpr) -> bool {
    matches!(
        strings(&expression.name).as_slice(),
        ["="] | ["pg_catalog", "="]
    )
}

fn is_column(node: &pg::Node) -> bool {
    matches!(inner(node), Some(NodeEnum::ColumnRef(_)))
}

/// A literal or a parameter, with or without a cast.
pub(super) fn is_constant(node: &pg::Node) -> bool {
    match inner(node) {
        Some(NodeEnum::AConst(_) | NodeEnum::ParamRef(_)) => true,
        Some(NodeEnum::TypeCast(cast)) => cast.arg.as_deref().is_some_and(is_constant),
        _ => false,
    }
}

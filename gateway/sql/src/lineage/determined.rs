//! Columns whose values tell nothing by the groups or the order that come of them: where the primary key of
//! their table stands before them in the same list, it alone decides.

use super::names::{is_certain, output_name};
use super::scope::{Found, Scope};
use super::value::Value;
use super::{LOOKED_AT, Walk};
use crate::analysis::Reach;
use crate::parse::{NodeEnum, inner, pg, string, strings};

/// Longer lists are not looked at.
const LONGEST: usize = 64;

/// Nor are those with more to look through, in units of work.
const MOST_WORK: usize = 20_000;

/// `text` and `varchar`: the same numbers in every version.
const TEXTS: [u32; 2] = [25, 1043];

/// A column of something in FROM: at which place that is, and the attribute.
type OwnColumn = (usize, i16);

impl Walk<'_> {
    /// Which of the expressions of GROUP BY are determined by those before them. The planner leaves those
    /// out; what it sorts or hashes by all the same, as it does for DISTINCT and PARTITION BY, shows in
    /// the order of rows.
    pub(super) fn grouped_by_key(
        &mut self,
        clause: &[pg::Node],
        targets: &[pg::Node],
        scope: &Scope<'_>,
    ) -> Vec<bool> {
        let is_set = |node: &pg::Node| matches!(inner(node), Some(NodeEnum::GroupingSet(_)));
        match clause.iter().any(is_set) {
            true => vec![false; clause.len()],
            false => self.listed_after_key(clause.iter().map(Some), targets, scope),
        }
    }

    /// Which of the expressions of ORDER BY are determined by those before them.
    pub(super) fn ordered_by_key(
        &mut self,
        clause: &[pg::Node],
        targets: &[pg::Node],
        scope: &Scope<'_>,
    ) -> Vec<bool> {
        let nodes = clause.iter().map(|node| match inner(node) {
            Some(NodeEnum::SortBy(sort)) => sort.node.as_deref(),
            _ => None,
        });
        self.listed_after_key(nodes, targets, scope)
    }

    fn listed_after_key<'n>(
        &mut self,
        nodes: impl ExactSizeIterator<Item = Option<&'n pg::Node>>,
        targets: &[pg::Node],
        scope: &Scope<'_>,
    ) -> Vec<bool> {
        let names = nodes.len() * (targets.len() + 1);
        let work = names.saturating_mul(scope.breadth()) / LOOKED_AT;
        if nodes.len() > LONGEST || work > MOST_WORK || !self.spend(work) {
            return vec![false; nodes.len()];
        }
        let columns = nodes.map(|node| self.listed_column(node?, targets, scope));
        let columns: Vec<_> = columns.collect();
        let determined = columns.iter().enumerate();
        let determined =
            determined.map(|(place, column)| self.is_determined(*column, &columns[..place], scope));
        determined.collect()
    }

    fn is_determined(
        &self,
        column: Option<OwnColumn>,
        others: &[Option<OwnColumn>],
        scope: &Scope<'_>,
    ) -> bool {
        let Some((item, attribute)) = column else {
            return false;
        };
        let relation = scope.items[item].relation;
        let relation = relation.and_then(|oid| self.catalog.relation(oid));
        let key = relation.and_then(|relation| relation.primary.as_deref());
        key.is_some_and(|key| {
            let is_there = |one: &i16| others.contains(&Some((item, *one)));
            !key.is_empty() && !key.contains(&attribute) && key.iter().all(is_there)
        })
    }

    /// What stands in a list that may go by the names and positions of outputs.
    fn listed_column(
        &self,
        node: &pg::Node,
        targets: &[pg::Node],
        scope: &Scope<'_>,
    ) -> Option<OwnColumn> {
        match inner(node)? {
            NodeEnum::AConst(constant) => {
                let Some(pg::a_const::Val::Ival(number)) = &constant.val else {
                    return None;
                };
                let place = usize::try_from(number.ival).ok()?.checked_sub(1)?;
                let before = targets.get(..=place)?.iter().map(target_value);
                // A star stands for several.
                let values: Vec<_> = before.collect::<Option<_>>()?;
                self.own_column(values.last()?, scope)
            }
            NodeEnum::ColumnRef(column) => {
                let own = self.own_column(node, scope)?;
                if let [name] = strings(&column.fields).as_slice() {
                    let mut outputs = targets.iter().filter(|one| may_be_named(one, name));
                    let is_it = |target: &pg::Node| {
                        target_value(target).and_then(|value| self.own_column(value, scope))
                            == Some(own)
                    };
                    return outputs.all(is_it).then_some(own);
                }
                Some(own)
            }
            _ => None,
        }
    }

    /// Whether a cast leaves a column of a table what it is: a text of any length. Not within a subquery,
    /// where it may be shown or not.
    pub(super) fn stays_text(&self, cast: &pg::TypeCast, scope: &Scope<'_>) -> bool {
        if scope.outer.is_none_or(|outer| outer.outer.is_some()) {
            return false;
        }
        let Some(name) = &cast.type_name else {
            return false;
        };
        let path = strings(&name.names);
        let named = match path.as_slice() {
            ["text"] => self.catalog.types_named("", "text").len() == 1,
            ["pg_catalog", "text" | "varchar"] => true,
            _ => false,
        };
        let is_plain = name.typmods.is_empty() && name.array_bounds.is_empty() && !name.setof;
        let own = cast.arg.as_deref();
        let own = own.filter(|_| named && is_plain);
        let own = own.and_then(|node| self.own_column(node, scope));
        own.is_some_and(|(item, attribute)| {
            let relation = scope.items[item].relation;
            let relation = relation.and_then(|oid| self.catalog.relation(oid));
            let column = relation.and_then(|relation| relation.column(attribute));
            column.is_some_and(|column| TEXTS.contains(&column.type_oid))
        })
    }

    /// An expression that is a column of a table that stands in FROM as itself, once.
    pub(super) fn own_column(&self, node: &pg::Node, scope: &Scope<'_>) -> Option<OwnColumn> {
        let Some(NodeEnum::ColumnRef(column)) = inner(node) else {
            return None;
        };
        if column.fields.iter().any(|field| string(field).is_none()) {
            return None;
        }
        if !self.looks(scope.breadth()) {
            return None;
        }
        let path = strings(&column.fields);
        let (schema, table, name) = match path.as_slice() {
            [name] => (None, None, *name),
            [table, name] => (None, Some(*table), *name),
            [schema, table, name] | [_, schema, table, name] => {
                (Some(*schema), Some(*table), *name)
            }
            _ => return None,
        };
        let items = scope.items.iter().enumerate();
        let mut found = items.filter_map(|(place, item)| {
            let is_meant = item.by_name
                && table.is_none_or(|table| item.name == table)
                && schema.is_none_or(|schema| item.schemas.iter().any(|one| one == schema));
            let value = is_meant.then(|| item.column(name)).flatten()?;
            Some((place, item, value))
        });
        let (Some((place, item, value)), None) = (found.next(), found.next()) else {
            return None;
        };
        let relation = item.relation?;
        let [source] = value.sources.as_slice() else {
            return None;
        };
        let is_its = source.column.relation == relation && source.how == Reach::Projected;
        if !is_its || item.doubtful || !item.is_certain(name) {
            return None;
        }
        // The merged column of a join has that name, too.
        let is_it = |other: &Value| other.sources == value.sources;
        let means_it = match table {
            Some(_) => true,
            None => matches!(scope.column(name), Found::Value(ref other, _) if is_it(other)),
        };
        means_it.then_some((place, source.column.attribute))
    }
}

/// The expression of an output; none for what may be several.
fn target_value(target: &pg::Node) -> Option<&pg::Node> {
    let Some(NodeEnum::ResTarget(target)) = inner(target) else {
        return None;
    };
    let value = target.val.as_deref()?;
    (!has_star(value)).then_some(value)
}

fn has_star(node: &pg::Node) -> bool {
    let last = match inner(node) {
        Some(NodeEnum::ColumnRef(column)) => column.fields.last(),
        Some(NodeEnum::AIndirection(indirection)) => indirection.indirection.last(),
        _ => None,
    };
    matches!(last.and_then(inner), Some(NodeEnum::AStar(_)))
}

/// Whether an output may have this name that stands for something else than a column of FROM.
fn may_be_named(target: &pg::Node, name: &str) -> bool {
    let Some(NodeEnum::ResTarget(named)) = inner(target) else {
        return true;
    };
    match (named.name.as_str(), named.val.as_deref()) {
        ("", Some(value)) if matches!(inner(value), Some(NodeEnum::ColumnRef(_))) => {
            // What a star stands for is in FROM by the same name.
            !has_star(value) && output_name(value) == name
        }
        ("", Some(value)) => !is_certain(value) || output_name(value) == name,
        (alias, _) => alias == name,
    }
}

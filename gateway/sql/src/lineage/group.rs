//! GROUP BY and DISTINCT ON.
//!
//! A column of a table whose whole primary key is grouped by, too, tells nothing: PostgreSQL neither
//! sorts nor compares by it (`remove_useless_groupby_columns` of its planner), and groups are the same
//! without it.

use super::Walk;
use super::scope::Scope;
use super::value::Table;
use crate::analysis::{ColumnId, Reach, Use};
use crate::catalog::RelationKind;
use crate::parse::{NodeEnum, inner, pg, strings};

/// A column of something in FROM, by its place there.
type Grouped = (usize, ColumnId);

impl Walk<'_> {
    pub(super) fn group_by(&mut self, select: &pg::SelectStmt, table: &Table, scope: &Scope<'_>) {
        let clause = &select.group_clause;
        let nodes = clause
            .iter()
            .map(|node| column_at(node, &select.target_list));
        let columns: Vec<Option<Grouped>> = nodes.map(|node| base_column(node?, scope)).collect();
        let has_sets = clause
            .iter()
            .any(|node| matches!(inner(node), Some(NodeEnum::GroupingSet(_))));
        for (node, column) in clause.iter().zip(&columns) {
            let follows = |column: &Grouped| !has_sets && self.follows_from(*column, &columns);
            if column.as_ref().is_some_and(follows) {
                self.by_output(node, table, scope);
            } else {
                self.group(std::slice::from_ref(node), table, scope);
            }
        }
    }

    /// Names of outputs, positions, expressions, grouping sets.
    pub(super) fn group(&mut self, clause: &[pg::Node], table: &Table, scope: &Scope<'_>) {
        for node in clause {
            match inner(node) {
                Some(NodeEnum::GroupingSet(set)) => self.group(&set.content, table, scope),
                Some(NodeEnum::RowExpr(row)) => self.group(&row.args, table, scope),
                _ => {
                    let value = self.by_output(node, table, scope);
                    self.mark(&value, Use::Ordered);
                }
            }
        }
    }

    /// Whether a column is no part of the primary key of its table, which is grouped by as well.
    fn follows_from(&self, (place, column): Grouped, columns: &[Option<Grouped>]) -> bool {
        let Some(relation) = self.catalog.relation(column.relation) else {
            return false;
        };
        let is_one = relation.kind == RelationKind::Partitioned
            || self.catalog.descendants(relation.oid).is_empty();
        let key = &relation.primary_key;
        let is_grouped = |attribute: &i16| {
            let part = ColumnId {
                attribute: *attribute,
                ..column
            };
            columns.contains(&Some((place, part)))
        };
        is_one && !key.is_empty() && !key.contains(&column.attribute) && key.iter().all(is_grouped)
    }
}

/// The name of a column that is grouped by, itself or by the place of its output.
fn column_at<'n>(node: &'n pg::Node, targets: &'n [pg::Node]) -> Option<&'n pg::ColumnRef> {
    match inner(node)? {
        NodeEnum::ColumnRef(column) => Some(column),
        NodeEnum::AConst(constant) => {
            let Some(pg::a_const::Val::Ival(number)) = &constant.val else {
                return None;
            };
            let place = usize::try_from(number.ival).ok()?.checked_sub(1)?;
            let before = targets.get(..=place)?;
            let columns = before.iter().map(|target| match inner(target) {
                Some(NodeEnum::ResTarget(target)) => target.val.as_deref().and_then(inner),
                _ => None,
            });
            let columns: Vec<_> = columns.collect();
            let has_star = |column: &Option<&NodeEnum>| match column {
                Some(NodeEnum::ColumnRef(column)) => {
                    strings(&column.fields).len() < column.fields.len()
                }
                Some(NodeEnum::AIndirection(_)) | None => true,
                Some(_) => false,
            };
            match columns.last() {
                Some(Some(NodeEnum::ColumnRef(column))) if !columns.iter().any(has_star) => {
                    Some(column)
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// The column of a table in FROM that a name means at this level, if that is certain.
fn base_column(column: &pg::ColumnRef, scope: &Scope<'_>) -> Option<Grouped> {
    let path = strings(&column.fields);
    let (qualifier, name) = match path.as_slice() {
        [name] => (None, *name),
        [item, name] => (Some(*item), *name),
        _ => return None,
    };
    if path.len() != column.fields.len() {
        return None;
    }
    let place = scope.place_of(qualifier, name)?;
    let item = scope
        .items
        .get(place)
        .filter(|item| item.system && !item.renamed)?;
    let value = item.column(name)?;
    match value.sources.as_slice() {
        [source] if source.how == Reach::Projected => Some((place, source.column)),
        _ => None,
    }
}

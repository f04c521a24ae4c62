//! Puts what a name stands for in place of the name.

use std::collections::HashSet;
use std::hash::Hash;
use std::iter;
use std::sync::Arc;

use super::{Access, Analysis, ColumnUse, NameUse, Opaque, OpaqueReason, Outputs, Use};

/// How many names of one text get their meaning: each brings all that its statement does.
const MOST_NAMES: usize = 100;

/// How much all of them bring: columns, relations, functions and the like.
const MOST_BROUGHT: usize = 100_000;

/// The two name spaces of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NameKind {
    /// Cursors and portals.
    Cursor,
    /// Prepared statements.
    Prepared,
}

impl Analysis {
    /// This analysis with EXECUTE and FETCH given the outputs and uses of what they name: a
    /// definition earlier in the same text, else what `names` knows. The analysis that `names` gives
    /// is that of the statement prepared or declared, as in [`NameUse::Prepare`]. A name that stays
    /// unknown keeps its [`OpaqueReason::UnknownName`], and so do those beyond the first
    /// hundred of a text, or beyond what all may bring.
    #[must_use]
    pub fn resolve(&self, names: &impl Fn(NameKind, &str) -> Option<Arc<Analysis>>) -> Analysis {
        let mut resolved = self.clone();
        let (mut left, mut more) = (MOST_NAMES, MOST_BROUGHT);
        for index in 0..self.statements.len() {
            for name in &self.statements[index].names {
                let (kind, name, gets) = match name {
                    NameUse::Execute(name) => (NameKind::Prepared, name, Gets::Output),
                    NameUse::ExecuteInto(name) => (NameKind::Prepared, name, Gets::Copy),
                    NameUse::Fetch(name) => (NameKind::Cursor, name, Gets::Output),
                    NameUse::Prepare(..)
                    | NameUse::Deallocate(_)
                    | NameUse::Declare(..)
                    | NameUse::Close(_) => continue,
                };
                if left == 0 {
                    return resolved;
                }
                left -= 1;
                let elsewhere;
                let inner = match self.meaning(index, kind, name) {
                    Meaning::Here(inner) => inner,
                    Meaning::Gone => continue,
                    Meaning::Elsewhere => {
                        elsewhere = names(kind, name);
                        let Some(inner) = &elsewhere else { continue };
                        inner
                    }
                };
                let Some(rest) = more.checked_sub(inner.size()) else {
                    return resolved;
                };
                more = rest;
                resolved.fill(index, name, inner, gets);
            }
        }
        resolved
    }

    /// How much it says.
    fn size(&self) -> usize {
        let hidden = self.statements.iter().map(|one| 1 + one.inner.len());
        hidden.sum::<usize>()
            + self.columns.len()
            + self.selected.len()
            + self.relations.len()
            + self.functions.len()
            + self.opaque.len()
    }

    /// What a name means before statement `index`, as far as this text tells.
    fn meaning(&self, index: usize, kind: NameKind, wanted: &str) -> Meaning<'_> {
        for name in self.statements[..index]
            .iter()
            .rev()
            .flat_map(|one| one.names.iter().rev())
        {
            match (kind, name) {
                (NameKind::Prepared, NameUse::Prepare(name, inner))
                | (NameKind::Cursor, NameUse::Declare(name, inner))
                    if name == wanted =>
                {
                    return Meaning::Here(inner);
                }
                (NameKind::Prepared, NameUse::Deallocate(dropped))
                | (NameKind::Cursor, NameUse::Close(dropped))
                    if dropped.as_deref().is_none_or(|name| name == wanted) =>
                {
                    return Meaning::Gone;
                }
                _ => {}
            }
        }
        Meaning::Elsewhere
    }

    /// Gives statement `index` what `inner` does.
    fn fill(&mut self, index: usize, name: &str, inner: &Analysis, gets: Gets) {
        let number = u32::try_from(index).unwrap_or(u32::MAX);
        self.opaque.retain(|opaque| {
            opaque.statement != number
                || opaque.reason != OpaqueReason::UnknownName
                || opaque.detail != name
        });
        let statement = &mut self.statements[index];
        let outputs = &mut statement.outputs;
        let shown = matches!(outputs, Outputs::Unknown);
        if shown {
            let only = inner.statements.first();
            statement.rows = only.and_then(|only| only.rows);
            *outputs = only.map_or(Outputs::Unknown, |only| only.outputs.clone());
        }
        let shows_nothing = matches!(outputs, Outputs::Harmless);
        let is_measured = statement.kind.command == "explain analyze";
        let known = self.columns.iter();
        let mut known: HashSet<ColumnUse> = known
            .filter(|one| one.statement == number)
            .copied()
            .collect();
        for column in &inner.columns {
            let used = match column.used {
                Use::Projected if gets == Gets::Copy => Use::Copied,
                Use::Projected if shows_nothing => continue,
                Use::Projected if !shown => Use::Copied,
                // What it costs tells whether a value stays as it is.
                Use::Written if is_measured => Use::Derived,
                used => used,
            };
            let column = ColumnUse {
                used,
                statement: number,
                ..*column
            };
            if known.insert(column) {
                self.columns.push(column);
            }
        }
        let is_written = |one: &super::RelationUse| {
            one.oid.is_some() && matches!(one.access, Access::Insert | Access::Update)
        };
        if is_measured && inner.relations.iter().any(is_written) {
            // What goes into which block of an index tells of columns that are not named here.
            let opaque = Opaque {
                reason: OpaqueReason::Unsupported,
                detail: "EXPLAIN ANALYZE of a prepared write".to_owned(),
                statement: number,
            };
            push_new(&mut self.opaque, iter::once(opaque), |one| {
                one.statement == number
            });
        }
        self.selected.extend(&inner.selected);
        self.selected.sort_unstable();
        self.selected.dedup();
        let relations = inner.relations.iter().cloned();
        let relations = relations.map(|one| super::RelationUse {
            statement: number,
            ..one
        });
        push_new(&mut self.relations, relations, |one| {
            one.statement == number
        });
        let functions = inner.functions.iter().cloned();
        let functions = functions.map(|one| super::FunctionUse {
            statement: number,
            ..one
        });
        push_new(&mut self.functions, functions, |one| {
            one.statement == number
        });
        let opaque = inner.opaque.iter().cloned();
        let opaque = opaque.map(|one| Opaque {
            statement: number,
            ..one
        });
        push_new(&mut self.opaque, opaque, |one| one.statement == number);
        self.hide(index, inner);
    }

    /// Notes the statements of `inner` as hidden in statement `index`.
    fn hide(&mut self, index: usize, inner: &Analysis) {
        let hidden = inner.statements.iter().flat_map(|one| {
            let own = super::Inner {
                kind: one.kind,
                restriction: one.restriction,
            };
            iter::once(own).chain(one.inner.iter().cloned())
        });
        let statement = &mut self.statements[index];
        statement.inner.extend(hidden);
        let writes = inner.relations.iter().any(|one| one.access != Access::Read);
        if writes && statement.kind.class == super::Class::Read {
            statement.kind.class = super::Class::Write;
        }
    }
}

/// What becomes of the rows of what a name stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gets {
    /// They are those of the statement, if it has any.
    Output,
    /// They are kept in a relation.
    Copy,
}

/// What a name stands for.
enum Meaning<'a> {
    /// Defined earlier in the text.
    Here(&'a Analysis),
    /// Dropped earlier in the text.
    Gone,
    /// The text does not say.
    Elsewhere,
}

/// Adds those that are not among these of the list yet.
fn push_new<T: Clone + Eq + Hash>(
    list: &mut Vec<T>,
    more: impl Iterator<Item = T>,
    these: impl Fn(&T) -> bool,
) {
    let mut known: HashSet<T> = list.iter().filter(|one| these(one)).cloned().collect();
    list.extend(more.filter(|one| known.insert(one.clone())));
}

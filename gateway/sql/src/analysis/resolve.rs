//! Puts what a name stands for in place of the name.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Access, Analysis, ColumnUse, NameUse, Opaque, OpaqueReason, Outputs, Use};

/// How many names of one text get their meaning: each brings all that its statement does.
const MOST_NAMES: usize = 100;

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
    /// hundred of a text.
    #[must_use]
    pub fn resolve(&self, names: &impl Fn(NameKind, &str) -> Option<Arc<Analysis>>) -> Analysis {
        let mut resolved = self.clone();
        let mut left = MOST_NAMES;
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
                match self.meaning(index, kind, name) {
                    Meaning::Here(inner) => resolved.fill(index, name, inner, gets),
                    Meaning::Gone => {}
                    Meaning::Elsewhere => {
                        if let Some(inner) = names(kind, name) {
                            resolved.fill(index, name, &inner, gets);
                        }
                    }
                }
            }
        }
        resolved
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
            push_new(&mut self.opaque, opaque);
        }
        self.selected.extend(&inner.selected);
        self.selected.sort_unstable();
        self.selected.dedup();
        for relation in &inner.relations {
            push_new(
                &mut self.relations,
                super::RelationUse {
                    statement: number,
                    ..relation.clone()
                },
            );
        }
        for function in &inner.functions {
            push_new(
                &mut self.functions,
                super::FunctionUse {
                    statement: number,
                    ..function.clone()
                },
            );
        }
        for opaque in &inner.opaque {
            push_new(
                &mut self.opaque,
                Opaque {
                    statement: number,
                    ..opaque.clone()
                },
            );
        }
        self.hide(index, inner);
    }

    /// Notes the statements of `inner` as hidden in statement `index`.
    fn hide(&mut self, index: usize, inner: &Analysis) {
        let hidden = inner.statements.iter().flat_map(|one| {
            let own = super::Inner {
                kind: one.kind,
                restriction: one.restriction,
            };
            std::iter::once(own).chain(one.inner.iter().cloned())
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

fn push_new<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}

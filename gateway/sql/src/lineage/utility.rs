//! Commands that are neither queries nor changes of rows.

use super::Walk;
use super::command::{Effect, of, session, statement};
use super::scope::Scope;
use crate::analysis::{Access, Class, NameUse, OpaqueReason, Outputs, Statement};
use crate::catalog::{Relation, RelationKind};
use crate::parse::{NodeEnum, inner, pg, strings};

/// `AccessExclusiveLock` in PostgreSQL's `storage/lockdefs.h`: LOCK without a mode takes it too.
const ACCESS_EXCLUSIVE: i32 = 8;

impl<'a> Walk<'a> {
    /// A command by its node.
    pub(super) fn utility(&mut self, node: &NodeEnum) -> Statement {
        match node {
            NodeEnum::VariableSetStmt(set) => self.set(set),
            NodeEnum::VariableShowStmt(_) => Statement {
                outputs: Outputs::Harmless,
                ..statement(Class::Read, "show")
            },
            NodeEnum::TransactionStmt(transaction) => {
                of(Effect::Transaction, transaction_command(transaction))
            }
            NodeEnum::DeallocateStmt(deallocate) => {
                let name = (!deallocate.isall && !deallocate.name.is_empty())
                    .then(|| deallocate.name.clone());
                named(session("deallocate"), vec![NameUse::Deallocate(name)])
            }
            NodeEnum::ClosePortalStmt(close) => {
                let name = (!close.portalname.is_empty()).then(|| close.portalname.clone());
                named(session("close"), vec![NameUse::Close(name)])
            }
            NodeEnum::DiscardStmt(discard) => {
                let all = discard.target() == pg::DiscardMode::DiscardAll;
                let names = match all {
                    true => vec![NameUse::Deallocate(None), NameUse::Close(None)],
                    false => Vec::new(),
                };
                Statement {
                    sets_strings: all,
                    ..named(session("discard"), names)
                }
            }
            NodeEnum::ListenStmt(_) => session("listen"),
            NodeEnum::UnlistenStmt(_) => session("unlisten"),
            NodeEnum::ConstraintsSetStmt(_) => session("set constraints"),
            NodeEnum::LoadStmt(_) => {
                self.opaque(OpaqueReason::ProceduralCode, "LOAD");
                session("load")
            }
            NodeEnum::NotifyStmt(_) => of(Effect::Utility, "notify"),
            NodeEnum::CheckPointStmt(_) => of(Effect::Utility, "checkpoint"),
            NodeEnum::DoStmt(_) => {
                self.opaque(OpaqueReason::ProceduralCode, "DO");
                Statement {
                    changes_catalog: true,
                    ..of(Effect::Utility, "do")
                }
            }
            NodeEnum::CallStmt(call) => self.call_procedure(call),
            NodeEnum::LockStmt(lock) => {
                self.locked(&lock.relations);
                let kind = match lock.mode {
                    ACCESS_EXCLUSIVE => "lock in access exclusive mode",
                    _ => "lock",
                };
                of(Effect::Utility, kind)
            }
            NodeEnum::VacuumStmt(vacuum) => self.vacuum(vacuum),
            NodeEnum::ClusterStmt(cluster) => {
                self.recomputed(cluster.relation.as_ref(), Access::Define);
                if cluster.relation.is_none() {
                    // Each that was clustered before.
                    self.own_defined(|one| one.kind != RelationKind::View);
                }
                of(Effect::Utility, "cluster")
            }
            NodeEnum::ReindexStmt(reindex) => {
                // Which table an index is of is not known.
                let table = reindex.kind() == pg::ReindexObjectType::ReindexObjectTable;
                let relation = reindex.relation.as_ref().filter(|_| table);
                self.recomputed(relation, Access::Define);
                of(Effect::Utility, "reindex")
            }
            NodeEnum::TruncateStmt(truncate) => self.truncate(truncate),
            NodeEnum::RefreshMatViewStmt(refresh) => {
                if let Some(relation) = &refresh.relation {
                    for view in self.recomputed(Some(relation), Access::Define) {
                        self.called_by_view(view);
                    }
                }
                of(Effect::Utility, "refresh materialized view")
            }
            _ => self.define(node),
        }
    }

    fn call_procedure(&mut self, call: &pg::CallStmt) -> Statement {
        self.opaque(OpaqueReason::ProceduralCode, "CALL");
        if let Some(function) = call.funccall.as_deref() {
            for argument in &function.args {
                let value = self.value(argument, &Scope::outermost());
                self.mark(&value, crate::analysis::Use::Copied);
            }
            let path = strings(&function.funcname);
            let schema = path.len().checked_sub(2).map_or("", |place| path[place]);
            self.use_function(schema, path.last().copied().unwrap_or_default());
        }
        let plain = of(Effect::Utility, "call");
        Statement {
            changes_catalog: true,
            outputs: Outputs::Unknown,
            ..plain
        }
    }

    fn truncate(&mut self, truncate: &pg::TruncateStmt) -> Statement {
        let cascades = truncate.behavior() == pg::DropBehavior::DropCascade;
        for node in &truncate.relations {
            let Some(NodeEnum::RangeVar(var)) = inner(node) else {
                continue;
            };
            let (targets, _) = self.target(var, Access::Truncate);
            for relation in targets.into_iter().filter(|_| cascades) {
                self.written_by_keys(relation, Access::Truncate, None);
            }
        }
        statement(Class::Write, "truncate")
    }

    fn vacuum(&mut self, vacuum: &pg::VacuumStmt) -> Statement {
        let has = |name: &str| {
            vacuum.options.iter().any(|option| {
                matches!(inner(option), Some(NodeEnum::DefElem(option)) if option.defname == name)
            })
        };
        let computes = !vacuum.is_vacuumcmd || has("analyze") || has("full");
        for node in &vacuum.rels {
            if let Some(NodeEnum::VacuumRelation(one)) = inner(node)
                && let Some(var) = &one.relation
            {
                if computes {
                    for relation in self.recomputed(Some(var), Access::Read) {
                        self.sampled(relation);
                    }
                } else {
                    self.relations(var, Access::Read);
                }
            }
        }
        if computes && vacuum.rels.is_empty() {
            self.recomputed(None, Access::Read);
            for relation in self.own_relations() {
                self.sampled(relation);
            }
        }
        let kind = match vacuum.is_vacuumcmd {
            true if has("full") => "vacuum full",
            true => "vacuum",
            false => "analyze",
        };
        of(Effect::Utility, kind)
    }

    /// How many values there are, and how wide they are, is told by EXPLAIN.
    fn sampled(&mut self, relation: &'a Relation) {
        let table = self.table(relation);
        if self.spend(table.columns.len()) {
            self.mark(&table.everything(), crate::analysis::Use::Derived);
        }
    }

    /// A relation, or all, whose indexes or rows are made anew or sampled: what they call runs.
    pub(super) fn recomputed(
        &mut self,
        var: Option<&pg::RangeVar>,
        access: Access,
    ) -> Vec<&'a Relation> {
        let Some(var) = var else {
            let calls = |one: &&Relation| !one.computes.is_empty();
            let mut all: Vec<_> = self.catalog.relations().filter(calls).collect();
            all.sort_unstable_by_key(|one| one.oid);
            self.spend(all.len());
            for relation in all {
                self.code(&relation.computes, &relation.name, 0);
            }
            return Vec::new();
        };
        let relations = self.relations(var, access);
        for relation in &relations {
            self.code(&relation.computes, &relation.name, 0);
            let descendants = self.catalog.descendants(relation.oid);
            self.spend(descendants.len());
            for child in descendants {
                if let Some(child) = self.catalog.relation(child) {
                    self.code(&child.computes, &child.name, 0);
                }
            }
        }
        relations
    }

    /// What a view calls, where it is read for nobody.
    fn called_by_view(&mut self, relation: &'a Relation) {
        let Some(view) = self.view(relation) else {
            self.opaque(OpaqueReason::Unsupported, &relation.name);
            return;
        };
        if !self.spend(view.functions.len() + view.opaque.len()) {
            return;
        }
        for inner in &view.functions {
            self.use_own(&inner.schema, &inner.name, inner.text.as_ref());
        }
        for inner in &view.opaque {
            self.opaque(inner.reason, &inner.detail);
        }
    }

    /// With a view, what it reads is locked.
    fn locked(&mut self, nodes: &[pg::Node]) {
        let named = nodes.iter().filter_map(|node| match inner(node) {
            Some(NodeEnum::RangeVar(var)) => Some(var),
            _ => None,
        });
        for var in named {
            for relation in self.relations(var, Access::Read) {
                self.relations_of_view(relation);
            }
        }
    }

    /// Notes the same access to several relations.
    pub(super) fn each_relation(&mut self, nodes: &[pg::Node], access: Access) {
        for node in nodes {
            if let Some(NodeEnum::RangeVar(var)) = inner(node) {
                self.relations(var, access);
            }
        }
    }
}

fn named(plain: Statement, names: Vec<NameUse>) -> Statement {
    Statement { names, ..plain }
}

fn transaction_command(transaction: &pg::TransactionStmt) -> &'static str {
    use pg::TransactionStmtKind as Kind;
    match transaction.kind() {
        Kind::TransStmtBegin | Kind::Undefined => "begin",
        Kind::TransStmtStart => "start transaction",
        Kind::TransStmtCommit => "commit",
        Kind::TransStmtRollback => "rollback",
        Kind::TransStmtSavepoint => "savepoint",
        Kind::TransStmtRelease => "release savepoint",
        Kind::TransStmtRollbackTo => "rollback to savepoint",
        Kind::TransStmtPrepare => "prepare transaction",
        Kind::TransStmtCommitPrepared => "commit prepared",
        Kind::TransStmtRollbackPrepared => "rollback prepared",
    }
}

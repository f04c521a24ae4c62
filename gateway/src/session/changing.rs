//! Changes of definitions that are under way: sent, and perhaps done, while nobody has read their end.
//!
//! What another session asks meanwhile is judged by a catalog whose reading began after it came. Where
//! the client of a change is gone, its session stays until the upstream has ended it.

use policy::Plan;
use sql::analysis::{Class, Statement};

use super::Session;
use super::buffers::Inbox;
use super::pipeline::Pipeline;
use crate::catalog::Change;

impl Session {
    /// Notes a plan that is about to be sent.
    pub(super) fn may_commit_changes(&self, plan: &Plan) {
        if self.commits_changes(plan) {
            self.begin_change();
        }
    }

    fn begin_change(&self) {
        let mut changing = self.changing.borrow_mut();
        changing.get_or_insert_with(|| Change::begin(&self.database.catalog));
    }

    /// True where other sessions may meet changes of definitions once a plan has run: its own, whatever
    /// transaction it is thought to be in, or those of the transaction that it may end.
    fn commits_changes(&self, plan: &Plan) -> bool {
        let ends = || self.definitions.borrow().lasting && may_end_transaction(plan);
        let commits_prepared = |one: &Statement| one.kind.command == "commit prepared";
        let mut statements = plan.analysis().statements.iter();
        self.lasts(plan) || ends() || statements.any(commits_prepared)
    }

    /// The upstream waits for the next request. Where all answers have been read, whatever was
    /// changed is known, or undone, or still the transaction's own.
    pub(super) fn changes_read(&self) {
        if self.leaving.get() {
            self.drops_temporary();
        } else if self.pipeline.borrow().is_empty() {
            self.changing.take();
        }
    }

    /// True where another session may have changed what the catalog in force says.
    pub(super) fn others_change(&self) -> bool {
        let mine = usize::from(self.changing.borrow().is_some());
        self.database.catalog.open_changes() > mine && self.admitted.borrow().is_protected()
    }

    /// The session is about to end: with its temporary relations goes what others have made of their
    /// types, once the upstream has nothing else to do.
    pub(super) fn drops_temporary(&self) {
        if self.temporary.get() && self.pipeline.borrow().is_empty() {
            self.begin_change();
        }
    }

    /// After the end of a session whose changes may still be under way: waits until the upstream has
    /// ended, too.
    pub(super) async fn outlive_changes(&self) {
        if self.changing.borrow().is_none() && !self.temporary.get() {
            return;
        }
        // What was under way is recorded as abandoned.
        *self.pipeline.borrow_mut() = Pipeline::new();
        let finish = async {
            // Where that fails, the upstream has ended.
            let _ = self.upstream.socket.finish().await;
            std::future::pending().await
        };
        let drain = async {
            let mut inbox = Inbox::new(&self.core.pool);
            while let Ok(1..) = self.upstream.socket.read(&mut inbox).await {
                inbox.take(inbox.bytes().len());
                self.drops_temporary();
            }
        };
        tokio::select! {
            () = drain => {}
            () = finish => {}
        }
        self.database.catalog.invalidate();
        self.changing.take();
    }
}

/// True for a plan after which a transaction may be over that was open before.
fn may_end_transaction(plan: &Plan) -> bool {
    let analysis = plan.analysis();
    let ends = |one: &Statement| one.kind.class == Class::Transaction;
    analysis.statements.iter().any(ends) || !analysis.opaque.is_empty()
}

//! Changes of definitions that are under way: sent, and perhaps done, while nobody has read their end.
//!
//! Where the client of a change is gone, its session stays until the upstream has ended it.

use policy::Plan;
use sql::analysis::{Class, Statement, Touched};

use super::Session;
use super::buffers::Inbox;
use super::definitions::{lasting, widened};
use super::pipeline::Pipeline;
use super::replies::Kept;
use crate::changes::{Change, Sent};

impl Session {
    /// Statements of a plan are about to be sent that change something. Gives all that is touched.
    pub(super) fn begin_change(&self, touched: Touched, plan: &Plan) -> Touched {
        let changes = self.database.catalog.changes();
        let statements = &plan.analysis().statements;
        let mut relations = plan.analysis().relations.iter();
        let depends = relations.any(|one| one.oid.is_some());
        let alters = |one: &Statement| {
            let command = one.kind.command;
            command.starts_with("alter")
                || command == "create view"
                || (command == "create table" && depends)
        };
        let ties = |one: &Statement| match &one.touched {
            Touched::Relations(names) => {
                let is_alone = one.kind.command == "create table" && !depends && names.len() == 1;
                !is_alone && !one.kind.command.starts_with("drop")
            }
            Touched::Anything => one.changes_catalog,
        };
        let ties_some = touched == Touched::Anything || statements.iter().any(ties);
        let changes_some = |one: &&Statement| one.changes_catalog;
        let mut definitions = self.definitions.borrow_mut();
        // What ends a transaction alters what was locked in it, or tied to it since.
        let ends = definitions.lasting.is_some() && may_end_transaction(plan);
        let judged_after = definitions.begin(plan, self.judged_by().ended);
        drop(definitions);
        let sent = Sent {
            // Other sessions have temporary relations, which may be heirs of what this one names.
            touched: sql::touched_within(touched, &self.catalog.borrow().temporary),
            alters: statements.iter().any(alters) || ends,
            ties: ends || ties_some,
            // What was not read may be several.
            statements: match statements.len() {
                0 => usize::from(u8::MAX),
                _ => statements.iter().filter(changes_some).count().max(1),
            },
            persists: may_persist(plan),
            judged_after,
        };
        let mut changing = self.changing.borrow_mut();
        changing
            .get_or_insert_with(|| Change::begin(changes))
            .widen(sent)
    }

    /// The names that other sessions may meet changed once a plan has run: by itself, whatever
    /// transaction it is thought to be in, or by the transaction that it may end.
    pub(super) fn commits_changes(&self, plan: &Plan) -> Option<Touched> {
        let ended = self.definitions.borrow().lasting.clone();
        // Where nothing else is under way, a rollback is what it seems, and so is what ends a transaction
        // that has failed.
        let failed = || self.transaction.has_failed();
        let undoes = || (is_rollback(plan) || failed()) && self.pipeline.borrow().is_empty();
        let ended = ended.filter(|_| may_end_transaction(plan) && !undoes());
        let commits_prepared = |one: &Statement| one.kind.command == "commit prepared";
        let mut statements = plan.analysis().statements.iter();
        let prepared = statements
            .any(commits_prepared)
            .then_some(Touched::Anything);
        widened(widened(lasting(plan), ended), prepared)
    }

    /// The upstream waits for the next request. Where all answers have been read, whatever was
    /// changed is known, or undone, or still the transaction's own; but for what waits to be sent.
    pub(super) fn changes_read(&self) {
        if !self.pipeline.borrow().is_empty() || self.waits_to_change.get() {
            return;
        }
        let in_force = self.transaction.came_into_force();
        let Some(change) = self.changing.take() else {
            return;
        };
        self.definitions.borrow_mut().goes_on(change.touched());
        if !in_force {
            change.stays_pending();
        }
    }

    /// Whether what failed of this session's change may be in force all the same.
    pub(super) fn persists(&self) -> bool {
        self.changing
            .borrow()
            .as_ref()
            .is_some_and(Change::persists)
    }

    /// True where another session may have changed what the catalog in force says.
    pub(super) fn others_may_change(&self) -> bool {
        let mine = usize::from(self.changing.borrow().is_some());
        self.database.catalog.changes().open() > mine && self.admitted.borrow().is_protected()
    }

    /// After the end of a session whose changes may still be under way, or its writes, which no change
    /// may overtake: waits until the upstream has ended, too.
    pub(super) async fn outlive_changes(&self) {
        let writes = self
            .pipeline
            .borrow()
            .newest_first()
            .any(|owed| match &owed.keep {
                Kept::Flight(flight) => flight.turn.is_write(),
                _ => false,
            });
        if self.changing.borrow().is_none() && !writes {
            return;
        }
        let finish = async {
            // Where that fails, the upstream has ended.
            let _ = self.upstream.socket.finish().await;
            std::future::pending().await
        };
        let drain = async {
            let mut inbox = Inbox::new(&self.core.pool);
            while let Ok(1..) = self.upstream.socket.read(&mut inbox).await {
                inbox.take(inbox.bytes().len());
            }
        };
        tokio::select! {
            () = drain => {}
            () = finish => {}
        }
        // What was under way is recorded as abandoned.
        *self.pipeline.borrow_mut() = Pipeline::new();
        self.database.catalog.invalidate();
        self.changing.take();
    }
}

/// True for a plan that may have changed something though it failed: code that commits, and what is done
/// in several transactions.
fn may_persist(plan: &Plan) -> bool {
    let analysis = plan.analysis();
    let text = plan.text().to_ascii_lowercase();
    let mut statements = analysis.statements.iter();
    text.contains("concurrently")
        || analysis.statements.is_empty()
        || !analysis.opaque.is_empty()
        || statements.any(|one| one.kind.class == Class::Utility)
}

fn is_rollback(plan: &Plan) -> bool {
    let statements = &plan.analysis().statements;
    matches!(statements.as_slice(), [one] if one.kind.command == "rollback")
}

/// True for a plan after which a transaction may be over that was open before; a rollback, too, as the
/// transaction may be another than is thought.
pub(super) fn may_end_transaction(plan: &Plan) -> bool {
    let analysis = plan.analysis();
    let stays = [
        "begin",
        "savepoint",
        "release savepoint",
        "rollback to savepoint",
    ];
    let ends = |one: &Statement| {
        one.kind.class == Class::Transaction && !stays.contains(&one.kind.command)
    };
    analysis.statements.iter().any(ends) || !analysis.opaque.is_empty()
}

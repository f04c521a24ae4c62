//! Whose turn it is. The result of a statement that a change of definitions has overtaken is withheld;
//! what a write has done is done. So a change waits for the writes of others that it may touch, and a
//! write runs while none is under way that may touch it.

use std::time::Duration;

use policy::{Denial, Permit, Plan, SqlState};
use sql::analysis::{Analysis, Class, Statement, Touched, Use};
use tokio::time::timeout;

use super::definitions::lasting;
use super::overtaken::{OVERTAKEN, calls_others, names_of, tells_all};
use super::{Refusal, Session};
use crate::changes::Writing;

/// A write that keeps a change waiting for longer is cancelled.
const GRACE: Duration = Duration::from_secs(1);

/// Nobody waits longer for another's change, or for a write that was cancelled.
const PATIENCE: Duration = Duration::from_secs(5);

/// In PostgreSQL's words.
pub(super) const CANCELLED: &str = "canceling statement due to user request";

/// The client no longer wants what waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cancelled;

/// The right to send a statement.
#[derive(Debug)]
pub(super) struct Turn {
    writing: Option<Writing>,
}

impl Turn {
    pub(super) fn is_write(&self) -> bool {
        self.writing.is_some()
    }

    /// It was cancelled, so that a change comes by.
    pub(super) fn was_cancelled(&self) -> bool {
        self.writing.as_ref().is_some_and(Writing::was_cancelled)
    }
}

impl Session {
    /// The right to send what nothing is in the way of.
    pub(super) fn turn_now(&self, plan: &Plan, judged_after: u64) -> Option<Turn> {
        if let Some(touched) = self.commits_changes(plan) {
            // A change that has to wait begins when it waits.
            if self.is_behind() || self.waits_for_writes(&touched) {
                return None;
            }
            let touched = self.begin_change(touched, plan);
            if self.waits_for_writes(&touched) {
                self.changes_read();
                return None;
            }
        }
        self.turn_to_write(plan, judged_after)
    }

    /// Waits for what is in the way of a statement that may go, up to a bound.
    pub(super) async fn take_turn<'a>(
        &self,
        verdict: Result<Permit<'a>, Refusal>,
        judged_after: u64,
    ) -> Result<(Permit<'a>, Turn), Refusal> {
        let permit = verdict?;
        let plan = permit.plan();
        // What would be refused for it later is not to begin a change.
        self.duty(plan)?;
        let changes = self.commits_changes(plan);
        let changes = changes.map(|touched| self.begin_change(touched, plan));
        self.waits_to_change.set(changes.is_some());
        let is_free = match &changes {
            Some(touched) => self.outwaits_writes(touched, plan).await,
            None => Ok(true),
        };
        self.waits_to_change.set(false);
        let turn = match is_free {
            Ok(true) => self.turn_to_write(plan, judged_after),
            Ok(false) | Err(Cancelled) => None,
        };
        let turn = match turn {
            None if is_free.is_ok() => self.turn_alone(plan, judged_after).await,
            turn => turn,
        };
        if let Some(turn) = turn {
            return Ok((permit, turn));
        }
        plan.give_back();
        self.changes_read();
        Err(match is_free {
            Err(Cancelled) => Refusal::of(&self.cancelled()),
            Ok(_) if self.may_keep(plan) => self.not_its_turn(OVERTAKEN),
            Ok(_) => self
                .not_its_turn("a statement of another session that this would change does not end"),
        })
    }

    /// The right to send what no write is in the way of; a write, where no change is.
    fn turn_to_write(&self, plan: &Plan, judged_after: u64) -> Option<Turn> {
        let writing = match self.may_keep(plan) {
            true => Some(self.begin_write(plan, judged_after)?),
            false => None,
        };
        Some(Turn { writing })
    }

    /// The right to send a write that will be undone where a change comes before it: nothing follows it
    /// before its answer. The change may wait for a lock of the very transaction that writes.
    async fn turn_alone(&self, plan: &Plan, judged_after: u64) -> Option<Turn> {
        if !self.can_be_undone(plan) {
            return None;
        }
        self.drained().await;
        let goes = self.can_be_undone(plan) && !self.met_by(plan, judged_after).ended;
        self.alone.set(goes);
        goes.then_some(Turn { writing: None })
    }

    /// True for a write in an open transaction of which nothing would stay.
    fn can_be_undone(&self, plan: &Plan) -> bool {
        let analysis = plan.analysis();
        let only_writes =
            |one: &Statement| one.kind.class == Class::Write && !one.keeps && one.copy.is_none();
        self.transaction.is_surely_open()
            && !self.limited
            && tells_all(analysis)
            && !calls_others(analysis)
            && self.commits_changes(plan).is_none()
            && matches!(analysis.statements.as_slice(), [one] if only_writes(one))
    }

    /// What a client hears whose statement would have to wait for longer.
    pub(super) fn not_its_turn(&self, why: &str) -> Refusal {
        Refusal::of(&Denial {
            hint: Some("Try again.".into()),
            sqlstate: SqlState::SERIALIZATION_FAILURE,
            ..self.own_denial(why)
        })
    }

    /// What a client hears that has cancelled a request before it was sent.
    pub(super) fn cancelled(&self) -> Denial {
        Denial {
            sqlstate: SqlState::QUERY_CANCELED,
            ..self.own_denial(CANCELLED)
        }
    }

    fn waits_for_writes(&self, touched: &Touched) -> bool {
        let changes = self.database.catalog.changes();
        changes.has_in_its_way(touched, self.cancel.shared())
    }

    /// Waits until no write of another session is in the way of a change; false where one still is. One
    /// that takes long may wait for a lock of this session's: it is cancelled, where it is about the
    /// same names, or where this ends a transaction.
    async fn outwaits_writes(&self, touched: &Touched, plan: &Plan) -> Result<bool, Cancelled> {
        let is_free = || !self.waits_for_writes(touched);
        if self.moved_until(is_free, GRACE).await? {
            return Ok(true);
        }
        if matches!(touched, Touched::Relations(_)) || lasting(plan).is_none() {
            let changes = self.database.catalog.changes();
            for write in changes.clear_the_way(touched, self.cancel.shared()) {
                if let Some(cancel) = write.of_upstream()
                    && let Err(error) = cancel.await
                {
                    tracing::warn!(%error, "a write in the way of a change was not cancelled");
                }
            }
        }
        self.moved_until(is_free, PATIENCE).await
    }

    /// True where a change has ended that the reading does not have by which the session judges: what it
    /// has tied to a name, nobody knows yet.
    pub(super) fn is_behind(&self) -> bool {
        self.database.catalog.changes().ended() > self.judged_by().ended
    }

    /// Before a write is judged again: waits until no change of another session is under way that may
    /// touch it. False where there was none.
    pub(super) async fn outwaits_change(&self, plan: &Plan) -> Result<bool, Cancelled> {
        let is_free = || self.met_by(plan, u64::MAX).open == 0;
        if !self.may_keep(plan) || is_free() || self.can_be_undone(plan) {
            return Ok(false);
        }
        self.moved_until(is_free, PATIENCE).await
    }

    /// Waits until something holds that the end of a change or of a write may bring about.
    async fn moved_until(
        &self,
        holds: impl Fn() -> bool,
        patience: Duration,
    ) -> Result<bool, Cancelled> {
        let changes = self.database.catalog.changes();
        let wait = async {
            loop {
                let mut moved = std::pin::pin!(changes.moved());
                moved.as_mut().enable();
                if holds() {
                    return;
                }
                // What is before it may let go of what is in its way.
                self.flush_upstream().await;
                moved.await;
            }
        };
        let cancelled = async {
            // Until then, a cancel request is for what is before it.
            while !self.pipeline.borrow().is_empty() {
                self.progress.next().await;
            }
            self.cancel.while_held().await;
        };
        tokio::select! {
            moved = timeout(patience, wait) => Ok(moved.is_ok()),
            () = cancelled => Err(Cancelled),
        }
    }

    fn begin_write(&self, plan: &Plan, judged_after: u64) -> Option<Writing> {
        let own = self.changing.borrow();
        let changes = self.database.catalog.changes();
        changes.write(
            judged_after,
            names_of(plan).as_ref(),
            own.as_ref(),
            self.cancel.shared(),
        )
    }

    /// True where what a statement of one from whom something is protected sees may stay somewhere:
    /// whatever it is about by now.
    fn may_keep(&self, plan: &Plan) -> bool {
        self.admitted.borrow().is_protected() && keeps(plan.analysis())
    }
}

/// True where what a text sees, or that it did, may show afterwards.
fn keeps(analysis: &Analysis) -> bool {
    let writes = |class| matches!(class, Class::Write | Class::Define | Class::Utility);
    let mut kinds = analysis.statements.iter().flat_map(|one| {
        let inner = one.inner.iter().map(|inner| inner.kind.class);
        inner.chain([one.kind.class])
    });
    let mut columns = analysis.columns.iter();
    kinds.any(writes)
        // Who replaces a function may have it do anything.
        || calls_others(analysis)
        || !tells_all(analysis)
        || analysis.statements.iter().any(|one| one.keeps)
        || columns.any(|column| matches!(column.used, Use::Copied | Use::Written))
}

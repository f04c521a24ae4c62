//! What the upstream's replies have told of the transaction that a session is in.

use std::cell::Cell;

use wire::upstream::TxStatus;

/// The transaction that is open at the upstream, or what runs outside of one.
#[derive(Debug)]
pub(super) struct Transaction {
    status: Cell<TxStatus>,
    /// It has touched what errors must not tell of.
    tainted: Cell<bool>,
    /// Functions have run in it of which nobody knows what they do.
    unknown_ran: Cell<bool>,
    /// How many changes had ended when the first was judged of what has run in it.
    began_after: Cell<Option<u64>>,
    /// An error was read since the upstream was ready last.
    erred: Cell<bool>,
    /// What ran last has rolled back.
    rolled_back: Cell<bool>,
    /// Something has run since the upstream was ready last that may have ended it.
    may_be_over: Cell<bool>,
    /// One has ended whose changes may be in force, since that was last asked.
    in_force: Cell<bool>,
}

impl Transaction {
    pub(super) fn none() -> Self {
        Self {
            status: Cell::new(TxStatus::Idle),
            tainted: Cell::default(),
            unknown_ran: Cell::default(),
            began_after: Cell::default(),
            erred: Cell::default(),
            rolled_back: Cell::default(),
            may_be_over: Cell::default(),
            in_force: Cell::default(),
        }
    }

    /// As the upstream said when it was ready last.
    pub(super) fn status(&self) -> TxStatus {
        self.status.get()
    }

    pub(super) fn is_open(&self) -> bool {
        self.status.get() == TxStatus::Transaction
    }

    /// True where nothing has run since that may have ended it.
    pub(super) fn is_surely_open(&self) -> bool {
        self.is_open() && !self.may_be_over.get()
    }

    pub(super) fn has_failed(&self) -> bool {
        self.status.get() == TxStatus::Failed
    }

    pub(super) fn is_tainted(&self) -> bool {
        self.tainted.get()
    }

    pub(super) fn began_after(&self) -> Option<u64> {
        self.began_after.get()
    }

    /// Something shows rows, or has run, after which errors must not tell of values.
    pub(super) fn taint(&self, taints: bool) {
        self.tainted.set(self.tainted.get() || taints);
    }

    /// Something runs that calls such functions, or does not.
    pub(super) fn runs_unknown(&self, calls: bool) {
        self.unknown_ran.set(self.unknown_ran.get() || calls);
    }

    /// Whether such functions have run in it: they may have changed definitions that nobody else sees yet.
    pub(super) fn may_have_changed(&self) -> bool {
        self.unknown_ran.get()
    }

    /// An error of the upstream's was read.
    pub(super) fn error_read(&self) {
        self.erred.set(true);
    }

    /// A statement is complete, as its tag says, that may have ended the transaction.
    pub(super) fn completed(&self, tag: &str, may_end: bool) {
        self.in_force
            .set(self.in_force.get() || tag.starts_with("COMMIT"));
        self.rolled_back.set(tag == "ROLLBACK");
        self.may_be_over.set(self.may_be_over.get() || may_end);
    }

    /// Something has run that was judged when so many changes had ended.
    pub(super) fn ran(&self, judged_after: u64) {
        let began = self.began_after.get().unwrap_or(u64::MAX);
        self.began_after.set(Some(began.min(judged_after)));
    }

    /// A switch of roles is done, of which nothing else is told.
    pub(super) fn switched(&self, status: TxStatus) {
        self.erred.set(false);
        self.status.set(status);
    }

    /// The upstream waits for the next request. What has failed may have left changes all the same,
    /// where it `persists`.
    pub(super) fn ready(&self, status: TxStatus, persists: bool) {
        self.status.set(status);
        self.may_be_over.set(false);
        let is_undone = (self.erred.take() | self.rolled_back.take()) && !persists;
        if status == TxStatus::Idle {
            self.in_force.set(self.in_force.get() || !is_undone);
            self.tainted.set(false);
            self.unknown_ran.set(false);
            self.began_after.take();
        }
    }

    /// Whether one has ended since this was last asked whose changes may be in force.
    pub(super) fn came_into_force(&self) -> bool {
        self.in_force.take()
    }
}

//! What a prepared statement means to PostgreSQL. It is analysed at its Parse, and anew only where
//! something changes that PostgreSQL takes note of: not the columns of a row type, for one. The gateway
//! judges the text at each Bind. So a statement is of use only while its text means what it did at
//! the Parse.

use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use policy::{Request, Step};
use sql::analysis::Analysis;

use super::extended::Bound;
use super::overtaken::tells_all;
use super::prepared::{Change, Portal, Statement};
use super::{Refusal, Session};

impl Session {
    /// True where nothing has changed since a statement was found to mean what it did at its Parse.
    pub(super) fn is_surely_as_parsed(&self, statement: &Statement) -> bool {
        let is_current =
            || self.catalog_is_current() && statement.catalog.get() == self.catalog_version();
        !self.admitted.borrow().is_protected() || is_current()
    }

    /// Whether a statement's text, read so by the catalog in force, means what it did at its Parse.
    pub(super) fn is_as_parsed(&self, statement: &Statement, now: &Arc<Analysis>) -> bool {
        let judged = self.judged_by();
        let is_same = !self.admitted.borrow().is_protected()
            || statement.catalog.get() == judged.version
            || statement.analysis == *now;
        if is_same {
            self.vouch_for(statement);
        }
        is_same
    }

    /// A statement means what it did at its Parse, by the catalog in force.
    pub(super) fn vouch_for(&self, statement: &Statement) {
        let judged = self.judged_by();
        statement.catalog.set(judged.version);
        if statement.parsed.get() {
            statement.judged_after.set(judged.ended);
        }
    }

    /// The same where its text has to be read first; else what the client hears.
    pub(super) async fn look_at_parsed(&self, statement: &Rc<Statement>) -> Result<(), Refusal> {
        if self.is_surely_as_parsed(statement) {
            return Ok(());
        }
        let request = Request {
            frames: Bytes::new(),
            step: Step::Parse,
            text: Arc::clone(statement.wording.known.text()),
            strings: statement.strings,
            parameters: None,
        };
        let understood = Box::pin(self.understand(&request, Bound::Here(None))).await;
        let (analysis, _) = understood.map_err(|denial| Refusal::of(&denial))?;
        match self.is_as_parsed(statement, &analysis) {
            true => Ok(()),
            false => Err(no_longer_parsed()),
        }
    }

    /// What a Parse has changed: nothing, where it was overtaken.
    pub(super) fn as_parsed(&self, change: Change) -> Change {
        if let Change::Statement(_, statement) = &change {
            self.answered(statement);
            statement.parsed.set(true);
        }
        change
    }

    /// PostgreSQL has parsed a statement, or may have parsed it anew: by what it meant to it, which may
    /// be something else.
    pub(super) fn answered(&self, statement: &Statement) {
        if self.met_as(statement, &statement.analysis, statement.judged_after.get()) {
            statement.lost.set(true);
        }
    }

    /// A Bind is answered: the same of its portal and of its statement.
    pub(super) fn bound(&self, portal: &Portal) {
        let statement = &portal.statement;
        let is_late = self.met_as(statement, &portal.analysis, portal.judged_after);
        portal.overtaken.set(is_late || statement.lost.get());
        statement.lost.set(portal.overtaken.get());
    }

    fn met_as(&self, statement: &Statement, analysis: &Analysis, judged_after: u64) -> bool {
        let text = Some(&**statement.wording.known.text()).filter(|_| tells_all(analysis));
        self.admitted.borrow().is_protected() && self.met(judged_after, text).is_any()
    }
}

/// PostgreSQL's words, by which drivers know that they have to prepare it again.
pub(super) fn no_longer_parsed() -> Refusal {
    Refusal {
        sqlstate: "0A000".to_owned(),
        message: "cached plan must not change result type".to_owned(),
        detail: Some("The statement means something else than when it was prepared.".to_owned()),
        hint: Some("Prepare it again.".to_owned()),
        routine: Some("RevalidateCachedQuery"),
        unreadable: false,
    }
}

//! A result is stopped: the client hears why, an open transaction fails, and the upstream need not go on.

use std::time::SystemTime;

use bytes::Bytes;
use trail::Deed;
use wire::upstream::TxStatus;

use super::flight::{Flight, Rows, Stop};
use super::overtaken::{OVERTAKEN, only_reads};
use super::pipeline::{Owed, Pipeline, Step};
use super::replies::Kept;
use super::{PATIENCE, Refusal, Session};
use crate::error::SessionError;

/// What becomes of the rest of a result that was ended.
const REST: &str = "Nothing more of this result is sent. What the request has changed is undone \
                    where a transaction is open.";

/// What is said of a result that comes from something that the catalog did not have.
const UNFORESEEN: &str =
    "the result comes from a relation that was not known when the statement was judged";

impl Session {
    /// Ends a result that must not go on; what still comes of it is dropped.
    pub(super) fn stop(&self, flight: &mut Flight, stop: &Stop) -> Result<(), SessionError> {
        let refusal = match stop {
            Stop::Defect(defect) => {
                tracing::error!(session = %self.trail.id(), %defect, "the analysis was wrong");
                let what = defect.to_string();
                flight
                    .entry
                    .event(SystemTime::now(), &Deed::Defect { what })?;
                let what = "the result does not fit what the statement was judged to return";
                ended("42501", what.to_owned())
            }
            Stop::Mask(error) => {
                tracing::warn!(session = %self.trail.id(), %error, "a mask failed");
                let what = error.to_string();
                flight
                    .entry
                    .event(SystemTime::now(), &Deed::Note { what })?;
                ended("42501", format!("the result cannot be masked: {error}"))
            }
            Stop::Overtaken | Stop::Unforeseen => {
                let what = match stop {
                    Stop::Unforeseen => UNFORESEEN,
                    _ => OVERTAKEN,
                };
                let noted = Deed::Note {
                    what: what.to_owned(),
                };
                flight.entry.event(SystemTime::now(), &noted)?;
                let is_done = matches!(stop, Stop::Unforeseen)
                    && !self.transaction.is_open()
                    && !only_reads(flight.plan.analysis());
                let (sqlstate, hint) = match is_done {
                    true => ("55000", "It is done all the same: do not send it again."),
                    false => ("40001", "Try again."),
                };
                Refusal {
                    hint: Some(hint.to_owned()),
                    ..ended(sqlstate, what.to_owned())
                }
            }
            Stop::Limit(limit) => {
                let what = format!("ended by policy {}: {}", limit.policy, limit.reason);
                flight
                    .entry
                    .event(SystemTime::now(), &Deed::Note { what })?;
                Refusal {
                    detail: Some(format!("Ended by policy \"{}\". {REST}", limit.policy)),
                    hint: limit.hint.as_ref().map(ToString::to_string),
                    ..ended("53400", limit.reason.to_string())
                }
            }
        };
        flight.report(SystemTime::now())?;
        self.stopped.set(true);
        flight.rows = Rows::Drop;
        self.client.queue_with(|out| refusal.write(out));
        flight.sqlstate = Some(refusal.sqlstate);
        Ok(())
    }

    /// After a result that was stopped, the client hears nothing up to the next ReadyForQuery, and
    /// what it sends up to the next Sync does not run: as after an error of the upstream's.
    pub(super) fn skip_to_sync(&self, pipeline: &mut Pipeline<Kept>) -> Result<(), SessionError> {
        self.between_messages()?;
        self.muted.set(true);
        let synced = pipeline.newest_first().any(|owed| owed.step == Step::Sync);
        if !synced {
            self.skipping.set(true);
            self.upstream.fail_extended();
            pipeline.push(Step::Parse, Kept::Refusal(Bytes::new()));
        }
        Ok(())
    }

    /// Nothing of ours may go upstream in the middle of a message of the client's: the rest of that
    /// message would be read as messages of its own.
    fn between_messages(&self) -> Result<(), SessionError> {
        if self.inward.get() == 0 || self.dropping.get() {
            return Ok(());
        }
        let message = "a result was stopped while the client was sending COPY data";
        Err(SessionError::refused("42501", message))
    }

    /// The way back to the limited role is done; the ReadyForQuery of a result before it that was stopped
    /// waited for it.
    pub(super) fn after_stopped(
        &self,
        status: TxStatus,
        message: &[u8],
    ) -> Result<(), SessionError> {
        match (self.stopped.take(), status) {
            (true, TxStatus::Transaction) => self.fail_transaction(),
            (true, _) => {
                self.tell(message);
                Ok(())
            }
            (false, _) => Ok(()),
        }
    }

    /// After a result that was stopped, an open transaction must fail, as after an error of the
    /// upstream's; the client hears of the outcome in place of this ReadyForQuery.
    pub(super) fn fail_transaction(&self) -> Result<(), SessionError> {
        self.between_messages()?;
        let mut pipeline = self.pipeline.borrow_mut();
        if !pipeline.is_empty() {
            let mut owed = pipeline.newest_first();
            if owed.all(|owed| matches!(owed.keep, Kept::Role(_))) {
                self.stopped.set(true);
                return Ok(());
            }
            return Err(SessionError::refused(
                "25000",
                "a result was stopped and requests of the same transaction are under way already",
            ));
        }
        // By messages that are passed over up to a Sync, as an error of time may have met a Flush before them.
        self.upstream.fail_extended();
        pipeline.push(Step::Parse, Kept::Refusal(Bytes::new()));
        self.upstream.sync();
        pipeline.push(Step::Sync, Kept::Nothing);
        self.stopped.set(true);
        Ok(())
    }

    /// Cancels the statement whose result was stopped, once, where the upstream still runs it and
    /// nothing else could be hit: neither what is under way nor, until that is done, what is to come.
    pub(super) fn cancel_stopped(&self) {
        let pipeline = self.pipeline.borrow();
        let runs = pipeline.newest_first().last().is_some_and(is_stopped);
        if !runs || !pipeline.ends_with_first() || self.judging.get() || self.cancelled.get() {
            return;
        }
        let Some(cancel) = self.cancel.shared().of_upstream() else {
            return;
        };
        self.cancelled.set(true);
        let cancel = self.core.shared.timers.spawn(cancel);
        *self.cancelling.borrow_mut() = Some(cancel);
    }

    /// Waits until a request to cancel can hit nothing that is sent from now on.
    pub(super) async fn await_cancel(&self) -> Result<(), SessionError> {
        let Some(cancel) = self.cancelling.take() else {
            return Ok(());
        };
        match tokio::time::timeout(PATIENCE, cancel).await {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(SessionError::Connect(error)))) => {
                tracing::warn!(error, "a stopped statement was not cancelled");
                Ok(())
            }
            Ok(Ok(Err(_)) | Err(_)) | Err(_) => Err(SessionError::refused_with(
                "57P01",
                "terminating connection: what a request to cancel will hit is not known",
                "Connect again.",
            )),
        }
    }
}

fn is_stopped(owed: &Owed<Kept>) -> bool {
    matches!(&owed.keep, Kept::Flight(flight) if matches!(flight.rows, Rows::Drop))
}

/// What the client hears where a result ends before its end.
fn ended(sqlstate: &str, message: String) -> Refusal {
    Refusal {
        detail: Some(REST.to_owned()),
        ..Refusal::plain(sqlstate, &message)
    }
}

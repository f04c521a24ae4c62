//! After a result was stopped: the upstream need not go on with it.

use super::flight::Rows;
use super::pipeline::Owed;
use super::replies::Kept;
use super::{PATIENCE, Session};
use crate::error::SessionError;

impl Session {
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

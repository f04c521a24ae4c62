//! Errors and notices whose text may carry a protected value.

use wire::frame::HEADER_BYTES;
use wire::upstream::ErrorFields;

use super::Session;
use super::flight::Flight;
use super::prepared::Change;
use super::replies::{Kept, broken};
use crate::error::SessionError;

/// Whether the text of an error may carry a protected value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scrub {
    /// It may: the text is withheld.
    Yes,
    /// It may not.
    No,
}

impl Scrub {
    /// Of a request that means what it was judged to.
    pub(super) fn of(plan: &policy::Plan) -> Self {
        match plan.scrub_errors() {
            true => Self::Yes,
            false => Self::No,
        }
    }
}

impl Session {
    /// A deferred constraint speaks of an earlier statement of the transaction.
    pub(super) fn or_tainted(&self, scrub: Scrub) -> Scrub {
        if self.tainted.get() {
            Scrub::Yes
        } else {
            scrub
        }
    }

    pub(super) fn scrub_of(&self, kept: &Kept) -> Scrub {
        match kept {
            Kept::Flight(flight) => self.scrub_of_flight(flight),
            // PostgreSQL plans at a Bind, and computes what it can.
            Kept::Change(Change::Portal(_, portal), _) if self.is_bound_late(portal) => Scrub::Yes,
            Kept::Change(_, scrub) => *scrub,
            Kept::Nothing
            | Kept::Parse(..)
            | Kept::Words(..)
            | Kept::Own(_)
            | Kept::Describe(..)
            | Kept::Role(_)
            | Kept::Refusal(_) => Scrub::No,
        }
    }

    pub(super) fn scrub_of_flight(&self, flight: &Flight) -> Scrub {
        match self.is_overtaken(flight) {
            true => Scrub::Yes,
            false => Scrub::of(&flight.plan),
        }
    }

    /// The error that ends a request, on the record as the client sees it.
    pub(super) fn fail(
        &self,
        flight: &mut Flight,
        message: &[u8],
        scrub: Scrub,
    ) -> Result<Option<String>, SessionError> {
        let before = self.client.queued();
        let sqlstate = match flight.turn.was_cancelled() {
            true => self.say_overtaken(),
            false => self.send_error_of(self.is_overtaken(flight), message, scrub)?,
        };
        self.client
            .queue_with(|out| flight.entry.delivered(&out[before..]))?;
        Ok(sqlstate)
    }

    /// Sends an error on; of what definitions have overtaken, not even which one it is, as that may be
    /// chosen by a value.
    pub(super) fn send_error_of(
        &self,
        overtaken: bool,
        message: &[u8],
        scrub: Scrub,
    ) -> Result<Option<String>, SessionError> {
        let fields = ErrorFields::parse(&message[HEADER_BYTES..]).map_err(broken)?;
        match overtaken && !is_of_the_server(fields.sqlstate().unwrap_or_default()) {
            true => Ok(self.say_overtaken()),
            false => self.send_error(message, scrub),
        }
    }

    /// Sends an error on, scrubbed where its text may carry a value, and gives its SQLSTATE.
    pub(super) fn send_error(
        &self,
        message: &[u8],
        scrub: Scrub,
    ) -> Result<Option<String>, SessionError> {
        let fields = ErrorFields::parse(&message[HEADER_BYTES..]).map_err(broken)?;
        let severity = fields.get(b'V').unwrap_or_default();
        self.farewell
            .set(self.farewell.get() || matches!(severity, b"FATAL" | b"PANIC"));
        match self.or_tainted(scrub) {
            _ if self.muted.get() => {}
            Scrub::No => self.client.queue(message),
            Scrub::Yes => {
                let fields = fields.scrubbed();
                self.client
                    .queue_with(|out| fields.write_error(out))
                    .map_err(broken)?;
            }
        }
        Ok(fields.sqlstate().map(str::to_owned))
    }
}

/// Errors that no value brings about: locks, limits, cancels, the end of the server, a transaction that has
/// failed before.
fn is_of_the_server(sqlstate: &str) -> bool {
    const CLASSES: [&str; 3] = ["53", "57", "58"];
    matches!(sqlstate, "25P02" | "40001" | "40P01" | "55P03")
        || CLASSES.iter().any(|class| sqlstate.starts_with(class))
}

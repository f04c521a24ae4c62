//! Errors and notices whose text may carry a protected value.

use wire::frame::HEADER_BYTES;
use wire::upstream::ErrorFields;

use super::Session;
use super::changing::may_end_transaction;
use super::flight::Flight;
use super::prepared::Change;
use super::replies::{Described, Kept, broken};
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
    fn where_it(may: bool) -> Self {
        match may {
            true => Self::Yes,
            false => Self::No,
        }
    }

    /// Of a request that means what it was judged to.
    pub(super) fn of(plan: &policy::Plan) -> Self {
        Self::where_it(plan.scrub_errors())
    }
}

impl Session {
    /// A deferred constraint speaks of an earlier statement of the transaction.
    pub(super) fn or_tainted(&self, scrub: Scrub) -> Scrub {
        if self.transaction.is_tainted() {
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
            // So it does where it analyses.
            Kept::Parse(kept) => Scrub::where_it(self.is_analysed_late(&kept.1)),
            Kept::Own(Some(change)) => Scrub::where_it(self.is_analysed_late(change)),
            Kept::Describe(Described::Statement(one), _) => {
                Scrub::where_it(self.is_parsed_late(one))
            }
            Kept::Describe(Described::Named(_), _) => {
                let after = self.described_after.get();
                Scrub::where_it(after.is_some_and(|after| self.others_changed_since(after)))
            }
            // A Sync may end a transaction.
            Kept::Nothing => Scrub::where_it(self.others_changed_within()),
            Kept::Words(..)
            | Kept::Own(None)
            | Kept::Describe(..)
            | Kept::Role(_)
            | Kept::Refusal(_) => Scrub::No,
        }
    }

    pub(super) fn is_analysed_late(&self, change: &Change) -> bool {
        match change {
            Change::Statement(_, statement) => self.is_parsed_late(statement),
            _ => false,
        }
    }

    pub(super) fn scrub_of_flight(&self, flight: &Flight) -> Scrub {
        let runs_deferred = |plan: &policy::Plan| {
            let mut statements = plan.analysis().statements.iter();
            may_end_transaction(plan) || statements.any(|s| s.kind.command == "set constraints")
        };
        let is_overtaken = self.is_overtaken(flight)
            || (runs_deferred(&flight.plan) && self.others_changed_within());
        match is_overtaken {
            true => Scrub::Yes,
            false => Scrub::of(&flight.plan),
        }
    }

    /// Whether others have changed definitions since something in the open transaction was judged: what it
    /// left to its end may be done by other code.
    fn others_changed_within(&self) -> bool {
        let after = self.transaction.began_after();
        after.is_some_and(|after| self.others_changed_since(after))
    }

    fn others_changed_since(&self, ended: u64) -> bool {
        self.admitted.borrow().is_protected() && self.met(ended, None).is_any()
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
        match overtaken && !is_of_the_server(&fields) {
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

/// Errors that no value brings about: the end of the server, locks, a transaction that has failed before.
/// What code raises may have any SQLSTATE, but tells where it was raised.
fn is_of_the_server(fields: &ErrorFields) -> bool {
    let ends = matches!(fields.get(b'V'), Some(b"FATAL" | b"PANIC"));
    let raised = fields.get(b'W').is_some();
    let state = fields.sqlstate().unwrap_or_default();
    ends || (!raised && matches!(state, "25P02" | "40001" | "40P01" | "55P03"))
}

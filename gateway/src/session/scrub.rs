//! Errors and notices whose text may carry a protected value.

use super::Session;
use super::flight::Flight;
use super::prepared::Change;
use super::replies::Kept;

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
}

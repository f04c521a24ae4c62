//! A request may be overtaken: it waits, behind others of its session or for a lock, and another session
//! changes meanwhile what its names mean.
//!
//! What is sent while a change is under way is judged by a catalog whose reading began after it came.
//! When its answer comes, before any of it goes on, nothing may have touched the names in its text since
//! that reading.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use policy::Plan;
use sql::analysis::{Access, Analysis, Class, NameUse, RelationUse, Statement};
use trail::Deed;

use super::Session;
use super::flight::{Flight, Rows, Stop};
use super::replies::{Described, Kept};
use crate::changes::Met;
use crate::error::SessionError;

/// Names are not looked for in more bytes than these beside the text.
const MOST_MORE: usize = 1 << 20;

/// What is said of a statement whose names may have come to mean something else before it ran.
pub(super) const OVERTAKEN: &str =
    "definitions changed after the statement was judged and before it ran";

impl Session {
    /// True where another session may have changed what a text means.
    pub(super) fn others_change(&self, text: &str) -> bool {
        self.others_may_change() && self.met(self.judged_by().ended, Some(text)).open > 0
    }

    pub(super) fn met(&self, ended: u64, text: Option<&str>) -> Met {
        let own = self.changing.borrow();
        self.database
            .catalog
            .changes()
            .met(ended, text, own.as_ref())
    }

    /// True where it matters that the catalog is another than the one that a text was read by when so many
    /// changes had ended: to one from whom something is protected, and where it changes something, as
    /// what it touches may be no part of the text.
    pub(super) fn has_met(&self, ended: u64, text: &str, analysis: &Analysis) -> bool {
        let changes = analysis.statements.iter().any(|one| one.changes_catalog);
        let text = names_in(text, analysis);
        changes
            || (self.admitted.borrow().is_protected() && self.met(ended, text.as_deref()).is_any())
    }

    /// What a request may have met that was judged by what was read when so many changes had ended.
    pub(super) fn met_by(&self, plan: &Plan, ended: u64) -> Met {
        self.met(ended, names_of(plan).as_deref())
    }

    fn may_be_overtaken(&self, flight: &Flight) -> bool {
        let portal = flight.portal.as_ref();
        let begun = portal.is_some_and(|portal| portal.begun.get());
        if begun && !calls_others(flight.plan.analysis()) {
            return false;
        }
        let changes = self.database.catalog.changes();
        let moved = self.others_may_change() || changes.ended() > flight.judged_after();
        moved && reads_something(flight.plan.analysis()) && self.admitted.borrow().is_protected()
    }

    /// True where names may have come to mean something else, by another session, between the judgement
    /// of a request and its run.
    pub(super) fn is_overtaken(&self, flight: &Flight) -> bool {
        if !self.may_be_overtaken(flight) {
            return false;
        }
        let met = self.met_by(&flight.plan, flight.judged_after());
        self.is_overtaken_by(met, flight.judged.version)
    }

    /// True where the rest of a result may mean something else than its beginning: PostgreSQL reads a
    /// function when it is first called, which may be at any row.
    pub(super) fn runs_otherwise(&self, flight: &Flight) -> bool {
        !matches!(flight.rows, Rows::Drop)
            && calls_others(flight.plan.analysis())
            && self.is_overtaken(flight)
    }

    /// The same of a cursor that was declared when so many changes had ended.
    pub(super) fn is_fetched_otherwise(&self, analysis: &Analysis, ended: Option<u64>) -> bool {
        self.admitted.borrow().is_protected()
            && calls_others(analysis)
            && ended.is_some_and(|ended| {
                // What else it means was settled when it was declared.
                self.met(ended, names_in("", analysis).as_deref()).is_any()
            })
    }

    /// True where changes have come before what was judged by the catalog of this version; not where
    /// one is under way that is known not to be in force.
    pub(super) fn is_overtaken_by(&self, met: Met, version: u64) -> bool {
        let is_ahead = self.not_changed_yet.get() == Some(version);
        met.ended || met.open > usize::from(is_ahead)
    }

    /// Before replies are relayed: where one change is under way that may have overtaken what they
    /// belong to, a reading of the catalog shows whether it came into force. More than one may have
    /// undone each other. Gives the version that is in force.
    pub(super) async fn not_changed_yet(&self) -> Option<u64> {
        if !self.is_doubtful() {
            return None;
        }
        let catalog = &self.database.catalog;
        let before = catalog.changes().ended();
        catalog.read_anew().await.ok()?;
        let read = catalog.current().await.ok()?;
        let read = match self.temporary.get() {
            true => read.with_temporary(&self.definitions.borrow().made),
            false => read,
        };
        (catalog.changes().ended() == before).then(|| read.catalog.version())
    }

    /// Whether one open change may have overtaken something that is under way.
    fn is_doubtful(&self) -> bool {
        let doubts = |kept: &Kept| match kept {
            Kept::Flight(flight) => {
                let waits = matches!(flight.rows, Rows::Undecided);
                (waits || calls_others(flight.plan.analysis()))
                    && self.may_be_overtaken(flight)
                    && self.met_by(&flight.plan, flight.judged_after()).open == 1
            }
            Kept::Parse(kept) => self.doubts(&kept.1),
            Kept::Own(Some(change)) | Kept::Change(change, _) => self.doubts(change),
            Kept::Describe(Described::Statement(one), _) => self.met_since_parsed(one).open == 1,
            _ => false,
        };
        let pipeline = self.pipeline.borrow();
        self.others_may_change() && pipeline.newest_first().any(|owed| doubts(&owed.keep))
    }

    /// What is heard instead of the error of a write that was cancelled for a change.
    pub(super) fn say_overtaken(&self) -> Option<String> {
        let refusal = self.not_its_turn(OVERTAKEN);
        if !self.muted.get() {
            self.client.queue_with(|out| refusal.write(out));
        }
        Some(refusal.sqlstate)
    }

    /// A statement without rows was overtaken. Where a transaction is open, what it did is undone; else
    /// it is done, and an error would have it done again. Of one that does nothing, not even that it has
    /// no rows is told.
    pub(super) fn overtaken(&self, flight: &mut Flight) -> Result<(), SessionError> {
        if matches!(flight.rows, Rows::Drop) {
            return Ok(());
        }
        if self.transaction.is_open() || only_reads(flight.plan.analysis()) {
            return self.stop(flight, &Stop::Overtaken);
        }
        tracing::warn!(session = %self.trail.id(), "{OVERTAKEN}");
        let what = OVERTAKEN.to_owned();
        Ok(flight
            .entry
            .event(SystemTime::now(), &Deed::Note { what })?)
    }
}

/// A text that has all names which change what a request means; none where those are not known.
pub(super) fn names_of(plan: &Plan) -> Option<Arc<str>> {
    Some(match names_in(plan.text(), plan.analysis())? {
        Cow::Borrowed(_) => Arc::clone(plan.text()),
        Cow::Owned(all) => all.into(),
    })
}

/// The same of a text and what it was read as: with the names of the relations that a write reaches, by
/// foreign keys or as partitions, and with those in the bodies of functions.
pub(super) fn names_in<'a>(text: &'a str, analysis: &Analysis) -> Option<Cow<'a, str>> {
    if !tells_all(analysis) {
        return None;
    }
    let written = |one: &&RelationUse| one.access != Access::Read && !text.contains(&one.name);
    let reached = analysis.relations.iter().filter(written);
    let functions = analysis.functions.iter();
    let called = functions.filter_map(|one| one.text.as_deref());
    let more: Vec<_> = reached.map(|one| one.name.as_str()).chain(called).collect();
    match more.iter().map(|one| one.len()).sum::<usize>() {
        0 => Some(Cow::Borrowed(text)),
        1..=MOST_MORE => Some(Cow::Owned(format!("{text}\n{}", more.join("\n")))),
        _ => None,
    }
}

/// True where the names that change what a text means are all in it, or in those of functions.
pub(super) fn tells_all(analysis: &Analysis) -> bool {
    let by_name = |name: &NameUse| matches!(name, NameUse::Execute(_) | NameUse::ExecuteInto(_));
    let mut names = analysis.statements.iter().flat_map(|one| &one.names);
    let mut functions = analysis.functions.iter();
    analysis.opaque.is_empty()
        && !names.any(by_name)
        && functions.all(|one| one.schema == "pg_catalog" || one.text.is_some())
}

/// True where what a text does depends on definitions: a function's name may come to mean another, too.
pub(super) fn reads_something(analysis: &Analysis) -> bool {
    let depends = |one: &Statement| {
        // EXPLAIN shows what PostgreSQL computes when it plans.
        let only_tells = matches!(one.kind.class, Class::Transaction | Class::Session)
            || one.kind.command == "show";
        !only_tells || one.names.iter().any(NameUse::is_by_name)
    };
    !analysis.relations.is_empty()
        || !tells_all(analysis)
        || analysis.statements.iter().any(depends)
}

/// True for a text that changes nothing, in the session neither: it may be tried again.
pub(super) fn only_reads(analysis: &Analysis) -> bool {
    analysis.statements.iter().all(|one| {
        let mut names = one.names.iter();
        one.kind.class == Class::Read
            && !one.keeps
            && names.all(|name| matches!(name, NameUse::Execute(_)))
    })
}

/// Whether a text calls functions that are not PostgreSQL's own.
pub(super) fn calls_others(analysis: &Analysis) -> bool {
    let mut functions = analysis.functions.iter();
    functions.any(|one| one.schema != "pg_catalog")
}

//! What the open transaction has changed of definitions, which no catalog has before it ends.
//!
//! A temporary table that its text tells all about is added to the session's own view of the catalog
//! when it is sent. It stays there until the transaction ends, even where it is gone again: a name
//! may mean it or whatever else has that name. After any other change nothing is judged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use policy::{Denial, Plan, Request};
use sql::analysis::{
    Access, Analysis, Class, Foreseen, Kind, Naming, Opaque, OpaqueReason, RelationUse, Statement,
    Touched,
};
use sql::catalog::{Catalog, MadeTable};

use super::Session;
use super::judging::ends_or_begins;
use super::overtaken::calls_others;
use super::pipeline::Owed;
use super::replies::Kept;
use crate::catalog::Snapshot;

/// More tables than this are left to the end of the transaction.
const MOST_MADE: usize = 64;

/// More tables than these are not noted by name.
const MOST_NOTED: usize = 10_000;

/// More places in a transaction are forgotten, all of them.
const MOST_PLACES: usize = 256;

/// How often a text is read that makes tables of each other.
const MOST_READINGS: usize = 4;

/// What has changed.
#[derive(Debug, Default)]
pub(super) struct Definitions {
    /// The temporary tables that are known by their texts.
    pub(super) made: Vec<Arc<MadeTable>>,
    /// There is more, that is not known.
    pub(super) unseen: bool,
    /// The names of that which others will meet when it is committed, if there are any.
    pub(super) lasting: Option<Touched>,
    /// How many changes had ended when the first of that was judged: what has come since may be tied to it.
    judged_after: Option<u64>,
    /// Names of temporary relations that may mean something else.
    freed: Freed,
}

impl Definitions {
    /// A plan begins to change what others will meet, or ends the transaction that has. Gives how many
    /// changes had ended when the first of it was judged.
    pub(super) fn begin(&mut self, plan: &Plan, judged_after: u64) -> u64 {
        let first = self.judged_after.unwrap_or(judged_after).min(judged_after);
        if lasting(plan).is_some() {
            self.judged_after = Some(first);
        }
        first
    }

    /// A change has been read, or was not sent after all. Some of it may belong to a transaction that is
    /// still open.
    pub(super) fn goes_on(&mut self, touched: Touched) {
        match &mut self.lasting {
            Some(lasting) => lasting.widen(touched),
            None => self.judged_after = None,
        }
    }

    /// Whether names of temporary relations may mean something else by now.
    pub(super) fn has_freed_names(&self) -> bool {
        let freed = &self.freed;
        freed.all || !freed.gone.is_empty() || !freed.taken.is_empty()
    }

    /// The uses of temporary relations of which the names may mean something else by now.
    pub(super) fn unsure<'a>(&self, analysis: &'a Analysis) -> Vec<&'a RelationUse> {
        let mut freed = self.freed.clone();
        let mut unsure = Vec::new();
        let mut uses = by_statement(analysis);
        for (number, statement) in (0..).zip(&analysis.statements) {
            let uses = uses.remove(&number).unwrap_or_default();
            // What is made is nothing else, and what it is LIKE gives it no rows.
            let makes = statement.kind.command.starts_with("create");
            let temporary = uses.iter().filter(|one| one.is_temporary());
            let used = temporary.filter(|one| !makes || one.access != Access::Define);
            unsure.extend(used.filter(|one| freed.may_be(&one.name)));
            freed.after(statement, &uses, false);
        }
        unsure
    }

    /// Notes which temporary relations a plan may take away, or takes their names. Nothing is before it, or may
    /// be answered after it was sent.
    fn frees(&mut self, analysis: &Analysis, alone: bool) {
        let alone = alone && analysis.statements.len() == 1;
        let mut uses = by_statement(analysis);
        for (number, statement) in (0..).zip(&analysis.statements) {
            let uses = uses.remove(&number).unwrap_or_default();
            self.freed.after(statement, &uses, alone);
        }
    }

    /// Adds what a plan changes.
    fn add(&mut self, plan: &Plan, lasting: Option<Touched>) {
        let analysis = plan.analysis();
        let foreseen = analysis.foreseen();
        match foreseen.filter(|_| analysis.opaque.is_empty()) {
            Some(tables) if lasting.is_none() => self.made = with(&self.made, tables),
            _ => {
                self.unseen = true;
                self.lasting = widened(self.lasting.take(), lasting);
            }
        }
        self.unseen |= self.made.len() > MOST_MADE;
        self.made.truncate(MOST_MADE);
    }
}

/// Which names of temporary relations may mean something else, while statements run one after the other.
#[derive(Clone, Debug, Default)]
struct Freed {
    /// The tables that the transaction has made, in order.
    made: Vec<String>,
    /// The places in it that have names, with how many tables were made before.
    places: Vec<(Box<str>, usize)>,
    /// The place that was asked for last, while nothing else has been sent that counts here.
    asked: Option<Box<str>>,
    gone: BTreeSet<String>,
    /// What others will meet may have got these names, whatever temporary relation has them.
    taken: BTreeSet<String>,
    /// Any name may mean something else.
    all: bool,
}

impl Freed {
    fn may_be(&self, name: &str) -> bool {
        self.all || self.gone.contains(name) || self.taken.contains(name)
    }

    fn after(&mut self, statement: &Statement, uses: &[&RelationUse], alone: bool) {
        let defined = uses.iter().filter(|one| one.access == Access::Define);
        let defined = defined.map(|one| one.name.clone());
        self.asked = None;
        match &statement.naming {
            Naming::Keeps => {}
            Naming::Drops => self.gone.extend(defined),
            Naming::Renames => {
                self.gone.extend(defined);
                match &statement.touched {
                    Touched::Anything => self.all = true,
                    Touched::Relations(names) => self.taken.extend(names.iter().cloned()),
                }
            }
            Naming::Discards => self.all = true,
            // What goes back to a place that is not known goes back to the beginning.
            Naming::Marks(place) => self.asked = alone.then(|| place.clone()),
            Naming::Releases(place) => self.places.truncate(self.place(place).unwrap_or(0)),
            Naming::Returns(place) => match self.place(place) {
                Some(at) => {
                    self.go_back(self.places[at].1);
                    self.places.truncate(at + 1);
                }
                None => self.go_back(0),
            },
            Naming::Ends => self.go_back(0),
        }
        if let Foreseen::Table(table) = &statement.foreseen {
            self.gone.remove(&table.name);
            self.made.push(table.name.clone());
        }
        if self.made.len() > MOST_NOTED {
            *self = Freed {
                all: true,
                ..Freed::default()
            };
        }
    }

    /// What was made after so many tables is gone. A place before all of them need not be known.
    fn go_back(&mut self, tables: usize) {
        self.gone
            .extend(self.made.drain(tables.min(self.made.len())..));
        if tables == 0 {
            self.places.clear();
        }
    }

    /// PostgreSQL says that it has marked a place.
    fn marked(&mut self) {
        if let Some(place) = self.asked.take() {
            self.places.push((place, self.made.len()));
        }
        if self.places.len() > MOST_PLACES {
            self.places.clear();
        }
    }

    fn place(&self, wanted: &str) -> Option<usize> {
        self.places.iter().rposition(|(name, _)| **name == *wanted)
    }
}

fn by_statement(analysis: &Analysis) -> BTreeMap<u32, Vec<&RelationUse>> {
    let mut uses: BTreeMap<u32, Vec<&RelationUse>> = BTreeMap::new();
    for one in &analysis.relations {
        uses.entry(one.statement).or_default().push(one);
    }
    uses
}

/// The names that either has.
pub(super) fn widened(one: Option<Touched>, other: Option<Touched>) -> Option<Touched> {
    match (one, other) {
        (Some(mut one), Some(other)) => {
            one.widen(other);
            Some(one)
        }
        (one, other) => one.or(other),
    }
}

/// Tables and more of them, each once.
fn with<'a>(
    made: &[Arc<MadeTable>],
    more: impl IntoIterator<Item = &'a Arc<MadeTable>>,
) -> Vec<Arc<MadeTable>> {
    let mut all = made.to_vec();
    for table in more {
        if !all.contains(table) {
            all.push(Arc::clone(table));
        }
    }
    all
}

impl Session {
    /// Notes what will have changed once a plan has run.
    pub(super) fn may_change_definitions(&self, plan: &Plan) {
        let changes = self.changes(plan);
        self.transaction.runs_unknown(runs_unknown(plan.analysis()));
        if self.may_free_names(plan.analysis()) {
            let runs = |owed: &Owed<Kept>| matches!(owed.keep, Kept::Flight(_));
            let alone = !self.pipeline.borrow().newest_first().any(runs);
            self.definitions.borrow_mut().frees(plan.analysis(), alone);
        }
        let begins = !self.temporary.get() && self.may_make_temporary(plan.analysis());
        if changes {
            self.catalog_changed.set(true);
            self.definitions.borrow_mut().add(plan, lasting(plan));
        }
        if begins || (changes && plan.analysis().makes().next().is_some()) {
            self.temporary.set(true);
            let snapshot = self.catalog.borrow().clone();
            *self.catalog.borrow_mut() = snapshot.with_temporary(&self.definitions.borrow().made);
        }
    }

    /// Whether it may take away temporary relations, or take their names.
    fn may_free_names(&self, analysis: &Analysis) -> bool {
        let is_placed = |one: &Statement| one.naming != Naming::Keeps && self.temporary.get();
        let mut statements = analysis.statements.iter();
        statements.any(|one| one.changes_catalog || is_placed(one))
    }

    /// Whether definitions may be others when a plan has run.
    fn changes(&self, plan: &Plan) -> bool {
        changes_catalog(plan) || self.discards(plan)
    }

    /// Whether it drops temporary relations.
    fn discards(&self, plan: &Plan) -> bool {
        let mut statements = plan.analysis().statements.iter();
        self.temporary.get() && statements.any(|one| one.kind.command == "discard")
    }

    /// A statement is done: what it has made is known only if nothing has changed since it was judged,
    /// as it may have waited for whoever changed it.
    pub(super) fn made_by_what_was_known(&self, plan: &Plan) {
        let may_differ = || !self.catalog_is_current() || self.others_change(plan.text());
        if plan.analysis().makes().next().is_some() && may_differ() {
            self.definitions.borrow_mut().unseen = true;
        }
    }

    /// A place in the transaction was marked, as its command tag says.
    pub(super) fn place_marked(&self) {
        self.definitions.borrow_mut().freed.marked();
    }

    /// A transaction has ended: the catalog is read again, and has what is left of its changes. What
    /// is still to run may change more.
    pub(super) fn definitions_settled(&self) {
        self.database.catalog.invalidate();
        let mut left = Definitions {
            judged_after: self.definitions.borrow().judged_after,
            ..Definitions::default()
        };
        let mut changes = false;
        let pipeline = self.pipeline.borrow();
        let owed: Vec<_> = pipeline.newest_first().collect();
        for owed in owed.into_iter().rev() {
            let Kept::Flight(flight) = &owed.keep else {
                continue;
            };
            if self.may_free_names(flight.plan.analysis()) {
                left.frees(flight.plan.analysis(), false);
            }
            if self.changes(&flight.plan) {
                changes = true;
                left.add(&flight.plan, lasting(&flight.plan));
            }
        }
        if left.lasting.is_none() {
            left.judged_after = None;
        }
        self.catalog_changed.set(changes);
        *self.definitions.borrow_mut() = left;
    }

    /// Definitions that an open transaction has changed are in no catalog: until it ends, nothing can
    /// be judged where something is protected, unless their texts tell all.
    pub(super) async fn await_definitions(&self, text: &str) -> Result<(), Denial> {
        let unseen = || self.definitions.borrow().unseen && self.admitted.borrow().is_protected();
        if !unseen() || ends_or_begins(text) {
            return Ok(());
        }
        self.drained().await;
        if !unseen() {
            return Ok(());
        }
        let reason =
            "this transaction has changed definitions, and what would follow cannot be judged";
        let hint = "COMMIT first, and go on in another transaction.";
        Err(Denial {
            hint: Some(hint.into()),
            ..self.own_denial(reason)
        })
    }

    /// Whether PostgreSQL may go by what this session has changed and no catalog has yet.
    pub(super) fn has_unseen_changes(&self) -> bool {
        self.admitted.borrow().is_protected()
            && (self.definitions.borrow().unseen
                || self.changing.borrow().is_some()
                || !self.catalog_is_current())
    }

    /// What a text would do, and the catalog by which: one that has the temporary tables which the
    /// text itself makes and uses. What is not sure of their names is noted.
    pub(super) async fn read(
        &self,
        request: &Request,
    ) -> Result<(Arc<Analysis>, Arc<Catalog>), Denial> {
        let (text, strings) = (&request.text, request.strings);
        let Snapshot {
            mut catalog,
            temporary,
            ..
        } = self.catalog.borrow().clone();
        let mut analysis = self.analyze(text, strings, &catalog).await?;
        for _ in 0..MOST_READINGS {
            let is_alone = analysis.statements.len() < 2;
            if is_alone || analysis.makes().all(|table| catalog.has_made(table)) {
                break;
            }
            let made = with(&self.definitions.borrow().made, analysis.makes());
            if made.len() > MOST_MADE {
                break;
            }
            catalog = temporary.with_made(&made);
            analysis = self.analyze(text, strings, &catalog).await?;
        }
        Ok((self.with_unsure(analysis), catalog))
    }

    /// Whether a temporary relation may come of it. A session that did nothing of the kind has none,
    /// and those of other sessions are none of its names' meanings.
    fn may_make_temporary(&self, analysis: &Analysis) -> bool {
        let catalog = &self.catalog.borrow().catalog;
        let defines = |kind: Kind| kind.class == Class::Define;
        let has_triggers = |oid| {
            catalog
                .relation(oid)
                .is_none_or(sql::catalog::Relation::has_triggers)
        };
        analysis.statements.iter().any(|one| {
            one.changes_catalog || defines(one.kind) || one.inner.iter().any(|i| defines(i.kind))
        }) || analysis.opaque.iter().any(|one| {
            !matches!(
                one.reason,
                OpaqueReason::DataCatalog | OpaqueReason::SessionState
            )
        }) || analysis
            .functions
            .iter()
            .any(|one| one.schema != "pg_catalog")
            || analysis
                .relations
                .iter()
                .any(|one| one.access != Access::Read && one.oid.is_none_or(has_triggers))
    }
}

/// The names that may mean something else to others, or have other columns, when the plan has run; as
/// far as that is said. What the code of functions changes is known when it is done.
pub(super) fn lasting(plan: &Plan) -> Option<Touched> {
    let analysis = plan.analysis();
    let lasts = |one: &&Statement| {
        let beside = match one.kind.command {
            "comment" | "create statistics" | "do" | "call" => true,
            // Writes of others call what an index computes.
            "create index" => !calls_others(analysis),
            _ => false,
        };
        one.changes_catalog && one.foreseen == Foreseen::No && !beside
    };
    let unread = |one: &Opaque| {
        let reason = one.reason;
        matches!(reason, OpaqueReason::Unparsed | OpaqueReason::UnknownName)
    };
    if analysis.opaque.iter().any(unread) {
        return Some(Touched::Anything);
    }
    let lasting = analysis.statements.iter().filter(lasts);
    lasting.fold(None, |all, one| widened(all, Some(one.touched.clone())))
}

/// True where definitions may be others when the plan has run.
fn changes_catalog(plan: &Plan) -> bool {
    let analysis = plan.analysis();
    let unseen = |reason| {
        matches!(
            reason,
            OpaqueReason::ProceduralCode | OpaqueReason::Unparsed | OpaqueReason::UnknownName
        )
    };
    analysis
        .statements
        .iter()
        .any(|statement| statement.changes_catalog)
        || analysis.opaque.iter().any(|opaque| unseen(opaque.reason))
}

/// Whether functions run of which nobody knows what they do: they may change definitions, too.
pub(super) fn runs_unknown(analysis: &Analysis) -> bool {
    let mut opaque = analysis.opaque.iter();
    opaque.any(|one| {
        matches!(
            one.reason,
            OpaqueReason::UnknownFunction | OpaqueReason::ProceduralCode | OpaqueReason::SqlInText
        )
    })
}

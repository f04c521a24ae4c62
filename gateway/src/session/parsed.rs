//! What a prepared statement means to PostgreSQL. It is analysed at its Parse, and anew only where
//! something changes that PostgreSQL takes note of: not the columns of a row type, for one. The gateway
//! judges the text at each Bind. So where the text has come to mean something else, the gateway has it
//! parsed anew before.

use std::rc::Rc;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use policy::{Asked, Permit, Request, Step, Verdict};
use sql::Strings;
use sql::analysis::Analysis;
use wire::client::Target;
use wire::frame::HEADER_BYTES;
use wire::upstream::RowDescription;
use wire::write;

use super::extended::{Bound, cut};
use super::flight::Flight;
use super::overtaken::{names_in, reads_something};
use super::prepared::{Change, Description, Portal, Statement, Told};
use super::replies::{Asker, Described, Kept};
use super::wording::Wording;
use super::{Refusal, Session, pipeline};
use crate::changes::Met;

impl Session {
    /// A statement that is about to be parsed.
    pub(super) fn to_parse(
        &self,
        (wording, strings): (Rc<Wording>, Strings),
        types: Box<[u32]>,
        permit: &Permit<'_>,
    ) -> Rc<Statement> {
        Rc::new(Statement {
            wording,
            strings,
            types,
            analysis: Arc::clone(permit.plan().analysis()),
            catalog: self.catalog_version().into(),
            judged_after: self.judged_by().ended.into(),
            guarded: self.admitted.borrow().is_protected(),
            parsed: false.into(),
            lost: false.into(),
            told: Told::default(),
            parameters: Description::default(),
            description: Description::default(),
        })
    }

    /// True where nothing has changed since a statement was found to mean what it did at its Parse.
    pub(super) fn is_as_parsed(&self, statement: &Statement) -> bool {
        let is_known = || {
            statement.guarded
                && !statement.lost.get()
                && statement.catalog.get() == self.catalog_version()
        };
        !self.admitted.borrow().is_protected() || is_known()
    }

    /// A statement means what it did at its Parse, by the catalog in force; where nothing is protected,
    /// nobody has looked.
    pub(super) fn vouch_for(&self, statement: &Statement) {
        if !self.admitted.borrow().is_protected() {
            return;
        }
        let judged = self.judged_by();
        statement.catalog.set(judged.version);
        if statement.parsed.get() {
            statement.judged_after.set(judged.ended);
        }
    }

    /// A statement before PostgreSQL plans it: the same, where it still means what it did at its Parse;
    /// else parsed anew. What the client hears where that cannot be.
    pub(super) async fn as_parsed_now(
        &self,
        name: &str,
        statement: Rc<Statement>,
    ) -> Result<Rc<Statement>, Refusal> {
        let is_surely = || self.is_as_parsed(&statement) && self.catalog_is_current();
        if !self.admitted.borrow().is_protected() || is_surely() {
            return Ok(statement);
        }
        let name = cut(name).unwrap_or(name);
        let request = Request {
            frames: Bytes::new(),
            step: Step::Parse,
            text: Arc::clone(statement.wording.known.text()),
            strings: statement.strings,
            parameters: None,
        };
        let understood = Box::pin(self.understand(&request, Bound::Here(None))).await;
        let (now, _) = understood.map_err(|denial| Refusal::of(&denial))?;
        let is_same = self.is_as_parsed(&statement) || statement.analysis.says_the_same(&now);
        if is_same && statement.guarded && !statement.lost.get() {
            self.vouch_for(&statement);
            return Ok(statement);
        }
        Box::pin(self.parse_anew(name, &statement)).await
    }

    /// Has PostgreSQL parse the text of a statement anew, of which the client hears nothing.
    async fn parse_anew(&self, name: &str, old: &Rc<Statement>) -> Result<Rc<Statement>, Refusal> {
        if self.transaction.has_failed() {
            return Err(Refusal::plain("25P02", ABORTED));
        }
        let mut message = BytesMut::new();
        let text = old.wording.known.text();
        let fits = write::parse(&mut message, name, text, &old.types);
        fits.expect("what came in a Parse fits in one");
        let asked = Asked {
            frames: &message,
            step: Step::Parse,
            text,
            strings: old.strings,
        };
        let permit = match self.judge(asked, Bound::Here(None)).await {
            Verdict::Allow(permit) => permit,
            Verdict::Deny(denial) => return Err(Refusal::of(&denial)),
            Verdict::Hold(_) => return Err(no_longer_parsed()),
        };
        // Whoever asks for it is passed over then, as this would be.
        if self.skipping.get() {
            permit.plan().give_back();
            return Err(no_longer_parsed());
        }
        let new = (Rc::clone(&old.wording), old.strings);
        let new = self.to_parse(new, old.types.clone(), &permit);
        new.told.take_over(&old.told);
        // Where the new Parse fails, the next Bind tries it again.
        old.lost.set(true);
        self.send_anew(name, &new, &permit);
        self.drained().await;
        let is_as_told = new.told.fits(&new);
        new.lost.set(new.lost.get() || !is_as_told);
        match is_as_told {
            true => Ok(new),
            false => Err(no_longer_parsed()),
        }
    }

    fn send_anew(&self, name: &str, new: &Rc<Statement>, permit: &Permit<'_>) {
        let mut pipeline = self.pipeline.borrow_mut();
        // Another of its name would be refused, but for the unnamed one.
        if !name.is_empty() {
            pipeline.push(pipeline::Step::Close, Kept::Own(None));
            self.upstream.close(Target::Statement(name));
        }
        let parse = Change::Statement(name.to_owned(), Rc::clone(new));
        let parse = Kept::Own(Some(parse));
        pipeline.push(pipeline::Step::Parse, parse);
        self.upstream.send(permit);
        let described = Described::Statement(Rc::clone(new));
        let describe = Kept::Describe(described, Asker::Gateway);
        pipeline.push(pipeline::Step::Describe, describe);
        self.upstream.describe(Target::Statement(name));
    }

    /// What a Parse has changed.
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
        if self.comes_late(statement, self.met_since_parsed(statement)) {
            statement.lost.set(true);
        }
    }

    /// A Describe is about to be sent.
    pub(super) fn describes(&self, described: &Described) {
        let by_name = matches!(described, Described::Named(_)) || described.by_name().is_some();
        if by_name && self.described_after.get().is_none() {
            let ended = self.database.catalog.changes().ended();
            self.described_after.set(Some(ended));
        }
    }

    /// A Describe is answered. PostgreSQL may have analysed anew what it is about; where that goes by a
    /// name, what the name stands for.
    pub(super) fn was_described(&self, described: &Described) {
        if !self.admitted.borrow().is_protected() {
            return;
        }
        let after = self.described_after.get();
        let is_quiet = || after.is_some_and(|after| !self.met(after, None).is_any());
        let version = || (!self.has_unseen_changes() && is_quiet()).then(|| self.catalog_version());
        match described {
            Described::Statement(statement) => self.answered(statement),
            Described::Named(name) => self.names.borrow_mut().doubt(name, version()),
            Described::Portal(_) | Described::Unknown => {}
        }
        if let Some(analysis) = described.by_name() {
            self.names.borrow_mut().doubt_named(analysis, version());
        }
    }

    /// What EXECUTE has run is analysed anew like what is bound: by a meaning that nobody knows, where
    /// definitions have changed meanwhile.
    pub(super) fn forget_executed(&self, flight: &Flight) {
        if flight.changes_names()
            && self.admitted.borrow().is_protected()
            && self.met_by(&flight.plan, flight.judged_after()).is_any()
        {
            let mut names = self.names.borrow_mut();
            names.doubt_named(flight.plan.analysis(), None);
        }
    }

    /// Whether PostgreSQL may analyse a statement, for a Describe, by what this session has changed and no
    /// catalog has yet.
    pub(super) fn is_described_unseen(&self, statement: &Statement) -> bool {
        reads_something(&statement.analysis) && self.has_unseen_changes()
    }

    /// A message has failed, before or after PostgreSQL has analysed anew what it was about.
    pub(super) fn may_have_analysed(&self, kept: &Kept) {
        match kept {
            Kept::Change(Change::Portal(_, portal), _) => self.bound(portal),
            Kept::Describe(described, _) => self.was_described(described),
            Kept::Flight(flight) => self.forget_executed(flight),
            _ => {}
        }
    }

    /// A Bind is answered: the same of its portal and of its statement.
    pub(super) fn bound(&self, portal: &Portal) {
        let statement = &portal.statement;
        let is_late = self.is_bound_late(portal) || statement.lost.get();
        portal.overtaken.set(is_late);
        statement.lost.set(is_late);
    }

    /// Whether PostgreSQL may have analysed a statement, for a Parse or a Describe, by what others have
    /// changed since it was judged.
    pub(super) fn is_parsed_late(&self, statement: &Statement) -> bool {
        self.comes_late(statement, self.met_since_parsed(statement))
    }

    pub(super) fn is_bound_late(&self, portal: &Portal) -> bool {
        self.comes_late(&portal.statement, self.met_since_bound(portal))
    }

    /// Whether one open change may have come before something.
    pub(super) fn doubts(&self, change: &Change) -> bool {
        match change {
            Change::Statement(_, statement) => self.met_since_parsed(statement).open == 1,
            Change::Portal(_, portal) => self.met_since_bound(portal).open == 1,
            Change::NoStatement(_) | Change::NoPortal(_) => false,
        }
    }

    pub(super) fn met_since_parsed(&self, one: &Statement) -> Met {
        self.met_as(one, &one.analysis, one.judged_after.get())
    }

    fn met_since_bound(&self, portal: &Portal) -> Met {
        self.met_as(&portal.statement, &portal.analysis, portal.judged_after)
    }

    fn met_as(&self, statement: &Statement, analysis: &Analysis, judged_after: u64) -> Met {
        let text = names_in(statement.wording.known.text(), analysis);
        self.met(judged_after, text.as_deref())
    }

    fn comes_late(&self, statement: &Statement, met: Met) -> bool {
        self.admitted.borrow().is_protected()
            && reads_something(&statement.analysis)
            && self.is_overtaken_by(met, statement.catalog.get())
    }
}

impl Told {
    /// Whether what the client was told of a statement is so.
    fn fits(&self, statement: &Statement) -> bool {
        let (parameters, rows) = (self.parameters.known(), self.rows.known());
        parameters.is_none_or(|told| statement.parameters.known() == Some(told))
            && rows.is_none_or(|told| {
                let is = statement.description.known();
                is.is_some_and(|is| shape(&told).is_some_and(|told| shape(&is) == Some(told)))
            })
    }
}

/// The names and types of a RowDescription.
fn shape(description: &[u8]) -> Option<Vec<(Bytes, u32, i32)>> {
    let rows = RowDescription::parse(description.get(HEADER_BYTES..)?).ok()?;
    let fields = rows.fields.into_iter();
    Some(
        fields
            .map(|field| (field.name, field.type_oid, field.type_modifier))
            .collect(),
    )
}

const ABORTED: &str =
    "current transaction is aborted, commands ignored until end of transaction block";

/// PostgreSQL's words, by which drivers know that they have to prepare it again.
fn no_longer_parsed() -> Refusal {
    Refusal {
        detail: Some("The statement means something else than when it was prepared.".to_owned()),
        hint: Some("Prepare it again.".to_owned()),
        routine: Some("RevalidateCachedQuery"),
        ..Refusal::plain("0A000", "cached plan must not change result type")
    }
}

//! The extended protocol: Parse, Bind, Describe, Execute, Close.
//!
//! Parse and Bind are judged as what they are, Execute as what runs: a policy that was swapped in
//! between binds statements that were prepared before it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use policy::{Asked, Denial, Parameters, Permit, Verdict};
use sql::Strings;
use sql::analysis::Analysis;
use trail::{Entry, Opening};
use wire::client::{Bind, Execute, Format, Formats, Parse, Target};
use wire::frame::Frame;

use super::overtaken::OVERTAKEN;
use super::pipeline::Step;
use super::prepared::{BindBody, Change, Description, Portal, Statement};
use super::replies::{Asker, Described, Kept};
use super::role::Duty;
use super::scrub::Scrub;
use super::turn::Turn;
use super::wording::Wording;
use super::{Refusal, Session, Started, Taken, give_back};
use crate::error::SessionError;

impl Session {
    /// A Parse whose verdict is known.
    pub(super) fn known_parse(&self, frame: &Frame<&[u8]>) -> Result<Taken, SessionError> {
        let Ok(parse) = Parse::parse(frame.body()) else {
            return Ok(Taken::Not);
        };
        let Some(name) = cut(parse.name) else {
            return Ok(Taken::Not);
        };
        if self.unreviewed_types(&parse.types).is_some() {
            return Ok(Taken::Not);
        }
        let wording = self.core.wordings.borrow_mut().of(parse.text);
        let strings = Strings::Standard;
        let Some(permit) = self.known_text(frame, policy::Step::Parse, (&wording, strings)) else {
            return Ok(Taken::Not);
        };
        let kept = trail::Statement::Kept(&wording.recorded);
        let entry = self.record((trail::Step::Parse, kept), std::iter::empty(), &permit)?;
        self.prepare(name, (wording, strings), parse.types.into(), entry, &permit);
        Ok(Taken::Wholly)
    }

    /// Parse: the text is read and judged; whether it may run is decided when it does.
    pub(super) async fn answer_parse(&self, frame: &Frame<&[u8]>) -> Result<(), SessionError> {
        let parse = match Parse::parse(frame.body()) {
            Ok(parse) => parse,
            Err(error) => return self.refuse_malformed(&error, Step::Parse),
        };
        let Some(name) = cut(parse.name) else {
            return self.refuse_name(parse.name);
        };
        let wording = self.core.wordings.borrow_mut().of(parse.text);
        let mut entry = self.open(trail::Step::Parse, &wording.recorded);
        let strings = self.strings_of(parse.text).await;
        let asked = asked(frame, policy::Step::Parse, (parse.text, strings));
        let mut verdict = self.judge(asked, Bound::Here(None)).await;
        if self.skipping.get() {
            return Ok(());
        }
        if let (Verdict::Allow(permit), Some(what)) =
            (&verdict, self.unreviewed_types(&parse.types))
        {
            permit.plan().give_back();
            verdict = Verdict::Deny(self.untyped(&what));
        }
        match verdict {
            Verdict::Allow(permit) => {
                self.record_permit(&mut entry, &permit)?;
                self.prepare(name, (wording, strings), parse.types.into(), entry, &permit);
            }
            Verdict::Deny(denial) if self.upstream_may_tell(&Refusal::of(&denial)) => {
                self.record_denial(&mut entry, &denial)?;
                let step = (Step::Parse, !parse.name.is_empty());
                self.refuse_in_its_words(parse.text, &Refusal::of(&denial), entry, step);
            }
            verdict => self.refuse_early(verdict, entry, Step::Parse)?,
        }
        Ok(())
    }

    /// Code that nobody has reviewed, where parameters of these types may run some: no text tells of it.
    fn unreviewed_types(&self, types: &[u32]) -> Option<String> {
        if types.is_empty() || !self.admitted.borrow().is_protected() {
            return None;
        }
        sql::unreviewed(types, &self.catalog.borrow().catalog)
    }

    fn untyped(&self, what: &str) -> Denial {
        Denial {
            hint: Some("Leave the types of parameters to the server: 0 in Parse.".into()),
            ..self.own_denial(&format!(
                "columns are protected, and what a parameter's type runs cannot be known ({what})"
            ))
        }
    }

    /// Sends a Parse, and keeps what its answer changes.
    fn prepare(
        &self,
        name: &str,
        text: (Rc<Wording>, Strings),
        types: Box<[u32]>,
        entry: Entry,
        permit: &Permit<'_>,
    ) {
        let statement = self.to_parse(text, types, permit);
        let change = Change::Statement(name.to_owned(), statement);
        let kept = Kept::Parse(Box::new((entry, change)));
        self.pipeline.borrow_mut().push(Step::Parse, kept);
        self.upstream.send(permit);
    }

    /// A Bind whose verdict is known.
    pub(super) fn known_bind(&self, frame: &Frame<&[u8]>) -> Result<Taken, SessionError> {
        let Ok(bind) = Bind::parse(frame.body()) else {
            return Ok(Taken::Not);
        };
        let Some(name) = cut(bind.portal) else {
            return Ok(Taken::Not);
        };
        let Some(statement) = self.statement_now(bind.statement).flatten() else {
            return Ok(Taken::Not);
        };
        if !self.keeps_as_well(frame.body()) {
            return Ok(Taken::Not);
        }
        let text = (&*statement.wording, statement.strings);
        let Some(permit) = self.known_text(frame, policy::Step::Bind, text) else {
            return Ok(Taken::Not);
        };
        if !self.is_as_parsed(&statement) {
            return Ok(Taken::Not);
        }
        let Ok(duty) = self.duty(permit.plan()) else {
            return Ok(Taken::Not);
        };
        let kept = trail::Statement::Kept(&statement.wording.recorded);
        let values = bind.parameters.iter().enumerate();
        let parameters = values.map(|(index, value)| recorded(&bind.formats, index, value));
        let entry = self.record((trail::Step::Bind, kept), parameters, &permit)?;
        let bound = bound(&bind, frame);
        self.bind(
            name,
            statement,
            bound,
            (bind.result_formats, entry),
            (&permit, duty),
        );
        Ok(Taken::Wholly)
    }

    /// Bind: parameters join a statement. Its record is opened here, before the upstream sees the
    /// parameters, and goes on with the first Execute.
    pub(super) async fn answer_bind(&self, frame: &Frame<&[u8]>) -> Result<(), SessionError> {
        let bind = match Bind::parse(frame.body()) {
            Ok(bind) => bind,
            Err(error) => return self.refuse_malformed(&error, Step::Bind),
        };
        let Some(name) = cut(bind.portal) else {
            return self.refuse_name(bind.portal);
        };
        let Some(statement) = self.statement(bind.statement).await else {
            let what = match bind.statement {
                "" => "unnamed prepared statement does not exist".to_owned(),
                name => format!("prepared statement \"{name}\" does not exist"),
            };
            return self.refuse_unknown("26000", what);
        };
        if !self.keeps_as_well(frame.body()) {
            // Portals may be about to close.
            self.drained().await;
            if self.skipping.get() {
                return Ok(());
            }
        }
        if !self.keeps_as_well(frame.body()) {
            let what = "the parameters of all portals are longer than a message may be".to_owned();
            return self.refuse_plainly("53200", what, Step::Bind);
        }
        let mut entry = self.open(trail::Step::Bind, &statement.wording.recorded);
        for (index, value) in bind.parameters.iter().enumerate() {
            entry.parameter(&recorded(&bind.formats, index, value));
        }
        let bound = bound(&bind, frame);
        let wording = Rc::clone(&statement.wording);
        let text = (&**wording.known.text(), statement.strings);
        let asked = asked(frame, policy::Step::Bind, text);
        let judged = self.judge_bind(
            asked,
            Bound::Here(bound.as_ref()),
            (bind.statement, statement),
        );
        let judged = judged.await;
        if self.skipping.get() {
            if let Ok((_, Verdict::Allow(permit))) = &judged {
                permit.plan().give_back();
            }
            return Ok(());
        }
        let (statement, verdict) = match judged {
            Ok(judged) => judged,
            Err(refusal) => {
                self.refuse(&refusal, entry, self.now.get(), Step::Bind);
                return Ok(());
            }
        };
        match verdict {
            Verdict::Allow(permit) => {
                self.record_permit(&mut entry, &permit)?;
                let duty = match self.is_as_parsed(&statement) {
                    true => self.duty(permit.plan()),
                    false => Err(self.not_its_turn(OVERTAKEN)),
                };
                match duty {
                    Ok(duty) => self.bind(
                        name,
                        Rc::clone(&statement),
                        bound,
                        (bind.result_formats, entry),
                        (&permit, duty),
                    ),
                    Err(refusal) => self.refuse(&refusal, entry, self.now.get(), Step::Bind),
                }
            }
            verdict => self.refuse_early(verdict, entry, Step::Bind)?,
        }
        Ok(())
    }

    /// Whether another Bind can be kept beside those of other portals: together as long as one may be.
    fn keeps_as_well(&self, body: &[u8]) -> bool {
        let kept = self.looked.bound.get();
        kept == 0 || kept + body.len() <= self.core.shared.limits.message_bytes
    }

    /// The verdict on a Bind of a statement that means what PostgreSQL takes it for. To judge may be to
    /// take up other policies, by which it has to be parsed anew.
    async fn judge_bind<'a>(
        &self,
        asked: Asked<'a>,
        bound: Bound<'_>,
        (name, statement): (&str, Rc<Statement>),
    ) -> Result<(Rc<Statement>, Verdict<'a>), Refusal> {
        let statement = self.as_parsed_now(name, statement).await?;
        let verdict = self.judge(asked, bound).await;
        match &verdict {
            Verdict::Allow(permit) if !self.is_as_parsed(&statement) => permit.plan().give_back(),
            _ => return Ok((statement, verdict)),
        }
        let statement = self.as_parsed_now(name, statement).await?;
        let verdict = self.judge(asked, bound).await;
        Ok((statement, verdict))
    }

    /// Sends a Bind, and keeps what its answer changes.
    fn bind(
        &self,
        name: &str,
        statement: Rc<Statement>,
        bound: Option<Bytes>,
        (formats, entry): (Formats, Entry),
        (permit, duty): (&Permit<'_>, Duty),
    ) {
        self.vouch_for(&statement);
        let judged_after = statement.judged_after.get();
        let named = self.names.borrow().named(&statement.analysis);
        let portal = Rc::new(Portal {
            statement,
            bound: bound.map(|body| BindBody::new(body, &self.looked.bound)),
            formats,
            description: Description::default(),
            entry: RefCell::new(Some(entry)),
            analysis: Arc::clone(permit.plan().analysis()),
            judged_after,
            begun: Cell::default(),
            overtaken: Cell::default(),
            meaning: RefCell::default(),
            named,
        });
        let change = Change::Portal(name.to_owned(), portal);
        let kept = Kept::Change(change, Scrub::of(permit.plan()));
        self.before(duty, Step::Bind);
        self.pipeline.borrow_mut().push(Step::Bind, kept);
        self.upstream.send(permit);
        self.after(duty, Step::Bind);
    }

    /// An Execute whose verdict is known.
    pub(super) fn known_execute(&self, frame: &Frame<&[u8]>) -> Result<Taken, SessionError> {
        let Ok(execute) = Execute::parse(frame.body()) else {
            return Ok(Taken::Not);
        };
        let Some(portal) = self.portal_now(execute.portal).flatten() else {
            return Ok(Taken::Not);
        };
        if !portal.named.is_empty() {
            return Ok(Taken::Not);
        }
        let text = (&*portal.statement.wording, portal.statement.strings);
        let Some(permit) = self.known_text(frame, policy::Step::Execute, text) else {
            return Ok(Taken::Not);
        };
        let Ok(duty) = self.duty(permit.plan()) else {
            return Ok(Taken::Not);
        };
        let Some(turn) = self.turn_now(permit.plan(), portal.judged_after) else {
            return Ok(Taken::Not);
        };
        let bound = portal.entry.borrow_mut().take();
        let entry = match bound {
            Some(mut entry) => {
                self.record_permit(&mut entry, &permit)?;
                entry
            }
            None => {
                let kept = trail::Statement::Kept(&portal.statement.wording.recorded);
                self.record((trail::Step::Execute, kept), std::iter::empty(), &permit)?
            }
        };
        let permit = (&permit, duty, turn);
        self.execute(execute.portal, portal, (self.now.get(), entry), permit);
        Ok(Taken::Wholly)
    }

    /// Execute: the statement runs with its parameters.
    pub(super) async fn answer_execute(&self, frame: &Frame<&[u8]>) -> Result<(), SessionError> {
        let started = self.now.get();
        let execute = match Execute::parse(frame.body()) {
            Ok(execute) => execute,
            Err(error) => return self.refuse_malformed(&error, Step::Execute),
        };
        let Some(portal) = self.portal(execute.portal).await else {
            let what = format!("portal \"{}\" does not exist", execute.portal);
            return self.refuse_unknown("34000", what);
        };
        let bound = portal.entry.borrow_mut().take();
        let mut entry = bound
            .unwrap_or_else(|| self.open(trail::Step::Execute, &portal.statement.wording.recorded));
        let text = (
            &**portal.statement.wording.known.text(),
            portal.statement.strings,
        );
        let asked = asked(frame, policy::Step::Execute, text);
        let verdict = self.judge(asked, Bound::Portal(&portal)).await;
        let verdict = self
            .settle(verdict, &mut entry, Bound::Portal(&portal))
            .await?;
        let verdict = self.take_turn(verdict, portal.judged_after).await;
        if self.skipping.get() {
            give_back(&verdict);
            return Ok(());
        }
        let verdict = verdict.and_then(|(permit, turn)| {
            let same = self.names_the_same(&portal);
            same.inspect_err(|_| permit.plan().give_back())?;
            Ok((self.duty(permit.plan())?, permit, turn))
        });
        match verdict {
            Ok((duty, permit, turn)) => {
                let portal = Rc::clone(&portal);
                let permit = (&permit, duty, turn);
                self.execute(execute.portal, portal, (started, entry), permit);
            }
            Err(refusal) => self.refuse(&refusal, entry, started, Step::Execute),
        }
        Ok(())
    }

    /// An error where EXECUTE or FETCH in a portal names something else than when it was bound: PostgreSQL
    /// would read the rows of the one as those of the other.
    fn names_the_same(&self, portal: &Portal) -> Result<(), Refusal> {
        let now = self.names.borrow().named(&portal.statement.analysis);
        let same = portal
            .named
            .iter()
            .zip(&now)
            .all(|(then, now)| then.is(now));
        if same || portal.begun.get() || !self.admitted.borrow().is_protected() {
            return Ok(());
        }
        Err(Refusal {
            hint: Some("Bind it again.".to_owned()),
            ..Refusal::plain("0A000", "cached plan must not change result type")
        })
    }

    /// Sends an Execute, after a Describe of the gateway's own where its rows may have to be masked.
    fn execute(
        &self,
        name: &str,
        portal: Rc<Portal>,
        (started, entry): (SystemTime, Entry),
        (permit, duty, turn): (&Permit<'_>, Duty, Turn),
    ) {
        let described = self.described.take();
        let is_described = described.is_some_and(|last| Rc::ptr_eq(&last, &portal));
        if !permit.plan().is_identity() && !is_described {
            self.ask_for_shape(name, &portal);
        }
        let what = Started::Portal(portal);
        self.start((permit, duty, turn), entry, started, what);
    }

    /// Rows of no known shape cannot be masked: the gateway asks, directly before they run, where the
    /// client has not just done so. An answer given earlier may be that of another portal.
    fn ask_for_shape(&self, name: &str, portal: &Rc<Portal>) {
        let described = Described::Portal(Rc::clone(portal));
        let mut pipeline = self.pipeline.borrow_mut();
        self.describes(&described);
        pipeline.push(Step::Describe, Kept::Describe(described, Asker::Gateway));
        self.upstream.describe(Target::Portal(name));
    }

    /// A Describe of a name whose meaning is known.
    pub(super) fn known_describe(&self, frame: &Frame<&[u8]>) -> Result<Taken, SessionError> {
        let described = match Target::parse(frame.body()) {
            Ok(Target::Statement(name)) => {
                let statement = self.statement_now(name);
                let statement = statement.filter(|known| {
                    let mut known = known.iter();
                    known.all(|one| self.is_as_parsed(one))
                });
                statement.map(|known| self.of_statement(name, known))
            }
            Ok(Target::Portal(name)) => {
                let portal = self.portal_now(name);
                portal.map(|known| known.map_or(Described::Unknown, Described::Portal))
            }
            Err(_) => None,
        };
        let Some(described) = described else {
            return Ok(Taken::Not);
        };
        self.describe(described, frame);
        Ok(Taken::Wholly)
    }

    /// Describe: shows shapes, never values.
    pub(super) async fn pass_describe(&self, frame: &Frame<&[u8]>) -> Result<(), SessionError> {
        let target = match Target::parse(frame.body()) {
            Ok(target) => target,
            Err(error) => return self.refuse_malformed(&error, Step::Describe),
        };
        let described = match target {
            Target::Statement(name) => match self.statement(name).await {
                Some(statement) => match self.as_parsed_now(name, Rc::clone(&statement)).await {
                    Ok(statement) => self.of_statement(name, Some(statement)),
                    Err(refusal) => return self.refuse_describe(&refusal, &statement),
                },
                None => self.of_statement(name, None),
            },
            Target::Portal(name) => {
                let portal = self.portal(name).await;
                portal.map_or(Described::Unknown, Described::Portal)
            }
        };
        if !self.skipping.get() {
            self.describe(described, frame);
        }
        Ok(())
    }

    /// What a Describe of a statement is about, by which PostgreSQL may analyse it anew: by what this
    /// session has changed, where it has.
    fn of_statement(&self, name: &str, statement: Option<Rc<Statement>>) -> Described {
        match statement {
            Some(statement) => {
                let is_lost = statement.lost.get() || self.is_described_unseen(&statement);
                statement.lost.set(is_lost);
                Described::Statement(statement)
            }
            None => Described::Named(cut(name).unwrap_or(name).to_owned()),
        }
    }

    fn refuse_describe(
        &self,
        refusal: &Refusal,
        statement: &Statement,
    ) -> Result<(), SessionError> {
        if self.skipping.get() {
            return Ok(());
        }
        let mut entry = self.open(trail::Step::Other, &statement.wording.recorded);
        self.record_denial(&mut entry, &self.own_denial(&refusal.message))?;
        self.refuse(refusal, entry, self.now.get(), Step::Describe);
        Ok(())
    }

    /// Sends a Describe, and keeps what it is about.
    fn describe(&self, described: Described, frame: &Frame<&[u8]>) {
        if let Described::Portal(portal) = &described {
            self.described.set(Some(Rc::clone(portal)));
        }
        self.describes(&described);
        let kept = Kept::Describe(described, Asker::Client);
        self.pipeline.borrow_mut().push(Step::Describe, kept);
        self.upstream.pass(frame);
    }

    /// Close: a name stops meaning anything.
    pub(super) fn pass_close(&self, frame: &Frame<&[u8]>) -> Result<(), SessionError> {
        let target = match Target::parse(frame.body()) {
            Ok(target) => target,
            Err(error) => return self.refuse_malformed(&error, Step::Close),
        };
        let change = match target {
            Target::Statement(name) => Change::NoStatement(cut(name).unwrap_or(name).to_owned()),
            Target::Portal(name) => Change::NoPortal(cut(name).unwrap_or(name).to_owned()),
        };
        let kept = Kept::Change(change, Scrub::No);
        self.pipeline.borrow_mut().push(Step::Close, kept);
        self.upstream.pass(frame);
        Ok(())
    }

    /// What a statement's name means to the messages that follow now.
    async fn statement(&self, name: &str) -> Option<Rc<Statement>> {
        loop {
            match self.statement_now(name) {
                Some(meaning) => return meaning,
                None => self.drained().await,
            }
        }
    }

    /// As [`statement`](Self::statement); none where something has to be waited for first.
    fn statement_now(&self, name: &str) -> Option<Option<Rc<Statement>>> {
        let Some(name) = cut(name) else {
            return Some(None);
        };
        let pending = self.pending((name, &self.looked.statements), |change| match change {
            Change::Statement(given, statement) if given == name => {
                Some(Some(Rc::clone(statement)))
            }
            Change::NoStatement(given) if given == name => Some(None),
            _ => None,
        });
        match pending {
            Pending::None => Some(self.names.borrow().statement(name)),
            Pending::Here(meaning) => Some(meaning),
            Pending::BeforeSync => None,
        }
    }

    /// What a portal's name means to the messages that follow now.
    async fn portal(&self, name: &str) -> Option<Rc<Portal>> {
        loop {
            match self.portal_now(name) {
                Some(meaning) => return meaning,
                None => self.drained().await,
            }
        }
    }

    /// As [`portal`](Self::portal); none where something has to be waited for first.
    fn portal_now(&self, name: &str) -> Option<Option<Rc<Portal>>> {
        let Some(name) = cut(name) else {
            return Some(None);
        };
        let pending = self.pending((name, &self.looked.portals), |change| match change {
            Change::Portal(given, portal) if given == name => Some(Some(Rc::clone(portal))),
            Change::NoPortal(given) if given == name => Some(None),
            _ => None,
        });
        match pending {
            Pending::None => Some(self.names.borrow().portal(name)),
            Pending::Here(meaning) => Some(meaning),
            Pending::BeforeSync => None,
        }
    }

    /// What is under way for a name. Up to the last Sync an error would undo what follows too, so
    /// that it counts; before that it has to be waited for. What had nothing for the same name is not looked
    /// through again.
    fn pending<T>(
        &self,
        (name, looked): (&str, &RefCell<LookedFor>),
        find: impl Fn(&Change) -> Option<T>,
    ) -> Pending<T> {
        let pipeline = self.pipeline.borrow();
        let Some(newest) = pipeline.newest_first().next() else {
            return Pending::None;
        };
        let mut looked = looked.borrow_mut();
        if looked.name != name {
            *looked = LookedFor {
                name: name.to_owned(),
                up_to: 0,
            };
        }
        let mut synced = false;
        let unseen = pipeline.newest_first();
        for owed in unseen.take_while(|owed| owed.number > looked.up_to) {
            synced |= matches!(owed.step, Step::Sync | Step::Query);
            let change = match &owed.keep {
                Kept::Parse(kept) => &kept.1,
                Kept::Words(kept) => match &kept.1 {
                    Some(change) => change,
                    None => continue,
                },
                Kept::Change(change, _) | Kept::Own(Some(change)) => change,
                Kept::Flight(flight) if flight.changes_names() => return Pending::BeforeSync,
                Kept::Nothing
                | Kept::Own(None)
                | Kept::Describe(..)
                | Kept::Flight(_)
                | Kept::Role(_)
                | Kept::Refusal(_) => continue,
            };
            if let Some(found) = find(change) {
                return if synced {
                    Pending::BeforeSync
                } else {
                    Pending::Here(found)
                };
            }
        }
        looked.up_to = newest.number;
        Pending::None
    }

    /// A permit given before for this text, where nothing has to be waited for.
    fn known_text<'a>(
        &self,
        frame: &Frame<&'a [u8]>,
        step: policy::Step,
        (wording, strings): (&Wording, Strings),
    ) -> Option<Permit<'a>> {
        self.known(|judge, session, catalog| {
            let frames = frame.bytes();
            judge.recall_known(session, (frames, step), (&wording.known, strings), catalog)
        })
    }

    fn open(&self, step: trail::Step, text: &trail::Text) -> Entry {
        let statement = trail::Statement::Kept(text);
        self.trail.open(&Opening {
            time: self.now.get(),
            step,
            statement,
        })
    }

    /// A denial of what is only being prepared. A hold comes when it runs.
    fn refuse_early(
        &self,
        verdict: Verdict<'_>,
        mut entry: Entry,
        step: Step,
    ) -> Result<(), SessionError> {
        let denial = match verdict {
            Verdict::Deny(denial) => denial,
            Verdict::Allow(_) | Verdict::Hold(_) => {
                self.own_denial("a statement that is only prepared cannot wait")
            }
        };
        self.record_denial(&mut entry, &denial)?;
        self.refuse(&Refusal::of(&denial), entry, self.now.get(), step);
        Ok(())
    }

    /// A name that means nothing here, in PostgreSQL's words.
    fn refuse_unknown(&self, sqlstate: &str, message: String) -> Result<(), SessionError> {
        self.refuse_plainly(sqlstate, message, Step::Execute)
    }

    /// A name that PostgreSQL would cut within a character: nobody could tell which one it means.
    fn refuse_name(&self, name: &str) -> Result<(), SessionError> {
        let message = format!("the name \"{name}\" is longer than {NAME_BYTES} bytes");
        self.refuse_plainly("42622", message, Step::Parse)
    }
}

/// PostgreSQL keeps this much of a name of a prepared statement or portal.
const NAME_BYTES: usize = 63;

/// A name as PostgreSQL keeps it; none where it would be cut within a character.
pub(super) fn cut(name: &str) -> Option<&str> {
    if name.len() <= NAME_BYTES {
        Some(name)
    } else {
        name.get(..NAME_BYTES)
    }
}

/// What is under way for a name.
enum Pending<T> {
    /// Nothing.
    None,
    /// A change that holds for what follows.
    Here(T),
    /// A change whose outcome must be waited for.
    BeforeSync,
}

/// The names that were last looked for among what is owed, and what they keep.
#[derive(Debug, Default)]
pub(super) struct Looked {
    statements: RefCell<LookedFor>,
    portals: RefCell<LookedFor>,
    /// The bytes of parameters that portals keep.
    bound: Rc<Cell<usize>>,
}

/// A name, and how much of what is owed has nothing for it.
#[derive(Debug, Default)]
struct LookedFor {
    name: String,
    up_to: u64,
}

/// What goes with the text of a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bound<'a> {
    /// The body of a Bind message, where that has parameters.
    Here(Option<&'a Bytes>),
    /// A portal that runs, perhaps not for the first time.
    Portal(&'a Portal),
}

impl<'a> Bound<'a> {
    pub(super) fn body(self) -> Option<&'a Bytes> {
        match self {
            Self::Here(body) => body,
            Self::Portal(portal) => portal.bound.as_ref().map(BindBody::bytes),
        }
    }

    /// What the names in it mean, where it has begun to run.
    pub(super) fn meaning(self) -> Option<Arc<Analysis>> {
        match self {
            Self::Here(_) => None,
            Self::Portal(portal) => portal.meaning.borrow().clone(),
        }
    }
}

fn asked<'a>(
    frame: &Frame<&'a [u8]>,
    step: policy::Step,
    (text, strings): (&'a str, Strings),
) -> Asked<'a> {
    Asked {
        frames: frame.bytes(),
        step,
        text,
        strings,
    }
}

/// The body of a Bind message, where it has parameters.
fn bound(bind: &Bind<'_>, frame: &Frame<&[u8]>) -> Option<Bytes> {
    (!bind.parameters.is_empty()).then(|| Bytes::copy_from_slice(frame.body()))
}

/// A parameter of a Bind message, as the trail has it.
pub(super) fn recorded<'a>(
    formats: &Formats,
    index: usize,
    value: Option<&'a [u8]>,
) -> trail::Parameter<'a> {
    trail::Parameter {
        type_oid: 0,
        format: recorded_format(formats.format(index)),
        value,
    }
}

/// The parameters of a Bind message, as ranges of its body.
pub(super) fn parameters(bound: &Bytes) -> Result<Parameters, wire::Error> {
    let bind = Bind::parse(bound)?;
    let slice = |value: &[u8]| -> Bytes { bound.slice_ref(value) };
    let values = bind.parameters.iter();
    Ok(Parameters {
        values: values.map(|value| value.map(slice)).collect(),
        formats: bind.formats.clone(),
    })
}

fn recorded_format(format: Format) -> trail::Format {
    match format {
        Format::Text => trail::Format::Text,
        Format::Binary => trail::Format::Binary,
    }
}

//! The extended protocol: Parse, Bind, Describe, Execute, Close.
//!
//! Parse and Bind are judged as what they are, Execute as what runs: a policy that was swapped in
//! between binds statements that were prepared before it.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use policy::{Asked, Parameters, Verdict};
use sql::Strings;
use sql::analysis::Analysis;
use trail::{Entry, Opening};
use wire::client::{Bind, Execute, Format, Parse, Target};
use wire::frame::Frame;

use super::flight::Flight;
use super::pipeline::Step;
use super::prepared::{Change, Description, Portal, Statement};
use super::replies::{Asker, Described, Kept, scrub_of_plan};
use super::{Refusal, Session};
use crate::error::SessionError;

impl Session {
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
        let verdict = match self.known(asked) {
            Some(verdict) => verdict,
            None => Box::pin(self.judge(asked, Bound::Here(None))).await,
        };
        if self.skipping.get() {
            return Ok(());
        }
        match verdict {
            Verdict::Allow(permit) => {
                self.record_permit(&mut entry, &permit)?;
                let statement = Rc::new(Statement {
                    wording,
                    strings,
                    analysis: Arc::clone(permit.plan().analysis()),
                    catalog: self.catalog_version(),
                    description: Description::default(),
                });
                let change = Change::Statement(name.to_owned(), statement);
                self.pipeline
                    .borrow_mut()
                    .push(Step::Parse, Kept::Parse(Box::new((entry, change))));
                self.upstream.send(&permit);
            }
            Verdict::Deny(denial) if self.upstream_may_tell(&Refusal::of(&denial)) => {
                self.record_denial(&mut entry, &denial)?;
                self.refuse_in_its_words(parse.text, &Refusal::of(&denial), entry, Step::Parse);
            }
            verdict => self.refuse_early(verdict, entry, Step::Parse)?,
        }
        Ok(())
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
        let mut entry = self.open(trail::Step::Bind, &statement.wording.recorded);
        for (index, value) in bind.parameters.iter().enumerate() {
            let format = recorded_format(bind.formats.format(index));
            entry.parameter(0, format, *value);
        }
        let bound = (!bind.parameters.is_empty()).then(|| Bytes::copy_from_slice(frame.body()));
        let asked = asked(
            frame,
            policy::Step::Bind,
            (&statement.wording.text, statement.strings),
        );
        let verdict = match self.known(asked) {
            Some(verdict) => verdict,
            None => Box::pin(self.judge(asked, Bound::Here(bound.as_ref()))).await,
        };
        if self.skipping.get() {
            return Ok(());
        }
        match verdict {
            Verdict::Allow(permit) => {
                self.record_permit(&mut entry, &permit)?;
                let duty = match self.duty(permit.plan()) {
                    Ok(duty) => duty,
                    Err(refusal) => {
                        self.refuse(&refusal, entry, self.now.get(), Step::Bind);
                        return Ok(());
                    }
                };
                let portal = Rc::new(Portal {
                    statement: Rc::clone(&statement),
                    bound: bound.clone(),
                    formats: bind.result_formats.clone(),
                    description: Description::default(),
                    entry: RefCell::new(Some(entry)),
                    meaning: RefCell::default(),
                });
                let change = Change::Portal(name.to_owned(), portal);
                let scrub = scrub_of_plan(permit.plan());
                self.before(duty, Step::Bind);
                self.pipeline
                    .borrow_mut()
                    .push(Step::Bind, Kept::Change(change, scrub));
                self.upstream.send(&permit);
                self.after(duty, permit.plan(), Step::Bind);
            }
            verdict => self.refuse_early(verdict, entry, Step::Bind)?,
        }
        Ok(())
    }

    /// Execute: the statement runs with its parameters.
    pub(super) async fn answer_execute(
        &self,
        frame: &Frame<&[u8]>,
        described: Option<Rc<Portal>>,
    ) -> Result<(), SessionError> {
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
        let asked = asked(
            frame,
            policy::Step::Execute,
            (&portal.statement.wording.text, portal.statement.strings),
        );
        let verdict = match self.known(asked) {
            Some(verdict) => verdict,
            None => Box::pin(self.judge(asked, Bound::Portal(&portal))).await,
        };
        let verdict = self
            .settle(verdict, &mut entry, Bound::Portal(&portal))
            .await?;
        if self.skipping.get() {
            return Ok(());
        }
        let verdict = verdict.and_then(|permit| Ok((self.duty(permit.plan())?, permit)));
        match verdict {
            Ok((duty, permit)) => {
                let plan = Arc::clone(permit.plan());
                let is_described = described.is_some_and(|last| Rc::ptr_eq(&last, &portal));
                if !plan.is_identity() && !is_described {
                    self.ask_for_shape(execute.portal, &portal);
                }
                self.before(duty, Step::Execute);
                self.run(&permit);
                let portal = Some(Rc::clone(&portal));
                let version = self.catalog_version();
                let flight = Flight::new(Arc::clone(&plan), version, entry, started, portal);
                self.pipeline
                    .borrow_mut()
                    .push(Step::Execute, Kept::Flight(Box::new(flight)));
                self.after(duty, &plan, Step::Execute);
            }
            Err(refusal) => self.refuse(&refusal, entry, started, Step::Execute),
        }
        Ok(())
    }

    /// Rows of no known shape cannot be masked: the gateway asks, directly before they run, where the
    /// client has not just done so. An answer given earlier may be that of another portal.
    fn ask_for_shape(&self, name: &str, portal: &Rc<Portal>) {
        let described = Described::Portal(Rc::clone(portal));
        let mut pipeline = self.pipeline.borrow_mut();
        pipeline.push(Step::Describe, Kept::Describe(described, Asker::Gateway));
        self.upstream.describe_portal(name);
    }

    /// Describe: shows shapes, never values.
    pub(super) async fn pass_describe(&self, frame: &Frame<&[u8]>) -> Result<(), SessionError> {
        let target = match Target::parse(frame.body()) {
            Ok(target) => target,
            Err(error) => return self.refuse_malformed(&error, Step::Describe),
        };
        let described = match target {
            Target::Statement(name) => match self.statement(name).await {
                Some(statement) => Described::Statement(statement),
                None => Described::Unknown,
            },
            Target::Portal(name) => match self.portal(name).await {
                Some(portal) => {
                    *self.described.borrow_mut() = Some(Rc::clone(&portal));
                    Described::Portal(portal)
                }
                None => Described::Unknown,
            },
        };
        if self.skipping.get() {
            return Ok(());
        }
        let kept = Kept::Describe(described, Asker::Client);
        self.pipeline.borrow_mut().push(Step::Describe, kept);
        self.upstream.pass(frame);
        Ok(())
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
        let kept = Kept::Change(change, super::replies::Scrub::No);
        self.pipeline.borrow_mut().push(Step::Close, kept);
        self.upstream.pass(frame);
        Ok(())
    }

    /// What a statement's name means to the messages that follow now.
    async fn statement(&self, name: &str) -> Option<Rc<Statement>> {
        let name = cut(name)?;
        loop {
            match self.pending(|change| match change {
                Change::Statement(given, statement) if given == name => {
                    Some(Some(Rc::clone(statement)))
                }
                Change::NoStatement(given) if given == name => Some(None),
                _ => None,
            }) {
                Pending::None => return self.names.borrow().statement(name),
                Pending::Here(meaning) => return meaning,
                Pending::BeforeSync => self.drained().await,
            }
        }
    }

    /// What a portal's name means to the messages that follow now.
    async fn portal(&self, name: &str) -> Option<Rc<Portal>> {
        let name = cut(name)?;
        loop {
            match self.pending(|change| match change {
                Change::Portal(given, portal) if given == name => Some(Some(Rc::clone(portal))),
                Change::NoPortal(given) if given == name => Some(None),
                _ => None,
            }) {
                Pending::None => return self.names.borrow().portal(name),
                Pending::Here(meaning) => return meaning,
                Pending::BeforeSync => self.drained().await,
            }
        }
    }

    /// What is under way for a name. Up to the last Sync an error would undo what follows too, so
    /// that it counts; before that it has to be waited for.
    fn pending<T>(&self, find: impl Fn(&Change) -> Option<T>) -> Pending<T> {
        let pipeline = self.pipeline.borrow();
        let mut synced = false;
        for owed in pipeline.newest_first() {
            synced |= matches!(owed.step, Step::Sync | Step::Query);
            let change = match &owed.keep {
                Kept::Parse(kept) | Kept::Words(kept) => &kept.1,
                Kept::Change(change, _) => change,
                Kept::Flight(flight) if flight.changes_names() => return Pending::BeforeSync,
                Kept::Nothing
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
        Pending::None
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
fn cut(name: &str) -> Option<&str> {
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
            Self::Portal(portal) => portal.bound.as_ref(),
        }
    }

    /// What the names in it mean, where it has run before.
    pub(super) fn meaning(self) -> Option<Arc<Analysis>> {
        match self {
            Self::Here(_) => None,
            Self::Portal(portal) => portal.meaning.borrow().clone(),
        }
    }

    /// Keeps what they mean for when it goes on.
    pub(super) fn keep(self, meaning: &Arc<Analysis>) {
        if let Self::Portal(portal) = self {
            *portal.meaning.borrow_mut() = Some(Arc::clone(meaning));
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

/// The parameters of a Bind message, as ranges of its body.
pub(super) fn parameters(bound: &Bytes) -> Result<Parameters, wire::Error> {
    let bind = Bind::parse(bound)?;
    let slice = |value: &&[u8]| -> Bytes { bound.slice_ref(value) };
    let values = bind.parameters.iter();
    Ok(Parameters {
        values: values.map(|value| value.as_ref().map(slice)).collect(),
        formats: bind.formats.clone(),
    })
}

pub(super) fn recorded_format(format: Format) -> trail::Format {
    match format {
        Format::Text => trail::Format::Text,
        Format::Binary => trail::Format::Binary,
    }
}

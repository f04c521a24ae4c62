//! The journey of a statement: open an entry, analyze, judge, hold where a person must approve,
//! send the permit upstream, relay the replies, close the entry.
//!
//! Both directions of a session run in one task and share it without locks: [`Session::requests`]
//! from the client to the upstream, [`Session::replies`] back. A judged request goes on at once.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::BytesMut;
use policy::{Asked, Denial, Permit, Verdict};
use sql::Strings;
use trail::{Effect, Entry, Judged, Opening, Outcome};
use wire::client::{ClientTag, Query};
use wire::frame::{Frame, HEADER_BYTES, header};
use wire::upstream::TxStatus;
use wire::write::{self, ErrorResponse, Severity};

use crate::catalog::Snapshot;
use crate::changes::Change;
use crate::config::Results;
use crate::database::DatabaseState;
use crate::error::SessionError;
use crate::gateway::Core;

pub(crate) mod admission;
pub(crate) mod buffers;
mod call;
pub(crate) mod canaries;
pub(crate) mod cancel;
mod changing;
mod definitions;
mod extended;
mod flight;
pub(crate) mod hold;
mod judging;
mod lanes;
mod overtaken;
mod parsed;
mod pipeline;
mod prepared;
mod progress;
pub(crate) mod reading;
pub(crate) mod redact;
mod replies;
mod role;
mod scrub;
mod settle;
pub(crate) mod socket;
pub(crate) mod startup;
mod stopped;
mod transaction;
mod turn;
pub(crate) mod upstream;
pub(crate) mod wording;

use buffers::Inbox;
use cancel::CancelKey;
use definitions::Definitions;
use extended::Bound;
use flight::{Flight, JudgedBy};
use lanes::Lane;
use pipeline::{Pipeline, Step};
use prepared::{Names, Portal};
use progress::Progress;
use reading::Reading;
use replies::Kept;
use role::Duty;
use settle::Settling;
use socket::{Socket, WRITE_SOON};
use transaction::Transaction;
use turn::Turn;
use upstream::Upstream;

/// No message of COPY data is longer: PostgreSQL's own limit.
const MOST_COPY_DATA: usize = 1 << 30;

/// How long a side may take to hear that the session has ended.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

/// A request to cancel, on its way.
type Cancelling = tokio::task::JoinHandle<Result<(), SessionError>>;

/// One client's life.
pub(crate) struct Session {
    core: Rc<Core>,
    database: Arc<DatabaseState>,
    client: Socket,
    upstream: Upstream,
    cancel: CancelKey,
    trail: trail::Session,
    /// The session as the policies admitted it.
    admitted: RefCell<policy::Session>,
    catalog: RefCell<Snapshot>,
    pipeline: RefCell<Pipeline<Kept>>,
    names: RefCell<Names>,
    transaction: Transaction,
    /// After an error or a refusal, the client's messages up to the next Sync are skipped; what is
    /// being judged when the error comes, too: the upstream would not answer it.
    skipping: Cell<bool>,
    /// Bytes still to come of a row, of a CopyData of the client: they pass in parts.
    passing: Cell<usize>,
    inward: Cell<usize>,
    /// That CopyData goes nowhere.
    dropping: Cell<bool>,
    /// The open transaction has changed, or may have changed, definitions.
    catalog_changed: Cell<bool>,
    /// What it has changed of them.
    definitions: RefCell<Definitions>,
    /// Other sessions may meet what it changes before the upstream's answer is read.
    changing: RefCell<Option<Change>>,
    /// The session may have made temporary relations: its names may mean them.
    temporary: Cell<bool>,
    /// The portal that the client's last message asked to describe.
    described: Cell<Option<Rc<Portal>>>,
    reading: Reading,
    /// It lives under the limited role.
    limited: bool,
    /// The database's encoding is not UTF8, so that its names are not told apart as here.
    other_encoding: bool,
    /// Something may have given it another role.
    role_unsure: Cell<bool>,
    /// A result was stopped: the transaction must not go on.
    stopped: Cell<bool>,
    /// The upstream was asked to cancel its statement.
    cancelled: Cell<bool>,
    /// It is being asked: nothing must be sent meanwhile.
    cancelling: RefCell<Option<Cancelling>>,
    /// A message of the client's is taken that has to wait for something.
    judging: Cell<bool>,
    /// The client sends nothing more.
    leaving: Cell<bool>,
    /// The client hears no replies up to the next ReadyForQuery.
    muted: Cell<bool>,
    /// How many changes had ended when the first Describe under way was sent that goes by a name.
    described_after: Cell<Option<u64>>,
    /// A change has begun that waits for writes of others before it is sent.
    waits_to_change: Cell<bool>,
    /// Nothing is to be sent before what was sent last is answered.
    alone: Cell<bool>,
    /// The version of the catalog that was in force when the upstream had sent what was read last, where
    /// that was looked for.
    not_changed_yet: Cell<Option<u64>>,
    /// Rows were masked or looked at since the last read.
    worked: Cell<bool>,
    /// A message of the client's was found among its COPY data, and nobody knows which.
    lost: Cell<bool>,
    /// The upstream has said goodbye itself.
    farewell: Cell<bool>,
    /// It is being found out which Syncs are answered.
    settling: Settling,
    /// When bytes were read last, from either side.
    now: Cell<SystemTime>,
    /// What the client sent while a request of its own was held.
    ahead: RefCell<Vec<u8>>,
    /// Told when replies were relayed.
    progress: Progress,
    /// What of names and parameters the extended protocol has under way.
    looked: extended::Looked,
}

/// What comes after the messages of the client that could be taken.
enum Next {
    /// More must be read.
    Read,
    /// What is queued for the upstream, or owed by it, is much, and must be written.
    Write,
    /// The next message, of so many bytes, has to wait for something.
    Wait(usize),
    /// The client says goodbye.
    Leave,
}

/// Whether a message of the client was taken.
enum Taken {
    /// It was.
    Wholly,
    /// It was not: something has to be waited for, or to be said against it.
    Not,
    /// It is the client's goodbye.
    Farewell,
}

/// True for what the upstream answers, and passes over after an error.
fn is_request(tag: ClientTag) -> bool {
    use ClientTag as Tag;
    matches!(
        tag,
        Tag::Query
            | Tag::Parse
            | Tag::Bind
            | Tag::Describe
            | Tag::Execute
            | Tag::Close
            | Tag::FunctionCall
    )
}

/// What starts to run.
enum Started {
    /// A simple query, or a function called by number.
    Query,
    /// A portal.
    Portal(Rc<Portal>),
}

impl Session {
    /// Serves the client until it leaves, its token ends, or something fails.
    pub(crate) async fn serve(self: Box<Self>) -> Result<(), SessionError> {
        let lanes = [
            Lane::new(self.replies()),
            Lane::new(self.requests()),
            Lane::new(self.until_expired()),
            Lane::new(self.until_stopped()),
        ];
        let ended = lanes::first(lanes).await;
        let ended = match ended {
            Err(SessionError::Upstream(_)) if self.leaving.get() => Ok(()),
            ended => ended,
        };
        let Self {
            client, upstream, ..
        } = &*self;
        let close = async {
            upstream.socket.close().await;
            if let Err(error) = &ended {
                self.say_goodbye(error);
            }
            client.close().await;
        };
        // A side that takes nothing is left to the kernel.
        let _ = tokio::time::timeout(PATIENCE, close).await;
        self.outlive_changes().await;
        ended
    }

    /// Takes requests until the client leaves, or breaks the protocol: what came before that is answered first.
    async fn requests(&self) -> Result<(), SessionError> {
        let ended = self.take_requests().await;
        if let Err(SessionError::ClientProtocol(_)) = &ended {
            self.drained().await;
        }
        ended
    }

    async fn take_requests(&self) -> Result<(), SessionError> {
        let mut inbox = Inbox::new(&self.core.pool);
        loop {
            self.await_cancel().await?;
            if self.alone.take() {
                self.drained().await;
            }
            if self.pipeline.borrow().is_full() {
                Box::pin(self.shortened()).await;
            }
            let (taken, next) = self.take_known(inbox.bytes())?;
            inbox.take(taken);
            match next {
                Next::Write => self.flush_upstream().await,
                Next::Wait(length) => {
                    // Boxed, so that what is known at once does not carry the weight of what is not.
                    self.judging.set(true);
                    Box::pin(self.take_slowly(&inbox.bytes()[..length])).await?;
                    self.judging.set(false);
                    inbox.take(length);
                    inbox.append(&self.ahead.take());
                }
                Next::Leave => {
                    self.upstream.terminate();
                    return Box::pin(self.leave()).await;
                }
                Next::Read => {
                    self.flush_upstream().await;
                    self.client.flush().await.map_err(SessionError::Client)?;
                    let read = self.client.read(&mut inbox).await;
                    if read.map_err(SessionError::Client)? == 0 {
                        return Box::pin(self.leave()).await;
                    }
                    self.now.set(SystemTime::now());
                }
            }
        }
    }

    /// Takes the client's messages as long as nothing has to be waited for. Says how many bytes that
    /// were, and what comes next.
    fn take_known(&self, bytes: &[u8]) -> Result<(usize, Next), SessionError> {
        let broken = |error: wire::Error| SessionError::ClientProtocol(error.to_string());
        let limit = self.core.shared.limits.message_bytes + HEADER_BYTES;
        let mut at = 0;
        loop {
            let rest = &bytes[at..];
            let data = self.copy_data(rest).map_err(broken)?;
            if data > 0 {
                if !self.dropping.get() {
                    self.upstream.copy_part(&rest[..data]);
                }
                at += data;
            } else {
                let Some(frame) = Frame::at(rest, limit).map_err(broken)? else {
                    return Ok((at, Next::Read));
                };
                let length = frame.bytes().len();
                match self.take_at_once(&frame)? {
                    Taken::Wholly => at += length,
                    Taken::Not => return Ok((at, Next::Wait(length))),
                    Taken::Farewell => return Ok((at, Next::Leave)),
                }
            }
            let is_full = || self.pipeline.borrow().is_full();
            if self.upstream.socket.queued() > WRITE_SOON || is_full() {
                return Ok((at, Next::Write));
            }
        }
    }

    /// The client sends nothing more: what it sent before is still answered, and then the upstream
    /// ends the session.
    async fn leave(&self) -> Result<(), SessionError> {
        self.leaving.set(true);
        // Where that fails the upstream has ended the session already.
        let _ = self.upstream.socket.finish().await;
        std::future::pending().await
    }

    /// Sends what waits for the upstream. Where that fails the upstream has ended the session: what it
    /// said last is still to be relayed, and then the session ends elsewhere.
    async fn flush_upstream(&self) {
        if self.upstream.socket.flush().await.is_err() {
            std::future::pending().await
        }
    }

    /// How much of what the client sent is COPY data; none where the next message is another one. All of it
    /// goes upstream, or none.
    fn copy_data(&self, bytes: &[u8]) -> Result<usize, wire::Error> {
        let mut at = 0;
        while at < bytes.len() {
            let mut inward = self.inward.get();
            if inward == 0 {
                if bytes[at] != ClientTag::CopyData.byte() {
                    break;
                }
                let drops = !self.takes_data();
                if at > 0 && self.dropping.get() != drops {
                    break;
                }
                match header(&bytes[at..], MOST_COPY_DATA + HEADER_BYTES)? {
                    Some(found) => inward = found.len,
                    None => break,
                }
                self.dropping.set(drops);
            }
            let part = inward.min(bytes.len() - at);
            self.inward.set(inward - part);
            at += part;
        }
        Ok(at)
    }

    /// Whether COPY data, or their end, go upstream. Those that it would not read it would ignore, but not
    /// what else may come of them: see [`Pipeline::takes_data`].
    fn takes_data(&self) -> bool {
        !self.skipping.get() && !self.is_settling() && self.pipeline.borrow().takes_data()
    }

    /// One message of the client, where nothing has to be waited for.
    fn take_at_once(&self, frame: &Frame<&[u8]>) -> Result<Taken, SessionError> {
        let Ok(tag) = ClientTag::try_from(frame.tag()) else {
            return Err(SessionError::ClientProtocol(format!(
                "invalid frontend message type {}",
                frame.tag()
            )));
        };
        if self.skipping.get() && !matches!(tag, ClientTag::Sync | ClientTag::Terminate) {
            return Ok(Taken::Wholly);
        }
        if tag != ClientTag::Execute {
            self.described.take();
        }
        if is_request(tag) && self.pipeline.borrow().is_unsure() {
            return Ok(Taken::Not);
        }
        match tag {
            ClientTag::Query => return self.known_query(frame),
            ClientTag::Parse => return self.known_parse(frame),
            ClientTag::Bind => return self.known_bind(frame),
            ClientTag::Execute => return self.known_execute(frame),
            ClientTag::Describe => return self.known_describe(frame),
            ClientTag::FunctionCall => return Ok(Taken::Not),
            ClientTag::Close => self.pass_close(frame)?,
            ClientTag::Sync if self.pipeline.borrow().is_overfull() => {
                let what = "too many messages among COPY data";
                return Err(SessionError::ClientProtocol(what.to_owned()));
            }
            ClientTag::Sync => {
                self.skipping.set(false);
                self.pass(Step::Sync, frame);
            }
            ClientTag::CopyDone | ClientTag::CopyFail if self.takes_data() => {
                self.pass(Step::CopyEnd, frame);
            }
            ClientTag::CopyData | ClientTag::CopyDone | ClientTag::CopyFail => {}
            ClientTag::Flush => match wire::client::expect_empty("Flush", frame.body()) {
                Ok(()) => {
                    self.upstream.pass(frame);
                    self.pipeline.borrow_mut().flushed();
                }
                Err(error) => self.refuse_malformed(&error, Step::Parse)?,
            },
            ClientTag::Terminate => return Ok(Taken::Farewell),
            ClientTag::Password => {
                return Err(SessionError::ClientProtocol(
                    "unexpected password message".to_owned(),
                ));
            }
        }
        Ok(Taken::Wholly)
    }

    /// One message of the client that [`take_at_once`](Self::take_at_once) has not taken.
    async fn take_slowly(&self, message: &[u8]) -> Result<(), SessionError> {
        let frame = &Frame::new(message)
            .map_err(|error| SessionError::ClientProtocol(error.to_string()))?;
        if self.pipeline.borrow().is_unsure() {
            self.settle_syncs().await;
        }
        if self.skipping.get() {
            return Ok(());
        }
        match ClientTag::try_from(frame.tag()) {
            Ok(ClientTag::Query) => self.answer_query(frame).await,
            Ok(ClientTag::Parse) => self.answer_parse(frame).await,
            Ok(ClientTag::Bind) => self.answer_bind(frame).await,
            Ok(ClientTag::Execute) => self.answer_execute(frame).await,
            Ok(ClientTag::Describe) => self.pass_describe(frame).await,
            Ok(ClientTag::FunctionCall) => self.answer_call(frame).await,
            Ok(ClientTag::Close) => self.pass_close(frame),
            Ok(
                ClientTag::Flush
                | ClientTag::Sync
                | ClientTag::CopyData
                | ClientTag::CopyDone
                | ClientTag::CopyFail
                | ClientTag::Terminate
                | ClientTag::Password,
            )
            | Err(_) => {
                tracing::error!("a message that waits for nothing was to wait");
                Ok(())
            }
        }
    }

    /// Sends what runs at once.
    fn run(&self, permit: &Permit<'_>) {
        self.may_change_definitions(permit.plan());
        let changes = reading::may_change_strings(permit.plan().analysis());
        self.reading.runs(changes);
        self.upstream.send(permit);
    }

    /// A message that needs no verdict: it asks for nothing that was not judged.
    fn pass(&self, step: Step, frame: &Frame<&[u8]>) {
        self.pipeline.borrow_mut().push(step, Kept::Nothing);
        self.upstream.pass(frame);
    }

    /// A simple query whose verdict is known.
    fn known_query(&self, frame: &Frame<&[u8]>) -> Result<Taken, SessionError> {
        let Ok(Query { text }) = Query::parse(frame.body()) else {
            return Ok(Taken::Not);
        };
        let asked = Asked {
            frames: frame.bytes(),
            step: policy::Step::Query,
            text,
            strings: Strings::Standard,
        };
        let Some(permit) =
            self.known(|judge, session, catalog| judge.recall(session, asked, catalog))
        else {
            return Ok(Taken::Not);
        };
        let Ok(duty) = self.duty(permit.plan()) else {
            return Ok(Taken::Not);
        };
        let Some(turn) = self.turn_now(permit.plan(), self.judged_by().ended) else {
            return Ok(Taken::Not);
        };
        let recorded = redact::redact(text);
        let statement = trail::Statement::Once(&recorded);
        let parameters = std::iter::empty();
        let entry = self.record((trail::Step::Query, statement), parameters, &permit)?;
        self.start((&permit, duty, turn), entry, self.now.get(), Started::Query);
        Ok(Taken::Wholly)
    }

    /// A simple query, from the client's bytes to the upstream.
    async fn answer_query(&self, frame: &Frame<&[u8]>) -> Result<(), SessionError> {
        let started = self.now.get();
        let text = match Query::parse(frame.body()) {
            Ok(query) => query.text,
            Err(error) => return self.refuse_malformed(&error, Step::Query),
        };
        let recorded = redact::redact(text);
        let statement = trail::Statement::Once(&recorded);
        let mut entry = self.trail.open(&Opening {
            time: started,
            step: trail::Step::Query,
            statement,
        });
        let asked = Asked {
            frames: frame.bytes(),
            step: policy::Step::Query,
            text,
            strings: self.strings_of(text).await,
        };
        let verdict = self.judge(asked, Bound::Here(None)).await;
        let verdict = self.settle(verdict, &mut entry, Bound::Here(None)).await?;
        let verdict = self.take_turn(verdict, self.judged_by().ended).await;
        if self.skipping.get() {
            give_back(&verdict);
            return Ok(());
        }
        match verdict.and_then(|(permit, turn)| Ok((self.duty(permit.plan())?, permit, turn))) {
            Ok((duty, permit, turn)) => {
                self.start((&permit, duty, turn), entry, started, Started::Query);
            }
            Err(refusal) if self.upstream_may_tell(&refusal) => {
                if self.pipeline.borrow().may_fail() {
                    self.drained().await;
                }
                if !self.skipping.get() {
                    self.refuse_in_its_words(text, &refusal, entry, (Step::Query, false));
                }
            }
            Err(refusal) => self.refuse(&refusal, entry, started, Step::Query),
        }
        Ok(())
    }

    /// Sends what runs, and keeps what its answer needs.
    fn start(
        &self,
        (permit, duty, turn): (&Permit<'_>, Duty, Turn),
        entry: Entry,
        started: SystemTime,
        what: Started,
    ) {
        let (step, portal) = match what {
            Started::Query => (Step::Query, None),
            Started::Portal(portal) => (Step::Execute, Some(portal)),
        };
        let alone = step == Step::Execute || !self.pipeline.borrow().is_within();
        if step == Step::Query {
            self.part_from_flush();
        }
        self.before(duty, step);
        let judged = self.judged_by();
        self.run(permit);
        let plan = Arc::clone(permit.plan());
        let statements = plan.analysis().statements.iter();
        let copies = statements.filter(|one| role::reads_copy(one)).count();
        let alone = alone && plan.analysis().statements.len() == 1;
        let mut flight = Flight::new((plan, judged, turn), entry, started, portal);
        flight.alone = alone;
        let kept = Kept::Flight(Box::new(flight));
        self.pipeline.borrow_mut().push_copy(step, kept, copies);
        self.after(duty, step);
    }

    /// Records a verdict and waits where it says so: what comes out may go or is refused.
    async fn settle<'a>(
        &self,
        verdict: Verdict<'a>,
        entry: &mut Entry,
        bound: Bound<'_>,
    ) -> Result<Result<Permit<'a>, Refusal>, SessionError> {
        match verdict {
            Verdict::Allow(permit) => {
                self.record_permit(entry, &permit)?;
                Ok(Ok(permit))
            }
            Verdict::Deny(denial) => {
                self.record_denial(entry, &denial)?;
                Ok(Err(Refusal::of(&denial)))
            }
            Verdict::Hold(hold) => Box::pin(self.wait_for_approval(hold, entry, bound)).await,
        }
    }

    fn catalog_version(&self) -> u64 {
        self.catalog.borrow().catalog.version()
    }

    fn judged_by(&self) -> JudgedBy {
        let snapshot = self.catalog.borrow();
        JudgedBy {
            version: snapshot.catalog.version(),
            ended: snapshot.ended,
        }
    }

    /// Waits until the upstream owes nothing.
    async fn drained(&self) {
        loop {
            // Asked for before looking, so that nothing is missed while flushing.
            let told = self.progress.next();
            if self.pipeline.borrow().is_empty() && !self.is_settling() {
                return;
            }
            // It waits for COPY data, and something else has come: unless the COPY has failed, it is to end
            // the session over that.
            if self.pipeline.borrow().waits_for_data() {
                self.ask_where_it_stands();
            }
            if self.pipeline.borrow().keeps_back() {
                self.upstream.ask_to_flush();
                self.pipeline.borrow_mut().flushed();
            }
            self.flush_upstream().await;
            told.await;
        }
    }

    /// Waits until the upstream owes much less than a pipeline may have.
    async fn shortened(&self) {
        loop {
            // Asked for before looking, so that nothing is missed while flushing.
            let told = self.progress.next();
            if !self.pipeline.borrow().is_half_full() {
                return;
            }
            self.flush_upstream().await;
            told.await;
        }
    }

    /// A denial by the gateway itself.
    fn own_denial(&self, reason: &str) -> Denial {
        Denial {
            policy: Denial::GATEWAY.into(),
            reason: reason.into(),
            hint: None,
            sqlstate: policy::SqlState::INSUFFICIENT_PRIVILEGE,
            failure: None,
            notes: Arc::default(),
            digests: Arc::clone(self.core.shared.policies.current().digests()),
        }
    }

    /// Records that a request may go.
    fn record_permit(&self, entry: &mut Entry, permit: &Permit<'_>) -> Result<(), SessionError> {
        Ok(self.as_judged(permit, |judged| entry.judged(judged))?)
    }

    /// Records a request that may go, as it was known already.
    fn record<'a>(
        &self,
        (step, statement): (trail::Step, trail::Statement<'_>),
        parameters: impl Iterator<Item = trail::Parameter<'a>> + Clone,
        permit: &Permit<'_>,
    ) -> Result<Entry, SessionError> {
        let opening = Opening {
            time: self.now.get(),
            step,
            statement,
        };
        let record = |judged: &Judged<'_>| self.trail.record(&opening, parameters, judged);
        Ok(self.as_judged(permit, record)?)
    }

    /// A permit as the trail has it.
    fn as_judged<R>(&self, permit: &Permit<'_>, record: impl FnOnce(&Judged<'_>) -> R) -> R {
        let plan = permit.plan();
        let generation = plan.generation().number();
        let keep = match (plan.recording(), self.core.shared.keep_results) {
            (policy::Recording::Results, _) | (_, Results::All) => None,
            (policy::Recording::Statement, Results::Asked) => Some(0),
        };
        let masks = plan
            .masks()
            .map(|masks| self.core.wordings.borrow_mut().of(masks));
        record(&Judged {
            effect: Effect::Allow,
            policy: "",
            reason: &notes(plan),
            generation,
            digests: &self.digests(generation, plan.digests()),
            masks: masks.as_ref().map(|masks| &masks.recorded),
            keep,
        })
    }

    /// The policies of a generation, where the record does not have them yet.
    fn digests(&self, generation: u64, digests: &[policy::PolicyDigest]) -> Vec<(String, String)> {
        if self.trail.knows(generation) {
            return Vec::new();
        }
        let named =
            |policy: &policy::PolicyDigest| (policy.name.to_string(), policy.digest.to_string());
        digests.iter().map(named).collect()
    }

    fn record_denial(&self, entry: &mut Entry, denial: &Denial) -> Result<(), SessionError> {
        let generation = self.admitted.borrow().generation().number();
        entry.judged(&Judged {
            effect: Effect::Deny,
            policy: &denial.policy,
            reason: &denial.reason,
            generation,
            digests: &self.digests(generation, &denial.digests),
            masks: None,
            keep: Some(0),
        })?;
        self.record_notes(entry, &denial.notes)
    }

    /// Records what the policies note beside a verdict that lets nothing go.
    fn record_notes(&self, entry: &mut Entry, notes: &[policy::Note]) -> Result<(), SessionError> {
        for note in notes {
            let what = format!("{}: {}", note.policy, note.text);
            entry.event(self.now.get(), &trail::Deed::Note { what })?;
        }
        Ok(())
    }

    /// Tells the client no. Where a transaction is open, the upstream is made to fail it, as it
    /// would have by an error of its own.
    fn refuse(&self, refusal: &Refusal, entry: Entry, started: SystemTime, step: Step) {
        if self.skipping.get() {
            return;
        }
        let duration = started.elapsed().unwrap_or_default();
        entry.close(&Outcome::error(&refusal.sqlstate, duration));
        if step == Step::Query {
            self.part_from_flush();
        }
        let mut pipeline = self.pipeline.borrow_mut();
        let mut error = BytesMut::new();
        refusal.write(&mut error);
        if step != Step::Query {
            self.skipping.set(true);
            self.upstream.fail_extended();
            pipeline.push(Step::Parse, Kept::Refusal(error.freeze()));
        } else if pipeline.is_at_rest() && self.transaction.status() == TxStatus::Idle {
            write::ready_for_query(&mut error, TxStatus::Idle);
            self.client.queue(&error);
        } else {
            self.upstream.fail_query();
            pipeline.push(Step::Query, Kept::Refusal(error.freeze()));
        }
    }

    /// A message that cannot be read, and that PostgreSQL would answer with an error too.
    fn refuse_malformed(&self, error: &wire::Error, step: Step) -> Result<(), SessionError> {
        let sqlstate = match error {
            wire::Error::NotUtf8 { .. } => "22021",
            wire::Error::BadValue { field, .. } if field.ends_with("formats") => "22023",
            _ => "08P01",
        };
        self.refuse_plainly(sqlstate, error.to_string(), step)
    }

    /// An error of the gateway's own, in PostgreSQL's manner.
    fn refuse_plainly(
        &self,
        sqlstate: &str,
        message: String,
        step: Step,
    ) -> Result<(), SessionError> {
        let time = self.now.get();
        let statement = trail::Statement::Once(&message);
        let mut entry = self.trail.open(&Opening {
            time,
            step: trail::Step::Other,
            statement,
        });
        self.record_denial(&mut entry, &self.own_denial(&message))?;
        let refusal = Refusal::plain(sqlstate, &message);
        self.refuse(&refusal, entry, time, step);
        Ok(())
    }

    /// Ends with the token. The control thread keeps the time: a timer on this one would cost something
    /// each time that it waits for anything.
    async fn until_expired(&self) -> Result<(), SessionError> {
        let expires = self.admitted.borrow().facts().identity.expires_at;
        let left = expires
            .duration_since(SystemTime::now())
            .unwrap_or_default();
        // Longer than any token, and not too long for a timer.
        let left = left.min(std::time::Duration::from_secs(365 * 86_400));
        let timers = &self.core.shared.timers;
        let mut timer = Timer(timers.spawn(async move { tokio::time::sleep(left).await }));
        if (&mut timer.0).await.is_err() {
            // The gateway stops.
            std::future::pending().await
        }
        Err(SessionError::refused_with(
            "57P05",
            "terminating connection: the token has expired",
            "Connect again with a fresh token.",
        ))
    }

    /// Ends the session between two requests once the gateway stops.
    async fn until_stopped(&self) -> Result<(), SessionError> {
        let mut stopping = self.core.shared.stopping.subscribe();
        let _ = stopping.wait_for(|stopping| *stopping).await;
        while !self.pipeline.borrow().is_empty() || self.transaction.status() != TxStatus::Idle {
            self.progress.next().await;
        }
        Err(SessionError::Stopping)
    }

    /// The client's last message, where one can still be understood.
    fn say_goodbye(&self, error: &SessionError) {
        if self.passing.get() == 0 && !self.farewell.get() {
            self.client.queue_with(|out| error.to_client(out));
        }
    }
}

/// A timer that ends with whoever waits for it.
struct Timer(tokio::task::JoinHandle<()>);

impl Drop for Timer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A refusal as the client hears it.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) sqlstate: String,
    pub(crate) message: String,
    pub(crate) detail: Option<String>,
    pub(crate) hint: Option<String>,
    /// As whose word some drivers know it.
    pub(crate) routine: Option<&'static str>,
    /// Nobody can read the text.
    pub(crate) unreadable: bool,
}

impl Refusal {
    /// Nothing but what is wrong.
    pub(crate) fn plain(sqlstate: &str, message: &str) -> Self {
        Self {
            sqlstate: sqlstate.to_owned(),
            message: message.to_owned(),
            detail: None,
            hint: None,
            routine: None,
            unreadable: false,
        }
    }

    pub(crate) fn of(denial: &Denial) -> Self {
        Self {
            sqlstate: denial.sqlstate.as_str().to_owned(),
            message: denial.reason.to_string(),
            detail: Some(format!("Refused by policy \"{}\".", denial.policy)),
            hint: denial.hint.as_ref().map(ToString::to_string),
            routine: None,
            unreadable: denial.sqlstate == policy::SqlState::SYNTAX_ERROR,
        }
    }

    fn write(&self, out: &mut BytesMut) {
        let error = ErrorResponse::new(Severity::Error, &self.sqlstate, &self.message)
            .detail(self.detail.as_deref())
            .hint(self.hint.as_deref())
            .routine(self.routine);
        write::error(out, &error);
    }
}

/// What was counted for a request that does not run after all.
fn give_back(verdict: &Result<(Permit<'_>, Turn), Refusal>) {
    if let Ok((permit, _)) = verdict {
        permit.plan().give_back();
    }
}

/// What the policies remark on a request.
fn notes(plan: &policy::Plan) -> String {
    if plan.notes().is_empty() {
        return String::new();
    }
    let notes = plan.notes().iter();
    let lines: Vec<_> = notes
        .map(|note| format!("{}: {}", note.policy, note.text))
        .collect();
    lines.join("\n")
}

//! From the upstream to the client: which request a reply belongs to, and what of it may pass.

use std::rc::Rc;
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};

use sql::analysis::{Analysis, NameUse};
use trail::{Entry, Outcome};
use wire::frame::{HEADER_BYTES, header};
use wire::upstream::{
    CommandComplete, CopyResponse, ErrorFields, NotificationResponse, ParameterStatus,
    ReadyForQuery, TxStatus, UpstreamTag,
};
use wire::write;

use super::Session;
use super::buffers::Inbox;
use super::changing::may_end_transaction;
use super::definitions::runs_unknown;
use super::flight::{Flight, Rows, Stop, Tag, bind, bind_copy, decide};
use super::pipeline::{Owed, Reply, Step};
use super::prepared::{Change, Portal, Statement};
use super::role::Switch;
use super::scrub::Scrub;
use crate::error::SessionError;

/// No message of the upstream is longer (PostgreSQL's own limit on a row is 1 GiB).
const MAX_MESSAGE: usize = 1 << 30;

/// Why a session ends in which a message was found among COPY data that is no part of them. So do
/// PostgreSQL 14 and later; older ones pass over that message, and nobody could tell which it was.
const LOST: &str = "terminating connection because protocol synchronization was lost";

/// What the session keeps for an owed answer.
#[derive(Debug)]
pub(crate) enum Kept {
    /// Sync, Close of nothing known, the end of COPY data.
    Nothing,
    /// Parse: its record, and what it changes.
    Parse(Box<(Entry, Change)>),
    /// A text that could not be read, given to the upstream for its words: its record, and what it
    /// changes whatever comes of it.
    Words(Box<(Entry, Option<Change>)>),
    /// Bind or Close: what it changes; and whether an error's text may carry a value.
    Change(Change, Scrub),
    /// Parse or Close of the gateway's own: what it changes.
    Own(Option<Change>),
    /// Describe: what is described, and who asked.
    Describe(Described, Asker),
    /// Query or Execute.
    Flight(Box<Flight>),
    /// A switch of roles, of which the client hears nothing.
    Role(Switch),
    /// A request that was refused: this goes to the client in place of the error that the
    /// upstream was made to raise.
    Refusal(Bytes),
}

/// What a Describe is about.
#[derive(Debug)]
pub(crate) enum Described {
    /// A prepared statement.
    Statement(Rc<Statement>),
    /// A portal.
    Portal(Rc<Portal>),
    /// A name of a statement that the gateway does not know: SQL may have prepared it.
    Named(String),
    /// A portal that the gateway does not know; the upstream will say so too.
    Unknown,
}

/// Who asked for a description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    /// The client, who gets the answer.
    Client,
    /// The gateway itself.
    Gateway,
}

/// What was made of the front of a buffer.
enum Taken {
    /// So many bytes.
    Bytes(usize),
    /// Nothing: the message is not all there yet.
    Incomplete,
}

impl Session {
    /// Relays replies until the upstream closes.
    pub(super) async fn replies(&self) -> Result<(), SessionError> {
        let mut inbox = Inbox::new(&self.core.pool);
        loop {
            let read = self.upstream.socket.read(&mut inbox).await;
            if read.map_err(SessionError::Upstream)? == 0 {
                return Err(SessionError::Upstream(
                    std::io::ErrorKind::UnexpectedEof.into(),
                ));
            }
            self.now.set(SystemTime::now());
            let ahead = match self.others_may_change() {
                true => Box::pin(self.not_changed_yet()).await,
                false => None,
            };
            self.not_changed_yet.set(ahead);
            let taken = self.take_messages(inbox.bytes())?;
            inbox.take(taken);
            self.settle_record()?;
            self.client.flush().await.map_err(SessionError::Client)?;
            if self.stopped.get() {
                self.cancel_stopped();
                self.upstream
                    .socket
                    .flush()
                    .await
                    .map_err(SessionError::Upstream)?;
            }
            self.progress.made();
            if self.worked.take() {
                // Others of this thread come in between results that policies work on for long.
                tokio::task::yield_now().await;
            }
        }
    }

    /// What the client is about to get must be on the record.
    fn settle_record(&self) -> Result<(), SessionError> {
        match self.pipeline.borrow_mut().first_mut() {
            Some(Owed {
                keep: Kept::Flight(flight),
                ..
            }) => Ok(flight.entry.settle()?),
            Some(_) | None => Ok(()),
        }
    }

    /// Relays what is complete, and says how far it came.
    fn take_messages(&self, buffer: &[u8]) -> Result<usize, SessionError> {
        let mut at = 0;
        while at < buffer.len() {
            match self.take_message(&buffer[at..])? {
                Taken::Bytes(count) => at += count,
                Taken::Incomplete => break,
            }
        }
        Ok(at)
    }

    fn take_message(&self, buffer: &[u8]) -> Result<Taken, SessionError> {
        let passing = self.passing.get();
        if passing > 0 {
            let count = passing.min(buffer.len());
            self.passing.set(passing - count);
            return self
                .pass_part(&buffer[..count])
                .map(|()| Taken::Bytes(count));
        }
        let Some(found) = header(buffer, MAX_MESSAGE + HEADER_BYTES).map_err(broken)? else {
            return Ok(Taken::Incomplete);
        };
        let tag = UpstreamTag::try_from(found.tag).map_err(broken)?;
        if matches!(tag, UpstreamTag::DataRow | UpstreamTag::CopyData) {
            return self.take_rows(tag, found.len, buffer);
        }
        if buffer.len() < found.len {
            return Ok(Taken::Incomplete);
        }
        self.take_reply(tag, &buffer[..found.len])?;
        Ok(Taken::Bytes(found.len))
    }

    /// The rest of a row that is larger than a buffer.
    fn pass_part(&self, bytes: &[u8]) -> Result<(), SessionError> {
        let mut pipeline = self.pipeline.borrow_mut();
        match pipeline.first_mut() {
            Some(Owed {
                keep: Kept::Flight(flight),
                ..
            }) => {
                if matches!(flight.rows, Rows::Drop) {
                    return Ok(());
                }
                flight.keep(bytes)?;
                self.client.queue_rows(bytes);
                Ok(())
            }
            _ => Err(unexpected("the rest of a row")),
        }
    }

    /// DataRow and CopyData: as many as are there and of the same kind.
    fn take_rows(
        &self,
        tag: UpstreamTag,
        first: usize,
        buffer: &[u8],
    ) -> Result<Taken, SessionError> {
        let mut pipeline = self.pipeline.borrow_mut();
        pipeline
            .reply(tag)
            .map_err(|error| unexpected(&error.to_string()))?;
        let Some(Owed {
            keep: Kept::Flight(flight),
            ..
        }) = pipeline.first_mut()
        else {
            return Err(unexpected("rows that nothing asked for"));
        };
        if self.muted.get() {
            flight.rows = Rows::Drop;
        }
        if matches!(flight.rows, Rows::Undecided) {
            self.begin_result(flight, decide)?;
        } else if self.runs_otherwise(flight) {
            self.stop(flight, &Stop::Overtaken)?;
        }
        self.transaction.taint(flight.plan.scrub_errors());
        let passes = match &flight.rows {
            Rows::Pass => !flight.is_rationed(),
            Rows::Drop => true,
            Rows::Undecided | Rows::Mask(_) | Rows::Copy(_) => false,
        };
        if passes && first > buffer.len() {
            self.passing.set(first);
            flight.delivered += u64::from(matches!(flight.rows, Rows::Pass));
            return Ok(Taken::Bytes(0));
        }
        if first > buffer.len() {
            if first > self.core.shared.limits.row_bytes {
                return Err(SessionError::refused_with(
                    "54000",
                    format!("a row of {first} bytes is too large to be masked or counted"),
                    "Select fewer or smaller columns.",
                ));
            }
            return Ok(Taken::Incomplete);
        }
        let (count, rows) = run_of(tag, buffer)?;
        if let Err(stop) = self.deliver_admitted(flight, &buffer[..count], rows)? {
            self.stop(flight, &stop)?;
        }
        let stopped = matches!(flight.rows, Rows::Drop) && flight.portal.is_some();
        if stopped && !self.muted.get() {
            self.skip_to_sync(&mut pipeline)?;
        }
        Ok(Taken::Bytes(count))
    }

    /// Relays as many rows as the policies let through.
    fn deliver_admitted(
        &self,
        flight: &mut Flight,
        run: &[u8],
        rows: u64,
    ) -> Result<Result<(), Stop>, SessionError> {
        if matches!(flight.rows, Rows::Drop) || flight.rations.is_none() {
            return self.deliver(flight, run, rows);
        }
        let admitted = match flight.admit(run, rows) {
            Ok(admitted) => admitted,
            Err(stop) => return Ok(Err(stop)),
        };
        if admitted.bytes > 0 {
            let delivered = self.deliver(flight, &run[..admitted.bytes], admitted.messages)?;
            if delivered.is_err() {
                return Ok(delivered);
            }
        }
        Ok(admitted
            .limit
            .map_or(Ok(()), |limit| Err(Stop::Limit(limit))))
    }

    /// Relays rows, masked where they must be: on the record before they are written.
    fn deliver(
        &self,
        flight: &mut Flight,
        run: &[u8],
        rows: u64,
    ) -> Result<Result<(), Stop>, SessionError> {
        match &mut flight.rows {
            Rows::Drop => return Ok(Ok(())),
            Rows::Undecided => return Err(unexpected("rows of no known shape")),
            Rows::Pass => {
                flight.keep(run)?;
                self.client.queue_rows(run);
            }
            Rows::Mask(_) | Rows::Copy(_) => {
                let masked = self
                    .client
                    .queue_with(|out| self.deliver_masked(flight, run, out))?;
                if masked.is_err() {
                    return Ok(masked);
                }
            }
        }
        flight.delivered += rows;
        Ok(Ok(()))
    }

    fn deliver_masked(
        &self,
        flight: &mut Flight,
        run: &[u8],
        out: &mut BytesMut,
    ) -> Result<Result<(), Stop>, SessionError> {
        let start = out.len();
        self.worked.set(true);
        let mut judge = self.core.judge.borrow_mut();
        let masked = match &mut flight.rows {
            Rows::Mask(masker) => masker.apply(&mut judge, run, out),
            Rows::Copy(masker) => masker.apply(&mut judge, run, out),
            Rows::Undecided | Rows::Pass | Rows::Drop => {
                return Err(unexpected("rows that are not masked"));
            }
        };
        if let Err(error) = masked {
            out.truncate(start);
            return Ok(Err(Stop::Mask(error)));
        }
        // What is not on the record must not wait to be written.
        let kept = flight.keep(&out[start..]);
        kept.inspect_err(|_| out.truncate(start))?;
        Ok(Ok(()))
    }

    /// Decides about the rows that come now; or ends the result that must not begin.
    fn begin_result(
        &self,
        flight: &mut Flight,
        decide: impl FnOnce(&mut Flight) -> Result<(), Stop>,
    ) -> Result<bool, SessionError> {
        let begun = match self.is_overtaken(flight) {
            true => Err(Stop::Overtaken),
            false => decide(flight),
        };
        if let Some(portal) = &flight.portal {
            portal.begun.set(true);
        }
        if matches!(begun, Err(Stop::Unforeseen)) {
            self.database.catalog.invalidate();
        }
        match begun {
            Ok(()) => Ok(true),
            Err(stop) => self.stop(flight, &stop).map(|()| false),
        }
    }

    /// Passes a message on, unless the client is not to hear it.
    pub(super) fn tell(&self, message: &[u8]) {
        if !self.muted.get() {
            self.client.queue(message);
        }
    }

    /// Every other message, whole.
    fn take_reply(&self, tag: UpstreamTag, message: &[u8]) -> Result<(), SessionError> {
        match self.settles(tag, message)? {
            true => Ok(()),
            false => self.take_answer(tag, message),
        }
    }

    /// A message that answers a request of the client's, or none.
    pub(super) fn take_answer(&self, tag: UpstreamTag, message: &[u8]) -> Result<(), SessionError> {
        let body = &message[HEADER_BYTES..];
        let mut pipeline = self.pipeline.borrow_mut();
        if tag == UpstreamTag::ErrorResponse {
            self.transaction.error_read();
        }
        if tag == UpstreamTag::ErrorResponse && pipeline.is_copying() {
            self.lost.set(is_stray(body)?);
            if self.lost.get() && self.is_settling() {
                // PostgreSQL 13 goes on, and passes over what follows: it is to say something.
                self.upstream.sync();
            }
        } else if self.lost.get() && tag != UpstreamTag::ErrorResponse {
            return Err(SessionError::ClientProtocol(LOST.to_owned()));
        }
        let reply = pipeline
            .reply(tag)
            .map_err(|error| unexpected(&error.to_string()))?;
        match reply {
            Reply::Aside => {
                let scrub = pipeline
                    .first_mut()
                    .map_or(Scrub::No, |owed| self.scrub_of(&owed.keep));
                let scrub = self.or_tainted(scrub);
                drop(pipeline);
                self.take_aside(tag, message, scrub)
            }
            Reply::Part => {
                let Some(owed) = pipeline.first_mut() else {
                    return Err(unexpected("a part"));
                };
                self.take_part(&mut owed.keep, tag, message)
            }
            Reply::Last(owed) => {
                drop(pipeline);
                self.take_last(owed, tag, message, body)
            }
            Reply::Failed(owed) => {
                let synced = pipeline.newest_first().any(|owed| owed.step == Step::Sync);
                drop(pipeline);
                // The upstream skips what comes before the next Sync, and answers none of it.
                self.skipping.set(self.skipping.get() || !synced);
                self.take_failure(owed, message)
            }
        }
    }

    fn take_aside(
        &self,
        tag: UpstreamTag,
        message: &[u8],
        scrub: Scrub,
    ) -> Result<(), SessionError> {
        let body = &message[HEADER_BYTES..];
        match tag {
            UpstreamTag::ParameterStatus => {
                let status = ParameterStatus::parse(body).map_err(broken)?;
                self.watch_parameter(&status)?;
                self.client.queue(message);
                Ok(())
            }
            UpstreamTag::ErrorResponse => {
                // One that comes of time, among messages that are answered already.
                let skips = self.pipeline.borrow().is_within() && !self.is_settling();
                self.skipping.set(self.skipping.get() || skips);
                self.send_error(message, Scrub::No).map(drop)
            }
            UpstreamTag::NotificationResponse if self.admitted.borrow().is_protected() => {
                // Whoever notifies, a trigger perhaps, may say anything.
                let said = NotificationResponse::parse(body).map_err(broken)?;
                self.client
                    .queue_with(|out| write::notification_response(out, said.pid, said.channel, ""))
                    .map_err(broken)
            }
            UpstreamTag::NoticeResponse if scrub == Scrub::Yes => {
                let fields = ErrorFields::parse(body).map_err(broken)?.scrubbed();
                self.client
                    .queue_with(|out| fields.write_notice(out))
                    .map_err(broken)
            }
            _ => {
                self.client.queue(message);
                Ok(())
            }
        }
    }

    fn take_part(
        &self,
        kept: &mut Kept,
        tag: UpstreamTag,
        message: &[u8],
    ) -> Result<(), SessionError> {
        match (kept, tag) {
            (Kept::Flight(flight), _) => self.take_flight_part(flight, tag, message),
            (Kept::Refusal(refusal), UpstreamTag::ErrorResponse) => {
                self.tell(refusal);
                Ok(())
            }
            (Kept::Nothing, UpstreamTag::ErrorResponse) => {
                self.send_error(message, Scrub::No).map(drop)
            }
            (Kept::Role(switch), UpstreamTag::ErrorResponse) => {
                switch.fail();
                Ok(())
            }
            (Kept::Describe(Described::Statement(statement), asker), _) => {
                let message: Rc<[u8]> = message.into();
                statement.parameters.answer(Some(Rc::clone(&message)));
                if *asker == Asker::Client {
                    self.tell(&message);
                    statement.told.parameters.answer(Some(message));
                }
                Ok(())
            }
            (Kept::Describe(_, Asker::Gateway) | Kept::Role(_), _) => Ok(()),
            (Kept::Nothing | Kept::Describe(_, Asker::Client), _) => {
                self.tell(message);
                Ok(())
            }
            (
                Kept::Parse(..)
                | Kept::Words(..)
                | Kept::Own(..)
                | Kept::Change(..)
                | Kept::Refusal(_),
                _,
            ) => Err(unexpected("an answer to something else")),
        }
    }

    fn take_flight_part(
        &self,
        flight: &mut Flight,
        tag: UpstreamTag,
        message: &[u8],
    ) -> Result<(), SessionError> {
        let body = &message[HEADER_BYTES..];
        let dropped = matches!(flight.rows, Rows::Drop);
        match tag {
            UpstreamTag::ErrorResponse => {
                self.forget_names_of_failed(flight, message)?;
                let scrub = self.scrub_of_flight(flight);
                if !dropped {
                    flight.sqlstate = self.fail(flight, message, scrub)?;
                }
                return Ok(());
            }
            // Of the results after one that was stopped nothing is heard, as after an error.
            UpstreamTag::RowDescription | UpstreamTag::CopyOutResponse if dropped => return Ok(()),
            UpstreamTag::RowDescription => {
                flight.rows = Rows::Undecided;
                let bind = |flight: &mut Flight| bind(flight, message);
                if !self.begin_result(flight, bind)? {
                    return Ok(());
                }
            }
            UpstreamTag::CopyOutResponse => {
                let columns = CopyResponse::parse(body).map_err(broken)?.columns.len();
                let bind = |flight: &mut Flight| bind_copy(flight, columns).map_err(Stop::Defect);
                if !self.begin_result(flight, bind)? {
                    return Ok(());
                }
            }
            UpstreamTag::CommandComplete | UpstreamTag::EmptyQueryResponse => {
                self.statement_done(flight, tag, body)?;
                if matches!(flight.rows, Rows::Drop) {
                    return Ok(());
                }
            }
            UpstreamTag::CopyDone if dropped => return Ok(()),
            UpstreamTag::FunctionCallResponse if self.is_overtaken(flight) => {
                return self.stop(flight, &Stop::Overtaken);
            }
            _ => {}
        }
        flight.keep_shape(tag, message)?;
        self.tell(message);
        Ok(())
    }

    /// A statement of a simple query is complete; the next one's rows have a shape of their own.
    fn statement_done(
        &self,
        flight: &mut Flight,
        tag: UpstreamTag,
        body: &[u8],
    ) -> Result<(), SessionError> {
        if tag == UpstreamTag::CommandComplete {
            let complete = CommandComplete::parse(body).map_err(broken)?;
            flight.tag = Tag::new(complete.tag);
            let committed = complete.tag == "COMMIT" && self.catalog_changed.get();
            // Whoever prepared it may have changed definitions.
            if committed || complete.tag == "COMMIT PREPARED" {
                self.database.catalog.invalidate();
            }
            if flight.delivered == 0 && !matches!(flight.rows, Rows::Drop) {
                flight.delivered = complete.rows().unwrap_or(0);
            }
            let begun = !matches!(flight.rows, Rows::Undecided | Rows::Drop);
            if !begun && self.is_overtaken(flight) {
                let mut names = self.names.borrow_mut();
                names.forget(&flight.plan, flight.statement);
                drop(names);
                self.overtaken(flight)?;
            } else {
                let read = (flight.judged.version, flight.judged_after());
                let mut names = self.names.borrow_mut();
                names.completed(&flight.plan, read, flight.statement);
            }
            self.transaction
                .completed(complete.tag, may_end_transaction(&flight.plan));
            self.made_by_what_was_known(&flight.plan);
            if complete.tag == "SAVEPOINT" {
                self.place_marked();
            }
        }
        self.transaction
            .taint(self.scrub_of_flight(flight) == Scrub::Yes);
        self.transaction.ran(flight.judged_after());
        flight.report(self.now.get())?;
        flight.statement += 1;
        if !matches!(flight.rows, Rows::Drop) {
            flight.rows = Rows::Undecided;
        }
        Ok(())
    }

    fn take_last(
        &self,
        owed: Owed<Kept>,
        tag: UpstreamTag,
        message: &[u8],
        body: &[u8],
    ) -> Result<(), SessionError> {
        let mut pass = true;
        match owed.keep {
            Kept::Nothing | Kept::Refusal(_) => {}
            Kept::Parse(parse) => {
                let (entry, change) = *parse;
                self.names.borrow_mut().apply(self.as_parsed(change));
                entry.close(&Outcome {
                    tag: "",
                    rows: 0,
                    bytes: 0,
                    sqlstate: None,
                    duration: std::time::Duration::ZERO,
                });
            }
            Kept::Own(change) => {
                if let Some(change) = change {
                    self.names.borrow_mut().apply(self.as_parsed(change));
                }
                pass = false;
            }
            // The refusal that follows is heard instead.
            Kept::Words(kept) => {
                self.not_read(*kept, None);
                pass = false;
            }
            Kept::Change(change, _) => {
                if let Change::Portal(_, portal) = &change {
                    self.bound(portal);
                }
                self.names.borrow_mut().apply(change);
            }
            Kept::Role(switch) => {
                if tag == UpstreamTag::ReadyForQuery {
                    let status = ReadyForQuery::parse(body).map_err(broken)?.status;
                    switch.check(status)?;
                    self.transaction.switched(status);
                    self.changes_read();
                    return self.after_stopped(status, message);
                }
                return Ok(());
            }
            Kept::Describe(described, asker) => {
                self.was_described(&described);
                described.answer((tag == UpstreamTag::RowDescription).then_some(message));
                pass = asker == Asker::Client;
                if pass {
                    described.tell();
                }
            }
            Kept::Flight(mut flight) => {
                pass = self.flight_done(&mut flight, owed.step, tag, body)?;
                self.forget_executed(&flight);
                flight.close(self.now.get());
            }
        }
        if tag == UpstreamTag::ReadyForQuery {
            self.muted.set(false);
            self.cancelled.set(false);
            let status = ReadyForQuery::parse(body).map_err(broken)?.status;
            if self.stopped.take() && status == TxStatus::Transaction {
                return self.fail_transaction();
            }
        }
        if pass {
            self.tell(message);
        }
        if tag == UpstreamTag::ReadyForQuery {
            self.ready(ReadyForQuery::parse(body).map_err(broken)?.status);
        }
        Ok(())
    }

    /// The end of a request, and whether the client hears this message of it.
    fn flight_done(
        &self,
        flight: &mut Flight,
        step: Step,
        tag: UpstreamTag,
        body: &[u8],
    ) -> Result<bool, SessionError> {
        if step == Step::Query {
            return Ok(true);
        }
        let was_dropped = matches!(flight.rows, Rows::Drop);
        if tag == UpstreamTag::PortalSuspended {
            flight.goes_on();
        } else {
            self.statement_done(flight, tag, body)?;
        }
        let dropped = matches!(flight.rows, Rows::Drop);
        if dropped && !was_dropped {
            self.skip_to_sync(&mut self.pipeline.borrow_mut())?;
        }
        Ok(!dropped)
    }

    fn take_failure(&self, owed: Vec<Owed<Kept>>, message: &[u8]) -> Result<(), SessionError> {
        for (index, owed) in owed.into_iter().enumerate() {
            let failed = index == 0;
            if failed {
                self.may_have_analysed(&owed.keep);
            }
            match owed.keep {
                Kept::Refusal(refusal) if failed => self.tell(&refusal),
                Kept::Flight(mut flight) if failed => {
                    self.forget_names_of_failed(&flight, message)?;
                    if !matches!(flight.rows, Rows::Drop) {
                        let scrub = self.scrub_of_flight(&flight);
                        flight.sqlstate = self.fail(&mut flight, message, scrub)?;
                    }
                    flight.close(self.now.get());
                }
                Kept::Parse(parse) if failed => {
                    let (entry, change) = *parse;
                    let late = self.is_analysed_late(&change);
                    let state = self.send_error_of(late, message, Scrub::No)?;
                    let state = state.as_deref().unwrap_or_default();
                    entry.close(&Outcome::error(state, std::time::Duration::ZERO));
                }
                Kept::Words(kept) if failed => {
                    let state = self.send_error(message, Scrub::No)?;
                    self.not_read(*kept, state.as_deref());
                }
                Kept::Change(Change::Portal(_, portal), scrub) if failed => {
                    let late = self.is_bound_late(&portal);
                    drop(self.send_error_of(late, message, scrub)?);
                }
                keep if failed => drop(self.send_error(message, self.scrub_of(&keep))?),
                // The upstream has passed it over.
                Kept::Flight(flight) => flight.plan.give_back(),
                _ => {}
            }
        }
        Ok(())
    }

    /// PREPARE, DEALLOCATE and CLOSE are not undone where a transaction fails, and the one at the end of a
    /// text may be done when it does so: nobody knows what its name means then.
    fn forget_names_of_failed(&self, flight: &Flight, message: &[u8]) -> Result<(), SessionError> {
        if !flight.changes_names() {
            return Ok(());
        }
        let fields = ErrorFields::parse(&message[HEADER_BYTES..]).map_err(broken)?;
        if !(flight.alone && is_of_analysis(&fields)) {
            let mut names = self.names.borrow_mut();
            names.forget(&flight.plan, flight.statement);
        }
        Ok(())
    }

    /// The upstream waits for the next request.
    fn ready(&self, status: TxStatus) {
        let doubts = self.transaction.may_have_changed();
        self.transaction.ready(status, self.persists());
        if doubts {
            // What is still to run is not undone by what has ended.
            self.transaction.runs_unknown(self.owes(runs_unknown));
        }
        self.reading
            .heard(|| self.owes(super::reading::may_change_strings));
        if self.pipeline.borrow().is_empty() {
            self.described_after.take();
        }
        if status == TxStatus::Idle {
            let is_made = |ended| !self.met(ended, None).is_any();
            self.names.borrow_mut().transaction_ended(is_made);
            if self.catalog_changed.get() {
                self.definitions_settled();
            }
        }
        self.changes_read();
    }

    /// True where the analysis of something that is under way says so.
    fn owes(&self, says: impl Fn(&Analysis) -> bool) -> bool {
        let pipeline = self.pipeline.borrow();
        pipeline.newest_first().any(|owed| match &owed.keep {
            Kept::Flight(flight) => says(flight.plan.analysis()),
            _ => false,
        })
    }
}

impl Described {
    /// What it would do, where that goes by names.
    pub(super) fn by_name(&self) -> Option<&Analysis> {
        let analysis = match self {
            Self::Statement(one) => &one.analysis,
            Self::Portal(one) => &one.analysis,
            Self::Named(_) | Self::Unknown => return None,
        };
        let mut names = analysis.statements.iter().flat_map(|one| &one.names);
        names.any(NameUse::is_by_name).then_some(analysis)
    }

    /// The client hears what it looks like.
    fn tell(&self) {
        match self {
            Self::Statement(one) => one.told.rows.answer(one.description.known()),
            Self::Portal(one) => one.statement.told.rows.answer(one.description.known()),
            Self::Named(_) | Self::Unknown => {}
        }
    }

    fn answer(&self, message: Option<&[u8]>) {
        match self {
            Self::Statement(statement) => {
                let rows = message.map(|message| statement.wording.rows.of(message));
                statement.description.answer(rows);
            }
            Self::Portal(portal) => {
                let rows = message.map(|message| portal.statement.wording.rows.of(message));
                portal.description.answer(rows);
            }
            Self::Named(_) | Self::Unknown => {}
        }
    }
}

/// How many bytes and messages of one kind stand whole at the front of a buffer.
fn run_of(tag: UpstreamTag, buffer: &[u8]) -> Result<(usize, u64), SessionError> {
    let mut at = 0;
    let mut count = 0;
    while let Some(found) = header(&buffer[at..], MAX_MESSAGE + HEADER_BYTES).map_err(broken)? {
        if found.tag != tag.byte() || at + found.len > buffer.len() {
            break;
        }
        at += found.len;
        count += 1;
    }
    Ok((at, count))
}

/// True for the error that a message among COPY data raises which is no part of them. Values that cannot
/// be read raise the same elsewhere.
fn is_stray(body: &[u8]) -> Result<bool, SessionError> {
    let fields = ErrorFields::parse(body).map_err(broken)?;
    let is_read = fields
        .get(b'R')
        .is_none_or(|routine| routine == b"CopyGetData");
    Ok(is_read && fields.sqlstate() == Some("08P01"))
}

pub(super) fn broken(error: wire::Error) -> SessionError {
    SessionError::UpstreamProtocol(error.to_string())
}

pub(super) fn unexpected(what: &str) -> SessionError {
    SessionError::UpstreamProtocol(what.to_owned())
}

/// True for an error that comes before a statement does anything, where nothing else is done when it ends: one
/// of what it names, and not of code, which tells where it raised it.
fn is_of_analysis(fields: &ErrorFields) -> bool {
    let state = fields.sqlstate().unwrap_or_default();
    let is_known = state.starts_with("42") || matches!(state, "26000" | "34000");
    is_known && fields.get(b'W').is_none()
}

//! The open record of one request.

use std::rc::Rc;
use std::time::{Duration, SystemTime};

use crate::codec::{Put, Room};
use crate::facts::{
    Deed, Effect, Format, Judged, Opening, Outcome, Parameter, Place, Statement, Step, Text,
};
use crate::record::{Kind, framed, to_micros};
use crate::writer::{Appender, CLOSING, Opened};
use crate::{Result, Session, SessionId};

/// The most of a command tag that is kept.
const TAG: usize = 64;
/// Bytes of the result that may wait to be recorded together.
const TOGETHER: usize = 2048;

/// The open record of one request: [judged](Self::judged) before anything is forwarded, [closed](Self::close) when it is
/// answered. Dropped, it is recorded as abandoned.
#[derive(Debug)]
#[must_use = "an entry that is dropped is recorded as abandoned"]
pub struct Entry {
    session: Rc<Opened>,
    number: u64,
    time: u64,
    step: Step,
    kept: Option<Text>,
    /// The text, if it is not kept, then the parameters; once those are written, bytes of the result that are not.
    buffer: Vec<u8>,
    /// The bytes of the text in the buffer.
    text: usize,
    stage: Stage,
    /// The verdict recorded last.
    said: Option<Said>,
    /// Bytes of the result that may still be recorded.
    left: u64,
    /// Bytes of the result that were not recorded.
    omitted: u64,
}

/// A verdict without words: the same one again need not be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Said {
    effect: Effect,
    generation: u64,
}

impl Said {
    fn of(judged: &Judged<'_>) -> Option<Self> {
        let wordless =
            judged.policy.is_empty() && judged.reason.is_empty() && judged.masks.is_none();
        wordless.then_some(Self {
            effect: judged.effect,
            generation: judged.generation,
        })
    }
}

/// How far the record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing is written.
    Open,
    /// The request and a verdict are written.
    Judged,
    /// The end is written.
    Closed,
}

/// How a request ended, as recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Answered.
    Closed = 0,
    /// The gateway let go of it: the client left, the upstream failed, the gateway stopped.
    Abandoned = 1,
}

impl Entry {
    pub(crate) fn begin(session: Rc<Opened>, number: u64, opening: &Opening<'_>) -> Self {
        let mut appender = session.writer.0.borrow_mut();
        let mut buffer = appender.spare.pop().unwrap_or_default();
        let left = appender.shared.config.keep_bytes;
        drop(appender);
        let kept = match opening.statement {
            Statement::Kept(text) => Some(text.clone()),
            Statement::Once(text) => {
                buffer.extend_from_slice(text.as_bytes());
                None
            }
        };
        let text = buffer.len();
        let (time, step) = (to_micros(opening.time), opening.step);
        let stage = Stage::Open;
        Self {
            session,
            number,
            time,
            step,
            kept,
            buffer,
            text,
            stage,
            said: None,
            left,
            omitted: 0,
        }
    }

    /// The entry of a request that is recorded with its verdict at once.
    pub(crate) fn recorded<'a>(
        session: Rc<Opened>,
        number: u64,
        opening: &Opening<'_>,
        parameters: impl Iterator<Item = Parameter<'a>> + Clone,
        judged: &Judged<'_>,
    ) -> Result<Self> {
        let (time, step) = (to_micros(opening.time), opening.step);
        let mut appender = session.writer.0.borrow_mut();
        let (kept, once) = match opening.statement {
            Statement::Kept(text) => (Some(text), "".as_bytes()),
            Statement::Once(text) => (None, text.as_bytes()),
        };
        let asked = Asked {
            time,
            step,
            kept,
            once,
        };
        let bytes = parameters.clone().map(|one| parameter_bytes(&one)).sum();
        write_request(
            &mut appender,
            (&session, number),
            &asked,
            Some(judged),
            bytes,
            |room| parameters.for_each(|one| put_parameter(room, &one)),
        )?;
        let left = judged.keep.unwrap_or(appender.shared.config.keep_bytes);
        drop(appender);
        Ok(Self {
            session,
            number,
            time,
            step,
            kept: None,
            buffer: Vec::new(),
            text: 0,
            stage: Stage::Judged,
            said: Said::of(judged),
            left,
            omitted: 0,
        })
    }

    /// Its number within the session, from 1.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The session it belongs to.
    #[must_use]
    pub fn session(&self) -> SessionId {
        Session(Rc::clone(&self.session)).id()
    }

    /// Adds the next parameter. To be called before [`judged`](Self::judged); later calls change nothing.
    pub fn parameter(&mut self, parameter: &Parameter<'_>) {
        if self.stage == Stage::Open {
            put_parameter(&mut self.buffer, parameter);
        }
    }

    /// Records the request and the verdict on it. Once this has given `Ok`, the request is on the record and may be
    /// forwarded if the verdict lets it. Called again, it records a later verdict on the same request, if it is another.
    ///
    /// # Errors
    /// If it cannot be recorded; then the request must be refused.
    pub fn judged(&mut self, judged: &Judged<'_>) -> Result<()> {
        self.settle()?;
        if let Some(keep) = judged.keep {
            self.left = keep;
        }
        let said = Said::of(judged);
        if self.stage == Stage::Judged && said.is_some() && said == self.said {
            return Ok(());
        }
        self.said = said;
        self.write(Some(judged))
    }

    fn write(&mut self, judged: Option<&Judged<'_>>) -> Result<()> {
        let mut appender = self.session.writer.0.borrow_mut();
        let request = (&*self.session, self.number);
        if self.stage != Stage::Open {
            return write_verdict(&mut appender, request, judged);
        }
        let (text, parameters) = self.buffer.split_at(self.text);
        let asked = Asked {
            time: self.time,
            step: self.step,
            kept: self.kept.as_ref(),
            once: text,
        };
        let bytes = parameters.len();
        write_request(&mut appender, request, &asked, judged, bytes, |room| {
            room.raw(parameters);
        })?;
        drop(appender);
        self.stage = Stage::Judged;
        self.buffer.clear();
        Ok(())
    }

    /// Records bytes of the result as the client gets them, whole messages or pieces, up to the limit. Few bytes wait for
    /// [`settle`](Self::settle), in room that is kept for them.
    ///
    /// # Errors
    /// If they cannot be recorded.
    pub fn delivered(&mut self, bytes: &[u8]) -> Result<()> {
        let kept = bytes
            .len()
            .min(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.omitted += (bytes.len() - kept) as u64;
        if kept == 0 {
            return Ok(());
        }
        self.keep(&bytes[..kept])
            .inspect_err(|_| self.omitted += kept as u64)?;
        self.left -= kept as u64;
        Ok(())
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<()> {
        if self.stage == Stage::Open {
            self.write(None)?;
        }
        if self.buffer.len() + bytes.len() > TOGETHER {
            self.settle()?;
        }
        if bytes.len() > TOGETHER {
            return self.append(Kind::Delivered, bytes);
        }
        if self.buffer.is_empty() {
            let mut appender = self.session.writer.0.borrow_mut();
            let room = self.room_together();
            appender.ensure(room)?;
            appender.reserved += room;
            if self.buffer.capacity() == 0 {
                self.buffer = appender.spare.pop().unwrap_or_default();
            }
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// Records what was [delivered](Self::delivered) and waits. To be called before the client gets it.
    ///
    /// # Errors
    /// If it cannot be recorded.
    pub fn settle(&mut self) -> Result<()> {
        if self.buffer.is_empty() || self.stage != Stage::Judged {
            return Ok(());
        }
        let room = self.room_together();
        self.session.writer.0.borrow_mut().reserved -= room;
        let mut waiting = std::mem::take(&mut self.buffer);
        let written = self.append(Kind::Delivered, &waiting);
        waiting.clear();
        self.buffer = waiting;
        written
    }

    fn room_together(&self) -> usize {
        framed(self.session.json.len()) + framed(20 + TOGETHER)
    }

    /// Records that something happened to the request.
    ///
    /// # Errors
    /// If it cannot be recorded.
    pub fn event(&mut self, time: SystemTime, deed: &Deed) -> Result<()> {
        self.settle()?;
        let mut payload = Vec::with_capacity(128);
        payload.number(to_micros(time));
        serde_json::to_writer(&mut payload, deed)?;
        self.append(Kind::Deed, &payload)
    }

    /// Appends a record about this request, which is on the record by now.
    fn append(&mut self, kind: Kind, payload: &[u8]) -> Result<()> {
        if self.stage == Stage::Open {
            self.write(None)?;
        }
        let mut appender = self.session.writer.0.borrow_mut();
        appender.ensure(framed(self.session.json.len()) + framed(20 + payload.len()))?;
        let session = appender.refer_session(&self.session);
        appender.append(kind, |room| {
            room.number(u64::from(session));
            room.number(self.number);
            room.raw(payload);
        });
        Ok(())
    }

    /// Records the end of the request. Room for it was kept, so that it is recorded on a full disk too.
    pub fn close(mut self, outcome: &Outcome<'_>) {
        self.end(End::Closed, outcome);
    }

    fn end(&mut self, end: End, outcome: &Outcome<'_>) {
        if let Err(error) = self.try_end(end, outcome) {
            let (session, number) = (self.session(), self.number);
            tracing::error!(%error, %session, number, "the end of a request is not on the record");
        }
        self.stage = Stage::Closed;
        self.buffer.clear();
        let buffer = std::mem::take(&mut self.buffer);
        let mut appender = self.session.writer.0.borrow_mut();
        if (1..=4096).contains(&buffer.capacity()) && appender.spare.len() < 64 {
            appender.spare.push(buffer);
        }
    }

    fn try_end(&mut self, end: End, outcome: &Outcome<'_>) -> Result<()> {
        if self.stage == Stage::Open {
            self.write(None)?;
        }
        let mut appender = self.session.writer.0.borrow_mut();
        let mut kept_free = CLOSING + framed(self.session.json.len());
        if !self.buffer.is_empty() {
            kept_free += self.room_together();
        }
        appender.reserved -= kept_free;
        appender.ensure_reserved(kept_free)?;
        let session = appender.refer_session(&self.session);
        appender.append(Kind::Close, |room| {
            room.number(u64::from(session));
            room.number(self.number);
            room.byte(end as u8);
            room.number(nanoseconds(outcome.duration));
            room.number(outcome.rows);
            room.number(outcome.bytes);
            room.number(self.omitted);
            let tag = outcome.tag.floor_char_boundary(TAG);
            room.bytes(&outcome.tag.as_bytes()[..tag]);
            let sqlstate = outcome.sqlstate.unwrap_or_default();
            room.bytes(&sqlstate.as_bytes()[..sqlstate.floor_char_boundary(5)]);
            room.raw(&self.buffer);
        });
        Ok(())
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if self.stage != Stage::Closed {
            let since = to_micros(SystemTime::now()).saturating_sub(self.time);
            let duration = Duration::from_micros(since);
            let nothing = Outcome {
                tag: "",
                rows: 0,
                bytes: 0,
                sqlstate: None,
                duration,
            };
            self.end(End::Abandoned, &nothing);
        }
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// What a request is, to be recorded.
struct Asked<'a> {
    time: u64,
    step: Step,
    /// Its text, where that is kept.
    kept: Option<&'a Text>,
    /// Its text, where it is not.
    once: &'a [u8],
}

/// Records a request and the first verdict on it, with `parameters` bytes that `put` puts at its end, and keeps room for
/// its end.
fn write_request(
    appender: &mut Appender,
    (session, number): (&Opened, u64),
    asked: &Asked<'_>,
    judged: Option<&Judged<'_>>,
    parameters: usize,
    put: impl FnOnce(&mut Room<'_>),
) -> Result<()> {
    let closing = CLOSING + framed(session.json.len());
    let kept = asked.kept.map_or(0, |text| framed(text.as_str().len()));
    let own = kept + asked.once.len() + parameters;
    appender.ensure(bound(appender, session, judged) + own + closing)?;
    let session = appender.refer_session(session);
    let verdict = refer_verdict(appender, judged)?;
    let kept = asked.kept.map(|text| refer_text(appender, text));
    appender.append(Kind::Request, |room| {
        room.number(u64::from(session));
        room.number(number);
        put_verdict(room, judged, verdict);
        room.number(asked.time);
        room.byte(match asked.step {
            Step::Query => 0,
            Step::Parse => 1,
            Step::Bind => 2,
            Step::Execute => 3,
            Step::Other => 4,
        });
        match kept {
            Some(text) => room.number(u64::from(text)),
            None => {
                room.byte(0);
                room.bytes(asked.once);
            }
        }
        put(room);
    });
    appender.reserved += closing;
    Ok(())
}

/// Records a later verdict on a request.
fn write_verdict(
    appender: &mut Appender,
    (session, number): (&Opened, u64),
    judged: Option<&Judged<'_>>,
) -> Result<()> {
    appender.ensure(bound(appender, session, judged))?;
    let session = appender.refer_session(session);
    let verdict = refer_verdict(appender, judged)?;
    appender.append(Kind::Verdict, |room| {
        room.number(u64::from(session));
        room.number(number);
        put_verdict(room, judged, verdict);
    });
    Ok(())
}

/// More bytes than a session, a verdict and what they refer to can take, and the numbers of a request.
fn bound(appender: &Appender, session: &Opened, judged: Option<&Judged<'_>>) -> usize {
    let mut bytes = framed(session.json.len()) + 256;
    if let Some(judged) = judged {
        bytes += judged.policy.len() + judged.reason.len() + appender.generation_bytes(judged);
        bytes += judged.masks.map_or(0, |text| framed(text.as_str().len()));
    }
    bytes
}

/// Where the generation and the masks of a verdict are recorded in this segment; there is room to do it now.
fn refer_verdict(appender: &mut Appender, judged: Option<&Judged<'_>>) -> Result<(u32, u32)> {
    let Some(judged) = judged else {
        return Ok((0, 0));
    };
    let generation = appender.refer_generation(judged)?;
    let masks = judged.masks.map_or(0, |masks| refer_text(appender, masks));
    Ok((generation, masks))
}

/// Effect, generation, policy, reason, masks; the effect alone if there is no verdict.
fn put_verdict(room: &mut Room<'_>, judged: Option<&Judged<'_>>, (generation, masks): (u32, u32)) {
    let Some(judged) = judged else {
        return room.byte(0);
    };
    room.byte(match judged.effect {
        Effect::Allow => 1,
        Effect::Deny => 2,
        Effect::Hold => 3,
    });
    room.number(u64::from(generation));
    room.bytes(judged.policy.as_bytes());
    room.bytes(judged.reason.as_bytes());
    room.number(u64::from(masks));
}

/// More bytes than a parameter takes.
fn parameter_bytes(parameter: &Parameter<'_>) -> usize {
    16 + parameter.value.map_or(0, <[u8]>::len)
}

fn put_parameter(out: &mut impl Put, parameter: &Parameter<'_>) {
    let format = match parameter.format {
        Format::Text => 1,
        Format::Binary => 2,
    };
    out.byte(match parameter.value {
        Some(_) => format,
        None => format | 4,
    });
    out.number(u64::from(parameter.type_oid));
    if let Some(value) = parameter.value {
        out.bytes(value);
    }
}

/// Where a kept text is recorded in this segment; there is room to do it now.
fn refer_text(appender: &mut Appender, text: &Text) -> u32 {
    let ordinal = appender.ordinal();
    if let Some(offset) = text.place().within(ordinal) {
        return offset;
    }
    let offset = appender.append(Kind::Text, |room| room.raw(text.as_str().as_bytes()));
    text.recorded_at(Place::new(ordinal, offset));
    offset
}

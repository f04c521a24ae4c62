//! The open record of one request.

use std::rc::Rc;
use std::time::{Duration, SystemTime};

use crate::codec::{put_bytes, put_number};
use crate::facts::{Deed, Effect, Format, Judged, Opening, Outcome, Place, Statement, Step, Text};
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

    /// Adds the next parameter: the OID of its type, 0 if unknown, its format and its value, `None` for NULL. To be called
    /// before [`judged`](Self::judged); later calls change nothing.
    pub fn parameter(&mut self, type_oid: u32, format: Format, value: Option<&[u8]>) {
        if self.stage != Stage::Open {
            return;
        }
        let format = match format {
            Format::Text => 1,
            Format::Binary => 2,
        };
        self.buffer
            .push(if value.is_some() { format } else { format | 4 });
        put_number(&mut self.buffer, u64::from(type_oid));
        if let Some(value) = value {
            put_bytes(&mut self.buffer, value);
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
        let session = Rc::clone(&self.session);
        let mut appender = session.writer.0.borrow_mut();
        let closing = CLOSING + framed(session.json.len());
        let bound = self.bound(&appender, judged);
        appender.ensure(bound + closing)?;
        let mut head = std::mem::take(&mut appender.scratch);
        head.clear();
        put_number(&mut head, u64::from(appender.refer_session(&session)));
        put_number(&mut head, self.number);
        let kind = match self.stage {
            Stage::Open => Kind::Request,
            Stage::Judged | Stage::Closed => Kind::Verdict,
        };
        put_verdict(&mut appender, &mut head, judged)?;
        if kind == Kind::Request {
            self.put_request(&mut appender, &mut head);
            appender.append(kind, &[&head, &self.buffer[self.text..]]);
            appender.reserved += closing;
            self.stage = Stage::Judged;
            self.buffer.clear();
        } else {
            appender.append(kind, &[&head]);
        }
        appender.scratch = head;
        Ok(())
    }

    /// More bytes than all the records of [`write`](Self::write) can take.
    fn bound(&self, appender: &Appender, judged: Option<&Judged<'_>>) -> usize {
        let mut bytes = framed(self.session.json.len()) + self.buffer.len() + 256;
        bytes += self
            .kept
            .as_ref()
            .map_or(0, |text| framed(text.as_str().len()));
        if let Some(judged) = judged {
            bytes += judged.policy.len() + judged.reason.len() + appender.generation_bytes(judged);
            bytes += judged.masks.map_or(0, |text| framed(text.as_str().len()));
        }
        bytes
    }

    /// Time, step and text; the parameters follow.
    fn put_request(&self, appender: &mut Appender, head: &mut Vec<u8>) {
        put_number(head, self.time);
        head.push(match self.step {
            Step::Query => 0,
            Step::Parse => 1,
            Step::Bind => 2,
            Step::Execute => 3,
            Step::Other => 4,
        });
        match &self.kept {
            Some(text) => {
                put_number(head, u64::from(refer_text(appender, text)));
            }
            None => {
                head.push(0);
                put_bytes(head, &self.buffer[..self.text]);
            }
        }
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
        put_number(&mut payload, to_micros(time));
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
        let mut head = std::mem::take(&mut appender.scratch);
        head.clear();
        put_number(&mut head, u64::from(appender.refer_session(&self.session)));
        put_number(&mut head, self.number);
        appender.append(kind, &[&head, payload]);
        appender.scratch = head;
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
        if buffer.capacity() <= 4096 && appender.spare.len() < 64 {
            appender.spare.push(buffer);
        }
    }

    fn try_end(&mut self, end: End, outcome: &Outcome<'_>) -> Result<()> {
        if self.stage == Stage::Open {
            self.write(None)?;
        }
        self.settle()?;
        let mut appender = self.session.writer.0.borrow_mut();
        let session_bytes = framed(self.session.json.len());
        appender.reserved -= CLOSING + session_bytes;
        appender.ensure_reserved(CLOSING + session_bytes)?;
        let mut head = std::mem::take(&mut appender.scratch);
        head.clear();
        put_number(&mut head, u64::from(appender.refer_session(&self.session)));
        put_number(&mut head, self.number);
        head.push(end as u8);
        put_number(&mut head, nanoseconds(outcome.duration));
        put_number(&mut head, outcome.rows);
        put_number(&mut head, outcome.bytes);
        put_number(&mut head, self.omitted);
        put_bytes(
            &mut head,
            &outcome.tag.as_bytes()[..outcome.tag.floor_char_boundary(TAG)],
        );
        let sqlstate = outcome.sqlstate.unwrap_or_default();
        put_bytes(
            &mut head,
            &sqlstate.as_bytes()[..sqlstate.floor_char_boundary(5)],
        );
        appender.append(Kind::Close, &[&head]);
        appender.scratch = head;
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

/// Effect, generation, policy, reason, masks; the effect alone if there is no verdict.
fn put_verdict(
    appender: &mut Appender,
    head: &mut Vec<u8>,
    judged: Option<&Judged<'_>>,
) -> Result<()> {
    let Some(judged) = judged else {
        head.push(0);
        return Ok(());
    };
    head.push(match judged.effect {
        Effect::Allow => 1,
        Effect::Deny => 2,
        Effect::Hold => 3,
    });
    put_number(head, u64::from(appender.refer_generation(judged)?));
    put_bytes(head, judged.policy.as_bytes());
    put_bytes(head, judged.reason.as_bytes());
    let masks = judged.masks.map_or(0, |masks| refer_text(appender, masks));
    put_number(head, u64::from(masks));
    Ok(())
}

/// Where a kept text is recorded in this segment; there is room to do it now.
fn refer_text(appender: &mut Appender, text: &Text) -> u32 {
    let ordinal = appender.ordinal();
    if let Some(offset) = text.place().within(ordinal) {
        return offset;
    }
    let offset = appender.append(Kind::Text, &[text.as_str().as_bytes()]);
    text.recorded_at(Place::new(ordinal, offset));
    offset
}

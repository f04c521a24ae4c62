//! Joins the records of one writer to events.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::codec::Take;
use crate::event::{Ending, Event, Outcome, Parameter, Policies, Verdict};
use crate::facts::{Deed, Effect, Format, SessionOpening, Step};
use crate::record::{Kind, from_micros};
use crate::scan::Found;
use crate::{Result, SessionId};

/// A session, as far as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSummary {
    /// How it came to be.
    pub opening: Arc<SessionOpening>,
    /// Requests that have ended.
    pub requests: u64,
    /// Those of them that were refused.
    pub denied: u64,
    /// When its last request began.
    pub last: SystemTime,
    /// When it ended, if it has.
    pub ended: Option<SystemTime>,
}

/// What a reader wants to keep of what it reads.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted {
    pub(crate) session: Option<SessionId>,
    pub(crate) results: bool,
}

/// The state of joining: what records refer to, and what has not ended.
#[derive(Debug, Default)]
pub(crate) struct Join {
    sessions: HashMap<u32, Arc<SessionOpening>>,
    generations: HashMap<u32, Arc<Policies>>,
    texts: HashMap<u32, Arc<str>>,
    pending: HashMap<(SessionId, u64), Event>,
    pub(crate) summaries: HashMap<SessionId, SessionSummary>,
}

impl Join {
    /// Forgets offsets: another segment begins.
    pub(crate) fn next_segment(&mut self) {
        self.sessions.clear();
        self.generations.clear();
        self.texts.clear();
    }

    /// Requests without an end.
    pub(crate) fn pending(&self) -> impl Iterator<Item = &Event> {
        self.pending.values()
    }

    /// Takes a record in; gives the event it completes. A record that does not read is passed over: its checksum was right,
    /// so that it only refers to what was lost.
    pub(crate) fn take(&mut self, found: Found<'_>, wanted: Wanted) -> Result<Option<Event>> {
        let Found {
            offset,
            kind,
            payload,
        } = found;
        match kind {
            Kind::Session => self.session(offset, serde_json::from_slice(payload)?),
            Kind::Generation => {
                let (generation, digests) = serde_json::from_slice(payload)?;
                self.generations.insert(
                    offset,
                    Arc::new(Policies {
                        generation,
                        digests,
                    }),
                );
            }
            Kind::Text => {
                let text = std::str::from_utf8(payload).unwrap_or_default();
                self.texts.insert(offset, text.into());
            }
            Kind::SessionEnd => {
                self.session_end(Take(payload));
            }
            Kind::Request | Kind::Verdict | Kind::Deed | Kind::Delivered | Kind::Close => {
                return Ok(self.of_request(kind, Take(payload), wanted));
            }
        }
        Ok(None)
    }

    fn session(&mut self, offset: u32, opening: SessionOpening) {
        let summary = self
            .summaries
            .entry(opening.session)
            .or_insert_with(|| SessionSummary {
                last: opening.time,
                opening: Arc::new(opening),
                requests: 0,
                denied: 0,
                ended: None,
            });
        self.sessions.insert(offset, Arc::clone(&summary.opening));
    }

    fn session_end(&mut self, mut take: Take<'_>) -> Option<()> {
        let session = self
            .sessions
            .get(&u32::try_from(take.number()?).ok()?)?
            .session;
        self.summaries.get_mut(&session)?.ended = Some(from_micros(take.number()?));
        Some(())
    }

    fn of_request(&mut self, kind: Kind, mut take: Take<'_>, wanted: Wanted) -> Option<Event> {
        let session = Arc::clone(self.sessions.get(&u32::try_from(take.number()?).ok()?)?);
        let key = (session.session, take.number()?);
        if wanted.session.is_some_and(|wanted| wanted != key.0) {
            return None;
        }
        if kind == Kind::Request {
            let event = self.request(session, key.1, take)?;
            self.pending.insert(key, event);
            return None;
        }
        let later = (kind == Kind::Verdict)
            .then(|| self.verdict(&mut take))
            .flatten();
        let event = self.pending.get_mut(&key)?;
        event.verdicts.extend(later);
        match kind {
            Kind::Deed => event.deeds.push(deed(take)?),
            Kind::Delivered if wanted.results => event.delivered.extend_from_slice(take.0),
            Kind::Close => return self.close(key, take, wanted),
            Kind::Session
            | Kind::SessionEnd
            | Kind::Generation
            | Kind::Text
            | Kind::Request
            | Kind::Verdict
            | Kind::Delivered => {}
        }
        None
    }

    fn close(
        &mut self,
        key: (SessionId, u64),
        mut take: Take<'_>,
        wanted: Wanted,
    ) -> Option<Event> {
        let ending = ending(&mut take)?;
        let mut event = self.pending.remove(&key)?;
        event.ending = ending;
        if wanted.results {
            event.delivered.extend_from_slice(take.0);
        }
        if let Some(summary) = self.summaries.get_mut(&key.0) {
            summary.requests += 1;
            summary.last = event.time;
            let denied = event
                .verdict()
                .is_some_and(|verdict| verdict.effect == Effect::Deny);
            summary.denied += u64::from(denied);
        }
        Some(event)
    }

    fn request(&self, session: Arc<SessionOpening>, number: u64, take: Take<'_>) -> Option<Event> {
        let mut take = take;
        let verdict = self.verdict(&mut take);
        let time = from_micros(take.number()?);
        let step = match take.byte()? {
            0 => Step::Query,
            1 => Step::Parse,
            2 => Step::Bind,
            3 => Step::Execute,
            _ => Step::Other,
        };
        let statement = match u32::try_from(take.number()?).ok()? {
            0 => take.text()?.into(),
            offset => Arc::clone(self.texts.get(&offset)?),
        };
        let mut parameters = Vec::new();
        while !take.0.is_empty() {
            parameters.push(parameter(&mut take)?);
        }
        Some(Event {
            session,
            number,
            time,
            step,
            statement,
            parameters,
            verdicts: verdict.into_iter().collect(),
            deeds: Vec::new(),
            delivered: Vec::new(),
            ending: Ending::Open,
        })
    }

    fn verdict(&self, take: &mut Take<'_>) -> Option<Verdict> {
        let effect = match take.byte()? {
            1 => Effect::Allow,
            2 => Effect::Deny,
            3 => Effect::Hold,
            _ => return None,
        };
        let policies = self.generations.get(&u32::try_from(take.number()?).ok()?);
        let policies = policies.cloned().unwrap_or_default();
        let (policy, reason) = (take.text()?.into(), take.text()?.into());
        let masks = self.texts.get(&u32::try_from(take.number()?).ok()?);
        let masks = masks.cloned().unwrap_or_else(|| "".into());
        Some(Verdict {
            effect,
            policy,
            reason,
            policies,
            masks,
        })
    }
}

fn parameter(take: &mut Take<'_>) -> Option<Parameter> {
    let form = take.byte()?;
    let format = if form & 3 == 2 {
        Format::Binary
    } else {
        Format::Text
    };
    let type_oid = u32::try_from(take.number()?).ok()?;
    let value = if form & 4 == 0 {
        Some(take.bytes()?.to_vec())
    } else {
        None
    };
    Some(Parameter {
        type_oid,
        format,
        value,
    })
}

fn deed(mut take: Take<'_>) -> Option<(SystemTime, Deed)> {
    let time = from_micros(take.number()?);
    Some((time, serde_json::from_slice(take.0).ok()?))
}

fn ending(take: &mut Take<'_>) -> Option<Ending> {
    let end = take.byte()?;
    let outcome = Outcome {
        duration: Duration::from_nanos(take.number()?),
        rows: take.number()?,
        bytes: take.number()?,
        omitted: take.number()?,
        tag: take.text()?.into(),
        sqlstate: Some(take.text()?.to_owned()).filter(|state| !state.is_empty()),
    };
    Some(if end == 0 {
        Ending::Closed(outcome)
    } else {
        Ending::Abandoned(outcome)
    })
}

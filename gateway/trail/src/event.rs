//! What the record says of one request, its records joined.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::facts::{Deed, Effect, Format, SessionOpening, Step};

/// A request, from its opening to its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The session it belongs to.
    pub session: Arc<SessionOpening>,
    /// Its number within the session, from 1.
    pub number: u64,
    /// When it came.
    pub time: SystemTime,
    /// Which step of the protocol it is.
    pub step: Step,
    /// Its statement.
    pub statement: Arc<str>,
    /// Its parameters.
    pub parameters: Vec<Parameter>,
    /// The verdicts on it, in their order; a request that was held may have several, one given up before it was judged has
    /// none.
    pub verdicts: Vec<Verdict>,
    /// What happened to it.
    pub deeds: Vec<(SystemTime, Deed)>,
    /// Bytes of its result as delivered.
    pub delivered: Vec<u8>,
    /// How it ended.
    pub ending: Ending,
}

/// One parameter of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// OID of its type, 0 if unknown.
    pub type_oid: u32,
    /// Its format.
    pub format: Format,
    /// Its value, `None` for NULL.
    pub value: Option<Vec<u8>>,
}

/// One verdict on a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What it said to do.
    pub effect: Effect,
    /// The policy that decided; empty if none had to.
    pub policy: String,
    /// Why; may be empty.
    pub reason: String,
    /// The policies that judged.
    pub policies: Arc<Policies>,
    /// What was masked and noted, one a line; empty if nothing was.
    pub masks: Arc<str>,
}

/// A generation of the policy set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policies {
    /// Its number.
    pub generation: u64,
    /// Name and digest of each policy.
    pub digests: Vec<(String, String)>,
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It has not ended.
    Open,
    /// It has no end on the record: the gateway died.
    Lost,
    /// The gateway let go of it: the client left, or the upstream failed.
    Abandoned(Outcome),
    /// It was answered.
    Closed(Outcome),
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// From the opening to the end.
    pub duration: Duration,
    /// Rows delivered or changed.
    pub rows: u64,
    /// Bytes of the result.
    pub bytes: u64,
    /// Bytes of the result that are not on the record.
    pub omitted: u64,
    /// The command tag; may be empty.
    pub tag: String,
    /// The SQLSTATE, if it ended in an error.
    pub sqlstate: Option<String>,
}

impl Event {
    /// Its name: session and number.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}/{}", self.session.session, self.number)
    }

    /// The verdict in force at its end.
    #[must_use]
    pub fn verdict(&self) -> Option<&Verdict> {
        self.verdicts.last()
    }

    /// What became of it, if it has ended.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.ending {
            Ending::Open | Ending::Lost => None,
            Ending::Abandoned(outcome) | Ending::Closed(outcome) => Some(outcome),
        }
    }

    /// Who asks, as the session's actors and subject read: `agent for alice`.
    #[must_use]
    pub fn who(&self) -> String {
        who(&self.session)
    }

    /// The event as plain JSON, all of it but the bytes of the result.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "id": self.id(),
            "session": &*self.session,
            "number": self.number,
            "time": rfc3339(self.time),
            "step": self.step,
            "statement": &*self.statement,
            "parameters": self.parameters.iter().map(Parameter::json).collect::<Vec<_>>(),
            "verdicts": self.verdicts.iter().map(Verdict::json).collect::<Vec<_>>(),
            "deeds": self.deeds.iter().map(|(time, deed)| {
                json!({ "time": rfc3339(*time), "what": deed })
            }).collect::<Vec<_>>(),
            "ending": self.ending.name(),
            "outcome": self.outcome().map(Outcome::json),
        })
    }
}

/// Who a session is, in a few words: `agent for alice`.
#[must_use]
pub fn who(session: &SessionOpening) -> String {
    let person = session.email.as_ref().unwrap_or(&session.subject);
    match session.actors.as_slice() {
        [] => person.clone(),
        actors => format!("{} for {person}", actors.join(" for ")),
    }
}

/// A time as RFC 3339 in UTC, to the microsecond.
#[must_use]
pub fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_micros(time).to_string()
}

impl Parameter {
    /// The value as text, or as `\x` and hexadecimal digits where it is binary or not UTF-8.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        let value = self.value.as_ref()?;
        match (self.format, std::str::from_utf8(value)) {
            (Format::Text, Ok(text)) => Some(text.to_owned()),
            (Format::Text | Format::Binary, _) => Some(hexadecimal(value)),
        }
    }

    fn json(&self) -> Value {
        json!({ "type_oid": self.type_oid, "format": self.format, "value": self.text() })
    }
}

/// Bytes as PostgreSQL writes `bytea`.
#[must_use]
pub fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 + 2 * bytes.len());
    text.push_str("\\x");
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).expect("four bits are one digit"));
        }
    }
    text
}

impl Verdict {
    fn json(&self) -> Value {
        json!({
            "effect": self.effect,
            "policy": self.policy,
            "reason": self.reason,
            "masks": self.masks.lines().collect::<Vec<_>>(),
            "generation": self.policies.generation,
            "policies": self.policies.json(),
        })
    }
}

impl Policies {
    pub(crate) fn json(&self) -> Value {
        let policies = self.digests.iter();
        policies
            .map(|(name, digest)| json!({ "name": name, "digest": digest }))
            .collect()
    }
}

impl Ending {
    /// One word for it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Lost => "lost",
            Self::Abandoned(_) => "abandoned",
            Self::Closed(_) => "closed",
        }
    }
}

impl Outcome {
    fn json(&self) -> Value {
        json!({
            "tag": self.tag,
            "sqlstate": self.sqlstate,
            "rows": self.rows,
            "bytes": self.bytes,
            "bytes_not_recorded": self.omitted,
            "duration_us": u64::try_from(self.duration.as_micros()).unwrap_or(u64::MAX),
        })
    }
}

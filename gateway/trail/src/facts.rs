//! What the gateway tells the record.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::SessionId;

/// How a session came to be. Recorded when it begins, and again in every segment that speaks of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionOpening {
    /// Its name.
    pub session: SessionId,
    /// When it began.
    #[serde(with = "crate::record::micros")]
    pub time: SystemTime,
    /// Whom the token names.
    pub subject: String,
    /// Who issued the token.
    pub issuer: String,
    /// The subject's address, if the token says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Groups of the subject.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Who acts for the subject, nearest first: an agent, then whoever that agent acts for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actors: Vec<String>,
    /// The database.
    pub database: String,
    /// The role the session has upstream.
    pub role: String,
    /// Address and port of the client.
    pub client: String,
    /// What the client calls itself (`application_name`).
    #[serde(default)]
    pub application: String,
    /// Version of the PostgreSQL protocol, such as `3.2`.
    pub protocol: String,
    /// Whether the connection is encrypted, and how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// The gateway that served it, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
}

/// How a client's connection is encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls {
    /// Protocol version, such as `TLSv1.3`.
    pub version: String,
    /// Cipher suite.
    pub cipher: String,
}

/// Which step of the protocol a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// A simple query.
    Query,
    /// A statement is prepared.
    Parse,
    /// A prepared statement gets its parameters.
    Bind,
    /// A portal runs.
    Execute,
    /// A function is called by number, or the gateway cannot read a message.
    Other,
}

/// The form of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// As text.
    Text,
    /// In the type's binary form.
    Binary,
}

/// A text that is recorded in full once a segment and referred to after that: the text of a prepared statement, the
/// description of a plan. Make it once and keep it beside what it belongs to. It belongs to one trail.
#[derive(Debug, Clone)]
pub struct Text(Arc<Recorded>);

#[derive(Debug)]
struct Recorded {
    text: Arc<str>,
    /// The segment that has the text, and where; see [`Place`].
    place: AtomicU64,
}

impl Text {
    /// A text not recorded yet.
    #[must_use]
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(Arc::new(Recorded {
            text: text.into(),
            place: AtomicU64::new(0),
        }))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    pub(crate) fn place(&self) -> Place {
        Place(self.0.place.load(Ordering::Relaxed))
    }

    pub(crate) fn recorded_at(&self, place: Place) {
        self.0.place.store(place.0, Ordering::Relaxed);
    }
}

/// A segment, as numbered in this process, and an offset in it. Zero is nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Place(u64);

impl Place {
    pub(crate) fn new(segment: u32, offset: u32) -> Self {
        Self(u64::from(segment) << 32 | u64::from(offset))
    }

    /// The offset, if the place is in this segment.
    pub(crate) fn within(self, segment: u32) -> Option<u32> {
        let here = (self.0 >> 32) as u32 == segment && self.0 != 0;
        here.then_some(self.0 as u32)
    }
}

/// What a request is, as known before it is judged. Parameters follow by [`Entry::parameter`](crate::Entry::parameter).
#[derive(Debug, Clone, Copy)]
pub struct Opening<'a> {
    /// When it came.
    pub time: SystemTime,
    /// Which step it is.
    pub step: Step,
    /// Its statement.
    pub statement: Statement<'a>,
}

/// The text of a request.
#[derive(Debug, Clone, Copy)]
pub enum Statement<'a> {
    /// A text that will hardly come again. It is written in full.
    Once(&'a str),
    /// A text kept for use again, as that of a prepared statement.
    Kept(&'a Text),
}

/// A value bound to a parameter of a request.
#[derive(Debug, Clone, Copy)]
pub struct Parameter<'a> {
    /// The OID of its type, 0 if unknown.
    pub type_oid: u32,
    /// Its form.
    pub format: Format,
    /// The value; `None` for NULL.
    pub value: Option<&'a [u8]>,
}

/// What a verdict says to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// It may go.
    Allow,
    /// It may not.
    Deny,
    /// It waits for approval.
    Hold,
}

/// The verdict on a request.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    /// What it says to do.
    pub effect: Effect,
    /// The policy that decided; empty if none had to.
    pub policy: &'a str,
    /// Why; empty if nothing is to be said.
    pub reason: &'a str,
    /// The generation of the policy set that judged.
    pub generation: u64,
    /// Name and digest of each policy of that generation, written once a segment. They may be left out where the writer
    /// [knows](crate::Session::knows) them.
    pub digests: &'a [(String, String)],
    /// What is masked and noted, for people: one `column: mask` a line.
    pub masks: Option<&'a Text>,
    /// How many bytes of the result to keep; `None` for the trail's own limit.
    pub keep: Option<u64>,
}

/// What became of a request.
#[derive(Debug, Clone, Copy)]
pub struct Outcome<'a> {
    /// The command tag, such as `SELECT 3`; empty if there was none.
    pub tag: &'a str,
    /// Rows delivered or changed.
    pub rows: u64,
    /// Bytes of the result, as delivered.
    pub bytes: u64,
    /// The SQLSTATE, if it ended in an error.
    pub sqlstate: Option<&'a str>,
    /// From the opening to the end of the answer.
    pub duration: Duration,
}

impl Outcome<'_> {
    /// A request that ended in an error, before anything was delivered.
    #[must_use]
    pub fn error(sqlstate: &str, duration: Duration) -> Outcome<'_> {
        Outcome {
            tag: "",
            rows: 0,
            bytes: 0,
            sqlstate: Some(sqlstate),
            duration,
        }
    }
}

/// Something that happens to a request between its verdict and its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "deed", rename_all = "snake_case")]
pub enum Deed {
    /// Approval was asked for.
    HoldRequested {
        /// The hold's number.
        hold: u64,
        /// Until when it may be given.
        #[serde(with = "crate::record::micros")]
        until: SystemTime,
    },
    /// Somebody approved.
    Approved {
        /// Who.
        by: String,
        /// What they said.
        #[serde(default)]
        note: String,
    },
    /// Somebody refused.
    Refused {
        /// Who.
        by: String,
        /// What they said.
        #[serde(default)]
        note: String,
    },
    /// Nobody answered in time.
    Expired,
    /// The hold was lifted and the request goes on.
    Released,
    /// The client withdrew the request.
    Cancelled,
    /// The result did not fit the analysis; it was refused.
    Defect {
        /// What did not fit.
        what: String,
    },
    /// Anything else worth keeping.
    Note {
        /// What.
        what: String,
    },
}

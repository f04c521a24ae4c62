//! What a judgement ends in.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::hold::Hold;
use crate::plan::{Note, Plan};
use crate::set::PolicyDigest;

/// The end of a judgement.
#[derive(Debug)]
pub enum Verdict<'a> {
    /// It may go.
    Allow(Permit<'a>),
    /// It may not.
    Deny(Denial),
    /// It waits for approval.
    Hold(Hold),
}

/// Proof that a request was judged and may go: its frames and what is done to its results.
///
/// Only this crate makes one, so whoever demands a `&Permit` cannot be handed something unjudged:
///
/// ```
/// use sluice_policy::{Permit, Plan};
///
/// fn send<'a>(permit: &'a Permit<'_>) -> &'a [u8] {
///     permit.frames()
/// }
/// ```
///
/// ```compile_fail,E0451
/// use sluice_policy::{Permit, Plan};
///
/// fn forge(permit: Permit<'_>, plan: std::sync::Arc<Plan>) -> Permit<'_> {
///     Permit { plan, ..permit }
/// }
/// ```
#[derive(Debug)]
pub struct Permit<'a> {
    frames: Frames<'a>,
    plan: Arc<Plan>,
}

/// The frames of a permit: still where they came in, or kept since.
#[derive(Debug)]
enum Frames<'a> {
    Here(&'a [u8]),
    Kept(Bytes),
}

impl<'a> Permit<'a> {
    /// For a request that is still where it came in.
    pub(crate) fn here(frames: &'a [u8], plan: Arc<Plan>) -> Permit<'a> {
        Permit {
            frames: Frames::Here(frames),
            plan,
        }
    }

    /// For a request that was kept.
    pub(crate) fn kept(frames: Bytes, plan: Arc<Plan>) -> Permit<'a> {
        Permit {
            frames: Frames::Kept(frames),
            plan,
        }
    }

    /// The frames that were judged, as the client sent them.
    pub fn frames(&self) -> &[u8] {
        match &self.frames {
            Frames::Here(frames) => frames,
            Frames::Kept(frames) => frames,
        }
    }

    /// What is done to the results.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }
}

/// Which policy refused, and why, in words for the client. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The policy; [`Denial::GATEWAY`] where the host itself refused.
    pub policy: Arc<str>,
    /// One sentence: what is refused and why.
    pub reason: Arc<str>,
    /// What would be allowed instead.
    pub hint: Option<Arc<str>>,
    /// What the client is told it is.
    pub sqlstate: SqlState,
    /// How the policy failed, where that is why.
    pub failure: Option<Failure>,
    /// What is to be noted in the trail beside it.
    pub notes: Arc<[Note]>,
    /// The policies that were in force.
    pub digests: Arc<[PolicyDigest]>,
}

impl Denial {
    /// The name that stands for the host in [`Denial::policy`].
    pub const GATEWAY: &'static str = "gateway";
}

/// How a policy failed. The label of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// It could not be started.
    Start,
    /// It ran into its deadline.
    Deadline,
    /// It wanted more memory than it may have, and gave up.
    Memory,
    /// It trapped.
    Trap,
    /// Its answer was larger than it may be.
    Output,
    /// Its answer made no sense.
    Answer,
}

impl Failure {
    /// Every kind, in a fixed order.
    pub const ALL: [Failure; 6] = [
        Failure::Start,
        Failure::Deadline,
        Failure::Memory,
        Failure::Trap,
        Failure::Output,
        Failure::Answer,
    ];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Failure::Start => "start",
            Failure::Deadline => "deadline",
            Failure::Memory => "memory",
            Failure::Trap => "trap",
            Failure::Output => "output",
            Failure::Answer => "answer",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An SQLSTATE: five characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SqlState([u8; 5]);

impl SqlState {
    /// insufficient_privilege: what a denial is by default.
    pub const INSUFFICIENT_PRIVILEGE: SqlState = SqlState(*b"42501");
    /// undefined_table: a relation that the catalog does not know.
    pub const UNDEFINED_TABLE: SqlState = SqlState(*b"42P01");
    /// undefined_column: a column that the catalog does not know.
    pub const UNDEFINED_COLUMN: SqlState = SqlState(*b"42703");
    /// undefined_function: a function that the catalog does not know.
    pub const UNDEFINED_FUNCTION: SqlState = SqlState(*b"42883");
    /// syntax_error: text that cannot be read.
    pub const SYNTAX_ERROR: SqlState = SqlState(*b"42601");
    /// statement_too_complex: text that is too long or too deep to be read.
    pub const STATEMENT_TOO_COMPLEX: SqlState = SqlState(*b"54001");
    /// Something changed meanwhile (40001): trying again helps.
    pub const SERIALIZATION_FAILURE: SqlState = SqlState(*b"40001");
    /// The client cancelled the statement.
    pub const QUERY_CANCELED: SqlState = SqlState(*b"57014");
    /// insufficient_resources: there is no capacity to judge it now.
    pub const INSUFFICIENT_RESOURCES: SqlState = SqlState(*b"53000");

    /// The five characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("made of ASCII constants only")
    }
}

impl fmt::Display for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

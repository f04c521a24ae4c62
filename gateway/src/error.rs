//! What went wrong, and the answers to three questions: what the client hears, whose fault it is,
//! and whether the session is over.

use bytes::BytesMut;
use wire::write::{self, ErrorResponse, Severity};

/// What ends a session before its client asks for that.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    /// The client's connection failed or closed.
    #[error("the client is gone: {0}")]
    Client(std::io::Error),
    /// The upstream's connection failed or closed.
    #[error("the upstream is gone: {0}")]
    Upstream(std::io::Error),
    /// The client sent what the protocol does not allow.
    #[error("the client broke the protocol: {0}")]
    ClientProtocol(String),
    /// The upstream sent what the protocol does not allow.
    #[error("the upstream broke the protocol: {0}")]
    UpstreamProtocol(String),
    /// The client is not let in, or not further.
    #[error("refused: {}", .0.message)]
    Refused(Refusal),
    /// The upstream cannot be reached or does not let us in.
    #[error("cannot use the upstream: {0}")]
    Connect(String),
    /// The upstream refused the session, in its own words (its ErrorResponse, whole).
    #[error("the upstream refused the session")]
    UpstreamRefused(bytes::Bytes),
    /// The request cannot be recorded, so it cannot go.
    #[error("the trail cannot be written: {0}")]
    Trail(#[from] trail::Error),
    /// The gateway stops.
    #[error("the gateway stops")]
    Stopping,
}

/// A refusal that ends the session, as the client hears it.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    /// SQLSTATE (PostgreSQL documentation, appendix A).
    pub(crate) sqlstate: &'static str,
    /// What is refused and why.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
}

/// Whose fault an error is: the label of its metric and the level of its log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// The client's.
    Client,
    /// The upstream's.
    Upstream,
    /// Ours.
    Gateway,
}

impl SessionError {
    /// A refusal that ends the session.
    pub(crate) fn refused(sqlstate: &'static str, message: impl Into<String>) -> Self {
        Self::Refused(Refusal {
            sqlstate,
            message: message.into(),
            hint: None,
        })
    }

    /// The same, with advice.
    pub(crate) fn refused_with(
        sqlstate: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self::Refused(Refusal {
            sqlstate,
            message: message.into(),
            hint: Some(hint.into()),
        })
    }

    /// What the client hears, where it can still hear: never an address or a path.
    pub(crate) fn to_client(&self, out: &mut BytesMut) {
        let (sqlstate, message) = match self {
            Self::Client(_) => return,
            Self::Upstream(_) => ("08006", "the connection to the database was lost"),
            Self::ClientProtocol(what) => ("08P01", what.as_str()),
            Self::UpstreamProtocol(_) => (
                "08P01",
                "the database sent something that is not understood",
            ),
            Self::Refused(refusal) => (refusal.sqlstate, refusal.message.as_str()),
            Self::Connect(_) => (
                "08001",
                "the database cannot be reached through this gateway",
            ),
            Self::UpstreamRefused(message) => return out.extend_from_slice(message),
            Self::Trail(_) => (
                "58030",
                "the request cannot be recorded, so it was not let through",
            ),
            Self::Stopping => ("57P01", "terminating connection: the gateway stops"),
        };
        let hint = match self {
            Self::Refused(refusal) => refusal.hint.as_deref(),
            _ => None,
        };
        write::error(
            out,
            &ErrorResponse::new(Severity::Fatal, sqlstate, message).hint(hint),
        );
    }

    /// Whose fault it is.
    #[must_use]
    pub(crate) fn source(&self) -> Source {
        match self {
            Self::Client(_) | Self::ClientProtocol(_) | Self::Refused(_) | Self::Stopping => {
                Source::Client
            }
            Self::Upstream(_)
            | Self::UpstreamProtocol(_)
            | Self::Connect(_)
            | Self::UpstreamRefused(_) => Source::Upstream,
            Self::Trail(_) => Source::Gateway,
        }
    }
}

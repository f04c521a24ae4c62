//! What went wrong, and the answers to three questions: what the client hears, whose fault it is,
//! and whether the session is over.

use bytes::BytesMut;
use wire::write::ErrorResponse;

/// What ends a session before its client asks for that.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
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
    /// The upstream refused the session, in its own words (the body of its ErrorResponse).
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
pub struct Refusal {
    /// SQLSTATE (PostgreSQL documentation, appendix A).
    pub sqlstate: &'static str,
    /// What is refused and why.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Whose fault an error is: the label of its metric and the level of its log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
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
        Self::Refused(Refusal { sqlstate, message: message.into(), hint: None })
    }

    /// The same, with advice.
    pub(crate) fn refused_with(
        sqlstate: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self::Refused(Refusal { sqlstate, message: message.into(), hint: Some(hint.into()) })
    }

    /// What the client hears, where it can still hear: never an address or a path.
    pub(crate) fn to_client(&self, out: &mut BytesMut) {
        let fatal = |sqlstate, message: &str| ErrorResponse::new("FATAL", sqlstate, message);
        match self {
            Self::Client(_) => {}
            Self::Upstream(_) => {
                fatal("08006", "the connection to the database was lost").write(out);
            }
            Self::ClientProtocol(what) => fatal("08P01", what).write(out),
            Self::UpstreamProtocol(_) => {
                fatal("08P01", "the database sent something that is not understood").write(out);
            }
            Self::Refused(refusal) => {
                let mut error = fatal(refusal.sqlstate, &refusal.message);
                if let Some(hint) = &refusal.hint {
                    error = error.hint(hint);
                }
                error.write(out);
            }
            Self::Connect(_) => {
                fatal("08001", "the database cannot be reached through this gateway").write(out);
            }
            Self::UpstreamRefused(body) => {
                out.extend_from_slice(body);
            }
            Self::Trail(_) => {
                fatal("58030", "the request cannot be recorded, so it was not let through")
                    .write(out);
            }
            Self::Stopping => {
                fatal("57P01", "terminating connection: the gateway stops").write(out);
            }
        }
    }

    /// Whose fault it is.
    #[must_use]
    pub fn source(&self) -> Source {
        match self {
            Self::Client(_) | Self::ClientProtocol(_) | Self::Refused(_) => Source::Client,
            Self::Upstream(_)
            | Self::UpstreamProtocol(_)
            | Self::Connect(_)
            | Self::UpstreamRefused(_) => Source::Upstream,
            Self::Trail(_) | Self::Stopping => Source::Gateway,
        }
    }
}

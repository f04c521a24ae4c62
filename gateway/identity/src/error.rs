//! What may be wrong with a token, its provider or the configuration. No message repeats a token:
//! what comes from inside of one is cut short and escaped first.

use std::time::SystemTime;

use crate::claims::utc;

/// Why there is no identity.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration cannot be used.
    #[error("issuer configuration: {0}")]
    Configuration(String),
    /// The provider cannot be reached or does not answer as one.
    #[error("identity provider {issuer}: {problem}")]
    Provider {
        /// Its address.
        issuer: String,
        /// What happened.
        problem: String,
        /// The cause below, where there is one.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The provider could not be asked for so long that its keys no longer count.
    #[error("keys of {issuer} are too old: the provider has not answered for {}s", .age.as_secs())]
    StaleKeys {
        /// Its address.
        issuer: String,
        /// Since the last good answer.
        age: std::time::Duration,
    },
    /// The file of the development issuer.
    #[error("{path}: {problem}")]
    File {
        /// Which.
        path: String,
        /// What about it.
        problem: String,
    },
    /// Longer than any token we take.
    #[error("token is too long: {length} bytes, at most {most}")]
    TooLong {
        /// Its length.
        length: usize,
        /// The limit.
        most: usize,
    },
    /// Not three base64url parts with JSON inside.
    #[error("not a JWT: {0}")]
    NotJwt(&'static str),
    /// A JWT made for something else, or with critical extensions that we do not know.
    #[error("token cannot be used here: {0}")]
    Unsupported(String),
    /// Signed in a way that is not allowed.
    #[error("algorithm {found} is not allowed (allowed: {allowed})")]
    Algorithm {
        /// The one of the token.
        found: String,
        /// Those that would do.
        allowed: String,
    },
    /// The provider has published no such key.
    #[error("unknown signing key {0}: the identity provider does not publish it")]
    UnknownKey(String),
    /// The signature is not the provider's.
    #[error("bad signature")]
    Signature,
    /// Vouched for by another provider.
    #[error("wrong issuer {found}, expected {expected}")]
    Issuer {
        /// The one of the token.
        found: String,
        /// The configured one.
        expected: String,
    },
    /// Made for another service.
    #[error("wrong audience {found}, expected {expected}")]
    Audience {
        /// Those of the token.
        found: String,
        /// The configured ones.
        expected: String,
    },
    /// Its time is over.
    #[error("token expired at {}", utc(*.at))]
    Expired {
        /// Its `exp`.
        at: SystemTime,
    },
    /// Its time has not come: `nbf` or `iat` lies ahead.
    #[error("token is not valid before {}", utc(*.at))]
    NotYetValid {
        /// When it comes.
        at: SystemTime,
    },
    /// A claim that must be there is not.
    #[error("token has no {0:?} claim")]
    Missing(&'static str),
    /// A claim has a shape that it must not have.
    #[error("claim {claim:?} of the token is not {expected}")]
    Claim {
        /// Its name.
        claim: String,
        /// What it should be.
        expected: &'static str,
    },
    /// More actors than anyone can follow.
    #[error("actor chain of the token is longer than {most}")]
    ActorChain {
        /// The limit.
        most: usize,
    },
}

/// Whose fault an error is: what to log, and what to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The client's: it needs another token. The message may be shown to it.
    Token,
    /// The provider's, or the network's: nothing the client could do. For the log.
    Provider,
    /// The operator's. For the log.
    Configuration,
}

impl Error {
    /// Whose fault it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Configuration(_) | Self::File { .. } => Fault::Configuration,
            Self::Provider { .. } | Self::StaleKeys { .. } => Fault::Provider,
            Self::TooLong { .. }
            | Self::NotJwt(_)
            | Self::Unsupported(_)
            | Self::Algorithm { .. }
            | Self::UnknownKey(_)
            | Self::Signature
            | Self::Issuer { .. }
            | Self::Audience { .. }
            | Self::Expired { .. }
            | Self::NotYetValid { .. }
            | Self::Missing(_)
            | Self::Claim { .. }
            | Self::ActorChain { .. } => Fault::Token,
        }
    }
}

/// Text from outside as a message may show it: quoted, escaped, short.
pub(crate) fn shown(text: &str) -> String {
    const MOST: usize = 80;
    let cut: String = text.chars().take(MOST).collect();
    let more = if cut.len() < text.len() { "..." } else { "" };
    format!("{cut:?}{more}")
}

//! Who asks.
//!
//! A client presents a JWT of an OpenID Connect provider. [`Verifier`] checks it against the
//! provider's published keys and gives an [`Identity`]: the subject, its groups, and on a
//! delegated token the actors between the person and us. There is no user table.
//!
//! [`issuer::DevIssuer`] is a provider for demos and tests.

mod algorithm;
mod claims;
mod error;
mod identity;
pub mod issuer;
mod keys;
mod provider;
mod token;
#[cfg(fuzzing)]
pub mod unverified;
mod verifier;

pub use algorithm::Algorithm;
pub use error::{Error, Fault};
pub use identity::{Actor, Identity};
pub use verifier::{IssuerConfig, PlainHttp, Refresh, Verifier};

//! Tokens read without a look at their signatures. Only builds for fuzzing have this module.

use std::time::SystemTime;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::error::Error;
use crate::identity::Identity;
use crate::token::Token;
use crate::verifier::IssuerConfig;

/// A token of this header and these claims, signed by nobody.
#[must_use]
pub fn token(header: &str, claims: &str) -> String {
    let encode = |part: &str| BASE64_URL_SAFE_NO_PAD.encode(part);
    format!("{}.{}.", encode(header), encode(claims))
}

/// What [`Verifier::verify`](crate::Verifier::verify) would give if every signature were good.
///
/// # Errors
/// What is wrong with it.
pub fn identity(token: &str, config: &IssuerConfig, now: SystemTime) -> Result<Identity, Error> {
    let token = Token::parse(token)?;
    config.allowed(&token.header.alg)?;
    let expected = config.expected();
    expected.check_issuer(&token.claims)?;
    expected.identity(token.claims, now)
}

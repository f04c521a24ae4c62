//! A compact JWS: three base64url parts. Nothing in here is trusted; `verifier` checks it.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::{Error, shown};

/// Longest token taken. Providers with hundreds of groups stay well below.
pub(crate) const MOST_BYTES: usize = 32 * 1024;

/// Media types of tokens that grant access: plain JWTs and RFC 9068 access tokens. Others (logout
/// tokens, DPoP proofs, security events) are signed by the same keys and must not pass for one.
const TYPES: [&str; 2] = ["jwt", "at+jwt"];

/// What the token says of its signature.
#[derive(Deserialize)]
pub(crate) struct Header {
    pub(crate) alg: String,
    pub(crate) kid: Option<String>,
    typ: Option<String>,
    cty: Option<String>,
    crit: Option<Value>,
}

/// A token taken apart, not verified.
pub(crate) struct Token<'a> {
    pub(crate) header: Header,
    pub(crate) claims: Map<String, Value>,
    /// What the signature is over.
    pub(crate) signed: &'a str,
    pub(crate) signature: Vec<u8>,
}

impl<'a> Token<'a> {
    /// Takes a token apart.
    pub(crate) fn parse(text: &'a str) -> Result<Self, Error> {
        if text.len() > MOST_BYTES {
            return Err(Error::TooLong {
                length: text.len(),
                most: MOST_BYTES,
            });
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(Error::NotJwt("no dots"))?;
        let (header, claims) = signed
            .split_once('.')
            .ok_or(Error::NotJwt("one dot only"))?;
        if claims.contains('.') {
            return Err(Error::NotJwt(
                "more than three parts; encrypted tokens are not taken",
            ));
        }
        let header: Header = serde_json::from_slice(&decode(header)?)
            .map_err(|_| Error::NotJwt("its header is not that of a JWT"))?;
        check_kind(&header)?;
        let claims = serde_json::from_slice(&decode(claims)?)
            .map_err(|_| Error::NotJwt("its claims are not a JSON object"))?;
        Ok(Self {
            header,
            claims,
            signed,
            signature: decode(signature)?,
        })
    }
}

fn decode(part: &str) -> Result<Vec<u8>, Error> {
    BASE64_URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| Error::NotJwt("a part is not base64url"))
}

/// Refuses tokens of another purpose.
fn check_kind(header: &Header) -> Result<(), Error> {
    if header.crit.is_some() {
        return Err(Error::Unsupported(
            "it has critical header fields".to_owned(),
        ));
    }
    if header.cty.is_some() {
        return Err(Error::Unsupported("it holds another token".to_owned()));
    }
    let Some(kind) = &header.typ else {
        return Ok(());
    };
    let lower = kind.to_ascii_lowercase();
    let name = lower.strip_prefix("application/").unwrap_or(&lower);
    if TYPES.contains(&name) {
        Ok(())
    } else {
        Err(Error::Unsupported(format!("it is of type {}", shown(kind))))
    }
}

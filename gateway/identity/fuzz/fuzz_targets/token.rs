//! Any text reads as a token or as an error, and an identity says what its claims say.
#![no_main]

use std::time::{Duration, SystemTime};

use identity::{Error, Fault, Identity, unverified};
use libfuzzer_sys::fuzz_target;

const ISSUER: &str = "https://i";
const AUDIENCE: &str = "a";

// A line is a token; two or more are the header's JSON and that of the claims.
fuzz_target!(|text: &str| {
    let config = identity::IssuerConfig::new(ISSUER, AUDIENCE);
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let token = match text.split_once('\n') {
        None => text.to_owned(),
        Some((header, claims)) => unverified::token(header, claims),
    };
    match unverified::identity(&token, &config, now) {
        Ok(identity) => check(&identity, now),
        Err(error) => check_error(&error),
    }
});

fn check(identity: &Identity, now: SystemTime) {
    assert_eq!(identity.issuer, ISSUER);
    assert_eq!(identity.claims["iss"], ISSUER);
    assert_eq!(identity.claims["sub"], identity.subject.as_str());
    assert!(!identity.subject.is_empty() && identity.expires_at > now);
    assert!(!identity.claims.contains_key("cnf"));
    assert!(identity.actors.len() <= 8);
    assert_eq!(
        identity.actors.is_empty(),
        !identity.claims.contains_key("act")
    );
    let shown = [identity.to_string(), identity.groups.concat()].concat();
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
}

/// The client is told: what it reads is one short line.
fn check_error(error: &Error) {
    assert_eq!(error.fault(), Fault::Token, "{error}");
    let told = error.to_string();
    assert!(
        told.len() < 2_000 && !told.chars().any(char::is_control),
        "{told:?}"
    );
}

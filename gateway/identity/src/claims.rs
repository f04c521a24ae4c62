//! Claims of a token whose signature is good -> an identity, or what is wrong with them.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use crate::error::{Error, shown};
use crate::identity::{Actor, Identity};

/// Longest actor chain taken.
pub(crate) const MOST_ACTORS: usize = 8;

/// What the claims must meet.
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) audiences: &'a [String],
    pub(crate) groups_claim: &'a str,
    pub(crate) leeway: Duration,
}

impl Expected<'_> {
    /// The issuer alone: checked before keys are looked up, for the better message.
    pub(crate) fn check_issuer(&self, claims: &Map<String, Value>) -> Result<(), Error> {
        let found = text(claims, "iss")?.ok_or(Error::Missing("iss"))?;
        if found == self.issuer {
            Ok(())
        } else {
            Err(Error::Issuer {
                found: shown(found),
                expected: self.issuer.to_owned(),
            })
        }
    }

    /// Everything else, and the identity.
    pub(crate) fn identity(
        &self,
        claims: Map<String, Value>,
        now: SystemTime,
    ) -> Result<Identity, Error> {
        self.check_issuer(&claims)?;
        self.check_audience(&claims)?;
        let expires_at = self.check_times(&claims, now)?;
        if claims.contains_key("cnf") {
            let why = "it is bound to a key of its holder (cnf), which cannot be checked here";
            return Err(Error::Unsupported(why.to_owned()));
        }
        let subject = text(&claims, "sub")?
            .ok_or(Error::Missing("sub"))?
            .to_owned();
        if subject.is_empty() {
            return Err(claim("sub", "a name"));
        }
        Ok(Identity {
            subject,
            issuer: self.issuer.to_owned(),
            email: email(&claims)?,
            groups: groups(&claims, self.groups_claim)?,
            actors: actors(&claims)?,
            expires_at,
            claims,
        })
    }

    fn check_audience(&self, claims: &Map<String, Value>) -> Result<(), Error> {
        let value = claims.get("aud").ok_or(Error::Missing("aud"))?;
        let found = names(value).ok_or_else(|| claim("aud", "a string or a list of strings"))?;
        if found
            .iter()
            .any(|name| self.audiences.iter().any(|audience| audience == name))
        {
            return Ok(());
        }
        Err(Error::Audience {
            found: shown(&found.join(", ")),
            expected: self.audiences.join(" or "),
        })
    }

    /// Gives the moment from which the token no longer counts.
    fn check_times(
        &self,
        claims: &Map<String, Value>,
        now: SystemTime,
    ) -> Result<SystemTime, Error> {
        let expiry = time(claims, "exp")?.ok_or(Error::Missing("exp"))?;
        let end = expiry
            .checked_add(self.leeway)
            .ok_or_else(|| claim("exp", "a time"))?;
        if now >= end {
            return Err(Error::Expired { at: expiry });
        }
        for name in ["nbf", "iat"] {
            let Some(start) = time(claims, name)? else {
                continue;
            };
            if start
                .checked_sub(self.leeway)
                .is_some_and(|earliest| now < earliest)
            {
                return Err(Error::NotYetValid { at: start });
            }
        }
        Ok(end)
    }
}

/// The address, unless the provider says that nobody has verified it.
fn email(claims: &Map<String, Value>) -> Result<Option<String>, Error> {
    let unverified = matches!(claims.get("email_verified"), Some(Value::Bool(false)));
    Ok(text(claims, "email")?
        .filter(|_| !unverified)
        .map(str::to_owned))
}

/// The groups: the claim of exactly this name, else of this dotted path. No such claim, no groups.
fn groups(claims: &Map<String, Value>, name: &str) -> Result<Vec<String>, Error> {
    let elsewhere = claims.get("_claim_names").and_then(|names| names.get(name));
    if elsewhere.is_some() {
        return Err(Error::Unsupported(
            "its groups are too many and were left out by the provider".to_owned(),
        ));
    }
    let found = claims.get(name).or_else(|| {
        let mut steps = name.split('.');
        let first = claims.get(steps.next()?)?;
        steps.try_fold(first, |value, step| value.get(step))
    });
    match found {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(value) => names(value)
            .filter(|groups| groups.iter().all(|group| is_clean(group)))
            .map(|groups| groups.into_iter().map(str::to_owned).collect())
            .ok_or_else(|| claim(name, "a string or a list of strings")),
    }
}

/// The actor chain, the current actor first.
fn actors(claims: &Map<String, Value>) -> Result<Vec<Actor>, Error> {
    let mut actors = Vec::new();
    let mut next = claims.get("act");
    while let Some(link) = next {
        if actors.len() == MOST_ACTORS {
            return Err(Error::ActorChain { most: MOST_ACTORS });
        }
        let link = link.as_object().ok_or_else(|| claim("act", "an object"))?;
        let named = match text(link, "sub")? {
            Some(subject) => Some(subject),
            None => text(link, "client_id")?,
        };
        let subject = named
            .filter(|subject| !subject.is_empty())
            .ok_or_else(|| claim("act", "an object with the name of the actor in \"sub\""))?;
        let issuer = text(link, "iss")?.map(str::to_owned);
        actors.push(Actor {
            subject: subject.to_owned(),
            issuer,
        });
        next = link.get("act");
    }
    Ok(actors)
}

/// A claim that is text where it is there at all.
fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Error> {
    match claims.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if is_clean(text) => Ok(Some(text)),
        Some(_) => Err(claim(name, "plain text")),
    }
}

/// Names end up in log lines, terminals and messages: no control characters.
fn is_clean(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

/// One string, or a list of strings.
fn names(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(name) => Some(vec![name]),
        Value::Array(values) => values.iter().map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

/// A NumericDate: seconds since 1970, perhaps with a fraction.
fn time(claims: &Map<String, Value>, name: &str) -> Result<Option<SystemTime>, Error> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    let after = match (value.as_u64(), value.as_f64()) {
        (Some(seconds), _) => Some(Duration::from_secs(seconds)),
        (None, Some(seconds)) => Duration::try_from_secs_f64(seconds).ok(),
        (None, None) => None,
    };
    after
        .and_then(|after| SystemTime::UNIX_EPOCH.checked_add(after))
        .map(Some)
        .ok_or_else(|| claim(name, "a time in seconds since 1970"))
}

fn claim(name: &str, expected: &'static str) -> Error {
    Error::Claim {
        claim: name.to_owned(),
        expected,
    }
}

/// A time as messages show it.
pub(crate) fn utc(time: SystemTime) -> String {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        // humantime cannot print years beyond 9999.
        Ok(after) if after.as_secs() < 253_402_300_800 => {
            humantime::format_rfc3339_seconds(time).to_string()
        }
        Ok(after) => format!("{} seconds after 1970", after.as_secs()),
        Err(_) => "a time before 1970".to_owned(),
    }
}

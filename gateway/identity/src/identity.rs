//! The person or program behind a session, as its provider vouches for it.

use std::fmt;
use std::time::SystemTime;

use serde_json::{Map, Value};

/// Who asks, and through whom. Made from a verified token, never from the token's text alone.
#[derive(Clone, PartialEq)]
pub struct Identity {
    /// Who the token is about (`sub`), unique at its issuer.
    pub subject: String,
    /// The provider that vouches (`iss`).
    pub issuer: String,
    /// The address of the subject, unless the provider says that it is unverified.
    pub email: Option<String>,
    /// Groups, roles or teams, from the claim that the configuration names.
    pub groups: Vec<String>,
    /// Every claim of the token, for policies. Claims are facts, not the token: they grant nothing.
    pub claims: Map<String, Value>,
    /// Who acts for the subject (`act`, RFC 8693 4.1): the one that presented the token first, then
    /// those before it in the chain. Empty where the subject acts itself.
    pub actors: Vec<Actor>,
    /// From when the token no longer counts: its `exp` plus the leeway of the verifier.
    pub expires_at: SystemTime,
}

/// One link of an actor chain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Actor {
    /// Who acts: the `sub` of the link, or its `client_id` where it has none.
    pub subject: String,
    /// Its issuer, where the link names one; else it is the issuer of the token.
    pub issuer: Option<String>,
}

impl Identity {
    /// Whether the identity is in this group. Names are compared exactly.
    #[must_use]
    pub fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|name| name == group)
    }

    /// The one that presented the token on behalf of the subject.
    #[must_use]
    pub fn actor(&self) -> Option<&Actor> {
        self.actors.first()
    }

    /// Whether the two are the same subject of the same issuer.
    #[must_use]
    pub fn is_same_subject(&self, other: &Identity) -> bool {
        self.subject == other.subject && self.issuer == other.issuer
    }

    /// Whether anyone of one identity, the subject or an actor, is anyone of the other. Such a pair
    /// cannot approve for each other.
    #[must_use]
    pub fn shares_anyone_with(&self, other: &Identity) -> bool {
        self.everyone()
            .any(|one| other.everyone().any(|another| one == another))
    }

    /// The subject and its actors as (subject, issuer).
    fn everyone(&self) -> impl Iterator<Item = (&str, &str)> {
        let actors = self.actors.iter().map(|actor| {
            (
                actor.subject.as_str(),
                actor.issuer.as_deref().unwrap_or(&self.issuer),
            )
        });
        std::iter::once((self.subject.as_str(), self.issuer.as_str())).chain(actors)
    }
}

/// "alice" or "alice (via coder, planner)".
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.subject)?;
        for (position, actor) in self.actors.iter().enumerate() {
            f.write_str(if position == 0 { " (via " } else { ", " })?;
            f.write_str(&actor.subject)?;
        }
        if !self.actors.is_empty() {
            f.write_str(")")?;
        }
        Ok(())
    }
}

/// Claims are shown by name only: their values may be personal.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("subject", &self.subject)
            .field("issuer", &self.issuer)
            .field("email", &self.email)
            .field("groups", &self.groups)
            .field("claims", &self.claims.keys().collect::<Vec<_>>())
            .field("actors", &self.actors)
            .field("expires_at", &self.expires_at)
            .finish()
    }
}

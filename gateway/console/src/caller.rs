//! Who calls: the bearer token of a request -> an identity.

use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use identity::Identity;
use policy::hold::HoldView;

use crate::State;
use crate::problem::Problem;

/// Whoever made the request, verified.
pub(crate) struct Caller(pub(crate) Arc<Identity>);

impl FromRequestParts<State> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let token = bearer(&parts.headers)?;
        let identity = state.verifier.verify(token, SystemTime::now()).await?;
        Ok(Self(Arc::new(identity)))
    }
}

impl Caller {
    /// Passes readers only.
    pub(crate) fn must_read(&self, state: &State) -> Result<(), Problem> {
        if self.is_reader(state) {
            Ok(())
        } else {
            Err(Problem::new(
                StatusCode::FORBIDDEN,
                format!("{} may not see this", self.0),
            )
            .hint(format!("it is for members of {}", state.readers.join(", "))))
        }
    }

    /// Whether the caller may see that this request waits: it is theirs, or theirs to approve, or
    /// they see everything.
    pub(crate) fn sees(&self, state: &State, waiting: &HoldView) -> bool {
        let demands = waiting.hold.demands();
        self.is_reader(state)
            || self.0.is_same_subject(&waiting.hold.facts().identity)
            || demands
                .iter()
                .flat_map(|demand| demand.approvers.iter())
                .any(|g| self.0.is_in(g))
    }

    fn is_reader(&self, state: &State) -> bool {
        state.readers.iter().any(|group| self.0.is_in(group))
    }
}

fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let refused = |why: &str| {
        Problem::new(StatusCode::UNAUTHORIZED, why)
            .hint("send a token of the identity provider: `Authorization: Bearer <token>`")
    };
    let value = headers
        .get(AUTHORIZATION)
        .ok_or_else(|| refused("no token"))?;
    let text = value
        .to_str()
        .map_err(|_| refused("the token is not text"))?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        Some(_) | None => Err(refused("not a bearer token")),
    }
}

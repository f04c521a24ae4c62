//! The routes of the development issuer. Anyone who reaches `/token` can be anyone, so it answers
//! to this machine only, and only under a name of this machine (a page in a browser could otherwise
//! ask through a name that it points here).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::extract::rejection::FormRejection;
use axum::extract::{ConnectInfo, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use identity::issuer::{Claims, DevIssuer};
use serde::{Deserialize, Serialize};

use crate::problem::Problem;

/// The routes of a provider for demos and tests: discovery, keys, and tokens for the asking. To be
/// served by [`crate::serve`], which tells where a request comes from.
pub fn dev_issuer_router(issuer: Arc<DevIssuer>) -> Router {
    Router::new()
        .route("/.well-known/openid-configuration", get(discovery))
        .route("/jwks", get(jwks))
        .route("/token", post(token))
        .with_state(issuer)
}

async fn discovery(State(issuer): State<Arc<DevIssuer>>) -> impl IntoResponse {
    (
        [(CONTENT_TYPE, "application/json")],
        issuer.discovery_json(),
    )
}

async fn jwks(State(issuer): State<Arc<DevIssuer>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], issuer.jwks_json())
}

/// Whom the token shall be about. Lists are separated by spaces.
#[derive(Deserialize)]
struct Wanted {
    sub: String,
    email: Option<String>,
    groups: Option<String>,
    act: Option<String>,
    /// Seconds.
    ttl: Option<u32>,
}

#[derive(Serialize)]
struct Granted {
    access_token: String,
    token_type: &'static str,
    expires_in: u32,
}

async fn token(
    State(issuer): State<Arc<DevIssuer>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    form: Result<Form<Wanted>, FormRejection>,
) -> Result<impl IntoResponse, Problem> {
    if !(peer.ip().to_canonical().is_loopback() && names_this_machine(&headers)) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "tokens are given on this machine only",
        ));
    }
    let Form(wanted) = form.map_err(|error| {
        Problem::new(error.status(), error.body_text())
            .hint("send a form: sub=alice&groups=analysts staff&act=agent")
    })?;
    let expires_in = wanted.ttl.unwrap_or(3600);
    let list = |text: Option<String>| -> Vec<String> {
        text.iter()
            .flat_map(|text| text.split_whitespace())
            .map(str::to_owned)
            .collect()
    };
    let claims = Claims {
        email: wanted.email,
        groups: list(wanted.groups),
        actors: list(wanted.act),
        ttl: Some(Duration::from_secs(expires_in.into())),
        ..Claims::about(wanted.sub)
    };
    let access_token = issuer.issue(&claims, SystemTime::now());
    let granted = Granted {
        access_token,
        token_type: "Bearer",
        expires_in,
    };
    Ok(([(CACHE_CONTROL, "no-store")], Json(granted)))
}

fn names_this_machine(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else {
        return false;
    };
    if let Ok(address) = host.parse::<SocketAddr>() {
        return address.ip().is_loopback();
    }
    let name = host.rsplit_once(':').map_or(host, |(name, _port)| name);
    name == "localhost"
        || name
            .parse::<std::net::Ipv4Addr>()
            .is_ok_and(|ip| ip.is_loopback())
}

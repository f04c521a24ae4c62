//! Every route, its request and its answer.

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Path, State as Extract};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use policy::hold::{HoldNumber, HoldView, Progress};

use crate::caller::Caller;
use crate::problem::Problem;
use crate::{Readiness, State, view};

/// Longest body taken.
const MOST_BYTES: usize = 16 * 1024;
/// Longest reason taken; it is shown in the requester's terminal.
const MOST_REASON: usize = 1000;

/// The API.
pub fn router(state: State) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/api/v1/holds", get(list_holds))
        .route("/api/v1/holds/{number}", get(show_hold))
        .route("/api/v1/holds/{number}/approve", post(approve_hold))
        .route("/api/v1/holds/{number}/deny", post(deny_hold))
        .route("/api/v1/policies", get(list_policies))
        .fallback(async || Problem::new(StatusCode::NOT_FOUND, "no such address"))
        .method_not_allowed_fallback(async || {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "no such method at this address",
            )
        })
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .layer(map_response(plain_and_fresh))
        .with_state(state)
}

async fn readyz(Extract(state): Extract<State>) -> Response {
    match (state.readiness)() {
        Readiness::Ready => "ready\n".into_response(),
        Readiness::NotReady(why) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("not ready: {why}\n"),
        )
            .into_response(),
    }
}

async fn metrics(Extract(state): Extract<State>) -> impl IntoResponse {
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(CONTENT_TYPE, kind)], (state.metrics)())
}

async fn list_holds(caller: Caller, Extract(state): Extract<State>) -> Json<view::Holds> {
    let waiting = state.holds.list();
    let seen = waiting
        .iter()
        .filter(|waiting| caller.sees(&state, waiting));
    Json(view::Holds {
        holds: seen.map(view::Hold::from).collect(),
    })
}

async fn show_hold(
    caller: Caller,
    Extract(state): Extract<State>,
    Path(number): Path<String>,
) -> Result<Json<view::Hold>, Problem> {
    let waiting = find(&caller, &state, &number)?;
    Ok(Json(view::Hold::from(&waiting)))
}

async fn approve_hold(
    caller: Caller,
    Extract(state): Extract<State>,
    Path(number): Path<String>,
    body: Result<Option<Json<view::Approval>>, JsonRejection>,
) -> Result<Json<view::Answer>, Problem> {
    let number = parse(&number)?;
    check_digest(&state, number, body)?;
    let outcome = match state.holds.approve(number, &caller.0)? {
        Progress::Released => view::Outcome::Released,
        Progress::NeedsMore => view::Outcome::NeedsMore,
    };
    tracing::info!(hold = number.number(), approver = %caller.0, ?outcome, "hold approved");
    Ok(Json(view::Answer {
        number: number.number(),
        outcome,
    }))
}

async fn deny_hold(
    caller: Caller,
    Extract(state): Extract<State>,
    Path(number): Path<String>,
    body: Result<Json<view::Denial>, JsonRejection>,
) -> Result<Json<view::Answer>, Problem> {
    let number = parse(&number)?;
    let reason = reason(body)?;
    state.holds.deny(number, &caller.0, &reason)?;
    tracing::info!(hold = number.number(), approver = %caller.0, "hold denied");
    Ok(Json(view::Answer {
        number: number.number(),
        outcome: view::Outcome::Denied,
    }))
}

async fn list_policies(
    caller: Caller,
    Extract(state): Extract<State>,
) -> Result<Json<view::Policies>, Problem> {
    caller.must_read(&state)?;
    Ok(Json(view::Policies::from(&state.policies.status())))
}

/// A request that waits. One that the caller may not see is not there for them.
fn find(caller: &Caller, state: &State, number: &str) -> Result<HoldView, Problem> {
    let waiting = state.holds.show(parse(number)?);
    waiting
        .filter(|waiting| caller.sees(state, waiting))
        .ok_or_else(|| Problem::no_hold(number))
}

fn parse(number: &str) -> Result<HoldNumber, Problem> {
    number
        .parse()
        .map(HoldNumber::new)
        .map_err(|_| Problem::no_hold(number))
}

/// Refuses where the approver saw another request than the one that has the number now: numbers begin
/// anew when the gateway does. Within one run they are never used twice.
fn check_digest(
    state: &State,
    number: HoldNumber,
    body: Result<Option<Json<view::Approval>>, JsonRejection>,
) -> Result<(), Problem> {
    let body = body.map_err(|error| Problem::new(error.status(), error.body_text()))?;
    let Some(seen) = body.and_then(|Json(approval)| approval.digest) else {
        return Ok(());
    };
    let waiting = state
        .holds
        .show(number)
        .ok_or_else(|| Problem::no_hold(&number.to_string()))?;
    if waiting.hold.digest().to_string() == seen {
        return Ok(());
    }
    let error = format!("request {number} is not the one that this approval is for");
    Err(Problem::new(StatusCode::CONFLICT, error).hint("look at it again"))
}

/// The reason for a denial: some words, in printable characters.
fn reason(body: Result<Json<view::Denial>, JsonRejection>) -> Result<String, Problem> {
    let Json(denial) =
        body.map_err(|error| Problem::new(error.status(), error.body_text()).hint(EXAMPLE))?;
    let reason = denial.reason.trim();
    let wrong = if reason.is_empty() {
        "a denial needs a reason"
    } else if reason.chars().count() > MOST_REASON {
        "the reason is too long: at most 1000 characters"
    } else if reason.chars().any(char::is_control) {
        "the reason must be one line of plain text"
    } else {
        return Ok(reason.to_owned());
    };
    Err(Problem::new(StatusCode::BAD_REQUEST, wrong).hint(EXAMPLE))
}

const EXAMPLE: &str = r#"send JSON: {"reason": "use the reporting copy"}"#;

/// Nothing of this is kept by caches or guessed to be a page.
async fn plain_and_fresh(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

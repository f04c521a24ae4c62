//! What went wrong -> what the caller hears: a status and `{error, hint}`.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::WWW_AUTHENTICATE;
use axum::response::{IntoResponse, Response};
use identity::Fault;
use policy::hold::HoldError;

use crate::view;

/// A refusal or failure.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    error: String,
    hint: Option<String>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self {
            status,
            error: error.into(),
            hint: None,
        }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    pub(crate) fn no_hold(number: &str) -> Self {
        let number: String = number
            .chars()
            .filter(char::is_ascii_digit)
            .take(20)
            .collect();
        Self::new(
            StatusCode::NOT_FOUND,
            format!("no request {number} waits for approval"),
        )
        .hint("it may have been answered, withdrawn or expired; GET /api/v1/holds lists what waits")
    }
}

impl From<identity::Error> for Problem {
    fn from(error: identity::Error) -> Self {
        match error.fault() {
            Fault::Token => Self::new(StatusCode::UNAUTHORIZED, error.to_string())
                .hint("get a new token from your identity provider"),
            Fault::Provider | Fault::Configuration => {
                tracing::warn!(%error, "cannot verify a token");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "tokens cannot be verified now",
                )
                .hint("the gateway's log says why")
            }
        }
    }
}

impl From<HoldError> for Problem {
    fn from(error: HoldError) -> Self {
        let said = error.to_string();
        match error {
            HoldError::Unknown(number) => Self::no_hold(&number.to_string()),
            HoldError::OwnRequest => {
                Self::new(StatusCode::FORBIDDEN, said).hint("ask somebody else of the approvers")
            }
            HoldError::Actor => Self::new(StatusCode::FORBIDDEN, said)
                .hint("sign in yourself and answer with your own token"),
            HoldError::NotAnApprover { .. } => Self::new(StatusCode::FORBIDDEN, said),
            HoldError::AlreadyApproved => Self::new(StatusCode::CONFLICT, said),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Json(view::Problem {
            error: self.error,
            hint: self.hint,
        });
        if self.status == StatusCode::UNAUTHORIZED {
            (self.status, [(WWW_AUTHENTICATE, "Bearer")], body).into_response()
        } else {
            (self.status, body).into_response()
        }
    }
}

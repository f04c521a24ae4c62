//! What the operator must grant. A policy that calls one of these imports its interface, and is
//! not loaded without the grant. Not at hand in native tests.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::bindings::grants::sluice::policy::{clock, log};

/// Grant `log`: a line at level "debug".
pub fn debug(message: &str) {
    log::write("debug", message);
}

/// Grant `log`: a line at level "info".
pub fn info(message: &str) {
    log::write("info", message);
}

/// Grant `log`: a line at level "warn".
pub fn warn(message: &str) {
    log::write("warn", message);
}

/// Grant `log`: a line at level "error".
pub fn error(message: &str) {
    log::write("error", message);
}

/// Grant `clock`: the time of day. A decision that looks at it must not be reused.
#[must_use]
pub fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(clock::now())
}

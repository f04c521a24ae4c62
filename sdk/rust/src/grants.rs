//! What the operator must grant. A policy that calls one of these imports its interface, and is
//! not loaded without the grant, unless it calls [`granted`] somewhere: then it is, and what is not
//! granted fails when it is called.
//!
//! Natively, so in tests, [`fixed`] stands in for the gateway.

#[cfg(not(target_arch = "wasm32"))]
pub mod fixed;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[cfg(target_arch = "wasm32")]
use crate::bindings::grants::sluice::policy as host;
#[cfg(not(target_arch = "wasm32"))]
use fixed::host;

/// Grant `log`: a line at level "debug".
pub fn debug(message: &str) {
    host::log::write("debug", message);
}

/// Grant `log`: a line at level "info".
pub fn info(message: &str) {
    host::log::write("info", message);
}

/// Grant `log`: a line at level "warn".
pub fn warn(message: &str) {
    host::log::write("warn", message);
}

/// Grant `log`: a line at level "error".
pub fn error(message: &str) {
    host::log::write("error", message);
}

/// Grant `clock`: the time of day. A decision that has looked at it is not reused.
#[must_use]
pub fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(host::clock::now())
}

/// True where the interface of that name ("clock", "counters", ...) is granted. Needs no grant.
#[must_use]
pub fn granted(name: &str) -> bool {
    host::grants::granted(name)
}

/// Grant `counters`: sums that the gateway keeps, shared by all instances of the policy. A counter
/// is one key with one length of window, from a second to 31 days, in whole seconds.
pub mod counters {
    use std::time::Duration;

    use super::host::counters as host;
    use crate::Denial;
    pub use crate::bindings::grants::sluice::policy::counters::CountedRows;

    /// The sum of the window that ends now.
    #[must_use]
    pub fn get(key: &str, window: Duration) -> u64 {
        host::get(key, seconds(window))
    }

    /// Adds, whatever becomes of the request, and gives the sum of the window with it.
    pub fn add(key: &str, window: Duration, amount: u64) -> u64 {
        host::add(key, seconds(window), amount)
    }

    /// Adds where the sum of the window stays within the limit, and says whether it did. What
    /// `decide` takes is given back where the request does not run.
    #[must_use]
    pub fn take(key: &str, window: Duration, amount: u64, limit: u64) -> bool {
        host::take(key, seconds(window), amount, limit)
    }

    /// In `decide`: ends the results of the request by this denial in place of the first row with which
    /// the sum of the window would exceed the limit. A window of zero is this request alone.
    pub fn limit_rows(
        key: &str,
        window: Duration,
        limit: u64,
        counted: CountedRows,
        denial: &Denial,
    ) {
        host::limit_rows(key, seconds(window), limit, counted, denial);
    }

    /// The gateway refuses what is too long.
    fn seconds(window: Duration) -> u32 {
        u32::try_from(window.as_secs()).unwrap_or(u32::MAX)
    }
}

/// Grant `keyed`: hashes under the keys of the deployment.
pub mod keyed {
    /// What the mask `keyed-hash` makes of the text: equal texts stay equal.
    #[must_use]
    pub fn token(key_name: &str, value: &str) -> String {
        super::host::keyed::token(key_name, value)
    }
}

/// Grant `tables`: what the operator gives the policy to look things up in.
pub mod tables {
    /// The value of the key, where the table has the key.
    #[must_use]
    pub fn lookup(table: &str, key: &str) -> Option<String> {
        super::host::tables::lookup(table, key)
    }

    /// True where the table has the key.
    #[must_use]
    pub fn contains(table: &str, key: &str) -> bool {
        super::host::tables::contains(table, key)
    }
}

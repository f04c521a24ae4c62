//! Stands in for the gateway in native tests; each thread, and so each test, has its own. Everything is
//! granted unless [`grant_only`] says otherwise, it is always 1970 unless [`at`] says otherwise, and what
//! is counted stays.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::Denial;
use crate::grants::counters::CountedRows;

/// A limit of rows that was asked for.
#[derive(Clone, Debug)]
pub struct RowLimit {
    /// The key.
    pub key: String,
    /// The window; 0 for this request alone.
    pub window_seconds: u32,
    /// How many rows.
    pub limit: u64,
    /// Which rows count.
    pub counted: CountedRows,
    /// What the client hears.
    pub denial: Denial,
}

#[derive(Default)]
struct Fixed {
    millis: u64,
    granted: Option<Vec<String>>,
    sums: BTreeMap<(String, u32), u64>,
    limits: Vec<RowLimit>,
    tables: BTreeMap<(String, String), String>,
}

thread_local! {
    static FIXED: RefCell<Fixed> = RefCell::default();
}

fn with<T>(act: impl FnOnce(&mut Fixed) -> T) -> T {
    FIXED.with_borrow_mut(act)
}

/// Sets the clock.
pub fn at(time: SystemTime) {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    with(|fixed| fixed.millis = millis);
}

/// Grants these interfaces and no others.
pub fn grant_only(names: &[&str]) {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    with(|fixed| fixed.granted = Some(names));
}

/// Puts a row into a table.
pub fn put(table: &str, key: &str, value: &str) {
    let place = (table.to_owned(), key.to_owned());
    with(|fixed| fixed.tables.insert(place, value.to_owned()));
}

/// The limits of rows that were asked for since this was called last.
#[must_use]
pub fn row_limits() -> Vec<RowLimit> {
    with(|fixed| std::mem::take(&mut fixed.limits))
}

/// The functions, as the bindings of WebAssembly have them.
pub(crate) mod host {
    pub(crate) mod log {
        /// There is no log.
        pub(crate) fn write(_level: &str, _message: &str) {}
    }

    pub(crate) mod clock {
        pub(crate) fn now() -> u64 {
            super::super::with(|fixed| fixed.millis)
        }
    }

    pub(crate) mod grants {
        pub(crate) fn granted(name: &str) -> bool {
            super::super::with(|fixed| match &fixed.granted {
                Some(granted) => granted.iter().any(|one| one == name),
                None => true,
            })
        }
    }

    pub(crate) mod counters {
        use super::super::{RowLimit, with};
        use crate::Denial;
        use crate::grants::counters::CountedRows;

        pub(crate) fn get(key: &str, window: u32) -> u64 {
            with(|fixed| fixed.sums.get(&(key.to_owned(), window)).copied()).unwrap_or(0)
        }

        pub(crate) fn add(key: &str, window: u32, amount: u64) -> u64 {
            with(|fixed| {
                let sum = fixed.sums.entry((key.to_owned(), window)).or_default();
                *sum = sum.saturating_add(amount);
                *sum
            })
        }

        pub(crate) fn take(key: &str, window: u32, amount: u64, limit: u64) -> bool {
            let fits = get(key, window).saturating_add(amount) <= limit;
            if fits {
                add(key, window, amount);
            }
            fits
        }

        pub(crate) fn limit_rows(
            key: &str,
            window_seconds: u32,
            limit: u64,
            counted: CountedRows,
            denial: &Denial,
        ) {
            let limit = RowLimit {
                key: key.to_owned(),
                window_seconds,
                limit,
                counted,
                denial: denial.clone(),
            };
            with(|fixed| fixed.limits.push(limit));
        }
    }

    pub(crate) mod keyed {
        /// No hash, and yet equal for equal values only.
        pub(crate) fn token(key_name: &str, value: &str) -> String {
            format!("{key_name}:{value}")
        }
    }

    pub(crate) mod tables {
        pub(crate) fn lookup(table: &str, key: &str) -> Option<String> {
            let place = (table.to_owned(), key.to_owned());
            super::super::with(|fixed| fixed.tables.get(&place).cloned())
        }

        pub(crate) fn contains(table: &str, key: &str) -> bool {
            lookup(table, key).is_some()
        }
    }
}

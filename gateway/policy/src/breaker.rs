//! The alarm about a policy that keeps failing.
//!
//! It refuses nothing by itself: a call that fails is a refusal already, and a statement that makes a
//! policy fail must not have those of others refused.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::verdict::Failure;

/// So many failures ...
const FAILURES: usize = 5;
/// ... within so much time open it; so much time with fewer closes it.
const WITHIN: Duration = Duration::from_secs(60);

/// Open while a policy keeps failing.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The last failures, oldest first; at most [`FAILURES`].
    recent: VecDeque<Instant>,
    open_since: Option<SystemTime>,
}

impl Breaker {
    /// Notes a failure, and raises the alarm where it is one too many.
    pub(crate) fn failed(&self, policy: &str, failure: Failure) {
        let mut state = self.state();
        state.settle();
        if state.recent.len() == FAILURES {
            state.recent.pop_front();
        }
        state.recent.push_back(Instant::now());
        if state.recent.len() == FAILURES && state.open_since.is_none() {
            state.open_since = Some(SystemTime::now());
            tracing::error!(
                policy,
                failure = failure.as_str(),
                failures = FAILURES,
                within_seconds = WITHIN.as_secs(),
                "a policy keeps failing: what it fails on is refused"
            );
        }
    }

    /// Since when it is open; none where it is not.
    pub(crate) fn open_since(&self) -> Option<SystemTime> {
        let mut state = self.state();
        state.settle();
        state.open_since
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Forgets failures of long ago.
    fn settle(&mut self) {
        let now = Instant::now();
        let is_old = |at: &Instant| now.duration_since(*at) >= WITHIN;
        while self.recent.front().is_some_and(is_old) {
            self.recent.pop_front();
        }
        if self.recent.len() < FAILURES {
            self.open_since = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Breaker, FAILURES, WITHIN};
    use crate::verdict::Failure;

    fn fail(breaker: &Breaker, times: usize) {
        (0..times).for_each(|_| breaker.failed("p", Failure::Trap));
    }

    #[tokio::test(start_paused = true)]
    async fn many_failures_in_little_time_open_it_and_time_closes_it() {
        let breaker = Breaker::default();
        fail(&breaker, FAILURES - 1);
        assert!(breaker.open_since().is_none());
        fail(&breaker, 1);
        let since = breaker.open_since().expect("it is open");
        fail(&breaker, 100);
        assert_eq!(breaker.open_since(), Some(since));
        tokio::time::advance(WITHIN).await;
        assert!(breaker.open_since().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn few_failures_now_and_then_are_no_alarm() {
        let breaker = Breaker::default();
        for _ in 0..100 {
            fail(&breaker, 1);
            assert!(breaker.open_since().is_none());
            tokio::time::advance(WITHIN / 4 + Duration::from_secs(1)).await;
        }
    }
}

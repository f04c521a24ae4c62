//! Moves the engine's epoch on while guests run, and rests while none does.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use wasmtime::EngineWeak;

/// How often deadlines are looked at.
pub(super) const TICK: Duration = Duration::from_millis(1);
/// Ticks without a running guest after which the ticker rests.
const PATIENCE: u32 = 100;
/// How often a resting ticker looks whether its engine is still there.
const REST: Duration = Duration::from_secs(1);

/// The thread that ticks, seen from those who run guests.
pub(super) struct Ticker {
    calls: Arc<Calls>,
    thread: Thread,
}

#[derive(Default)]
struct Calls {
    running: AtomicUsize,
    resting: AtomicBool,
}

/// Keeps the ticker awake.
#[must_use]
pub(crate) struct Running(Arc<Calls>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Ticker {
    /// Starts the thread; it ends with the engine.
    pub(super) fn start(engine: EngineWeak) -> io::Result<Ticker> {
        let calls = Arc::new(Calls::default());
        let seen = Arc::clone(&calls);
        let name = "policy-ticker".to_owned();
        let thread = thread::Builder::new()
            .name(name)
            .spawn(move || tick(&engine, &seen))?;
        Ok(Ticker {
            calls,
            thread: thread.thread().clone(),
        })
    }

    /// Says that a guest runs for as long as what it returns lives.
    pub(super) fn running(&self) -> Running {
        // Either the ticker sees this count before it rests, or we see here that it rests: both
        // sides write first and read then, in one order for all.
        self.calls.running.fetch_add(1, Ordering::SeqCst);
        if self.calls.resting.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
        Running(Arc::clone(&self.calls))
    }
}

fn tick(engine: &EngineWeak, calls: &Calls) {
    let mut idle = 0;
    while let Some(engine) = engine.upgrade() {
        engine.increment_epoch();
        drop(engine);
        idle = if calls.running.load(Ordering::Relaxed) == 0 {
            idle + 1
        } else {
            0
        };
        if idle < PATIENCE {
            thread::sleep(TICK);
            continue;
        }
        calls.resting.store(true, Ordering::SeqCst);
        if calls.running.load(Ordering::SeqCst) == 0 {
            thread::park_timeout(REST);
        }
        calls.resting.store(false, Ordering::SeqCst);
        if calls.running.load(Ordering::SeqCst) > 0 {
            idle = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{PATIENCE, TICK};
    use crate::fixture::guest::Guest;
    use crate::fixture::{Bench, catalog, facts, query, select};
    use crate::verdict::{Failure, Verdict};
    use std::sync::Arc;

    #[test]
    fn a_ticker_that_rests_wakes_for_an_endless_loop() {
        let bench = Bench::new();
        let catalog = catalog();
        let mut judge = bench.judge(&[&Guest::running("(loop (br 0))")]);
        let mut session = judge.admit(facts(), &catalog).unwrap();
        for text in ["a", "b"] {
            std::thread::sleep(TICK * PATIENCE * 3);
            let verdict = judge.judge(&mut session, query(text), Arc::new(select(&[])), &catalog);
            let Verdict::Deny(denial) = verdict else {
                panic!("{verdict:?}")
            };
            assert_eq!(denial.failure, Some(Failure::Deadline));
        }
    }
}

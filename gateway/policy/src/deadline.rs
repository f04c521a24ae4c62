//! How long a guest may run. Deadlines are looked at by the wall clock, in ticks; but a thread that the
//! machine lets wait for others is not to blame: past half of its time, a guest goes on for as long as
//! its thread has not worked for the other half.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use wasmtime::{Result, Trap, UpdateDeadline};

use crate::engine::ticks;

/// So many times its deadline no guest runs, whatever its thread had of the machine.
const MOST_HALVES: u32 = 20;

/// What is known of the call that runs.
#[derive(Debug, Default)]
pub(crate) struct Deadline {
    half: Duration,
    /// What the thread had worked when the first half was over.
    worked: Option<Duration>,
    halves: u32,
}

impl Deadline {
    /// A call begins. Gives the ticks after which [`is_over`](Self::is_over) is asked first.
    pub(crate) fn begin(&mut self, deadline: Duration) -> u64 {
        *self = Self {
            half: deadline / 2,
            ..Self::default()
        };
        ticks(self.half)
    }

    /// So many ticks are over.
    pub(crate) fn is_over(&mut self) -> Result<UpdateDeadline> {
        let now = worked();
        self.halves += 1;
        let used = self.worked.map(|before| now.saturating_sub(before));
        // Ticks are counted up, and work is not.
        let is_over = used.is_some_and(|used| used >= self.half / 2);
        if is_over || self.halves >= MOST_HALVES {
            return Err(Trap::Interrupt.into());
        }
        self.worked.get_or_insert(now);
        Ok(UpdateDeadline::Continue(ticks(self.half)))
    }
}

/// What this thread has worked so far.
fn worked() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(seconds, nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Far longer than it takes to ask.
    const DEADLINE: Duration = Duration::from_secs(20);

    #[test]
    fn a_guest_that_works_is_over_after_its_second_half() {
        let mut deadline = Deadline::default();
        deadline.begin(Duration::from_millis(20));
        deadline.is_over().expect("there is another half");
        let before = worked();
        while worked() - before < Duration::from_millis(10) {
            std::hint::spin_loop();
        }
        let error = deadline.is_over().map(drop).expect_err("it has had both");
        assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::Interrupt));
    }

    #[test]
    fn a_guest_that_waits_goes_on_but_not_for_ever() {
        let mut deadline = Deadline::default();
        deadline.begin(DEADLINE);
        for _ in 1..MOST_HALVES {
            deadline.is_over().expect("it has not worked");
        }
        deadline.is_over().map(drop).expect_err("it waits for ever");
    }
}

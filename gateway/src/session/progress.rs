//! Tells whoever waits that replies were relayed.

use std::cell::Cell;

use tokio::sync::Notify;

/// A signal that costs nothing where nobody waits for it.
#[derive(Debug, Default)]
pub(super) struct Progress {
    told: Notify,
    waiting: Cell<usize>,
}

/// One that waits.
struct Waiting<'a>(&'a Cell<usize>);

impl Progress {
    /// The next time replies are relayed, counted from this call. Cancel-safe.
    pub(super) fn next(&self) -> impl Future<Output = ()> {
        self.waiting.set(self.waiting.get() + 1);
        let waiting = Waiting(&self.waiting);
        let told = self.told.notified();
        async move {
            told.await;
            drop(waiting);
        }
    }

    /// Replies were relayed.
    pub(super) fn made(&self) {
        if self.waiting.get() > 0 {
            self.told.notify_waiters();
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

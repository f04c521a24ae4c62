//! The sides of a session: futures of one task, of which only those that were woken are polled.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// A future with a waker of its own, so that its task knows whether there is anything to poll it for.
pub(super) struct Lane<'a, T> {
    future: Pin<Box<dyn Future<Output = T> + 'a>>,
    /// Made for the task that polled last.
    bell: Option<(Arc<Bell>, Waker)>,
}

/// Remembers that it rang, and wakes the task.
struct Bell {
    rung: AtomicBool,
    task: Waker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.task.wake_by_ref();
    }
}

impl<'a, T> Lane<'a, T> {
    pub(super) fn new(future: impl Future<Output = T> + 'a) -> Self {
        Self {
            future: Box::pin(future),
            bell: None,
        }
    }

    /// Polls the future, if it was woken since it was polled last.
    fn poll(&mut self, cx: &Context<'_>) -> Poll<T> {
        let (bell, waker) = match &mut self.bell {
            Some(known) if known.0.task.will_wake(cx.waker()) => known,
            bell => {
                let made = Arc::new(Bell {
                    rung: AtomicBool::new(true),
                    task: cx.waker().clone(),
                });
                let waker = Waker::from(Arc::clone(&made));
                bell.insert((made, waker))
            }
        };
        // Looked at first: most have not rung, and writing costs more.
        if !bell.rung.load(Ordering::Relaxed) || !bell.rung.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        self.future.as_mut().poll(&mut Context::from_waker(waker))
    }
}

/// Runs all lanes until the first of them ends; an earlier one goes first.
pub(super) async fn first<T>(mut lanes: impl AsMut<[Lane<'_, T>]>) -> T {
    std::future::poll_fn(|cx| {
        for lane in lanes.as_mut() {
            if let Poll::Ready(ended) = lane.poll(cx) {
                return Poll::Ready(ended);
            }
        }
        Poll::Pending
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::poll_fn;
    use std::task::Poll;

    use super::{Lane, first};

    #[tokio::test]
    async fn a_lane_is_polled_only_when_it_was_woken() {
        let (give, take) = tokio::sync::oneshot::channel();
        let idle_polls = Cell::new(0);
        let idle = poll_fn(|_| {
            idle_polls.set(idle_polls.get() + 1);
            Poll::<u8>::Pending
        });
        let busy = async {
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            give.send(7).expect("the other lane waits for it");
            std::future::pending().await
        };
        let waiting = async { take.await.expect("it is sent") };
        let ended = first([Lane::new(idle), Lane::new(busy), Lane::new(waiting)]).await;
        assert_eq!((ended, idle_polls.get()), (7, 1));
    }
}

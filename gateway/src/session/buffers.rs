//! Where bytes lie while a session has them in hand: buffers of its thread, lent and given back, so
//! that an idle session holds none.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::BytesMut;

/// Read at once.
const READ_BYTES: usize = 64 << 10;
/// The beginning of a message waits for its rest in a buffer of its own, if it is as short as this.
const SMALL: usize = 4 << 10;
/// Larger buffers are not kept.
const LARGEST_KEPT: usize = 256 << 10;
/// More buffers are not kept.
const MOST_KEPT: usize = 64;

/// The buffers of one thread that nobody uses now.
#[derive(Default)]
pub(crate) struct Pool {
    /// The one that was given back last, or an empty one: most are lent and given back in turns.
    last: Cell<Vec<u8>>,
    /// Each of [`READ_BYTES`].
    inward: RefCell<Vec<Vec<u8>>>,
    /// All empty.
    outward: RefCell<Vec<BytesMut>>,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

impl Pool {
    fn lend_inward(&self) -> Vec<u8> {
        let last = self.last.take();
        if !last.is_empty() {
            return last;
        }
        let kept = self.inward.borrow_mut().pop();
        kept.unwrap_or_else(|| vec![0; READ_BYTES])
    }

    fn take_inward(&self, buffer: Vec<u8>) {
        if buffer.len() != READ_BYTES {
            return;
        }
        let before = self.last.replace(buffer);
        if !before.is_empty() {
            let mut kept = self.inward.borrow_mut();
            if kept.len() < MOST_KEPT {
                kept.push(before);
            }
        }
    }

    /// An empty buffer.
    pub(crate) fn lend_outward(&self) -> BytesMut {
        self.outward.borrow_mut().pop().unwrap_or_default()
    }

    /// Takes a buffer back.
    pub(crate) fn take_outward(&self, mut buffer: BytesMut) {
        let mut kept = self.outward.borrow_mut();
        if (1..=LARGEST_KEPT).contains(&buffer.capacity()) && kept.len() < MOST_KEPT {
            buffer.clear();
            kept.push(buffer);
        }
    }
}

/// What one side has sent and nobody has taken yet.
#[derive(Debug)]
pub(crate) struct Inbox {
    pool: Rc<Pool>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Inbox {
    /// An empty one.
    pub(crate) fn new(pool: &Rc<Pool>) -> Self {
        Self {
            pool: Rc::clone(pool),
            buffer: Vec::new(),
            start: 0,
            end: 0,
        }
    }

    /// What is there.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Takes bytes from the front.
    pub(crate) fn take(&mut self, count: usize) {
        self.start += count;
        debug_assert!(self.start <= self.end, "nobody takes what is not there");
        if self.start == self.end {
            self.release(Vec::new());
        }
    }

    /// Puts bytes behind those that are there.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let joined = [self.bytes(), bytes].concat();
        self.release(joined);
    }

    /// Reads more by `read`, which fills the front of what it is given and says how much.
    pub(crate) fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        read: impl FnOnce(&mut Context<'_>, &mut [u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        self.make_room();
        match read(cx, &mut self.buffer[self.end..]) {
            Poll::Ready(count) => {
                let count = count?;
                self.end += count;
                Poll::Ready(Ok(count))
            }
            Poll::Pending => {
                self.shrink();
                Poll::Pending
            }
        }
    }

    /// Sees to it that there is room behind what is there.
    fn make_room(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = self.pool.lend_inward();
            return;
        }
        let left = self.end - self.start;
        if left < SMALL && self.buffer.len() < READ_BYTES {
            let mut lent = self.pool.lend_inward();
            lent[..left].copy_from_slice(self.bytes());
            self.buffer = lent;
        } else {
            self.buffer.copy_within(self.start..self.end, 0);
            if left * 2 > self.buffer.len() {
                self.buffer.resize(self.buffer.len() * 2, 0);
            }
        }
        (self.start, self.end) = (0, left);
    }

    /// Before a wait: only a long message keeps a large buffer.
    fn shrink(&mut self) {
        if self.end == 0 {
            self.pool.take_inward(std::mem::take(&mut self.buffer));
        } else if self.end - self.start < SMALL {
            let left = self.bytes().to_vec();
            self.release(left);
        }
    }

    /// Gives the buffer back and goes on with these bytes.
    fn release(&mut self, left: Vec<u8>) {
        (self.start, self.end) = (0, left.len());
        let buffer = std::mem::replace(&mut self.buffer, left);
        self.pool.take_inward(buffer);
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.release(Vec::new());
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;
    use std::task::{Context, Poll, Waker};

    use super::{Inbox, Pool, READ_BYTES, SMALL};

    /// Reads these bytes, or is not ready where there are none.
    fn fill(inbox: &mut Inbox, bytes: &[u8]) {
        let mut cx = Context::from_waker(Waker::noop());
        let polled = inbox.poll_fill(&mut cx, |_, room| {
            if bytes.is_empty() {
                return Poll::Pending;
            }
            room[..bytes.len()].copy_from_slice(bytes);
            Poll::Ready(Ok(bytes.len()))
        });
        assert_eq!(polled.is_pending(), bytes.is_empty());
    }

    #[test]
    fn what_is_read_is_there_until_it_is_taken() {
        let pool = Rc::new(Pool::default());
        let mut inbox = Inbox::new(&pool);
        fill(&mut inbox, b"one");
        fill(&mut inbox, b"two");
        inbox.take(2);
        fill(&mut inbox, b"");
        assert_eq!(inbox.bytes(), b"etwo");
        inbox.append(b"three");
        fill(&mut inbox, b"!");
        assert_eq!(inbox.bytes(), b"etwothree!");
    }

    #[test]
    fn an_idle_inbox_holds_no_buffer() {
        let pool = Rc::new(Pool::default());
        let mut inbox = Inbox::new(&pool);
        fill(&mut inbox, b"one");
        inbox.take(3);
        let held = |inbox: &Inbox| {
            let last = pool.last.take();
            let kept = (last.len(), pool.inward.borrow().len());
            pool.last.set(last);
            (inbox.buffer.capacity(), kept)
        };
        assert_eq!(held(&inbox), (0, (READ_BYTES, 0)));
        fill(&mut inbox, b"");
        assert_eq!(held(&inbox), (0, (READ_BYTES, 0)));
    }

    #[test]
    fn a_message_larger_than_a_buffer_gets_one_of_its_own() {
        let pool = Rc::new(Pool::default());
        let mut inbox = Inbox::new(&pool);
        let piece = vec![7; SMALL];
        for _ in 0..2 * READ_BYTES / SMALL {
            fill(&mut inbox, &piece);
            fill(&mut inbox, b"");
        }
        assert_eq!(inbox.bytes(), vec![7; 2 * READ_BYTES]);
        inbox.take(2 * READ_BYTES);
        assert_eq!(inbox.buffer.capacity(), 0);
    }
}

//! One side of a session: a stream, and what waits to be written to it.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::buffers::{Inbox, Pool};
use super::canaries::{Canaries, Watch};
use crate::transport::Transport;

/// More than this waits for nobody: the side that fills it is made to wait instead.
pub(crate) const WRITE_SOON: usize = 64 << 10;

/// As much as this is written from where it lies, if nothing waits before it.
const WRITE_AT_ONCE: usize = 8 << 10;

/// After as many bytes of rows the kernel holds back what does not fill a packet, until the result ends
/// (tcp(7), TCP_CORK: 200 ms at most).
const LONG_RESULT: usize = 128 << 10;

/// A stream that both directions of a session may use, as both run in one task.
#[derive(Debug)]
pub(crate) struct Socket {
    io: RefCell<Transport>,
    pool: Rc<Pool>,
    /// What waits; without memory where nothing does.
    out: RefCell<BytesMut>,
    unflushed: Cell<bool>,
    /// Bytes of rows since the last message of another kind.
    rows: Cell<usize>,
    corked: Cell<bool>,
    watched: Option<Watched>,
}

/// Values that must not be written, and how much of what waits is known to hold none.
#[derive(Debug)]
struct Watched {
    canaries: Arc<Canaries>,
    watch: RefCell<Watch>,
    clean: Cell<usize>,
}

impl Watched {
    /// An error where one of the values is about to be written.
    fn check(&self, bytes: &[u8]) -> io::Result<()> {
        if self.watch.borrow_mut().rings(&self.canaries, bytes) {
            tracing::error!("a canary value was about to be sent: a protection does not hold");
            return Err(io::Error::other(
                "a value that must never pass was about to be sent",
            ));
        }
        Ok(())
    }
}

impl Socket {
    pub(crate) fn new(io: Transport, pool: &Rc<Pool>) -> Self {
        Self {
            io: RefCell::new(io),
            pool: Rc::clone(pool),
            out: RefCell::default(),
            unflushed: Cell::new(false),
            rows: Cell::new(0),
            corked: Cell::new(false),
            watched: None,
        }
    }

    /// Has everything searched that is written.
    pub(crate) fn watched(self, canaries: Option<Arc<Canaries>>) -> Self {
        let watched = canaries.map(|canaries| Watched {
            canaries,
            watch: RefCell::default(),
            clean: Cell::new(0),
        });
        Self { watched, ..self }
    }

    /// Reads what is there; 0 is the end of the stream. Cancel-safe.
    pub(crate) async fn read(&self, inbox: &mut Inbox) -> io::Result<usize> {
        poll_fn(|cx| {
            inbox.poll_fill(cx, |cx, room| {
                let mut room = ReadBuf::new(room);
                ready!(Pin::new(&mut *self.io.borrow_mut()).poll_read(cx, &mut room))?;
                Poll::Ready(Ok(room.filled().len()))
            })
        })
        .await
    }

    /// Puts rows of a result behind what waits. Those of a long one reach the other side in few large
    /// pieces: it is woken less often.
    pub(crate) fn queue_rows(&self, bytes: &[u8]) {
        let rows = self.rows.get() + bytes.len();
        self.queue(bytes);
        self.rows.set(rows);
    }

    /// Puts whole messages behind those that wait.
    pub(crate) fn queue(&self, bytes: &[u8]) {
        let written = if bytes.len() < WRITE_AT_ONCE {
            0
        } else {
            self.write_at_once(bytes)
        };
        self.queue_with(|out| out.extend_from_slice(&bytes[written..]));
    }

    /// Lets `write` put whole messages behind those that wait.
    pub(crate) fn queue_with<R>(&self, write: impl FnOnce(&mut BytesMut) -> R) -> R {
        self.rows.set(0);
        let mut out = self.out.borrow_mut();
        if out.capacity() == 0 {
            *out = self.pool.lend_outward();
        }
        write(&mut out)
    }

    /// Writes what the stream takes now of something large, without a copy of it, and says how much.
    /// Where it fails, the next flush will say so.
    fn write_at_once(&self, bytes: &[u8]) -> usize {
        if self.queued() > 0 || self.watched.is_some() {
            return 0;
        }
        // Nobody waits for readiness here; a flush of the rest does.
        let mut cx = Context::from_waker(Waker::noop());
        match Pin::new(&mut *self.io.borrow_mut()).poll_write(&mut cx, bytes) {
            Poll::Ready(Ok(written)) => {
                self.unflushed.set(true);
                written
            }
            Poll::Ready(Err(_)) | Poll::Pending => 0,
        }
    }

    /// Bytes that wait.
    pub(crate) fn queued(&self) -> usize {
        self.out.borrow().len()
    }

    /// Writes all that waits. Cancel-safe: what is not written stays.
    pub(crate) async fn flush(&self) -> io::Result<()> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut out = self.out.borrow_mut();
        let mut io = self.io.borrow_mut();
        if let Some(watched) = &self.watched {
            let checked = watched.check(&out[watched.clean.get()..]);
            if checked.is_err() {
                out.clear();
            }
            watched.clean.set(out.len());
            checked?;
        }
        while !out.is_empty() {
            match ready!(Pin::new(&mut *io).poll_write(cx, &out))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written if written == out.len() => out.clear(),
                written => out.advance(written),
            }
            if let Some(watched) = &self.watched {
                watched.clean.set(out.len());
            }
            self.unflushed.set(true);
        }
        if self.unflushed.get() {
            ready!(Pin::new(&mut *io).poll_flush(cx))?;
            self.unflushed.set(false);
        }
        if out.capacity() > 0 {
            self.pool.take_outward(std::mem::take(&mut out));
        }
        let cork = self.rows.get() > LONG_RESULT;
        if self.corked.replace(cork) != cork {
            io.cork(cork)?;
        }
        Poll::Ready(Ok(()))
    }

    /// Writes all that waits, and that nothing more comes.
    pub(crate) async fn finish(&self) -> io::Result<()> {
        self.flush().await?;
        poll_fn(|cx| Pin::new(&mut *self.io.borrow_mut()).poll_shutdown(cx)).await
    }

    /// Says goodbye, as far as that is possible.
    pub(crate) async fn close(&self) {
        // The other side may be gone: then there is nobody to say it to.
        let _ = self.finish().await;
    }
}

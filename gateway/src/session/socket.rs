//! One side of a session: a stream, and what waits to be written to it.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::transport::Transport;

/// More than this waits for nobody: the side that fills it is made to wait instead.
pub(crate) const WRITE_SOON: usize = 64 << 10;

/// A stream that both directions of a session may use, as both run in one task.
#[derive(Debug)]
pub(crate) struct Socket {
    io: RefCell<Transport>,
    out: RefCell<BytesMut>,
    unflushed: Cell<bool>,
}

impl Socket {
    pub(crate) fn new(io: Transport) -> Self {
        Self {
            io: RefCell::new(io),
            out: RefCell::default(),
            unflushed: Cell::new(false),
        }
    }

    /// Reads what is there into `scratch`; 0 is the end of the stream. Cancel-safe.
    pub(crate) async fn read(&self, scratch: &RefCell<Box<[u8]>>) -> io::Result<usize> {
        poll_fn(|cx| {
            let mut scratch = scratch.borrow_mut();
            let mut buf = ReadBuf::new(&mut scratch);
            ready!(Pin::new(&mut *self.io.borrow_mut()).poll_read(cx, &mut buf))?;
            Poll::Ready(Ok(buf.filled().len()))
        })
        .await
    }

    /// Puts whole messages behind those that wait.
    pub(crate) fn queue(&self, bytes: &[u8]) {
        self.out.borrow_mut().extend_from_slice(bytes);
    }

    /// Lets `write` put whole messages behind those that wait.
    pub(crate) fn queue_with<R>(&self, write: impl FnOnce(&mut BytesMut) -> R) -> R {
        write(&mut self.out.borrow_mut())
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
        while !out.is_empty() {
            match ready!(Pin::new(&mut *io).poll_write(cx, &out))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => out.advance(written),
            }
            self.unflushed.set(true);
        }
        if self.unflushed.get() {
            ready!(Pin::new(&mut *io).poll_flush(cx))?;
            self.unflushed.set(false);
            // An idle session keeps no buffer.
            *out = BytesMut::new();
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

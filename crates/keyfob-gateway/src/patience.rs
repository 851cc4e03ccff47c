//! A connection whose peer must take what it is sent: one that takes nothing for too long is cut (security G-24).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// A limit on how long something stands still; its timer is made when that first happens, which it mostly does not.
#[derive(Debug)]
pub(crate) struct Standstill {
    longest: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    is_on: bool,
}

impl Standstill {
    pub(crate) fn new(longest: Duration) -> Self {
        Self { longest, timer: None, is_on: false }
    }

    /// Notes that something moves.
    pub(crate) fn end(&mut self) {
        self.is_on = false;
    }

    /// Is ready once nothing has moved for too long, counted from the first of these looks since something did.
    pub(crate) fn poll_too_long(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let longest = self.longest;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(longest)));
        if !self.is_on {
            self.is_on = true;
            timer.as_mut().reset(Instant::now() + longest);
        }
        timer.as_mut().poll(context)
    }
}

/// Writes fail once the peer has taken nothing for `longest`.
#[derive(Debug)]
pub(crate) struct Patience<S> {
    inner: S,
    /// Of a write.
    waiting: Standstill,
}

impl<S> Patience<S> {
    pub(crate) fn new(inner: S, longest: Duration) -> Self {
        Self { inner, waiting: Standstill::new(longest) }
    }

    /// Passes on what a write came to, unless it has waited for too long.
    fn watch<T>(&mut self, written: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waiting.end();
            return written;
        }
        self.waiting.poll_too_long(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patience<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patience<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.watch(written, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(context, pieces);
        self.watch(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

//! A WebSocket that is open: bytes both ways, and an ear for what the upstream tells.

use crate::account::Listener;
use crate::meter::Messages;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional};

/// How long both sides may be silent.
const IDLE: Duration = Duration::from_mins(10);

/// Carries bytes until one side ends, both are silent, or the tunnel must end. What was told by then is written down, also if this is
/// dropped.
pub(super) async fn carry<T: Send>(
    caller: OnUpgrade,
    upstream: OnUpgrade,
    must_end: impl Future<Output = T> + Send,
    listener: Option<Listener>,
) {
    let (caller, upstream) = match tokio::try_join!(caller, upstream) {
        Ok(ends) => ends,
        Err(error) => {
            tracing::debug!(%error, "a WebSocket ended before it began");
            return;
        }
    };
    let moved = Arc::new(AtomicU64::new(0));
    let mut caller = Moving { inner: TokioIo::new(caller), moved: Arc::clone(&moved) };
    let heard = listener.map(|listener| Heard { messages: Messages::default(), listener });
    let mut upstream = Listening { inner: TokioIo::new(upstream), heard };
    tokio::select! {
        carried = copy_bidirectional(&mut caller, &mut upstream) => match carried {
            Ok((up, down)) => tracing::debug!(up, down, "a WebSocket ended"),
            Err(error) => tracing::debug!(%error, "a WebSocket broke off"),
        },
        () = silence(&moved) => tracing::info!("a WebSocket was ended: nobody said anything"),
        _ = must_end => tracing::info!("a WebSocket was ended: its caller may no longer use it"),
    }
}

/// Hears what the upstream tells, and has it written down; what broke off, when it is dropped.
struct Heard {
    messages: Messages,
    listener: Listener,
}

impl Heard {
    fn hear(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        for answer in self.messages.read(bytes) {
            self.listener.note(answer).map_err(|unwritten| {
                tracing::error!("a WebSocket is ended: what it uses cannot be written down");
                std::io::Error::other(unwritten)
            })?;
        }
        Ok(())
    }
}

impl Drop for Heard {
    fn drop(&mut self) {
        if let Some(answer) = self.messages.end()
            && let Err(error) = self.listener.note(answer)
        {
            tracing::error!(%error, "the end of a WebSocket is not written down");
        }
    }
}

/// A connection to an upstream to which somebody may listen.
struct Listening {
    inner: TokioIo<Upgraded>,
    heard: Option<Heard>,
}

impl AsyncRead for Listening {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        if let Some(heard) = &mut self.heard {
            heard.hear(buffer.filled().get(before..).unwrap_or_default())?;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Listening {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

/// Returns once nothing has moved for a whole [`IDLE`].
async fn silence(moved: &AtomicU64) {
    loop {
        let before = moved.load(Ordering::Relaxed);
        tokio::time::sleep(IDLE).await;
        if moved.load(Ordering::Relaxed) == before {
            return;
        }
    }
}

/// A connection on which one sees that something moves.
struct Moving {
    inner: TokioIo<Upgraded>,
    moved: Arc<AtomicU64>,
}

impl AsyncRead for Moving {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let read = Pin::new(&mut self.inner).poll_read(context, buffer);
        if read.is_ready() {
            self.moved.fetch_add(1, Ordering::Relaxed);
        }
        read
    }
}

impl AsyncWrite for Moving {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(context, bytes);
        if written.is_ready() {
            self.moved.fetch_add(1, Ordering::Relaxed);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

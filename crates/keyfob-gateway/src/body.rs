//! Bodies on their way through: counted, bounded in time, never collected.

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// Any body that the gateway sends, to a caller or to the upstream.
pub(crate) type Body = UnsyncBoxBody<Bytes, BodyError>;

/// A body ended before its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// The sender broke off.
    #[error("the body broke off")]
    BrokenOff(#[source] hyper::Error),
    /// The sender went silent.
    #[error("the body stood still")]
    StoodStill,
    /// The sender sent more than it may.
    #[error("the body is too large")]
    TooLarge,
    /// The caller may not stay any longer.
    #[error("the caller may not stay any longer")]
    Cut,
}

/// Returns a body that is in memory already.
pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// What a passing body must keep to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The longest silence.
    pub(crate) idle: Duration,
    /// The most bytes, counted as they come: a length that was announced proves nothing.
    pub(crate) size: Option<u64>,
}

/// A body from one side of the gateway on its way to the other.
///
/// Trailers are dropped: they could carry what was stripped from the headers (security G-22).
pub(crate) struct Passing<B> {
    inner: B,
    limits: Limits,
    seen: u64,
    /// The end of the present silence; made at the first one, which many bodies come without.
    silence: Option<Pin<Box<Sleep>>>,
    is_silent: bool,
}

impl<B> Passing<B> {
    pub(crate) fn new(inner: B, limits: Limits) -> Self {
        Self { inner, limits, seen: 0, silence: None, is_silent: false }
    }

    /// Is ready once the sender has been silent for too long.
    fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let idle = self.limits.idle;
        let silence = self.silence.get_or_insert_with(|| Box::pin(tokio::time::sleep(idle)));
        if !self.is_silent {
            self.is_silent = true;
            silence.as_mut().reset(Instant::now() + idle);
        }
        silence.as_mut().poll(context)
    }
}

impl<B> HttpBody for Passing<B>
where
    B: HttpBody<Data = Bytes, Error = hyper::Error> + Unpin,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            let frame = match Pin::new(&mut self.inner).poll_frame(context) {
                Poll::Ready(frame) => frame,
                Poll::Pending => {
                    ready!(self.poll_silence(context));
                    return Poll::Ready(Some(Err(BodyError::StoodStill)));
                }
            };
            let Some(frame) = frame else { return Poll::Ready(None) };
            let Ok(data) = frame.map_err(BodyError::BrokenOff)?.into_data() else { continue };
            self.is_silent = false;
            self.seen = self.seen.saturating_add(data.len() as u64);
            if self.limits.size.is_some_and(|most| self.seen > most) {
                return Poll::Ready(Some(Err(BodyError::TooLarge)));
            }
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

//! Bodies on their way through: counted, bounded in time, never collected.

use crate::patience::Standstill;
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

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
    silence: Standstill,
}

impl<B> Passing<B> {
    pub(crate) fn new(inner: B, limits: Limits) -> Self {
        Self { inner, limits, seen: 0, silence: Standstill::new(limits.idle) }
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
                    ready!(self.silence.poll_too_long(context));
                    return Poll::Ready(Some(Err(BodyError::StoodStill)));
                }
            };
            let Some(frame) = frame else { return Poll::Ready(None) };
            let Ok(data) = frame.map_err(BodyError::BrokenOff)?.into_data() else { continue };
            self.silence.end();
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

//! An answer on its way to a caller: counted, written down, and cut when the key behind it is revoked.

use super::audit::{Ended, Line};
use super::tools::Tool;
use crate::body::{Body, BodyError};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The body of an answer to a tool.
pub(super) struct Passage {
    body: Body,
    line: Line,
    /// Done when the key is revoked; nothing where no key lets the answer through.
    revoked: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Passage {
    /// Follows `body`, whose line has its status.
    pub(super) fn of(body: Body, mut line: Line, tool: Option<Tool>) -> Body {
        if body.is_end_stream() {
            line.ended = Ended::Whole;
        }
        let revoked = tool.map(|tool| Box::pin(tool.ended()) as Pin<Box<dyn Future<Output = ()> + Send>>);
        Self { body, line, revoked }.boxed_unsync()
    }
}

impl HttpBody for Passage {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.revoked.as_mut().is_some_and(|revoked| revoked.as_mut().poll(context).is_ready()) {
            self.revoked = None;
            self.line.ended = Ended::Revoked;
            return Poll::Ready(Some(Err(BodyError::Cut)));
        }
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                let length = frame.data_ref().map_or(0, Bytes::len);
                self.line.bytes = self.line.bytes.saturating_add(length as u64);
                // A body of known length is not polled again after its last byte.
                if self.body.is_end_stream() {
                    self.line.ended = Ended::Whole;
                }
            }
            Poll::Ready(Some(Err(_))) => self.line.ended = Ended::BrokenOff,
            Poll::Ready(None) => self.line.ended = Ended::Whole,
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

//! A caller's body: kept while it is small, so that it can be sent a second time; else it passes once (security G-31).

use crate::body::{Body, BodyError, full};
use crate::error::Refusal;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The most bytes that are kept of a body.
pub(super) const KEPT: usize = 1024 * 1024;

/// A body that was begun to be read.
pub(super) enum Asked {
    /// All of it.
    Kept(Bytes),
    /// Its beginning, and what is still to come.
    Passing(Bytes, Body),
}

impl Asked {
    /// Reads `body` to its end, or until it is too large to keep.
    pub(super) async fn read(mut body: Body) -> Result<Self, Refusal> {
        if body.size_hint().lower() > KEPT as u64 {
            return Ok(Self::Passing(Bytes::new(), body));
        }
        let mut kept = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|error| Refusal::from(&error))?.into_data() else { continue };
            kept.extend_from_slice(&data);
            if kept.len() > KEPT {
                return Ok(Self::Passing(kept.freeze(), body));
            }
        }
        Ok(Self::Kept(kept.freeze()))
    }

    /// Returns the body that is sent, and what is sent if it has to be sent again.
    pub(super) fn send(self) -> (Body, Option<Bytes>) {
        match self {
            Self::Kept(bytes) => (full(bytes.clone()), Some(bytes)),
            Self::Passing(first, rest) => (Joined { first, rest }.boxed_unsync(), None),
        }
    }
}

/// What was read already, then the rest.
struct Joined {
    first: Bytes,
    rest: Body,
}

impl HttpBody for Joined {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.first.is_empty() {
            Pin::new(&mut self.rest).poll_frame(context)
        } else {
            Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.first)))))
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_empty() && self.rest.is_end_stream()
    }
}

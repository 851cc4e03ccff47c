//! A body that may be offered to several upstreams, and is taken by one.

use crate::body::{Body, BodyError};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

/// The body, and whether somebody has begun to read it.
#[derive(Clone)]
pub(super) struct Once(Arc<Mutex<Kept>>);

struct Kept {
    body: Body,
    touched: bool,
}

impl Once {
    pub(super) fn new(body: Body) -> Self {
        Self(Arc::new(Mutex::new(Kept { body, touched: false })))
    }

    /// Returns a body that reads the one that is kept.
    pub(super) fn body(&self) -> Body {
        self.clone().boxed_unsync()
    }

    /// Whether a byte of it may have left.
    pub(super) fn was_touched(&self) -> bool {
        self.with(|kept| kept.touched)
    }

    fn with<T>(&self, read: impl FnOnce(&mut Kept) -> T) -> T {
        read(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl HttpBody for Once {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.with(|kept| {
            kept.touched = true;
            Pin::new(&mut kept.body).poll_frame(context)
        })
    }

    fn is_end_stream(&self) -> bool {
        self.with(|kept| kept.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.with(|kept| kept.body.size_hint())
    }
}

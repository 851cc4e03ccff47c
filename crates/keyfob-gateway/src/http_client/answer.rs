//! The body of an answer, with what keeps it coming.

use super::exclusive::{Driver, Held};
use super::shared::Place;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// An answer's body, as it comes; dropping it ends the request at the server.
#[derive(Debug)]
pub(crate) struct Answer {
    body: Incoming,
    keeper: Keeper,
}

/// What keeps a body coming.
#[derive(Debug)]
enum Keeper {
    /// Nothing, or nothing any more.
    Nobody,
    /// Whoever reads it moves its bytes.
    Reader(Held),
    /// A task of its own, which is kept to end it.
    Task { _driver: Driver },
    /// The connection that it shares with others, where it has a place.
    Shared { _place: Place },
}

impl Answer {
    pub(super) const fn alone(body: Incoming) -> Self {
        Self { body, keeper: Keeper::Nobody }
    }

    pub(super) fn held(body: Incoming, held: Held) -> Self {
        let mut answer = Self { body, keeper: Keeper::Reader(held) };
        if answer.body.is_end_stream() {
            answer.end(&Context::from_waker(std::task::Waker::noop()));
        }
        answer
    }

    pub(super) const fn driven(body: Incoming, driver: Driver) -> Self {
        Self { body, keeper: Keeper::Task { _driver: driver } }
    }

    pub(super) const fn shared(body: Incoming, place: Place) -> Self {
        Self { body, keeper: Keeper::Shared { _place: place } }
    }

    /// Gives back what the body came over.
    fn end(&mut self, context: &Context<'_>) {
        if let Keeper::Reader(held) = std::mem::replace(&mut self.keeper, Keeper::Nobody) {
            held.give_back(context);
        }
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Self { body, keeper } = &mut *self;
        let frame = ready!(match keeper {
            Keeper::Reader(held) => held.poll_frame(body, context),
            Keeper::Nobody | Keeper::Task { .. } | Keeper::Shared { .. } => {
                Pin::new(body).poll_frame(context)
            }
        });
        match &frame {
            // A broken connection is of no further use.
            Some(Err(_)) => self.keeper = Keeper::Nobody,
            // A body of known length is not polled again after its last byte.
            Some(Ok(_)) if !self.body.is_end_stream() => {}
            Some(Ok(_)) | None => self.end(context),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

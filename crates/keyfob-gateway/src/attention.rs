//! What goes on in an HTTP/2 connection: whether anybody is served on it, and whether they take what they asked for.
//!
//! A stream whose window stays shut is never asked for more, so it cannot end itself. The connection looks after it: its
//! upstream is let go once the reader has taken nothing for too long (security G-24), and the reader finds a stream that broke off.

use crate::body::{Body, BodyError};
use crate::connection::ConnectionLimits;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The streams of one connection.
#[derive(Clone, Debug)]
pub(crate) struct Attention(Arc<Mutex<Streams>>);

#[derive(Debug)]
struct Streams {
    running: usize,
    has_served: bool,
    /// When the last one ended, or the connection began.
    since: Instant,
    answers: Vec<std::sync::Weak<Answer>>,
}

/// One request that runs; ended when dropped.
#[derive(Debug)]
pub(crate) struct Running(Attention);

struct Answer(Mutex<Taken>);

struct Taken {
    /// Nothing once it was let go.
    body: Option<Body>,
    /// Since when the reader has not come for more; nothing while it waits for the upstream.
    untouched: Option<Instant>,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Answer")
    }
}

impl Attention {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Streams {
            running: 0,
            has_served: false,
            since: Instant::now(),
            answers: Vec::new(),
        })))
    }

    /// Notes that a request has begun.
    pub(crate) fn begin(&self) -> Running {
        let mut streams = self.streams();
        streams.running += 1;
        streams.has_served = true;
        drop(streams);
        Running(self.clone())
    }

    /// Looks after the streams; says when there has been none for too long, and returns if the connection does not end then.
    pub(crate) async fn look_after(&self, limits: &ConnectionLimits, is_idle: &Notify) {
        let mut is_told = false;
        loop {
            tokio::time::sleep(limits.head).await;
            self.let_go(limits.write_idle);
            if !self.is_idle(limits) {
                is_told = false;
            } else if is_told {
                return;
            } else {
                is_told = true;
                is_idle.notify_one();
            }
        }
    }

    fn is_idle(&self, limits: &ConnectionLimits) -> bool {
        let streams = self.streams();
        let longest = if streams.has_served { limits.idle } else { limits.head };
        streams.running == 0 && streams.since.elapsed() >= longest
    }

    /// Lets go of what no reader has come for.
    fn let_go(&self, longest: Duration) {
        let mut untouched = Vec::new();
        self.streams()
            .answers
            .retain(|answer| answer.upgrade().map(|answer| untouched.push(answer)).is_some());
        for answer in untouched {
            let mut taken = answer.taken();
            if taken.untouched.is_some_and(|since| since.elapsed() >= longest) {
                taken.body = None;
            }
        }
    }

    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut streams = self.0.streams();
        streams.running = streams.running.saturating_sub(1);
        streams.since = Instant::now();
    }
}

impl Running {
    /// Returns the answer as it is sent, which is looked after until it is over.
    pub(crate) fn follow(self, body: Body) -> Body {
        let answer =
            Arc::new(Answer(Mutex::new(Taken { body: Some(body), untouched: Some(Instant::now()) })));
        self.0.streams().answers.push(Arc::downgrade(&answer));
        Followed { answer, _running: self }.boxed_unsync()
    }
}

impl Answer {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Followed {
    answer: Arc<Answer>,
    _running: Running,
}

impl HttpBody for Followed {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let mut taken = self.answer.taken();
        let Some(body) = &mut taken.body else { return Poll::Ready(Some(Err(BodyError::StoodStill))) };
        let frame = Pin::new(body).poll_frame(context);
        taken.untouched = frame.is_ready().then(Instant::now);
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.answer.taken().body.as_ref().is_some_and(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.answer.taken().body.as_ref().map(HttpBody::size_hint).unwrap_or_default()
    }
}

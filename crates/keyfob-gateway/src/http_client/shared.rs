//! A connection for many requests at a time: HTTP/2, driven by a task of its own.

use super::answer::Answer;
use super::{Attempt, Stream};
use crate::body::Body;
use http::{Request, Response};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::sync::Arc;
use std::time::Duration;

/// A connection that is shared; ends when nobody holds it any more and its last answer is over.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    sender: SendRequest<Body>,
    /// Held once by each request.
    places: Arc<()>,
}

/// The place of one request.
#[derive(Debug)]
pub(super) struct Place {
    _of_many: Arc<()>,
}

/// How many requests share a connection: what RFC 9113 §6.5.2 asks servers to allow at least. Where one allows fewer, the
/// others wait on the connection.
const STREAMS: usize = 100;
/// What is kept of a request that the server does not take, in bytes (G-27).
const BUFFER: usize = 64 * 1024;
/// What one answer may lie ahead of its reader, in bytes.
const WINDOW: u32 = 64 * 1024;
/// What all of them may: one that nobody reads must not hold up the others.
const CONNECTION_WINDOW: u32 = WINDOW * 128;
/// How often a quiet server is asked whether it is there, and how long it may think (RFC 9113 §6.7).
const ASKED: Duration = Duration::from_secs(30);
const ANSWERED: Duration = Duration::from_secs(20);

impl Shared {
    pub(super) async fn open(stream: Stream) -> Result<Self, hyper::Error> {
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(BUFFER)
            .keep_alive_interval(ASKED)
            .keep_alive_timeout(ANSWERED)
            .handshake(stream)
            .await?;
        drop(tokio::spawn(async move {
            // Each request on it is told of an error.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to an upstream ended");
            }
        }));
        Ok(Self { sender, places: Arc::default() })
    }

    /// Whether another request may go over it.
    pub(super) fn has_room(&self) -> bool {
        !self.sender.is_closed() && self.in_use() < STREAMS
    }

    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// How many requests are on it: each holds a copy of this, or a place.
    pub(super) fn in_use(&self) -> usize {
        Arc::strong_count(&self.places).saturating_sub(1)
    }

    pub(super) async fn send(mut self, request: Box<Request<Body>>) -> Result<Response<Answer>, Attempt> {
        let response = self.sender.try_send_request(*request).await.map_err(Attempt::from)?;
        let place = Place { _of_many: self.places };
        Ok(response.map(|body| Answer::shared(body, place)))
    }
}

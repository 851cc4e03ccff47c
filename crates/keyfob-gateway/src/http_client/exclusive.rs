//! A connection for one request at a time: HTTP/1.1, driven by the task that waits for the answer.

use super::answer::Answer;
use super::pool::Origin;
use super::shield::Shield;
use super::{Attempt, HEAD, INTERIM, SendError, Stream};
use crate::body::{Body, BodyError};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{self, SendRequest};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker, ready};
use tokio::task::JoinHandle;

/// The library gives the type that can change protocols no name.
type Connection = Pin<Box<dyn Future<Output = Result<(), hyper::Error>> + Send>>;

/// Both halves: what takes a request, and what moves the bytes.
pub(super) struct Exclusive {
    sender: SendRequest<Watched>,
    /// Nothing once it has ended.
    connection: Option<Connection>,
    shield: Shield,
    /// Whether the present request was taken whole.
    is_taken: Arc<AtomicBool>,
    /// How many interim answers came to it.
    interim: Arc<AtomicUsize>,
}

impl Exclusive {
    pub(super) async fn open(stream: Stream) -> Result<Box<Self>, hyper::Error> {
        // What is read at once, and what is kept of a request that the server does not take, is no longer than a head may be:
        // there are as many such pieces as streams.
        let (sender, connection) =
            http1::Builder::new().max_buf_size(HEAD).max_header_size(HEAD).handshake(stream).await?;
        Ok(Box::new(Self {
            sender,
            connection: Some(Box::pin(connection.with_upgrades())),
            shield: Shield::new(),
            is_taken: Arc::default(),
            interim: Arc::default(),
        }))
    }

    /// Sends a request, and returns the answer once its head is there.
    pub(super) async fn send(
        mut self: Box<Self>,
        mut request: Box<Request<Body>>,
        origin: &Arc<Origin>,
    ) -> Result<Response<Answer>, Attempt> {
        self.is_taken.store(request.body().is_end_stream(), Ordering::Relaxed);
        self.interim.store(0, Ordering::Relaxed);
        let counted = Arc::clone(&self.interim);
        hyper::ext::on_informational(&mut request, move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        let watched = request.map(|body| Watched { body, is_taken: Arc::clone(&self.is_taken) });
        // What it waits for is done by the connection, which counts what a task does.
        let sending = tokio::task::unconstrained(self.sender.try_send_request(watched));
        let mut sending = pin!(sending);
        let connection = &mut self.connection;
        let (shield, interim) = (&self.shield, &self.interim);
        let answered = std::future::poll_fn(|context| {
            shield.drive(context, |context| {
                drive(connection, context);
                if interim.load(Ordering::Relaxed) > INTERIM {
                    return Poll::Ready(None);
                }
                sending.as_mut().poll(&mut Context::from_waker(Waker::noop())).map(Some)
            })
        });
        match answered.await {
            None => Err(Attempt::Failed(SendError::OnlyInterim)),
            Some(Ok(response)) => Ok(self.answer(response, origin)),
            Some(Err(mut error)) => {
                let message = error.take_message();
                let error = SendError::Broken(error.into_error());
                match message {
                    Some(request) => {
                        Err(Attempt::Unsent(Box::new(request.map(|watched| watched.body)), error))
                    }
                    None => Err(Attempt::Failed(error)),
                }
            }
        }
    }

    fn answer(mut self: Box<Self>, response: Response<Incoming>, origin: &Arc<Origin>) -> Response<Answer> {
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            // What speaks the other protocol takes it over; nobody waits for an end of this answer.
            if let Some(connection) = self.connection.take() {
                drop(tokio::spawn(connection));
            }
            return response.map(Answer::alone);
        }
        if !self.is_taken.load(Ordering::Relaxed)
            && let Some(connection) = self.connection.take()
        {
            // The request goes on, also while nobody takes the answer; the connection is used up then.
            let driver = Driver(tokio::spawn(connection));
            return response.map(|body| Answer::driven(body, driver));
        }
        let origin = Arc::clone(origin);
        response.map(|body| Answer::held(body, Held { exclusive: self, origin }))
    }

    fn is_idle(&self) -> bool {
        self.connection.is_some() && self.sender.is_ready()
    }
}

fn drive(connection: &mut Option<Connection>, context: &mut Context<'_>) {
    if let Some(running) = connection
        && running.as_mut().poll(context).is_ready()
    {
        // An error was handed to whoever waits for the answer or its body.
        *connection = None;
    }
}

impl std::fmt::Debug for Exclusive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exclusive").finish_non_exhaustive()
    }
}

/// A connection on which an answer is on its way, and where it belongs.
#[derive(Debug)]
pub(super) struct Held {
    exclusive: Box<Exclusive>,
    origin: Arc<Origin>,
}

impl Held {
    /// Returns the next piece of `body`, moving its bytes meanwhile.
    pub(super) fn poll_frame(
        &mut self,
        body: &mut Incoming,
        context: &Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Exclusive { connection, shield, .. } = &mut *self.exclusive;
        shield.drive(context, |context| {
            let unwoken = &mut Context::from_waker(Waker::noop());
            let frame = Pin::new(&mut *body).poll_frame(unwoken);
            if frame.is_ready() {
                return frame;
            }
            drive(connection, context);
            Pin::new(&mut *body).poll_frame(unwoken)
        })
    }

    /// Gives the connection back once its answer is over, if it can take another request.
    pub(super) fn give_back(mut self, context: &Context<'_>) {
        if !self.exclusive.is_idle() {
            let Exclusive { connection, shield, .. } = &mut *self.exclusive;
            let _pending: Poll<()> = shield.drive(context, |context| {
                drive(connection, context);
                Poll::Ready(())
            });
        }
        if self.exclusive.is_idle() {
            self.origin.give_back(self.exclusive);
        }
    }
}

/// Drives a connection whose answer came before its request was over; ends with the answer.
#[derive(Debug)]
pub(super) struct Driver(JoinHandle<Result<(), hyper::Error>>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A body that says when it was taken whole.
pub(super) struct Watched {
    body: Body,
    is_taken: Arc<AtomicBool>,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if frame.is_none() || self.body.is_end_stream() {
            self.is_taken.store(true, Ordering::Relaxed);
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

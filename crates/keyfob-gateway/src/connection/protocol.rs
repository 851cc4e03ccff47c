//! HTTP/1.1 and HTTP/2 on one connection, whichever its first bytes are.

use super::{ConnectionLimits, Ended, HEAD_BYTES};
use crate::attention::Attention;
use crate::body::Body;
use crate::door::{Door, Opening, Protocol};
use crate::gateway::Gateway;
use crate::upgrade::Way;
use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;

/// What a connection may hold of what its reader does not take (security G-27).
const BUFFER: usize = 64 * 1024;
/// How many requests may run on an HTTP/2 connection (I-76).
const STREAMS: u32 = 100;
/// How many streams a caller may reset before they were looked at (CVE-2023-44487), and may have reset for its mistakes.
const RESETS: usize = 20;
const MISTAKES: usize = 100;
/// How much of a request's body is taken before somebody reads it: of one stream, and of all of a connection.
const WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// When a silent HTTP/2 connection is asked whether it is alive, and how long it may take to say so.
const PING: Duration = Duration::from_secs(30);
const PONG: Duration = Duration::from_secs(20);

/// Serves what is asked for on `stream` until that ends.
pub(super) async fn speak<S>(
    mut stream: Door<S>,
    opening: Opening,
    gateway: &Arc<Gateway>,
    limits: &ConnectionLimits,
    draining: watch::Receiver<bool>,
) -> Result<(), Ended>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let protocol = tokio::time::timeout(limits.head, stream.protocol());
    let protocol = protocol.await.map_err(|_| Ended::NoRequest)?.map_err(Ended::Broken)?;
    let stream = TokioIo::new(stream);
    match protocol {
        Protocol::Http1 => speak_http1(stream, opening, gateway, limits, draining).await,
        // Far larger than the other, which would otherwise keep room for it.
        Protocol::Http2 => Box::pin(speak_http2(stream, gateway, limits, draining)).await,
    }
}

async fn speak_http1<S>(
    stream: TokioIo<Door<S>>,
    opening: Opening,
    gateway: &Arc<Gateway>,
    limits: &ConnectionLimits,
    draining: watch::Receiver<bool>,
) -> Result<(), Ended>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (way, mut tunnels) = mpsc::channel(1);
    let way = Way::new(opening, way);
    let (gateway, way) = (&**gateway, &way);
    let service = service_fn(move |request: Request<Incoming>| {
        let request = Box::new(request);
        async move { Ok::<_, Infallible>(answer_on_http1(gateway, request, way).await) }
    });
    let connection = http1(limits).serve_connection(stream, service).with_upgrades();
    let end = |connection: Pin<&mut http1::UpgradeableConnection<_, _>>| connection.graceful_shutdown();
    drive(connection, end, told_to_drain(draining)).await?;
    // Whatever runs on is a tunnel, which has the connection now.
    if let Ok(tunnel) = tunnels.try_recv() {
        tunnel.run().await;
    }
    Ok(())
}

async fn speak_http2<S>(
    stream: TokioIo<Door<S>>,
    gateway: &Arc<Gateway>,
    limits: &ConnectionLimits,
    draining: watch::Receiver<bool>,
) -> Result<(), Ended>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let attention = Attention::new();
    let service = service_fn(|request: Request<Incoming>| {
        let (gateway, attention) = (Arc::clone(gateway), attention.clone());
        async move {
            let running = attention.begin();
            let response = answer_on_http2(&gateway, Box::new(request)).await;
            Ok::<_, Infallible>(response.map(|body| running.follow(body)))
        }
    });
    let connection = http2(Tasks::default()).serve_connection(stream, service);
    let end = |connection: Pin<&mut http2::Connection<_, _, _>>| connection.graceful_shutdown();
    let is_idle = Notify::new();
    let told = async {
        tokio::select! {
            () = told_to_drain(draining) => {}
            () = is_idle.notified() => {}
        }
    };
    tokio::select! {
        ended = drive(connection, end, told) => ended,
        () = attention.look_after(limits, &is_idle) => Err(Ended::NoRequest),
    }
}

async fn told_to_drain(mut draining: watch::Receiver<bool>) {
    // That nobody tells any more is the end, too.
    draining.wait_for(|draining| *draining).await.ok();
}

/// Polls `connection` to its end, and lets it `end` once it is `told` to.
async fn drive<C: Future<Output = hyper::Result<()>>>(
    connection: C,
    end: impl Fn(Pin<&mut C>),
    told: impl Future<Output = ()>,
) -> Result<(), Ended> {
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = told => {
            end(connection.as_mut());
            connection.await
        }
    };
    ended.map_err(Ended::Http)
}

/// Answers one request of HTTP/1.1.
async fn answer_on_http1(
    gateway: &Gateway,
    mut request: Box<Request<Incoming>>,
    way: &Way,
) -> Response<Body> {
    let asks_for_upgrade = request.headers().contains_key(header::UPGRADE);
    if asks_for_upgrade {
        request.extensions_mut().insert(way.clone());
    }
    let mut response = gateway.handle(request).await;
    if asks_for_upgrade && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        // What follows was meant for another protocol.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Answers one request of HTTP/2.
async fn answer_on_http2(gateway: &Gateway, request: Box<Request<Incoming>>) -> Response<Body> {
    let mut response = gateway.handle(request).await;
    // RFC 9113 §8.2.2: a connection of streams is not ended by one of them.
    response.headers_mut().remove(header::CONNECTION);
    response
}

/// Returns HTTP/1.1 within these limits.
pub(crate) fn http1(limits: &ConnectionLimits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_header_size(HEAD_BYTES)
        .max_buf_size(BUFFER);
    builder
}

fn http2(tasks: Tasks) -> http2::Builder<Tasks> {
    let mut builder = http2::Builder::new(tasks);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(HEAD_BYTES).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(RESETS)
        .max_local_error_reset_streams(MISTAKES)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(BUFFER)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PONG);
    builder
}

/// The streams of one HTTP/2 connection, which end with it.
#[derive(Clone, Debug, Default)]
struct Tasks(Arc<Mutex<JoinSet<()>>>);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, stream: F) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that have ended are taken out of the set.
        while tasks.try_join_next().is_some() {}
        tasks.spawn(stream);
    }
}

//! One accepted connection: how it is spoken to, within which limits, and how it ends.

use crate::gateway::Gateway;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// How long the head of a request may take (security G-24).
const HEAD: Duration = Duration::from_secs(10);
/// How large the head of a request may be: a token of 16 KiB and as much again.
const HEAD_BYTES: usize = 32 * 1024;
/// What a connection may hold of what its reader does not take (security G-27).
const BUFFER: usize = 64 * 1024;
/// How many connections there are at most; further ones wait in the listener's queue.
const CONNECTIONS: usize = 8_192;

/// What serves accepted connections; shared by all listeners.
#[derive(Debug)]
pub(crate) struct Connections {
    gateway: Arc<Gateway>,
    places: Arc<Semaphore>,
}

/// The right to one connection; free again when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _of_all: OwnedSemaphorePermit,
}

impl Connections {
    pub(crate) fn new(gateway: Arc<Gateway>) -> Self {
        Self { gateway, places: Arc::new(Semaphore::new(CONNECTIONS)) }
    }

    /// Returns a place for one connection more, once there is one.
    pub(crate) async fn place(&self) -> Place {
        match Arc::clone(&self.places).acquire_owned().await {
            Ok(of_all) => Place { _of_all: of_all },
            // The semaphore is never closed.
            Err(_closed) => std::future::pending().await,
        }
    }

    /// Serves a connection until it ends; once `draining` is true, it ends with the request that it is at.
    ///
    /// Dropping the future cuts the connection.
    pub(crate) async fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        place: Place,
        mut draining: watch::Receiver<bool>,
    ) {
        // Small events must not wait for each other's acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, %peer, "the connection ended before it began");
            return;
        }
        let service = service_fn(|request| {
            let gateway = Arc::clone(&self.gateway);
            async move { Ok::<_, Infallible>(gateway.handle(request).await) }
        });
        let connection = protocol().serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = &mut connection => ended,
            () = async { drop(draining.wait_for(|draining| *draining).await) } => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, %peer, "connection ended");
        }
        drop(place);
    }
}

/// Returns HTTP/1.1 with the limits of a connection.
pub(crate) fn protocol() -> http1::Builder {
    let mut protocol = http1::Builder::new();
    protocol
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_header_size(HEAD_BYTES)
        .max_buf_size(BUFFER);
    protocol
}

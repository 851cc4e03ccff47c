//! The listener: connections in, each with limits, and an orderly end.

use crate::gateway::Gateway;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

/// How long the head of a request may take (security G-24).
const HEAD: Duration = Duration::from_secs(10);
/// How large the head of a request may be: a token of 16 KiB and as much again.
const HEAD_BYTES: usize = 32 * 1024;
/// What a connection may hold of what its reader does not take (security G-27).
const BUFFER: usize = 64 * 1024;
/// How many connections there are at most; further ones wait in the listener's queue.
const CONNECTIONS: usize = 8_192;
/// How long running streams may go on once the gateway was asked to stop.
const FAREWELL: Duration = Duration::from_secs(5);
/// The pause after a failed accept: for lack of descriptors, it would fail again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop` is done, then lets running requests end within 5 s.
///
/// Dropping the future ends everything at once.
pub async fn serve(listener: TcpListener, gateway: Arc<Gateway>, stop: impl Future<Output = ()>) {
    let mut tasks = JoinSet::new();
    tasks.spawn({
        let gateway = Arc::clone(&gateway);
        async move { match gateway.keep_keys_fresh().await {} }
    });
    tasks.spawn({
        let gateway = Arc::clone(&gateway);
        async move { match gateway.follow_revocations().await {} }
    });
    tasks.spawn({
        let gateway = Arc::clone(&gateway);
        async move { match gateway.cut_streams().await {} }
    });
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener, &places) => match accepted {
                Ok((stream, place)) => {
                    let connection = graceful.watch(connection(stream, Arc::clone(&gateway)));
                    tasks.spawn(async move {
                        if let Err(error) = connection.await {
                            tracing::debug!(%error, "connection ended");
                        }
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            // Finished connections are taken out of the set as they end.
            Some(_finished) = tasks.join_next() => {}
        }
    }
    drop(listener);
    if tokio::time::timeout(FAREWELL, graceful.shutdown()).await.is_err() {
        tracing::warn!("streams were still running and are cut");
    }
    tasks.shutdown().await;
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _peer) = listener.accept().await?;
    // Small events must not wait for each other's acknowledgement.
    stream.set_nodelay(true)?;
    Ok((stream, place))
}

fn connection(
    stream: TcpStream,
    gateway: Arc<Gateway>,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> {
    let service = service_fn(move |request| {
        let gateway = Arc::clone(&gateway);
        async move { Ok::<_, Infallible>(gateway.handle(request).await) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_header_size(HEAD_BYTES)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), service)
}

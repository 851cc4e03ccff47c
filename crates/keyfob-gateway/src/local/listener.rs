//! The listeners of the local gateway: loopback and a Unix socket, each connection with limits, and an orderly end.

use super::browsers::Names;
use super::callers::Peer;
use super::gateway::LocalGateway;
use crate::connection::{ConnectionLimits, HEAD_BYTES, http1};
use crate::door::Door;
use crate::patience::Patience;
use crate::server::{ACCEPT_PAUSE, FAREWELL};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

/// Where callers come from.
#[derive(Debug)]
pub enum Listener {
    /// A port of loopback.
    Tcp(TcpListener),
    /// A socket of the user.
    Unix(UnixListener),
}

/// How many connections there are at most at each listener; further ones wait in its queue.
const CONNECTIONS: usize = 512;

/// Serves until `stop` is done, then lets running requests end within 30 s.
///
/// Dropping the future ends everything at once.
pub async fn serve(listeners: Vec<Listener>, gateway: Arc<LocalGateway>, stop: impl Future<Output = ()>) {
    let mut tasks = JoinSet::new();
    tasks.spawn({
        let gateway = Arc::clone(&gateway);
        async move { match gateway.watch_keys().await {} }
    });
    let connections = GracefulShutdown::new();
    {
        let accepting = listeners
            .into_iter()
            .map(|listener| accept_all(listener, Arc::clone(&gateway), &connections))
            .collect::<Vec<_>>();
        tokio::select! {
            () = stop => {}
            _never = futures_util::future::join_all(accepting) => {}
        }
    }
    if tokio::time::timeout(FAREWELL, connections.shutdown()).await.is_err() {
        tracing::warn!("streams were still running and are cut");
    }
    tasks.shutdown().await;
}

/// Accepts for as long as the future is not dropped.
async fn accept_all(listener: Listener, gateway: Arc<LocalGateway>, connections: &GracefulShutdown) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        if let Err(error) = accept(&listener, &gateway, connections, &places).await {
            tracing::warn!(%error, "cannot accept a connection");
            tokio::time::sleep(ACCEPT_PAUSE).await;
        }
    }
}

async fn accept(
    listener: &Listener,
    gateway: &Arc<LocalGateway>,
    connections: &GracefulShutdown,
    places: &Arc<Semaphore>,
) -> io::Result<()> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    match listener {
        Listener::Tcp(listener) => {
            let names = Names::Port(listener.local_addr()?.port());
            let (stream, _peer) = listener.accept().await?;
            stream.set_nodelay(true)?;
            begin(stream, Arc::clone(gateway), Peer::Loopback, names, connections, place);
        }
        Listener::Unix(listener) => {
            let (stream, _peer) = listener.accept().await?;
            let is_same = stream.peer_cred()?.uid() == rustix::process::geteuid().as_raw();
            let peer = if is_same { Peer::SameUser } else { Peer::OtherUser };
            begin(stream, Arc::clone(gateway), peer, Names::Socket, connections, place);
        }
    }
    Ok(())
}

fn begin<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    stream: S,
    gateway: Arc<LocalGateway>,
    peer: Peer,
    names: Names,
    connections: &GracefulShutdown,
    place: OwnedSemaphorePermit,
) {
    let service = service_fn(move |request| {
        let (gateway, names) = (Arc::clone(&gateway), names.clone());
        async move { Ok::<_, Infallible>(gateway.handle(request, peer, &names).await) }
    });
    let limits = ConnectionLimits::default();
    // As at the edge: requests with one reading only, and callers that take what they are sent. Nothing is tunnelled here.
    let (stream, _opening) = Door::new(Patience::new(stream, limits.write_idle), HEAD_BYTES);
    let connection = connections.watch(http1(&limits).serve_connection(TokioIo::new(stream), service));
    // Ends by its limits, with its peer, or when the gateway does.
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "connection ended");
        }
        drop(place);
    });
}

//! The listener: connections in, each with limits, and an orderly end.

use crate::operations::Connections;
use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long the head of a request may take.
const HEAD: Duration = Duration::from_secs(10);
/// How large the head of a request may be.
const HEAD_BYTES: usize = 16 * 1024;
/// How many headers a request may have.
const HEADERS: usize = 100;
/// How many connections a listener holds at most; further ones wait in its queue.
const CONNECTIONS: usize = 4_096;
/// How many of them one address holds; this machine and the trusted proxies stand for many people.
const CONNECTIONS_EACH: usize = 256;
/// How long running requests may go on once the issuer was asked to stop.
const FAREWELL: Duration = Duration::from_millis(1_500);
/// The pause after a failed accept: for lack of descriptors, it would fail again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The other end of the connection that a request came over; behind a reverse proxy, the proxy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Who may hold how many connections, and where they are counted.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// The addresses that stand for many people, beside this machine's own.
    pub(crate) many: Vec<IpAddr>,
    pub(crate) connections: Connections,
}

/// Serves `router` on every listener until `stop` is done, then lets running requests end within 1.5 s.
pub async fn serve(
    listeners: Vec<TcpListener>,
    limits: &Limits,
    router: Router,
    stop: impl Future<Output = ()>,
) {
    let (stopping, _) = watch::channel(());
    let mut loops = JoinSet::new();
    let addresses = Addresses::default();
    for listener in listeners {
        let (limits, addresses) = (limits.clone(), addresses.clone());
        loops.spawn(accept(listener, limits, addresses, router.clone(), stopping.subscribe()));
    }
    stop.await;
    stopping.send_replace(());
    while loops.join_next().await.is_some() {}
}

/// How many connections each address holds.
#[derive(Clone, Debug, Default)]
struct Addresses(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// A place that an address has taken.
struct Place {
    addresses: Addresses,
    address: IpAddr,
}

impl Addresses {
    /// Takes a place for `address`; nothing when it has as many as one may.
    fn take(&self, address: IpAddr) -> Option<Place> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(address).or_default();
        if *count >= CONNECTIONS_EACH {
            return None;
        }
        *count += 1;
        Some(Place { addresses: self.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.addresses.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.address) {
            *count -= 1;
            // What is remembered is bounded by the connections that there are (I-75).
            if *count == 0 {
                held.remove(&self.address);
            }
        }
    }
}

async fn accept(
    listener: TcpListener,
    limits: Limits,
    addresses: Addresses,
    router: Router,
    mut stopping: watch::Receiver<()>,
) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = stopping.changed() => break,
            accepted = listener.accept(), if connections.len() < CONNECTIONS => match accepted {
                Ok((stream, peer)) => {
                    let address = peer.ip().to_canonical();
                    let is_many = address.is_loopback() || limits.many.contains(&address);
                    let place = addresses.take(address);
                    if place.is_none() && !is_many {
                        tracing::warn!(%address, "too many connections from one address");
                        continue;
                    }
                    let open = limits.connections.open();
                    let connection = graceful.watch(connection(stream, peer, router.clone()));
                    connections.spawn(async move {
                        let _held = (place, open);
                        if let Err(error) = connection.await {
                            tracing::debug!(%error, "connection ended");
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            // Finished connections are taken out of the set as they end.
            Some(_finished) = connections.join_next() => {}
        }
    }
    drop(listener);
    if tokio::time::timeout(FAREWELL, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still running and are cut");
    }
    connections.shutdown().await;
}

fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: hyper::Request<_>| {
        request.extensions_mut().insert(Peer(peer.ip().to_canonical()));
        router.call(request)
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_header_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), service)
}

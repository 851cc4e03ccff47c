//! The listeners: connections in, on one thread for each, and an orderly end.

use crate::connection::{Connections, Transport};
use crate::gateway::Gateway;
use crate::places::Place;
use std::io;
use std::net::SocketAddr;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

/// How long running streams may go on once the gateway was asked to stop (security G-43).
pub(crate) const FAREWELL: Duration = Duration::from_secs(30);
/// The pause after a failed accept: for lack of descriptors, it would fail again at once.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How many connections may wait to be accepted: a thousand agents that start at one moment are not turned away.
const BACKLOG: u32 = 4_096;
/// How often each thread is woken for nothing. A timer that ends before all others makes a thread wake itself, a system call
/// and a round for nothing; with this one about, the time-outs of requests never do.
const TICK: Duration = Duration::from_secs(5);

/// The listeners of one address, one for each thread that serves; the system shares connections out among them.
#[derive(Debug)]
pub struct Listeners {
    first: TcpListener,
    others: Vec<TcpListener>,
}

impl Listeners {
    /// Listens on `address`, which no other program may use; port 0 picks a free one.
    ///
    /// Must be called within a runtime.
    pub fn bind(address: SocketAddr, threads: NonZero<usize>) -> io::Result<Self> {
        // Listeners that share a port would share it with another gateway too, and answer for one another.
        drop(socket(address)?);
        let first = shared(address)?;
        // All are there before any is listened on: whoever connects while one is added may be lost.
        let local = first.local_addr()?;
        let others = (1..threads.get()).map(|_| shared(local)).collect::<io::Result<Vec<_>>>()?;
        let listen = |socket: TcpSocket| socket.listen(BACKLOG);
        Ok(Self { first: listen(first)?, others: others.into_iter().map(listen).collect::<io::Result<_>>()? })
    }

    /// Returns where they listen.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.first.local_addr()
    }
}

impl From<TcpListener> for Listeners {
    fn from(first: TcpListener) -> Self {
        Self { first, others: Vec::new() }
    }
}

fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

fn shared(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Serves until `stop` is done, then lets running requests end within 30 s.
///
/// The first listener is served here, each other one on a thread of its own: a connection and what it asks the upstream
/// stay on one thread. Dropping the future ends everything at once.
pub async fn serve(
    listeners: impl Into<Listeners>,
    gateway: Arc<Gateway>,
    transport: Transport,
    stop: impl Future<Output = ()>,
) {
    let Listeners { first, others } = listeners.into();
    let mut background = JoinSet::new();
    background.spawn({
        let gateway = Arc::clone(&gateway);
        async move { match gateway.work().await {} }
    });
    if let Some(tls) = transport.tls.clone() {
        background.spawn(async move { match tls.follow_files().await {} });
    }
    let connections = Arc::new(Connections::new(Arc::clone(&gateway), transport));
    let (drain, draining) = watch::channel(false);
    let mut threads = Vec::new();
    for (number, listener) in others.into_iter().enumerate() {
        match start(number, listener, &connections, &draining) {
            Ok(ended) => threads.push(ended),
            // The others serve; its listener is gone, so nobody waits there.
            Err(error) => tracing::error!(%error, "cannot start a thread"),
        }
    }
    let mut here = std::pin::pin!(accept_all(first, connections, draining));
    tokio::select! {
        () = stop => {}
        () = &mut here => return,
    }
    gateway.stop();
    drain.send_replace(true);
    here.await;
    for ended in threads {
        // It is dropped when the thread ends, however it does.
        ended.await.ok();
    }
}

/// Serves a listener on a thread of its own; what is returned is dropped when that has ended.
fn start(
    number: usize,
    listener: TcpListener,
    connections: &Arc<Connections>,
    draining: &watch::Receiver<bool>,
) -> io::Result<oneshot::Receiver<()>> {
    let runtime: Runtime = Builder::new_current_thread().enable_all().build()?;
    let listener = listener.into_std()?;
    let (connections, draining) = (Arc::clone(connections), draining.clone());
    let (running, ended) = oneshot::channel();
    let serve = async move {
        match TcpListener::from_std(listener) {
            Ok(listener) => accept_all(listener, connections, draining).await,
            Err(error) => tracing::error!(%error, "cannot serve on a thread"),
        }
    };
    // It ends when `drain` was sent or dropped.
    std::thread::Builder::new().name(format!("serve-{}", number + 1)).spawn(move || {
        runtime.block_on(serve);
        drop(running);
    })?;
    Ok(ended)
}

/// Serves what comes to a listener until `draining` is true, then what is left within 30 s; ends at once when nobody can
/// say so any more.
async fn accept_all(
    listener: TcpListener,
    connections: Arc<Connections>,
    mut draining: watch::Receiver<bool>,
) {
    let mut tasks = JoinSet::new();
    let mut asked = draining.clone();
    let mut tick = tokio::time::interval(TICK);
    let mut asked = std::pin::pin!(async { asked.wait_for(|draining| *draining).await.is_ok() });
    loop {
        tokio::select! {
            is_asked = &mut asked => if is_asked { break } else { return },
            accepted = accept(&listener, &connections) => match accepted {
                Ok((stream, peer, place)) => {
                    tasks.spawn(Arc::clone(&connections).serve(stream, peer, place, draining.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            _ = tick.tick() => {}
            // Finished connections are taken out of the set as they end.
            Some(_finished) = tasks.join_next() => {}
        }
    }
    drop(listener);
    draining.mark_unchanged();
    let all_ended = async { while tasks.join_next().await.is_some() {} };
    tokio::select! {
        ended = tokio::time::timeout(FAREWELL, all_ended) => if ended.is_err() {
            tracing::warn!("streams were still running and are cut");
        },
        Err(_dropped) = draining.changed() => {}
    }
    tasks.shutdown().await;
}

async fn accept(
    listener: &TcpListener,
    connections: &Connections,
) -> io::Result<(TcpStream, SocketAddr, Place)> {
    let place = connections.place().await;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, place))
}

//! The listener: connections in, and an orderly end.

use crate::connection::{Connections, Transport};
use crate::gateway::Gateway;
use crate::places::Place;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long running streams may go on once the gateway was asked to stop (security G-43).
pub(crate) const FAREWELL: Duration = Duration::from_secs(30);
/// The pause after a failed accept: for lack of descriptors, it would fail again at once.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop` is done, then lets running requests end within 30 s.
///
/// Dropping the future ends everything at once.
pub async fn serve(
    listener: TcpListener,
    gateway: Arc<Gateway>,
    transport: Transport,
    stop: impl Future<Output = ()>,
) {
    let mut background = JoinSet::new();
    background.spawn({
        let gateway = Arc::clone(&gateway);
        async move { match gateway.work().await {} }
    });
    if let Some(tls) = transport.tls.clone() {
        background.spawn(async move { match tls.follow_files().await {} });
    }
    let connections = Arc::new(Connections::new(gateway, transport));
    let (drain, draining) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener, &connections) => match accepted {
                Ok((stream, peer, place)) => {
                    tasks.spawn(Arc::clone(&connections).serve(stream, peer, place, draining.clone()));
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
    drain.send_replace(true);
    let all_ended = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(FAREWELL, all_ended).await.is_err() {
        tracing::warn!("streams were still running and are cut");
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

//! One accepted connection: how it is spoken to, within which limits, and how it ends.

mod protocol;

#[cfg(feature = "local")]
pub(crate) use protocol::http1;

use crate::door::Door;
use crate::gateway::Gateway;
use crate::patience::Patience;
use crate::places::{Place, Places};
use crate::tls::Tls;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// How callers connect.
#[derive(Debug, Default)]
pub struct Transport {
    /// With which certificate; without one, in the open.
    pub tls: Option<Arc<Tls>>,
    /// Within which limits.
    pub limits: ConnectionLimits,
}

/// What a connection must keep to (security G-24, G-45).
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// How many there are at most; further ones wait in the listener's queue.
    pub most: usize,
    /// How many there are at most of one address; further ones are closed.
    pub most_of_address: usize,
    /// How many may be at their TLS handshake; further ones are closed.
    pub most_handshakes: usize,
    /// How many of them may be of one address.
    pub most_handshakes_of_address: usize,
    /// How long a handshake may take, and the head of a request.
    pub head: Duration,
    /// How long a caller may take nothing of what it is sent.
    pub write_idle: Duration,
    /// How long an HTTP/2 connection may stand without a request.
    pub idle: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            most: 8_192,
            most_of_address: 4_096,
            most_handshakes: 1_024,
            most_handshakes_of_address: 256,
            head: Duration::from_secs(10),
            write_idle: Duration::from_mins(1),
            idle: Duration::from_mins(1),
        }
    }
}

/// How large the head of a request may be: a token of 16 KiB and as much again.
pub(crate) const HEAD_BYTES: usize = 32 * 1024;

/// What serves accepted connections; shared by all listeners.
#[derive(Debug)]
pub(crate) struct Connections {
    gateway: Arc<Gateway>,
    places: Places,
    handshakes: Places,
    transport: Transport,
}

impl Connections {
    pub(crate) fn new(gateway: Arc<Gateway>, transport: Transport) -> Self {
        let limits = &transport.limits;
        let places = Places::new(limits.most, limits.most_of_address);
        let handshakes = Places::new(limits.most_handshakes, limits.most_handshakes_of_address);
        Self { gateway, places, handshakes, transport }
    }

    /// Returns a place for one connection more, once there is one.
    pub(crate) async fn place(&self) -> Place {
        self.places.place().await
    }

    /// Serves a connection until it ends; once `draining` is true, it ends with the request that it is at.
    ///
    /// Dropping the future cuts the connection and everything that was asked for on it.
    pub(crate) async fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        place: Place,
        draining: watch::Receiver<bool>,
    ) {
        let Some(counted) = self.places.count(peer.ip()) else {
            tracing::debug!(%peer, "the address has too many connections");
            return;
        };
        // Small events must not wait for each other's acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, %peer, "the connection ended before it began");
            return;
        }
        let stream = Patience::new(stream, self.transport.limits.write_idle);
        let ended = match &self.transport.tls {
            None => self.speak(stream, draining).await,
            // A connection keeps room, all its life, for the largest of what it may wait for: the handshake is not to be that.
            Some(tls) => Box::pin(self.speak_over(tls, stream, peer.ip(), draining)).await,
        };
        if let Err(error) = ended {
            let cause = std::error::Error::source(&error).map(tracing::field::display);
            tracing::debug!(%error, cause, %peer, "connection ended");
        }
        drop((counted, place));
    }

    /// Makes a TLS connection of `stream` first.
    async fn speak_over(
        &self,
        tls: &Tls,
        stream: Patience<TcpStream>,
        address: IpAddr,
        draining: watch::Receiver<bool>,
    ) -> Result<(), Ended> {
        let stream = {
            // Whoever only begins handshakes must not keep others from theirs: one too many is closed at once.
            let _place = self.handshakes.place_at_once().ok_or(Ended::TooManyHandshakes)?;
            let _counted = self.handshakes.count(address).ok_or(Ended::TooManyHandshakes)?;
            let handshake = tls.acceptor().accept(stream);
            tokio::time::timeout(self.transport.limits.head, handshake)
                .await
                .map_err(|_| Ended::HandshakeTooSlow)?
                .map_err(Ended::Handshake)?
        };
        self.speak(stream, draining).await
    }

    async fn speak<S>(&self, stream: S, draining: watch::Receiver<bool>) -> Result<(), Ended>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (stream, opening) = Door::new(stream, HEAD_BYTES);
        protocol::speak(stream, opening, &self.gateway, &self.transport.limits, draining).await
    }
}

/// Why a connection ended before its end.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("too many handshakes at once")]
    TooManyHandshakes,
    #[error("the handshake took too long")]
    HandshakeTooSlow,
    #[error("the handshake failed")]
    Handshake(#[source] std::io::Error),
    #[error("no request came in time")]
    NoRequest,
    #[error("the connection broke off")]
    Broken(#[source] std::io::Error),
    #[error("{0}")]
    Http(#[source] hyper::Error),
}

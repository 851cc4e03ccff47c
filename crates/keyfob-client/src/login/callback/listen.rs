//! Where callbacks are received: loopback alone, and every address that the redirect's name can lead to (RFC 8252 §8.3).

use super::holder::{self, Holder};
use keyfob_codex::client::{CALLBACK_PORTS, RegisteredCallbacks};
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::net::{TcpListener, TcpStream};

/// No callback can be received.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The system does not let us listen on loopback.
    #[error("cannot listen on 127.0.0.1")]
    Bind(#[source] io::Error),
    /// Other programs hold every port to which the issuer sends browsers.
    #[error("the issuer sends browsers to these ports only, and all are taken: {}", listed(.0))]
    Taken(Vec<Taken>),
}

/// An address that another program holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Which.
    pub address: SocketAddr,
    /// By whom.
    pub holder: Holder,
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {}", self.address, self.holder)
    }
}

fn listed(all: &[Taken]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The sockets of one port.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) port: u16,
    first: TcpListener,
    /// Where `localhost` leads as well.
    second: Option<TcpListener>,
}

impl Listener {
    /// Listens on the first port that is free in every family; whoever holds another is not spoken to (security C-06).
    pub(super) async fn open(registered: RegisteredCallbacks) -> Result<Self, ListenError> {
        let mut taken = Vec::new();
        for port in CALLBACK_PORTS {
            match Self::on(registered, port).await? {
                Ok(listener) => return Ok(listener),
                Err(address) => taken.push(address),
            }
        }
        match registered {
            RegisteredCallbacks::AnyPort => {
                let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(ListenError::Bind)?;
                let port = first.local_addr().map_err(ListenError::Bind)?.port();
                Ok(Self { port, first, second: None })
            }
            RegisteredCallbacks::TwoPorts => {
                let named = tokio::task::spawn_blocking(move || {
                    taken.into_iter().map(|address| Taken { address, holder: holder::of(address) }).collect()
                });
                Err(ListenError::Taken(named.await.unwrap_or_default()))
            }
        }
    }

    /// Returns the listener of `port`, or the address of it that somebody else holds.
    async fn on(registered: RegisteredCallbacks, port: u16) -> Result<Result<Self, SocketAddr>, ListenError> {
        let Some(first) = bind(Ipv4Addr::LOCALHOST.into(), port).await? else {
            return Ok(Err((Ipv4Addr::LOCALHOST, port).into()));
        };
        let second = match registered {
            RegisteredCallbacks::AnyPort => None,
            RegisteredCallbacks::TwoPorts => match bind(Ipv6Addr::LOCALHOST.into(), port).await {
                Ok(Some(second)) => Some(second),
                Ok(None) => return Ok(Err((Ipv6Addr::LOCALHOST, port).into())),
                // A machine without that family has nobody there.
                Err(ListenError::Bind(error)) if has_no_such_family(&error) => None,
                Err(error) => return Err(error),
            },
        };
        Ok(Ok(Self { port, first, second }))
    }

    /// Waits for a connection.
    pub(super) async fn accept(&self) -> io::Result<TcpStream> {
        let accepted = match &self.second {
            None => self.first.accept().await,
            Some(second) => tokio::select! {
                accepted = self.first.accept() => accepted,
                accepted = second.accept() => accepted,
            },
        };
        accepted.map(|(stream, _)| stream)
    }
}

/// Returns nothing when the address is taken.
async fn bind(address: IpAddr, port: u16) -> Result<Option<TcpListener>, ListenError> {
    match TcpListener::bind((address, port)).await {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(None),
        Err(error) => Err(ListenError::Bind(error)),
    }
}

fn has_no_such_family(error: &io::Error) -> bool {
    let unsupported = rustix::io::Errno::AFNOSUPPORT.raw_os_error();
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(unsupported)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpSocket;

    #[tokio::test]
    async fn c_06_a_port_is_shared_with_nobody_who_asks_to_share_it() {
        let ours = Listener::open(RegisteredCallbacks::AnyPort).await.unwrap();
        let sharing = TcpSocket::new_v4().unwrap();
        sharing.set_reuseport(true).unwrap();
        sharing.set_reuseaddr(true).unwrap();

        let bound = sharing.bind((Ipv4Addr::LOCALHOST, ours.port).into());
        let error = bound.and_then(|()| sharing.listen(1).map(drop)).unwrap_err();

        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn c_06_whoever_holds_the_ports_is_named() {
        let taken = |text: &str, holder| Taken { address: text.parse().unwrap(), holder };
        let error = ListenError::Taken(vec![
            taken("127.0.0.1:1455", Holder::Program { process: 42, name: "nc".into() }),
            taken("[::1]:1457", Holder::AnotherUsers),
        ]);

        assert_eq!(
            error.to_string(),
            "the issuer sends browsers to these ports only, and all are taken: \
             127.0.0.1:1455 by `nc` (process 42), [::1]:1457 by another user's program"
        );
    }
}

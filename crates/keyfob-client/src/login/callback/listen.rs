//! Where callbacks are received: loopback alone, and every address that the redirect's name can lead to (RFC 8252 §8.3).

use super::holder::{self, Holder};
use keyfob_codex::client::{CALLBACK_PORTS, RegisteredCallbacks};
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// No callback can be received.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The system does not let us listen on loopback.
    #[error("cannot listen on 127.0.0.1")]
    Bind(#[source] io::Error),
    /// The socket to which another machine's ssh carries callbacks cannot be made.
    #[error("cannot listen on {socket}")]
    Carried {
        /// Which.
        socket: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
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

/// Where callbacks come in that another machine's ssh carries here: no other user of this machine reaches it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// A path whose folder is not there yet; it is made for this user alone, and removed again.
    pub socket: PathBuf,
    /// Where the browser comes back on the other machine.
    pub port: u16,
}

/// Where connections come from.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) port: u16,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// The sockets of one port.
    Loopback {
        first: TcpListener,
        /// Where `localhost` leads as well.
        second: Option<TcpListener>,
    },
    Carried(UnixListener, #[expect(dead_code, reason = "dropping it removes them")] Removed),
}

/// A connection, whichever way it came.
#[derive(Debug)]
pub(super) enum Stream {
    Loopback(TcpStream),
    Carried(UnixStream),
}

/// A socket and its folder, until dropped.
#[derive(Debug)]
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        // What is left in a folder for temporary files is nothing that anybody reads.
        let _gone = std::fs::remove_file(&self.0);
        let _gone = self.0.parent().map(std::fs::remove_dir);
    }
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
                Ok(Self { port, place: Place::Loopback { first, second: None } })
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
        Ok(Ok(Self { port, place: Place::Loopback { first, second } }))
    }

    /// Listens where ssh carries callbacks to; a folder that somebody else has made there is not used.
    pub(super) fn carried(carried: &Carried) -> Result<Self, ListenError> {
        let Carried { socket, port } = carried;
        let bind = || {
            let folder = socket.parent().ok_or(io::ErrorKind::InvalidInput)?;
            std::fs::DirBuilder::new().mode(0o700).create(folder)?;
            let removed = Removed(socket.clone());
            Ok(Place::Carried(UnixListener::bind(socket)?, removed))
        };
        let place = bind().map_err(|source| ListenError::Carried { socket: socket.clone(), source })?;
        Ok(Self { port: *port, place })
    }

    /// Waits for a connection.
    pub(super) async fn accept(&self) -> io::Result<Stream> {
        let accepted = match &self.place {
            Place::Carried(listener, _) => {
                return listener.accept().await.map(|(stream, _)| Stream::Carried(stream));
            }
            Place::Loopback { first, second: None } => first.accept().await,
            Place::Loopback { first, second: Some(second) } => tokio::select! {
                accepted = first.accept() => accepted,
                accepted = second.accept() => accepted,
            },
        };
        accepted.map(|(stream, _)| Stream::Loopback(stream))
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
    async fn c_67_a_carried_socket_is_in_a_new_folder_of_this_user_alone_and_gone_afterwards() {
        use std::os::unix::fs::PermissionsExt as _;
        let around = tempfile::tempdir().unwrap();
        let folder = around.path().join("new");
        let carried = Carried { socket: folder.join("callback"), port: 1455 };

        let listener = Listener::carried(&carried).unwrap();
        let mode = std::fs::metadata(&folder).unwrap().permissions().mode();
        let taken = Listener::carried(&carried);
        drop(listener);

        assert_eq!(mode & 0o777, 0o700);
        assert!(matches!(taken, Err(ListenError::Carried { .. })), "{taken:?}");
        assert!(!folder.exists());
    }

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

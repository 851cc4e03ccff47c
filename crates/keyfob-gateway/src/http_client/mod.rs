//! The one HTTP client, for the issuer and for the upstreams: no redirects, no proxies, no cookies.
//!
//! Each thread keeps connections of its own, so that a request and its answer stay on the thread that accepted them.

mod answer;
mod exclusive;
mod pool;
mod shared;
mod shield;

use crate::body::Body;
pub(crate) use answer::Answer;
use exclusive::Exclusive;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Request, Response, Uri, Version, header};
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::{Connection as _, HttpConnector};
use hyper_util::rt::TokioIo;
use pool::{Origin, Pools};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use shared::Shared;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tower_service::Service as _;

/// Sends requests, over connections that are kept; who may be reached by which scheme is checked where addresses are read.
#[derive(Clone, Debug)]
pub(crate) struct HttpClient {
    connector: HttpsConnector<HttpConnector>,
    /// Offers HTTP/1.1 alone, over which alone another protocol is asked for (RFC 9113 §8.6).
    for_upgrades: HttpsConnector<HttpConnector>,
    pools: Arc<Pools>,
}

/// What bytes go over.
type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// Which certificates are trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Those of the system, or of the file that `SSL_CERT_FILE` names.
    System,
    /// None, for a gateway whose every address is plain http on loopback.
    Nobody,
}

/// The client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum HttpClientError {
    /// There is nothing to check the certificates of others against.
    #[error("cannot read the system's certificates")]
    NoRoots(#[source] std::io::Error),
    /// The TLS library refuses its own defaults.
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
}

/// A request has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// The address is none of a server.
    #[error("the address names no server")]
    NoServer,
    /// There is no connection; nothing was sent.
    #[error("cannot connect")]
    Connect(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There was none in time; nothing was sent.
    #[error("connecting takes too long")]
    ConnectTooSlow,
    /// Only interim answers come; the request was sent.
    #[error("nothing but interim answers")]
    OnlyInterim,
    /// The connection broke, or what came is no HTTP; the request may have been sent.
    #[error("no answer")]
    Broken(#[source] hyper::Error),
}

impl SendError {
    /// Whether nobody was there to send to.
    pub(crate) const fn is_connect(&self) -> bool {
        matches!(self, Self::Connect(_) | Self::ConnectTooSlow)
    }
}

/// What comes of an attempt that failed.
enum Attempt {
    /// Nothing was sent, so it may be tried on another connection.
    Unsent(Box<Request<Body>>, SendError),
    /// It may have been sent, so it must not be sent again (security G-32).
    Failed(SendError),
}

impl From<hyper::client::conn::TrySendError<Request<Body>>> for Attempt {
    fn from(mut error: hyper::client::conn::TrySendError<Request<Body>>) -> Self {
        let message = error.take_message();
        let error = SendError::Broken(error.into_error());
        match message {
            Some(request) => Self::Unsent(Box::new(request), error),
            None => Self::Failed(error),
        }
    }
}

/// The longest time until a connection stands, TLS included.
const CONNECT: Duration = Duration::from_secs(10);
/// How large the head of an answer may be, and what a connection for one request may hold of what its reader does not keep up
/// with (G-16, G-27).
const HEAD: usize = 32 * 1024;
/// How many interim answers may come before the answer over HTTP/1.1 (G-16).
const INTERIM: usize = 100;

impl HttpClient {
    pub(crate) fn new(trust: Trust) -> Result<Self, HttpClientError> {
        let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(HttpClientError::Tls)?;
        let tls = match trust {
            Trust::System => tls.with_native_roots().map_err(HttpClientError::NoRoots)?,
            Trust::Nobody => tls.with_root_certificates(RootCertStore::empty()),
        };
        let mut tcp = HttpConnector::new();
        tcp.set_connect_timeout(Some(CONNECT));
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let tls = tls.with_no_client_auth();
        let builder = || HttpsConnectorBuilder::new().with_tls_config(tls.clone()).https_or_http();
        Ok(Self {
            connector: builder().enable_all_versions().wrap_connector(tcp.clone()),
            for_upgrades: builder().enable_http1().wrap_connector(tcp),
            pools: Arc::default(),
        })
    }

    /// Sends a request once to where its address says; else like [`Self::send`].
    pub(crate) async fn request(&self, request: Request<Body>) -> Result<Response<Answer>, SendError> {
        let (server, target) = Server::of(&request)?;
        self.send(&server, &target, Box::new(request)).await
    }

    /// Sends a request once, to `target` at `server`, and returns the answer as soon as its head is there.
    ///
    /// To a server of HTTP/2 it goes over that, also where no TLS agrees on it (RFC 9113 §3.3); to any other over what the
    /// server prefers. Dropping the future, or the answer's body, ends the request at the server.
    pub(crate) async fn send(
        &self,
        server: &Server,
        target: &PathAndQuery,
        request: Box<Request<Body>>,
    ) -> Result<Response<Answer>, SendError> {
        if request.headers().contains_key(header::UPGRADE) {
            return Box::pin(self.upgrade(request, server, target)).await;
        }
        let origin = self.pools.origin(server)?;
        let mut request = request;
        loop {
            // The very last attempt is over a connection that nobody has used before.
            let (attempt, is_fresh) = if origin.speaks_h2() {
                // What is seldom is large, and would be part of every request.
                let shared = Box::pin(self.shared(&origin, server)).await?;
                let Some((shared, is_fresh)) = shared else { continue };
                (shared.send(for_h2(request, server, target)?).await, is_fresh)
            } else if let Some(kept) = origin.take() {
                (Exclusive::send(kept, for_h1(request, &origin, target), &origin).await, false)
            } else {
                match Self::connect(&self.connector, server).await? {
                    Connected::Exclusive(fresh) => {
                        (Exclusive::send(fresh, for_h1(request, &origin, target), &origin).await, true)
                    }
                    Connected::Shared(fresh) => {
                        origin.share(fresh.clone());
                        (fresh.send(for_h2(request, server, target)?).await, true)
                    }
                }
            };
            match attempt {
                Ok(answer) => return Ok(answer),
                Err(Attempt::Unsent(unsent, error)) if is_fresh => {
                    drop(unsent);
                    return Err(error);
                }
                Err(Attempt::Unsent(unsent, _)) => request = unsent,
                Err(Attempt::Failed(error)) => return Err(error),
            }
        }
    }

    /// Asks for another protocol, over a connection of its own, of HTTP/1.1 (RFC 9113 §8.6).
    async fn upgrade(
        &self,
        request: Box<Request<Body>>,
        server: &Server,
        target: &PathAndQuery,
    ) -> Result<Response<Answer>, SendError> {
        let server = &server.over(Version::HTTP_11);
        let origin = self.pools.origin(server)?;
        match Self::connect(&self.for_upgrades, server).await? {
            Connected::Exclusive(fresh) => {
                let sent = Exclusive::send(fresh, for_h1(request, &origin, target), &origin).await;
                sent.map_err(|attempt| match attempt {
                    Attempt::Unsent(_, error) | Attempt::Failed(error) => error,
                })
            }
            Connected::Shared(_) => Err(SendError::Connect("HTTP/1.1 was asked for".into())),
        }
    }

    /// Returns a shared connection with room, and whether it is new; nothing if the server no longer shares any.
    ///
    /// Of those who wait for one, one connects.
    async fn shared(
        &self,
        origin: &Arc<Origin>,
        server: &Server,
    ) -> Result<Option<(Shared, bool)>, SendError> {
        if let Some(shared) = origin.shared() {
            return Ok(Some((shared, false)));
        }
        // Behind others whose connecting fails, nobody waits for longer than for a connection.
        let turn = tokio::time::timeout(CONNECT, origin.turn());
        let _turn = turn.await.map_err(|_| SendError::ConnectTooSlow)?;
        if let Some(shared) = origin.shared() {
            return Ok(Some((shared, false)));
        }
        match Self::connect(&self.connector, server).await? {
            Connected::Shared(fresh) => {
                origin.share(fresh.clone());
                Ok(Some((fresh, true)))
            }
            Connected::Exclusive(fresh) => {
                origin.forget_h2();
                Arc::clone(origin).give_back(fresh);
                Ok(None)
            }
        }
    }

    async fn connect(
        connector: &HttpsConnector<HttpConnector>,
        server: &Server,
    ) -> Result<Connected, SendError> {
        // It is large, seldom needed, and would be part of every request.
        let connecting = Box::pin(async {
            let stream: Stream =
                connector.clone().call(server.address()).await.map_err(SendError::Connect)?;
            if server.version == Version::HTTP_2 || stream.connected().is_negotiated_h2() {
                Ok(Connected::Shared(Shared::open(stream).await.map_err(SendError::Broken)?))
            } else {
                Ok(Connected::Exclusive(Exclusive::open(stream).await.map_err(SendError::Broken)?))
            }
        });
        tokio::time::timeout(CONNECT, connecting).await.map_err(|_| SendError::ConnectTooSlow)?
    }
}

/// A connection that was just made.
enum Connected {
    /// For one request at a time: HTTP/1.1.
    Exclusive(Box<Exclusive>),
    /// For many at a time: HTTP/2.
    Shared(Shared),
}

/// Who is asked, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    scheme: Scheme,
    authority: Authority,
    /// HTTP/2 with prior knowledge, or HTTP/1.1; over TLS the two sides agree on one.
    version: Version,
    /// All of this in one word, by which what is kept is found.
    name: Arc<str>,
}

impl Server {
    pub(crate) fn new(scheme: &Scheme, authority: &Authority, version: Version) -> Self {
        let version = if version == Version::HTTP_2 { Version::HTTP_2 } else { Version::HTTP_11 };
        let name = format!("{version:?} {scheme}://{authority}").to_ascii_lowercase().into();
        Self { scheme: scheme.clone(), authority: authority.clone(), version, name }
    }

    /// Returns the same server, spoken to over another version.
    pub(crate) fn over(&self, version: Version) -> Self {
        Self::new(&self.scheme, &self.authority, version)
    }

    /// Returns whom a request is for, and what of its address that server is told.
    fn of(request: &Request<Body>) -> Result<(Self, PathAndQuery), SendError> {
        let address = request.uri();
        let (Some(scheme), Some(authority)) = (address.scheme(), address.authority()) else {
            return Err(SendError::NoServer);
        };
        let target = address.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        Ok((Self::new(scheme, authority, request.version()), target))
    }

    fn address(&self) -> Uri {
        self.with(PathAndQuery::from_static("/")).unwrap_or_default()
    }

    fn with(&self, target: PathAndQuery) -> Result<Uri, SendError> {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(target);
        Uri::from_parts(parts).map_err(|_| SendError::NoServer)
    }

    fn host(&self) -> Result<HeaderValue, SendError> {
        HeaderValue::from_str(self.authority.as_str()).map_err(|_| SendError::NoServer)
    }
}

/// Addresses a request as HTTP/1.1 does: the server in `Host`, and only the path in the first line (RFC 9112 §3.2.1).
fn for_h1(mut request: Box<Request<Body>>, origin: &Origin, target: &PathAndQuery) -> Box<Request<Body>> {
    *request.uri_mut() = Uri::from(target.clone());
    *request.version_mut() = Version::HTTP_11;
    request.headers_mut().insert(header::HOST, origin.host());
    request
}

/// Addresses a request as HTTP/2 does: all of it (RFC 9113 §8.3.1).
fn for_h2(
    mut request: Box<Request<Body>>,
    server: &Server,
    target: &PathAndQuery,
) -> Result<Box<Request<Body>>, SendError> {
    *request.uri_mut() = server.with(target.clone())?;
    *request.version_mut() = Version::HTTP_2;
    request.headers_mut().remove(header::HOST);
    Ok(request)
}

#[cfg(test)]
mod tests;

//! The one HTTP client, for the issuer's keys and for the upstream: no redirects, no proxies, no cookies.

use crate::body::Body;
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use std::sync::Arc;
use std::time::Duration;

/// A pool of connections; who may be reached by which scheme is checked where addresses are read.
pub(crate) type HttpClient = Client<HttpsConnector<HttpConnector>, Body>;

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

/// The longest time until a connection stands.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a connection is kept for the next request.
const KEPT: Duration = Duration::from_mins(1);
/// What a connection may hold of an answer's head, or of a stream that its reader does not keep up with (G-16, G-27).
const BUFFER: usize = 64 * 1024;

pub(crate) fn http_client(trust: Trust) -> Result<HttpClient, HttpClientError> {
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
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls.with_no_client_auth())
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp);
    Ok(Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(KEPT)
        .http1_max_buf_size(BUFFER)
        .build(connector))
}

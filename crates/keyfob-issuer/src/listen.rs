//! Where to listen: as asked, else as the URL says, else behind a reverse proxy.

use anyhow::Context as _;
use keyfob_issuer::config::Config;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::net::TcpListener;
use url::{Host, Url};

/// Behind a reverse proxy, which the URL leads to.
const BEHIND_PROXY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8400);

/// Opens the listeners.
pub(crate) async fn listen(config: &Config, asked: Option<SocketAddr>) -> anyhow::Result<Vec<TcpListener>> {
    let url = Url::parse(config.url.as_str())?;
    let port = url.port_or_known_default().unwrap_or_default();
    let v4 = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
    if let Some(address) = asked.or(config.listen) {
        return Ok(vec![bind(address).await?]);
    }
    match url.host() {
        Some(_) if url.scheme() != "http" => Ok(vec![bind(BEHIND_PROXY).await?]),
        Some(Host::Ipv4(address)) => Ok(vec![bind(SocketAddr::new(address.into(), port)).await?]),
        Some(Host::Ipv6(address)) => Ok(vec![bind(SocketAddr::new(address.into(), port)).await?]),
        Some(Host::Domain(_)) | None => {
            // Browsers try both meanings of `localhost`; whoever holds the other one would get our visitors.
            let mut listeners = vec![bind(v4).await?];
            let v6 = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), port);
            match TcpListener::bind(v6).await {
                Ok(listener) => listeners.push(listener),
                Err(error)
                    if matches!(error.kind(), ErrorKind::AddrNotAvailable | ErrorKind::Unsupported) => {}
                // EAFNOSUPPORT has no kind of its own.
                Err(error) if error.raw_os_error() == Some(97) => {}
                Err(error) => return Err(error).with_context(|| format!("cannot listen on {v6}")),
            }
            Ok(listeners)
        }
    }
}

/// Opens the listener of an address, if there is one.
pub(crate) async fn bind_some(address: Option<SocketAddr>) -> anyhow::Result<Vec<TcpListener>> {
    match address {
        Some(address) => Ok(vec![bind(address).await?]),
        None => Ok(Vec::new()),
    }
}

/// Opens one listener.
async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

//! How far the way to an issuer goes: name, connection, answer. For diagnosis; nothing secret is sent.

use crate::http::{Answer, HttpError};
use crate::network::Network;
use keyfob_oauth::{IssuerUrl, metadata};
use reqwest::header;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use url::Url;

/// What happened on the way to an issuer, up to where it ended.
#[derive(Debug)]
pub struct Reach {
    /// What its name stands for.
    pub addresses: Result<Vec<SocketAddr>, io::Error>,
    /// Which of them takes connections; not tried without an address.
    pub connection: Option<Result<SocketAddr, io::Error>>,
    /// What its discovery document was answered with; through a proxy, if one is set.
    pub discovery: Result<Discovery, HttpError>,
}

/// An answer to the request for the discovery document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    /// The status.
    pub status: u16,
    /// The issuer's clock, as its `Date` header tells it.
    pub date: Option<String>,
}

/// For the name, and for each connection.
const LIMIT: Duration = Duration::from_secs(5);
/// One address of each family is enough.
const MOST_ADDRESSES: usize = 4;

impl Reach {
    /// Goes the way to `issuer`.
    pub async fn of(network: &Network, issuer: &IssuerUrl) -> Self {
        let addresses = resolve(issuer).await;
        let connection = match &addresses {
            Ok(addresses) => Some(connect(addresses).await),
            Err(_) => None,
        };
        Self { addresses, connection, discovery: discover(network, issuer).await }
    }
}

async fn resolve(issuer: &IssuerUrl) -> Result<Vec<SocketAddr>, io::Error> {
    let url = Url::parse(issuer.as_str()).map_err(io::Error::other)?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = url.port_or_known_default().unwrap_or(443);
    let found = timeout(LIMIT, lookup_host((host, port))).await.map_err(|_| io::ErrorKind::TimedOut)??;
    Ok(found.take(MOST_ADDRESSES).collect())
}

async fn connect(addresses: &[SocketAddr]) -> Result<SocketAddr, io::Error> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match timeout(LIMIT, TcpStream::connect(address)).await {
            Ok(Ok(_)) => return Ok(*address),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}

async fn discover(network: &Network, issuer: &IssuerUrl) -> Result<Discovery, HttpError> {
    let http = network.client(issuer)?;
    let Answer { status, headers, .. } = http.get(&issuer.join(metadata::OPENID_PATH)).await?;
    let date = headers.get(header::DATE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    Ok(Discovery { status, date })
}

//! Fetching a document from an address that an administrator or a document named, and telling such an address something:
//! the one way out (security I-67).
//!
//! The name is resolved once, every address must be allowed, and the connection goes to those addresses and no others.
//! Where the settings name a proxy, it resolves names instead. Redirects are not followed, bodies are bounded and not decompressed, and nothing of ours goes along.

use http::{StatusCode, header};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use url::{Host, Url};

/// Which addresses may be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Those of the internet.
    Public,
    /// All: the administrator said so for this host. Plain http too, to this machine itself.
    Everything,
}

/// How something goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    /// Which addresses may be reached.
    pub(crate) reach: Reach,
    /// The proxy that it goes through, if the settings name one; never to this machine itself.
    pub(crate) proxy: Option<Url>,
}

/// What is told.
#[derive(Clone, Debug)]
pub(crate) struct Message<'a> {
    pub(crate) headers: &'a [(&'static str, &'a str)],
    pub(crate) body: Body,
}

/// What is told, in the form in which it is.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    Json(String),
    /// As a page's form.
    Form(String),
}

/// A document was not fetched, or something not told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutboundError {
    #[error("{0} is no https address of a host")]
    UnsafeAddress(String),
    #[error("cannot resolve {host}")]
    Resolve {
        host: String,
        #[source]
        source: io::Error,
    },
    #[error(
        "{host} is at {address}, which is not an address of the internet; allow it by `allow_private_addresses`"
    )]
    PrivateAddress { host: String, address: IpAddr },
    #[error("cannot reach {url}")]
    Http {
        url: String,
        #[source]
        source: reqwest::Error,
    },
    #[error("{url} answered with status {status}")]
    Status { url: String, status: StatusCode },
    #[error("the answer of {0} is compressed, or larger than 1 MiB")]
    TooLarge(String),
}

/// How long one document may take, with its name and its connection.
const LIMIT: Duration = Duration::from_secs(5);
const MOST_BYTES: usize = 1024 * 1024;

/// Fetches `url`.
pub(crate) async fn fetch(url: &Url, way: &Way) -> Result<Vec<u8>, OutboundError> {
    fetch_by(url, way, look_up).await
}

/// Sends `message` to `url`; what is answered with a status of success is not read.
pub(crate) async fn post(url: &Url, way: &Way, message: Message<'_>) -> Result<(), OutboundError> {
    post_by(url, way, message, look_up).await
}

async fn look_up(host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    let found = tokio::time::timeout(LIMIT, tokio::net::lookup_host((host, port))).await;
    Ok(found.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??.collect())
}

async fn post_by(
    url: &Url,
    way: &Way,
    message: Message<'_>,
    lookup: impl AsyncFnOnce(String, u16) -> io::Result<Vec<SocketAddr>>,
) -> Result<(), OutboundError> {
    let failed = |source| OutboundError::Http { url: url.to_string(), source };
    let client = client(url, way, lookup).await?;
    let (content_type, body) = match message.body {
        Body::Json(body) => ("application/json", body),
        Body::Form(body) => ("application/x-www-form-urlencoded", body),
    };
    let request = client.post(url.clone()).header(header::CONTENT_TYPE, content_type);
    let request =
        message.headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let answer = request.body(body).send().await.map_err(failed)?;
    match answer.status() {
        status if status.is_success() => Ok(()),
        status => Err(OutboundError::Status { url: url.to_string(), status }),
    }
}

async fn fetch_by(
    url: &Url,
    way: &Way,
    lookup: impl AsyncFnOnce(String, u16) -> io::Result<Vec<SocketAddr>>,
) -> Result<Vec<u8>, OutboundError> {
    let failed = |source| OutboundError::Http { url: url.to_string(), source };
    let client = client(url, way, lookup).await?;
    let mut answer = client.get(url.clone()).send().await.map_err(failed)?;
    if answer.status() != StatusCode::OK {
        return Err(OutboundError::Status { url: url.to_string(), status: answer.status() });
    }
    let too_large = || OutboundError::TooLarge(url.to_string());
    if answer.headers().contains_key(header::CONTENT_ENCODING) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > MOST_BYTES {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Returns what asks the addresses of `url` and no others, if all of them may be asked.
async fn client(
    url: &Url,
    way: &Way,
    lookup: impl AsyncFnOnce(String, u16) -> io::Result<Vec<SocketAddr>>,
) -> Result<reqwest::Client, OutboundError> {
    let unsafe_address = || OutboundError::UnsafeAddress(url.to_string());
    let port = url.port_or_known_default().ok_or_else(unsafe_address)?;
    let (host, addresses) = match url.host().ok_or_else(unsafe_address)? {
        // Whoever resolves the name decides where it leads: the proxy does, and lets through what it may.
        Host::Domain(host) if way.proxy.is_some() && !is_own_name(host) => (host.to_owned(), Vec::new()),
        Host::Domain(host) => {
            let resolve = |source| OutboundError::Resolve { host: host.to_owned(), source };
            let addresses = lookup(host.to_owned(), port).await.map_err(resolve)?;
            if addresses.is_empty() {
                return Err(resolve(io::Error::from(io::ErrorKind::NotFound)));
            }
            (host.to_owned(), addresses)
        }
        Host::Ipv4(address) => (address.to_string(), vec![SocketAddr::from((address, port))]),
        Host::Ipv6(address) => (address.to_string(), vec![SocketAddr::from((address, port))]),
    };
    if way.reach == Reach::Public
        && let Some(private) = addresses.iter().find(|address| !is_public(address.ip()))
    {
        return Err(OutboundError::PrivateAddress { host, address: private.ip() });
    }
    let is_here = !addresses.is_empty() && addresses.iter().all(|address| address.ip().is_loopback());
    let is_safe =
        url.scheme() == "https" || (url.scheme() == "http" && way.reach == Reach::Everything && is_here);
    if !is_safe || !url.username().is_empty() || url.password().is_some() {
        return Err(unsafe_address());
    }
    let failed = |source| OutboundError::Http { url: url.to_string(), source };
    let builder = match &way.proxy {
        Some(proxy) if !is_here => {
            reqwest::Client::builder().proxy(reqwest::Proxy::all(proxy.clone()).map_err(failed)?)
        }
        Some(_) | None => reqwest::Client::builder().no_proxy().resolve_to_addrs(&host, &addresses),
    };
    builder.redirect(reqwest::redirect::Policy::none()).referer(false).timeout(LIMIT).build().map_err(failed)
}

/// Whether a name means this machine itself, wherever it is resolved (RFC 6761 §6.3).
fn is_own_name(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    host == "localhost" || host.ends_with(".localhost")
}

/// Whether an address is one of the internet, and of nobody's own network (RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        // Of providers for their customers (RFC 6598).
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        // Relays to IPv6, which go somewhere else.
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b))
        || a >= 240;
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let embedded = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // An IPv4 address behind a translator (RFC 6052) or in a tunnel (RFC 3056).
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => embedded(high, low),
        // Teredo, and what is only for documents, tests and protocols.
        [0x2001, second, ..] if second < 0x200 || second == 0xdb8 => false,
        [0x3fff, ..] => false,
        // Of all that is assigned, this is what hosts of the internet have.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests;

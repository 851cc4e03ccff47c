//! Web sockets: asked for by an authenticated caller, opened by the upstream, and tunnelled only then (security G-12, G-20).

mod carry;

use crate::account::Listener;
use crate::body::{Body, full};
use crate::door::Opening;
use crate::error::Refusal;
use crate::headers;
use crate::running::Stay;
use crate::streams::WebSockets;
use bytes::Bytes;
use carry::carry;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::upgrade::OnUpgrade;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Where web sockets are spoken; the paths of the Responses and the Realtime API.
const PATHS: [&str; 2] = ["/v1/responses", "/v1/realtime"];
/// Subprotocols that carry a credential or an identity, which the caller has no say in.
const CALLER_ONLY: [&str; 3] = ["openai-insecure-api-key.", "openai-organization.", "openai-project."];
/// A caller's wish to speak WebSocket, with what RFC 6455 §4.1 asks of it.
#[derive(Clone, Debug)]
pub(crate) struct WebSocket {
    key: HeaderValue,
    protocols: Option<HeaderValue>,
}

impl WebSocket {
    /// Reads the wish of a request, if it has one.
    ///
    /// Refused is every other protocol, every other path, what is no handshake, and a page of another origin.
    pub(crate) fn asked<B>(request: &Request<B>, allowed: WebSockets) -> Result<Option<Self>, Refusal> {
        let headers = request.headers();
        if !headers.contains_key(header::UPGRADE) {
            return Ok(None);
        }
        match allowed {
            WebSockets::Refused => return Err(Refusal::Upgrade),
            WebSockets::Tunnelled => {}
        }
        let is = |name, wanted: &str| {
            only(headers, name).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(wanted.as_bytes()))
        };
        let key = only(headers, header::SEC_WEBSOCKET_KEY).filter(|key| key.len() == 24);
        let is_fit = request.method() == Method::GET
            && PATHS.contains(&request.uri().path())
            && is(header::UPGRADE, "websocket")
            && is(header::SEC_WEBSOCKET_VERSION, "13")
            && nominates_upgrade(headers)
            && is_of_this_origin(headers);
        match key {
            Some(key) if is_fit => Ok(Some(Self { key: key.clone(), protocols: protocols(headers) })),
            Some(_) | None => Err(Refusal::Upgrade),
        }
    }

    /// Writes the wish into headers that have lost what belongs to one connection.
    ///
    /// Where it `is_read` what is told, nothing is agreed on that makes it another.
    pub(crate) fn ask(&self, headers: &mut HeaderMap, is_read: bool) {
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        headers.insert(header::SEC_WEBSOCKET_KEY, self.key.clone());
        if is_read {
            headers.remove(header::SEC_WEBSOCKET_EXTENSIONS);
        }
        // Messages pass as they are; what was agreed on about them does, too.
        match &self.protocols {
            Some(protocols) => drop(headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocols.clone())),
            None => drop(headers.remove(header::SEC_WEBSOCKET_PROTOCOL)),
        }
    }
}

/// The one value of a header.
fn only(headers: &HeaderMap, name: header::HeaderName) -> Option<&HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

fn nominates_upgrade(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|name| name.trim().eq_ignore_ascii_case("upgrade"))
}

/// Browsers say where a page is from, and let it open web sockets anywhere (RFC 6455 §10.2).
fn is_of_this_origin(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let text = |value: &HeaderValue| value.to_str().map(str::to_ascii_lowercase).ok();
    match (text(origin), only(headers, header::HOST).and_then(text)) {
        (Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, from)| from == host),
        _ => false,
    }
}

/// Returns the subprotocols that are no credentials.
fn protocols(headers: &HeaderMap) -> Option<HeaderValue> {
    let values =
        headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    let kept: Vec<&str> = values
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|name| {
            let name = name.to_ascii_lowercase();
            !name.is_empty() && !CALLER_ONLY.iter().any(|beginning| name.starts_with(beginning))
        })
        .collect();
    (!kept.is_empty()).then(|| HeaderValue::from_str(&kept.join(", ")).ok()).flatten()
}

/// A WebSocket that a caller asked for and that was allowed, until the upstream has answered.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    /// What was asked for.
    pub(crate) web_socket: WebSocket,
    /// The end that the request came with.
    pub(crate) end: OnUpgrade,
    /// For how long the caller may have it.
    pub(crate) stay: Arc<Stay>,
}

/// The way from a request to the connection that it came on.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    opening: Opening,
    tunnels: mpsc::Sender<Tunnel>,
}

/// What a connection carries once it carries no HTTP any more.
pub(crate) struct Tunnel(Pin<Box<dyn Future<Output = ()> + Send>>);

impl std::fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tunnel")
    }
}

impl Tunnel {
    /// Carries bytes until one side ends, both are silent, or it must end.
    pub(crate) async fn run(self) {
        self.0.await;
    }
}

impl Way {
    pub(crate) fn new(opening: Opening, tunnels: mpsc::Sender<Tunnel>) -> Self {
        Self { opening, tunnels }
    }

    /// Turns the upstream's answer into the caller's: a tunnel if it is 101 to a WebSocket, nothing otherwise.
    ///
    /// `caller` is the end that the request came with. The tunnel is carried by the connection, and ends at the latest
    /// with `must_end`. What the upstream tells in it is written down by `listener`.
    pub(crate) fn through<B, T: Send + 'static>(
        &self,
        caller: OnUpgrade,
        mut response: Response<B>,
        must_end: impl Future<Output = T> + Send + 'static,
        listener: Option<Listener>,
    ) -> Result<Response<Body>, Refusal> {
        let is_web_socket = only(response.headers(), header::UPGRADE)
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
        // What packs messages was not asked for where they are read.
        let is_packed =
            listener.is_some() && response.headers().contains_key(header::SEC_WEBSOCKET_EXTENSIONS);
        if response.status() != StatusCode::SWITCHING_PROTOCOLS || !is_web_socket || is_packed {
            return Err(Refusal::UpstreamUnusable);
        }
        let upstream = hyper::upgrade::on(&mut response);
        let tunnel = Tunnel(Box::pin(carry(caller, upstream, must_end, listener)));
        self.tunnels.try_send(tunnel).map_err(|_| Refusal::Upgrade)?;
        // From here on the caller may send.
        self.opening.open();
        let (parts, _nothing) = response.into_parts();
        let mut response = Response::new(full(Bytes::new()));
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        *response.headers_mut() = parts.headers;
        headers::toward_caller(response.headers_mut(), None);
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        Ok(response)
    }
}

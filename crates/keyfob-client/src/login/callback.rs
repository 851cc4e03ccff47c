//! The loopback server that receives the callback (RFC 8252 §7.3; security C-02 to C-14).

use super::Page;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use keyfob_codex::client::{CALLBACK_PATH, CALLBACK_PORTS};
use keyfob_oauth::AuthorizationCode;
use keyfob_oauth::token::State;
use std::collections::VecDeque;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{AbortHandle, JoinHandle, JoinSet};

/// What a browser brought to the callback.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Callback {
    /// Binds it to a sign-in.
    pub state: Option<State>,
    /// Redeemed for tokens.
    pub code: Option<AuthorizationCode>,
    /// Why there is no code.
    pub error: Option<String>,
    /// The same as a sentence.
    pub error_description: Option<String>,
    /// Who answers (RFC 9207).
    pub issuer: Option<String>,
}

impl Callback {
    /// Reads a query; a parameter that comes twice makes it nothing (RFC 6749 §3.1).
    pub(super) fn parse(query: &str) -> Option<Self> {
        let mut callback = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let value = value.into_owned();
            let twice = match name.as_ref() {
                "state" => callback.state.replace(State::new(value)).is_some(),
                "code" => callback.code.replace(AuthorizationCode::new(value)).is_some(),
                "error" => callback.error.replace(value).is_some(),
                "error_description" => callback.error_description.replace(value).is_some(),
                "iss" => callback.issuer.replace(value).is_some(),
                _ => false,
            };
            if twice {
                return None;
            }
        }
        Some(callback)
    }
}

/// No callback can be received.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// No port of the loopback address is to be had.
    #[error("cannot listen on 127.0.0.1")]
    Bind(#[source] io::Error),
}

/// The answer to a callback.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reply {
    /// It is not of this sign-in.
    Refuse,
    /// Go and see the result.
    SeeResult,
}

/// A callback that waits for its answer.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) callback: Callback,
    pub(super) reply: oneshot::Sender<Reply>,
}

/// The running server; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct CallbackServer {
    pub(super) port: u16,
    pub(super) callbacks: mpsc::Receiver<Waiting>,
    result: watch::Sender<Option<Page>>,
    shown: mpsc::Receiver<()>,
    serving: JoinHandle<()>,
}

const RESULT_PATH: &str = "/done";
const MOST_CONNECTIONS: usize = 32;
/// Out of descriptors, most likely: trying again at once would only turn the processor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
const HEADER_LIMIT: Duration = Duration::from_secs(5);
const LONGEST_QUERY: usize = 8 * 1024;
/// How long a browser has to come for the result; the login is stored by then.
const RESULT_LIMIT: Duration = Duration::from_secs(2);

impl CallbackServer {
    /// Listens on the first port of the Codex CLI's that is free, else on any.
    pub(super) async fn open() -> Result<Self, ListenError> {
        let listener = match bind(&CALLBACK_PORTS).await {
            Some(listener) => listener,
            None => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(ListenError::Bind)?,
        };
        let port = listener.local_addr().map_err(ListenError::Bind)?.port();
        let (sender, callbacks) = mpsc::channel(MOST_CONNECTIONS);
        let (result, results) = watch::channel(None);
        let (show, shown) = mpsc::channel(1);
        let door = Door { port, callbacks: sender, results, has_shown: Arc::default() };
        let serving = tokio::spawn(serve(listener, door, show));
        Ok(Self { port, callbacks, result, shown, serving })
    }

    /// Shows `page` to the browser that waits and to any that comes within a moment, then ends.
    pub(super) async fn finish(mut self, page: Page, reply: Option<oneshot::Sender<Reply>>) {
        self.result.send_replace(Some(page));
        let Some(reply) = reply else { return };
        // A browser that has gone away needs no answer.
        let _gone = reply.send(Reply::SeeResult);
        self.callbacks.close();
        while let Some(another) = self.callbacks.recv().await {
            let _gone = another.reply.send(Reply::SeeResult);
        }
        let _nobody_came = tokio::time::timeout(RESULT_LIMIT, self.shown.recv()).await;
    }
}

impl Drop for CallbackServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn bind(ports: &[u16]) -> Option<TcpListener> {
    for port in ports {
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).await {
            return Some(listener);
        }
    }
    None
}

/// What a connection needs to answer.
#[derive(Clone, Debug)]
struct Door {
    port: u16,
    callbacks: mpsc::Sender<Waiting>,
    results: watch::Receiver<Option<Page>>,
    /// Whether this connection was given the result.
    has_shown: Arc<AtomicBool>,
}

async fn serve(listener: TcpListener, door: Door, shown: mpsc::Sender<()>) {
    let mut connections = JoinSet::new();
    let mut open = VecDeque::new();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::debug!(%error, "a callback connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        while connections.try_join_next().is_some() {}
        // Whoever fills the places must not keep the browser out: the oldest goes, and a browser never waits long.
        while open.len() >= MOST_CONNECTIONS {
            let oldest: Option<AbortHandle> = open.pop_front();
            oldest.iter().for_each(AbortHandle::abort);
        }
        let has_shown = Arc::new(AtomicBool::new(false));
        let door = Door { has_shown: Arc::clone(&has_shown), ..door.clone() };
        let shown = shown.clone();
        let connection = connections.spawn(async move {
            let service = hyper::service::service_fn(move |request| {
                let door = door.clone();
                async move { Ok::<_, std::convert::Infallible>(door.answer(request).await) }
            });
            let mut http = hyper::server::conn::http1::Builder::new();
            http.timer(TokioTimer::new())
                .header_read_timeout(HEADER_LIMIT)
                .keep_alive(false)
                .max_buf_size(16 * 1024);
            let served = http.serve_connection(TokioIo::new(stream), service).await;
            tracing::debug!(ok = served.is_ok(), "a callback connection ended");
            // Only when the page has left us may the server end; full means that it was shown before.
            if has_shown.load(Ordering::Relaxed) {
                let _shown_before = shown.try_send(());
            }
        });
        open.retain(|handle| !handle.is_finished());
        open.push_back(connection);
    }
}

impl Door {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        if !self.is_expected_host(request.headers()) {
            return plain(StatusCode::MISDIRECTED_REQUEST, "Unknown host");
        }
        if request.method() != Method::GET || !is_navigation(request.headers()) {
            return plain(StatusCode::FORBIDDEN, "Only a browser's own navigation is answered");
        }
        match request.uri().path() {
            CALLBACK_PATH => self.callback(request.uri().query().unwrap_or_default()).await,
            RESULT_PATH => self.result(),
            _ => plain(StatusCode::NOT_FOUND, "Not Found"),
        }
    }

    /// Only names of this very address are answered, against DNS rebinding (security C-08).
    fn is_expected_host(&self, headers: &HeaderMap) -> bool {
        let mut hosts = headers.get_all(header::HOST).iter();
        let expected = [format!("127.0.0.1:{}", self.port), format!("localhost:{}", self.port)];
        match (hosts.next(), hosts.next()) {
            (Some(host), None) => expected.iter().any(|name| name.as_bytes() == host.as_bytes()),
            _ => false,
        }
    }

    async fn callback(&self, query: &str) -> Response<Full<Bytes>> {
        let refused = || plain(StatusCode::BAD_REQUEST, "State mismatch");
        if query.len() > LONGEST_QUERY {
            return refused();
        }
        let Some(callback) = Callback::parse(query) else { return refused() };
        let (reply, answer) = oneshot::channel();
        if self.callbacks.send(Waiting { callback, reply }).await.is_err() {
            return plain(StatusCode::GONE, "This sign-in is over");
        }
        match answer.await {
            Ok(Reply::SeeResult) => see_result(),
            Ok(Reply::Refuse) => refused(),
            Err(_) => plain(StatusCode::GONE, "This sign-in is over"),
        }
    }

    fn result(&self) -> Response<Full<Bytes>> {
        let page = self.results.borrow().clone();
        match page {
            Some(page) => {
                self.has_shown.store(true, Ordering::Relaxed);
                html(&page)
            }
            None => plain(StatusCode::NOT_FOUND, "Not Found"),
        }
    }
}

/// Scripts and frames of other pages cannot call (security C-09); programs without these headers can.
fn is_navigation(headers: &HeaderMap) -> bool {
    let mode = headers.get("sec-fetch-mode");
    mode.is_none_or(|mode| mode.as_bytes() == b"navigate") && !headers.contains_key(header::ORIGIN)
}

/// Takes the code out of the address bar (security C-13).
fn see_result() -> Response<Full<Bytes>> {
    let mut response = plain(StatusCode::FOUND, "");
    response.headers_mut().insert(header::LOCATION, header::HeaderValue::from_static(RESULT_PATH));
    response
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    respond(status, "text/plain; charset=utf-8", Bytes::from_static(text.as_bytes()))
}

fn html(page: &Page) -> Response<Full<Bytes>> {
    respond(StatusCode::OK, "text/html; charset=utf-8", Bytes::from(page.html()))
}

fn respond(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    for (name, value) in [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONNECTION, "close"),
    ] {
        response.headers_mut().insert(name, header::HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests;

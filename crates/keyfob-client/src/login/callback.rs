//! The loopback server that receives the callback (RFC 8252 §7.3; security C-02 to C-14).

use super::Page;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use keyfob_codex::client::{CALLBACK_PATH, RegisteredCallbacks};
use listen::{Listener, Stream};
use places::Places;
use query::Callback;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

mod holder;
mod listen;
mod places;
mod query;

pub use holder::Holder;
pub use listen::{Carried, ListenError, Taken};
pub(super) use query::Typed;
pub use query::{Answer, ExpectedCallback};

/// The running server; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct CallbackServer {
    pub(super) port: u16,
    /// What belongs to the sign-in, however it comes.
    pub(super) expected: ExpectedCallback,
    answers: mpsc::Receiver<Answer>,
    result: watch::Sender<Option<Page>>,
    owed: watch::Receiver<usize>,
    serving: JoinHandle<()>,
}

const RESULT_PATH: &str = "/done";
/// Out of descriptors, most likely: trying again at once would only turn the processor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
const HEADER_LIMIT: Duration = Duration::from_secs(5);
const LONGEST_HEADERS: usize = 16 * 1024;
const LONGEST_QUERY: usize = 8 * 1024;
/// How long a browser has to come for the result; the login is stored by then.
const RESULT_LIMIT: Duration = Duration::from_secs(2);

impl CallbackServer {
    /// Listens where the issuer sends browsers.
    pub(super) async fn open(
        registered: RegisteredCallbacks,
        expected: ExpectedCallback,
    ) -> Result<Self, ListenError> {
        Ok(Self::on(Listener::open(registered).await?, expected))
    }

    /// Listens where ssh carries callbacks to.
    pub(super) fn behind(carried: &Carried, expected: ExpectedCallback) -> Result<Self, ListenError> {
        Ok(Self::on(Listener::carried(carried)?, expected))
    }

    fn on(listener: Listener, expected: ExpectedCallback) -> Self {
        let port = listener.port;
        let (sender, answers) = mpsc::channel(1);
        let (result, results) = watch::channel(None);
        let (owing, owed) = watch::channel(0);
        let door = Door {
            port,
            expected: expected.clone(),
            answers: sender,
            results,
            owing,
            connection: Arc::default(),
        };
        let serving = tokio::spawn(serve(listener, door));
        Self { port, expected, answers, result, owed, serving }
    }

    /// Waits for the callback of the sign-in; the first one counts.
    pub(super) async fn answer(&mut self) -> Option<Answer> {
        self.answers.recv().await
    }

    /// Shows `page` to the browsers that wait and to any that comes within a moment, then ends.
    pub(super) async fn finish(mut self, page: Page) {
        self.result.send_replace(Some(page));
        let _nobody_came = tokio::time::timeout(RESULT_LIMIT, self.owed.wait_for(|pages| *pages == 0)).await;
    }
}

impl Drop for CallbackServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// What a connection needs to answer.
#[derive(Clone, Debug)]
struct Door {
    port: u16,
    expected: ExpectedCallback,
    answers: mpsc::Sender<Answer>,
    results: watch::Receiver<Option<Page>>,
    /// How many browsers are still to be shown the result.
    owing: watch::Sender<usize>,
    connection: Arc<Connection>,
}

/// What became of one connection.
#[derive(Debug, Default)]
struct Connection {
    /// Its request was read, so it takes no place any more and stays until it has its answer.
    has_asked: AtomicBool,
    /// It was given the result.
    has_shown: AtomicBool,
}

async fn serve(listener: Listener, door: Door) {
    let mut places = Places::default();
    loop {
        places.make_room().await;
        match listener.accept().await {
            Ok(stream) => {
                let connection = Arc::new(Connection::default());
                let door = Door { connection: Arc::clone(&connection), ..door.clone() };
                places.take(connection, door.serve(stream));
            }
            Err(error) => {
                tracing::debug!(%error, "a callback connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// A browser that was admitted and has not been told where the result is; one that goes away is owed nothing.
struct Admitted<'a>(Option<&'a watch::Sender<usize>>);

impl<'a> Admitted<'a> {
    fn new(owing: &'a watch::Sender<usize>) -> Self {
        owing.send_modify(|pages| *pages += 1);
        Self(Some(owing))
    }

    /// It will come for the result.
    fn send_on(mut self) {
        self.0 = None;
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        if let Some(owing) = self.0 {
            settle(owing);
        }
    }
}

fn settle(owing: &watch::Sender<usize>) {
    owing.send_modify(|pages| *pages = pages.saturating_sub(1));
}

impl Door {
    async fn serve(self, stream: Stream) {
        match stream {
            Stream::Loopback(stream) => self.serve_on(stream).await,
            Stream::Carried(stream) => self.serve_on(stream).await,
        }
    }

    async fn serve_on(self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let service = hyper::service::service_fn(|request| async {
            Ok::<_, std::convert::Infallible>(self.answer(request).await)
        });
        let mut http = hyper::server::conn::http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(HEADER_LIMIT)
            .keep_alive(false)
            .max_buf_size(LONGEST_HEADERS);
        let served = http.serve_connection(TokioIo::new(stream), service).await;
        tracing::debug!(ok = served.is_ok(), "a callback connection ended");
        // Only when the page has left us may the server end.
        if self.connection.has_shown.load(Ordering::Relaxed) {
            settle(&self.owing);
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        self.connection.has_asked.store(true, Ordering::Relaxed);
        if !self.is_for_us(&request) {
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
    fn is_for_us(&self, request: &Request<Incoming>) -> bool {
        // A request for a proxy names its host in the first line.
        if request.uri().authority().is_some() {
            return false;
        }
        let mut hosts = request.headers().get_all(header::HOST).iter();
        let names = ["127.0.0.1", "localhost", "[::1]"].map(|name| format!("{name}:{}", self.port));
        match (hosts.next(), hosts.next()) {
            (Some(host), None) => names.iter().any(|name| name.as_bytes() == host.as_bytes()),
            _ => false,
        }
    }

    async fn callback(&self, query: &str) -> Response<Full<Bytes>> {
        let callback = if query.len() <= LONGEST_QUERY { Callback::parse(query) } else { None };
        let Some(answer) = callback.and_then(|callback| self.expected.admit(callback)) else {
            return plain(StatusCode::BAD_REQUEST, "State mismatch");
        };
        let admitted = Admitted::new(&self.owing);
        // Only the first is redeemed; each that comes meanwhile sees its result (security C-14).
        let _another = self.answers.try_send(answer);
        let mut results = self.results.clone();
        if results.wait_for(Option::is_some).await.is_err() {
            return plain(StatusCode::GONE, "This sign-in is over");
        }
        admitted.send_on();
        see_result()
    }

    fn result(&self) -> Response<Full<Bytes>> {
        let page = self.results.borrow().clone();
        match page {
            Some(page) => {
                self.connection.has_shown.store(true, Ordering::Relaxed);
                html(&page)
            }
            None => plain(StatusCode::NOT_FOUND, "Not Found"),
        }
    }
}

/// Scripts and frames of other pages cannot call (security C-09); programs without these headers can.
fn is_navigation(headers: &HeaderMap) -> bool {
    let is = |name, wanted: &[u8]| headers.get(name).is_none_or(|value| value.as_bytes() == wanted);
    is("sec-fetch-mode", b"navigate")
        && is("sec-fetch-dest", b"document")
        && !headers.contains_key(header::ORIGIN)
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

//! A model server that streams an answer to whoever asks, and notes what it was shown.

use anyhow::Result;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use keyfob_oauth::Secret;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What came with one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) path: String,
    pub(super) headers: BTreeMap<String, String>,
}

/// Serves until it is dropped.
#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    serving: JoinHandle<()>,
}

/// What it answers, in bits.
pub(super) const WORDS: [&str; 3] = ["Hello ", "from the ", "upstream"];

impl Upstream {
    pub(super) async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let asked = Arc::default();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&asked));
        let serving = tokio::spawn(async move {
            // It ends with the test.
            let _ended = axum::serve(listener, router).await;
        });
        Ok(Self { address, asked, serving })
    }

    /// Returns its address with `path`.
    pub(super) fn at(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns what came since the last call.
    pub(super) fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Asked {
    /// Returns the bearer token that came, if one did: what stands for none is none.
    pub(super) fn bearer(&self) -> Option<Secret> {
        let value = self.headers.get("authorization")?.strip_prefix("Bearer ")?;
        (value != "no-credential").then(|| Secret::new(value.to_owned()))
    }
}

async fn answer(State(asked): State<Arc<Mutex<Vec<Asked>>>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let headers = texts(request.headers());
    asked.lock().unwrap_or_else(PoisonError::into_inner).push(Asked { path, headers });
    let deltas = WORDS.map(|word| {
        let data = serde_json::json!({ "type": "response.output_text.delta", "delta": word });
        format!("event: response.output_text.delta\ndata: {data}\n\n")
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], deltas.concat()).into_response()
}

fn texts(headers: &HeaderMap) -> BTreeMap<String, String> {
    let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}

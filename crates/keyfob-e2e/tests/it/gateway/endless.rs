//! Answers that have no end, and those who follow them through the gateway.

use anyhow::{Context as _, Result, bail};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use futures_util::{StreamExt as _, stream};
use keyfob_e2e::World;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

/// How often an answer goes on.
const PAUSE: Duration = Duration::from_millis(100);
/// Nothing here takes longer unless it hangs.
const HANGS: Duration = Duration::from_mins(2);

/// A model server whose answers go on for as long as somebody reads them; serves until it is dropped.
#[derive(Debug)]
pub(super) struct Upstream {
    address: SocketAddr,
    running: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

impl Upstream {
    pub(super) async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let running = Arc::<AtomicUsize>::default();
        let router = Router::new()
            .route("/v1/models", get(async || r#"{"object":"list","data":[]}"#))
            .route("/v1/responses", post(answer))
            .with_state(Arc::clone(&running));
        let serving = tokio::spawn(async move {
            // It ends with the test.
            let _ended = axum::serve(listener, router).await;
        });
        Ok(Self { address, running, serving })
    }

    /// Returns its section of the gateway's file.
    pub(super) fn section(&self) -> String {
        format!("[upstream.endless]\nurl = \"http://{}/v1\"\n", self.address)
    }

    /// Returns once so many answers run.
    pub(super) async fn runs(&self, count: usize) -> Result<()> {
        let so_many = async {
            while self.running.load(Ordering::SeqCst) != count {
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::time::timeout(HANGS, so_many).await.context("the upstream goes on")
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// An answer that runs; no longer when it is dropped.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn answer(State(running): State<Arc<AtomicUsize>>) -> impl IntoResponse {
    running.fetch_add(1, Ordering::SeqCst);
    let begun = (Counted(running), tokio::time::interval(PAUSE));
    let events = stream::unfold(begun, |(counted, mut pause)| async move {
        pause.tick().await;
        let event = "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"on \"}\n\n";
        Some((Ok::<_, std::convert::Infallible>(event), (counted, pause)))
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(events))
}

/// Those who follow answers with one credential.
#[derive(Debug)]
pub(super) struct Followers {
    /// How many pieces each has read.
    read: Vec<Arc<AtomicUsize>>,
    /// Each ends when its answer has, and says when that was.
    following: JoinSet<Result<Instant>>,
}

impl Followers {
    /// Begins `count` answers; returns once each goes on.
    pub(super) async fn begin(world: &World, credential: &str, count: usize) -> Result<Self> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let (mut read, mut following) = (Vec::new(), JoinSet::new());
        for _ in 0..count {
            let request = http.post(format!("{}/v1/responses", world.gateway())).bearer_auth(credential);
            let pieces = Arc::<AtomicUsize>::default();
            read.push(Arc::clone(&pieces));
            following.spawn(follow(request.body(r#"{"stream":true}"#), pieces));
        }
        let followers = Self { read, following };
        followers.go_on().await?;
        Ok(followers)
    }

    /// Returns once each has read some more.
    pub(super) async fn go_on(&self) -> Result<()> {
        let before: Vec<usize> = self.pieces();
        let more = async {
            while !self.pieces().iter().zip(&before).all(|(now, before)| *now >= before + 3) {
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::time::timeout(HANGS, more).await.context("an answer stands still")
    }

    /// Returns when the last answer was cut off.
    pub(super) async fn cut_off(mut self) -> Result<Instant> {
        let all = async {
            let mut last = None;
            while let Some(ended) = self.following.join_next().await {
                last = last.max(Some(ended??));
            }
            last.context("nobody followed")
        };
        tokio::time::timeout(HANGS, all).await.context("an answer goes on")?
    }

    fn pieces(&self) -> Vec<usize> {
        self.read.iter().map(|pieces| pieces.load(Ordering::SeqCst)).collect()
    }
}

/// Follows an answer until it is cut off; fails if it ends as if it were whole.
async fn follow(request: reqwest::RequestBuilder, pieces: Arc<AtomicUsize>) -> Result<Instant> {
    let mut answer = request.send().await?.error_for_status()?.bytes_stream();
    while let Some(piece) = answer.next().await {
        if piece.is_err() {
            return Ok(Instant::now());
        }
        pieces.fetch_add(1, Ordering::SeqCst);
    }
    bail!("an answer without end looks whole")
}

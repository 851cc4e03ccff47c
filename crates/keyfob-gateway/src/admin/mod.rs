//! The listener for whoever runs the gateway: probes, metrics and usage, apart from the public one (security G-42).
//!
//! No probe and no metric names a person or a token, and nothing that a request brings becomes a label; the page of usage
//! names who used what, and is for whoever reaches this listener.

pub(crate) mod metrics;
mod usage;

pub(crate) use metrics::{Metrics, Observed};

use crate::gateway::Gateway;
use crate::revocations::Hearing;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::uri::Authority;
use http::{HeaderMap, StatusCode, header};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde_json::json;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// How long the head of a request may take.
const HEAD: Duration = Duration::from_secs(10);
/// The pause after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How many connections there are at most; further ones wait in the listener's queue.
const CONNECTIONS: usize = 64;
const NO_STORE: (header::HeaderName, &str) = (header::CACHE_CONTROL, "no-store");

fn router(gateway: Arc<Gateway>) -> Router {
    Router::new()
        .route("/live", get(live))
        .route("/ready", get(ready))
        .route("/metrics", get(show_metrics))
        .route("/usage", get(show_usage))
        .route("/usage.json", get(usage_as_json))
        .fallback(async || (StatusCode::NOT_FOUND, [NO_STORE], "nothing is here\n"))
        .with_state(gateway)
}

/// Serves it until the future is dropped.
pub async fn serve(listener: TcpListener, gateway: Arc<Gateway>) -> Infallible {
    let router = router(gateway);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < CONNECTIONS => match accepted {
                Ok((stream, _peer)) => {
                    let connection = http1::Builder::new()
                        .timer(TokioTimer::new())
                        .header_read_timeout(HEAD)
                        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()));
                    connections.spawn(connection);
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection of an administrator");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            // Finished connections are taken out of the set as they end.
            Some(_finished) = connections.join_next() => {}
        }
    }
}

/// The process answers.
async fn live() -> Response {
    ([NO_STORE], "live\n").into_response()
}

/// Requests can be let in: the issuer's keys are there, what has ended is known where that is followed, and the gateway was not
/// asked to stop.
async fn ready(State(gateway): State<Arc<Gateway>>) -> Response {
    let (keys, hearing) = (gateway.has_keys(), gateway.hearing());
    let is_ready = keys && hearing != Some(Hearing::Lost) && !gateway.is_stopping();
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({
        "ready": is_ready,
        "keys": if keys { "loaded" } else { "not loaded" },
        "revocations": hearing.map_or("not followed", Hearing::as_str),
        "stopping": gateway.is_stopping(),
    });
    (status, [NO_STORE], Json(body)).into_response()
}

async fn show_metrics(State(gateway): State<Arc<Gateway>>) -> Response {
    let metrics = gateway.metrics();
    metrics.note_revocations(gateway.hearing(), gateway.silence());
    match metrics.encoded() {
        Ok(text) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE), NO_STORE], text).into_response(),
        Err(_failed) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn show_usage(State(gateway): State<Arc<Gateway>>, headers: HeaderMap) -> Response {
    if !is_asked_by_address(&headers) {
        return misdirected();
    }
    usage::page(gateway.data_folder(), gateway.now()).await
}

async fn usage_as_json(State(gateway): State<Arc<Gateway>>, headers: HeaderMap) -> Response {
    if !is_asked_by_address(&headers) {
        return misdirected();
    }
    usage::json(gateway.data_folder(), gateway.now()).await
}

/// Whether the listener is asked by an address, or as this machine: any other name may be one that a web page has led here,
/// to read what people used (DNS rebinding).
fn is_asked_by_address(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    host.is_some_and(|host| {
        let name = host.host().trim_start_matches('[').trim_end_matches(']');
        name == "localhost" || name.parse::<IpAddr>().is_ok()
    })
}

fn misdirected() -> Response {
    let words = "this is shown by address alone: ask for it as http://ADDRESS:PORT, where the gateway was told to listen\n";
    (StatusCode::MISDIRECTED_REQUEST, [NO_STORE], words).into_response()
}

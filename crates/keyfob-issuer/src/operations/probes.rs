//! Whether the process lives, and whether it can do its work.

use crate::app::App;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// How long the database may take to answer a probe.
const LIMIT: Duration = Duration::from_secs(2);

/// The process answers; whether the database does is no reason to restart it.
pub(super) async fn live() -> Response {
    ([(header::CACHE_CONTROL, "no-store")], "live\n").into_response()
}

/// Requests can be answered: the database is there, holds the audit trail, and a key is there to sign with.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Response {
    let database = match tokio::time::timeout(LIMIT, app.issuer.probe()).await {
        Ok(Ok(())) => "ok",
        Ok(Err(fault)) => {
            tracing::warn!(error = &fault as &dyn std::error::Error, "not ready");
            "failing"
        }
        Err(_elapsed) => "silent",
    };
    let is_ready = database == "ok";
    app.metrics.note_readiness(is_ready);
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = Json(json!({ "ready": is_ready, "database": database }));
    (status, [(header::CACHE_CONTROL, "no-store")], body).into_response()
}

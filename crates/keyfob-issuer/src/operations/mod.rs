//! The listener for whoever runs the issuer: probes and metrics, apart from the public one (I-78).
//!
//! Nothing here names a person, a token or a code, and nothing that a request brings becomes a label: the series are as
//! many as there are routes, methods and states of HTTP.

mod metrics;
mod probes;

pub(crate) use metrics::{Connections, Metrics};

use crate::app::App;
use axum::Router;
use axum::routing::get;
use http::{StatusCode, header};
use std::sync::Arc;

/// Returns what is served there.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/live", get(probes::live))
        .route("/ready", get(probes::ready))
        .route("/metrics", get(metrics::show))
        .fallback(async || {
            (StatusCode::NOT_FOUND, [(header::CACHE_CONTROL, "no-store")], "nothing is here\n")
        })
        .with_state(app)
}

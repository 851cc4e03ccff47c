//! What surrounds every request: host, time limit, headers, one log line.

pub(crate) mod bearer;
pub(crate) mod breaches;
pub(crate) mod circumstance;
pub(crate) mod guess_budget;
pub(crate) mod hashing;
mod headers;
pub(crate) mod network;
pub(crate) mod poll_pace;
pub(crate) mod public;
pub(crate) mod user_codes;

use crate::app::App;
use crate::error::PageError;
use crate::parameters::ParametersError;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use keyfob_issuer_core::audit::Circumstance;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a request may take.
const LIMIT: Duration = Duration::from_secs(30);
/// Tells the caller by which name the request is found in the log and in the audit trail.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Whether a path holds a NUL, however it is written: a percent sign has one spelling of it.
fn holds_nul(path: &str) -> bool {
    path.contains("%00")
}

/// Passes a request on if it names our host, and finishes the answer.
pub(crate) async fn around(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let host = if app.site.is_host(request.headers().get(header::HOST)) { Host::Ours } else { Host::Other };
    answer(app, host, request, next).await
}

/// The same on the listener for administration, which may be named by its own address too.
pub(crate) async fn around_administration(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    let named = request.headers().get(header::HOST);
    let own = app.administration.map(|address| address.to_string());
    let is_own = named.is_some_and(|named| own.is_some_and(|own| named.as_bytes() == own.as_bytes()));
    let host = if is_own || app.site.is_host(named) { Host::Ours } else { Host::Other };
    answer(app, host, request, next).await
}

/// Whose name a request gives as its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Host {
    Ours,
    Other,
}

async fn answer(app: Arc<App>, host: Host, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    // The route, not the path: a path names a grant.
    let route = request.extensions().get::<MatchedPath>().map(|route| route.as_str().to_owned());
    let id = app.entropy.bytes::<8>().map(|bytes| format!("{:016x}", u64::from_be_bytes(bytes))).ok();
    let circumstance = Circumstance {
        address: network::address_of(request.extensions(), request.headers(), &app.trusted_proxies),
        request: id.clone(),
    };

    let is_encoded = request.headers().contains_key(header::CONTENT_ENCODING);
    let mut response = if is_encoded {
        // Nothing of ours is unpacked: a bomb stays closed (I-76).
        StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response()
    } else if holds_nul(request.uri().path()) {
        // No name that is looked up holds one, and no database takes it (I-74).
        PageError::Parameters(ParametersError::Malformed).into_response()
    } else if host == Host::Ours {
        let answering = circumstance::within(circumstance, next.run(request));
        match tokio::time::timeout(LIMIT, answering).await {
            Ok(response) => response,
            Err(_elapsed) => PageError::Busy.into_response(),
        }
    } else {
        PageError::OtherHost.into_response()
    };
    headers::finish(response.headers_mut(), &app.site);
    if let Some(value) = id.as_deref().and_then(|id| HeaderValue::from_str(id).ok()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    app.metrics.count_request(route.as_deref(), &method, response.status(), started.elapsed());
    tracing::info!(
        id = id.as_deref().unwrap_or("none"),
        http.method = %method,
        http.route = route.as_deref().unwrap_or("none"),
        http.status = response.status().as_u16(),
        ms = started.elapsed().as_millis(),
        "request"
    );
    response
}

//! The answer on its way back: status and headers checked, then each chunk as it comes.

use crate::body::{Body, Limits, Passing, full};
use crate::error::Refusal;
use crate::headers;
use crate::http_client::Answer;
use crate::upstream::UpstreamKey;
use http::{Response, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use std::time::Duration;

/// How long a stream may be silent; models think, but not for longer.
const LIMITS: Limits = Limits { idle: Duration::from_mins(10), size: None };
/// How long an error's explanation may be, in bytes.
const EXPLANATION: usize = 64 * 1024;
/// How long it may take.
const EXPLAINED: Duration = Duration::from_secs(10);

/// Turns the upstream's answer into the caller's.
///
/// A stream that the upstream breaks off ends with an error on the caller's connection too, never with a clean end
/// (security G-28).
pub(crate) async fn relay(
    response: Response<Answer>,
    key: Option<&UpstreamKey>,
) -> Result<Response<Body>, Refusal> {
    let status = response.status();
    if status.is_redirection() {
        return Err(Refusal::UpstreamRedirected);
    }
    // The caller's token never went there: what was refused is the gateway's key, and the text may repeat it (G-17).
    if status == StatusCode::UNAUTHORIZED {
        return Err(Refusal::UpstreamRefusedGateway);
    }
    if status.is_informational() {
        return Err(Refusal::UpstreamUnusable);
    }
    let (mut parts, body) = response.into_parts();
    headers::toward_caller(&mut parts.headers, key.map(UpstreamKey::expose));
    let is_error = status.is_client_error() || status.is_server_error();
    let body = match key {
        // What cannot be read cannot be searched for the key.
        Some(_) if is_error && parts.headers.contains_key(header::CONTENT_ENCODING) => {
            return Err(Refusal::UpstreamUnusable);
        }
        Some(key) if is_error => Box::pin(explanation(body, key)).await?,
        _ => Passing::new(body, LIMITS).boxed_unsync(),
    };
    Ok(Response::from_parts(parts, body))
}

/// Reads an error's explanation, which is short and may repeat the key that it was asked with (security G-17).
async fn explanation(body: Answer, key: &UpstreamKey) -> Result<Body, Refusal> {
    let collected = tokio::time::timeout(EXPLAINED, Limited::new(body, EXPLANATION).collect()).await;
    let Ok(Ok(collected)) = collected else { return Err(Refusal::UpstreamUnusable) };
    let bytes = collected.to_bytes();
    let secret = key.expose().as_bytes();
    if bytes.windows(secret.len()).any(|window| window == secret) {
        return Err(Refusal::UpstreamUnusable);
    }
    Ok(full(bytes))
}

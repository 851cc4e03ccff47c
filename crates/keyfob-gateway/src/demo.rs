//! The built-in demo upstream: it speaks the Responses API and says what it is; it is no model.

mod answer;

use crate::authenticate::Caller;
use crate::body::{Body, BodyError, full};
use crate::error::Refusal;
use crate::route::UpstreamPath;
use answer::Answer;
pub(crate) use answer::models;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Method, Request, Response, header};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use keyfob_oauth::Timestamp;
use serde_json::{Map, Value};
use std::collections::VecDeque;
use std::time::Duration;

/// The one route of the demo that needs a capability (design S3).
const CLOUD_WORKSPACE: &str = "/cloud/workspace";
/// The pause between two words, so that one sees a stream.
const PAUSE: Duration = Duration::from_millis(15);

/// Answers like an upstream would.
pub(crate) async fn answer(
    path: &UpstreamPath,
    request: Request<Body>,
    caller: &Caller,
    request_id: &str,
    now: Timestamp,
) -> Result<Response<Body>, Refusal> {
    match (request.method(), path.path()) {
        (&Method::GET | &Method::HEAD, "/models") => Ok(json(&models())),
        (&Method::POST, "/responses") => {
            let streamed = asks_for_stream(request).await?;
            let answer = Answer::new(caller, request_id, now);
            if streamed { Ok(events(answer.events())) } else { Ok(json(&answer.completed())) }
        }
        (&Method::GET, CLOUD_WORKSPACE) => Ok(json(&answer::cloud_workspace(caller))),
        _ => Err(Refusal::NotFound),
    }
}

/// Reads the one member that matters; the rest, the prompt above all, is not looked at.
async fn asks_for_stream(request: Request<Body>) -> Result<bool, Refusal> {
    if request.headers().contains_key(header::CONTENT_ENCODING) {
        return Err(Refusal::NotJson);
    }
    let body = request.into_body().collect().await.map_err(|error| Refusal::from(&error))?;
    let asked: Map<String, Value> = serde_json::from_slice(&body.to_bytes()).map_err(|_| Refusal::NotJson)?;
    match asked.get("stream") {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(streamed)) => Ok(*streamed),
        Some(_) => Err(Refusal::NotJson),
    }
}

fn json(value: &Value) -> Response<Body> {
    with_type("application/json", full(value.to_string()))
}

/// Streams server-sent events, one frame each, with a pause after each.
fn events(events: VecDeque<String>) -> Response<Body> {
    let frames = stream::unfold(events, |mut events| async {
        let event = events.pop_front()?;
        tokio::time::sleep(PAUSE).await;
        Some((Ok::<_, BodyError>(Frame::data(Bytes::from(event))), events))
    });
    with_type("text/event-stream", StreamBody::new(frames).boxed_unsync())
}

fn with_type(content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

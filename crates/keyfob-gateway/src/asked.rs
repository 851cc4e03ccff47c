//! What a request's body asks for, as far as the gateway looks: the model, a stream, how much at most.
//!
//! The body goes on byte for byte; only [`with_usage`] adds a member, where a stream would else not tell its usage.

use crate::error::Refusal;
use crate::route::UpstreamPath;
use bytes::Bytes;
use http::Method;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// Which of the APIs a request speaks, where the gateway knows what it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    /// `POST /v1/responses`, and its compaction.
    Responses,
    /// `POST /v1/chat/completions`.
    Chat,
    /// `POST /v1/completions`.
    Completions,
    /// `POST /v1/embeddings`.
    Embeddings,
}

impl Api {
    /// Returns what a request speaks; nothing for what asks no model, or in a way that is not known here.
    pub(crate) fn of(method: &Method, path: &UpstreamPath) -> Option<Self> {
        if method != Method::POST {
            return None;
        }
        match path.path() {
            "/responses" | "/responses/compact" => Some(Self::Responses),
            "/chat/completions" => Some(Self::Chat),
            "/completions" => Some(Self::Completions),
            "/embeddings" => Some(Self::Embeddings),
            _ => None,
        }
    }
}

/// What a body asks for. Everything else in it, the prompt above all, is not looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Which model is to answer.
    pub(crate) model: Option<String>,
    /// Whether the answer is to come as server-sent events.
    pub(crate) streams: bool,
    /// Whether the caller wants to hear of the usage in a stream of Chat Completions.
    pub(crate) tells_usage: bool,
    /// Whether the upstream is to work on after the answer.
    pub(crate) background: bool,
    /// The most tokens that may come back, over all choices, if the body says so.
    pub(crate) most_output: Option<u64>,
    /// How long the body is.
    pub(crate) bytes: u64,
}

/// The members that are looked at. A name that stands twice is refused: two readers could take different ones.
#[derive(Deserialize)]
struct Looked<'a> {
    model: Option<String>,
    stream: Option<bool>,
    background: Option<bool>,
    max_output_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
    max_tokens: Option<u64>,
    n: Option<u64>,
    best_of: Option<u64>,
    #[serde(default, borrow, deserialize_with = "even_null")]
    stream_options: Option<&'a RawValue>,
}

fn even_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

impl Asked {
    /// Reads a body.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let looked = look(body)?;
        // Upstreams may pass over what their API does not know: the largest is what may come of it.
        let most = [looked.max_output_tokens, looked.max_completion_tokens, looked.max_tokens]
            .into_iter()
            .flatten()
            .max();
        let times = looked.n.max(looked.best_of).unwrap_or(1).max(1);
        Ok(Self {
            streams: looked.stream.unwrap_or(false),
            tells_usage: looked.stream_options.is_some_and(asks_for_usage),
            background: looked.background.unwrap_or(false),
            most_output: most.map(|most| most.saturating_mul(times)),
            bytes: body.len() as u64,
            model: looked.model,
        })
    }
}

fn look(body: &[u8]) -> Result<Looked<'_>, Refusal> {
    // A structure may also be read from an array, which is no body of these APIs.
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(Refusal::NotJson);
    }
    serde_json::from_slice(body).map_err(|_| Refusal::NotJson)
}

fn asks_for_usage(options: &RawValue) -> bool {
    let options: Option<Map<String, Value>> = serde_json::from_str(options.get()).ok();
    options.is_some_and(|options| options.get("include_usage") == Some(&Value::Bool(true)))
}

/// Returns the body with `stream_options.include_usage` set, and every other byte as it was.
pub(crate) fn with_usage(body: &Bytes) -> Result<Bytes, Refusal> {
    let looked = look(body)?;
    let (from, to, written) = if let Some(options) = looked.stream_options {
        let stated: Option<Map<String, Value>> =
            serde_json::from_str(options.get()).map_err(|_| Refusal::NotJson)?;
        let mut stated = stated.unwrap_or_default();
        stated.insert("include_usage".to_owned(), Value::Bool(true));
        let from = (options.get().as_ptr() as usize).saturating_sub(body.as_ptr() as usize);
        (from, from.saturating_add(options.get().len()), Value::Object(stated).to_string())
    } else {
        let brace = body.iter().position(|byte| *byte == b'{').ok_or(Refusal::NotJson)?;
        let rest = body.get(brace + 1..).unwrap_or_default();
        let is_empty = rest.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'}');
        let comma = if is_empty { "" } else { "," };
        (brace + 1, brace + 1, format!("\"stream_options\":{{\"include_usage\":true}}{comma}"))
    };
    let (before, after) = (body.get(..from), body.get(to..));
    let (Some(before), Some(after)) = (before, after) else { return Err(Refusal::NotJson) };
    Ok([before, written.as_bytes(), after].concat().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    #[test]
    fn a_body_tells_model_stream_and_limit_under_each_apis_names() {
        let asked = |body: &str| Asked::parse(body.as_bytes());
        let bytes = |body: &str| body.len() as u64;

        let responses =
            r#" {"model":"m","input":"secret","stream":true,"background":true,"max_output_tokens":7}"#;
        let chat = r#"{"model":"m","max_completion_tokens":7,"max_tokens":9,"n":3,"stream_options":{"include_usage":true}}"#;
        let least = r#"{"max_tokens":null,"stream":null,"stream_options":null,"n":0}"#;

        assert_eq!(
            asked(responses),
            Ok(Asked {
                model: Some("m".into()),
                streams: true,
                tells_usage: false,
                background: true,
                most_output: Some(7),
                bytes: bytes(responses),
            })
        );
        assert_eq!(
            asked(chat),
            Ok(Asked {
                model: Some("m".into()),
                most_output: Some(27),
                tells_usage: true,
                bytes: bytes(chat),
                ..Asked::default()
            })
        );
        assert_eq!(asked(least), Ok(Asked { bytes: bytes(least), ..Asked::default() }));
        let most = |body| asked(body).unwrap().most_output;
        assert_eq!(most(r#"{"max_output_tokens":1,"max_completion_tokens":1000}"#), Some(1000));
        assert_eq!(most(r#"{"max_completion_tokens":1,"max_tokens":5,"n":2,"best_of":20}"#), Some(100));
    }

    #[test]
    fn a_body_with_two_readings_or_none_is_refused() {
        let bad = [
            "",
            "[]",
            r#"["m",true]"#,
            "null",
            "{",
            "{}x",
            r#"{"model":1}"#,
            r#"{"stream":"yes"}"#,
            r#"{"max_tokens":-1}"#,
            r#"{"model":"cheap","model":"dear"}"#,
            r#"{"model":"cheap","\u006dodel":"dear"}"#,
            r#"{"max_tokens":1,"max_tokens":2}"#,
        ];
        for body in bad {
            assert_eq!(Asked::parse(body.as_bytes()), Err(Refusal::NotJson), "{body}");
        }
    }

    #[test]
    fn usage_is_asked_for_without_touching_another_byte() {
        let added = |body: &'static str| with_usage(&Bytes::from_static(body.as_bytes())).unwrap();

        for (body, sent) in [
            (r#"{ "model" : "m" }"#, r#"{"stream_options":{"include_usage":true}, "model" : "m" }"#),
            (r"{ }", r#"{"stream_options":{"include_usage":true} }"#),
            (
                r#"{"a":1.0e5,"stream_options": {"include_usage":false,"x":[1]} ,"b":"é"}"#,
                r#"{"a":1.0e5,"stream_options": {"include_usage":true,"x":[1]} ,"b":"é"}"#,
            ),
            (r#"{"stream_options":null}"#, r#"{"stream_options":{"include_usage":true}}"#),
        ] {
            assert_eq!(added(body), sent);
            assert!(Asked::parse(sent.as_bytes()).unwrap().tells_usage, "{sent}");
        }
        assert_eq!(with_usage(&Bytes::from_static(br#"{"stream_options":1}"#)), Err(Refusal::NotJson));
    }

    #[test]
    fn only_what_asks_a_model_speaks_an_api() {
        let request = |method: &str, path: &str| {
            let request = Request::builder().method(method).uri(path).body(()).unwrap();
            let path = crate::route::route(&request).unwrap();
            Api::of(request.method(), &path)
        };

        assert_eq!(request("POST", "/v1/responses?x=1"), Some(Api::Responses));
        assert_eq!(request("POST", "/v1/chat/completions"), Some(Api::Chat));
        assert_eq!(request("POST", "/v1/completions"), Some(Api::Completions));
        assert_eq!(request("POST", "/v1/embeddings"), Some(Api::Embeddings));
        for (method, path) in [
            ("GET", "/v1/responses"),
            ("GET", "/v1/responses/resp_1"),
            ("POST", "/v1/responses/resp_1/cancel"),
            ("GET", "/v1/models"),
            ("POST", "/v1/files"),
        ] {
            assert_eq!(request(method, path), None, "{method} {path}");
        }
    }
}

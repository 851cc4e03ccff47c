//! `GET /v1/models`: what the caller may use, and nothing else.
//!
//! Each model is put to [`crate::policy::decide`], so that the list cannot say something else than the answer would. It
//! is told twice: `data` as the API has it, `models` as the Codex CLI reads it.

mod fetch;

use crate::body::{Body, full};
use crate::demo;
use crate::error::Refusal;
use crate::http_client::HttpClient;
use crate::policy::{ListedModel, Model, Outcome, Policy, Question, Route, Who, decide};
use crate::route::UpstreamPath;
use crate::upstream::Upstream;
use crate::upstreams::NamedUpstream;
use fetch::Fetched;
use http::{HeaderValue, Method, Response, header};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::Arc;

/// Lists models; what upstreams said a moment ago is remembered.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    fetched: Fetched,
}

/// On which routes a model is run.
const RUNS: [Route; 4] = [Route::Responses, Route::ChatCompletions, Route::Completions, Route::Embeddings];
/// What the Codex CLI tells a model first of which nobody said anything else.
const INSTRUCTIONS: &str = "You are a coding agent in a terminal. Help the person with the work in the present folder, and \
                            say plainly what you did and what you did not do.";

impl Catalogue {
    /// Returns the list for `who`.
    pub(crate) async fn list(
        &self,
        client: &HttpClient,
        policy: &Policy,
        upstreams: &[NamedUpstream],
        who: &Who<'_>,
        path: &UpstreamPath,
    ) -> Result<Response<Body>, Refusal> {
        let mut list = List::default();
        let first = |name: &str| usable(policy, upstreams, who, name);
        if policy.models().is_empty() {
            let mut answered = false;
            for (place, upstream) in upstreams.iter().enumerate() {
                if !upstream.lacks(who).is_empty() {
                    continue;
                }
                let Some(told) = self.told(client, upstream, place, path).await else { continue };
                answered = true;
                // What another upstream would answer, that one lists.
                list.add(&told, |name| first(name) == Some(place));
            }
            if !answered {
                return Err(Refusal::UpstreamUnreachable);
            }
        } else {
            for model in policy.models().iter().filter(|model| first(&model.name).is_some()) {
                list.add(&as_told(model), |_| true);
            }
        }
        Ok(list.into_response())
    }

    /// Returns what an upstream says of its models.
    async fn told(
        &self,
        client: &HttpClient,
        upstream: &NamedUpstream,
        place: usize,
        path: &UpstreamPath,
    ) -> Option<Arc<Value>> {
        match upstream.upstream() {
            Upstream::Demo => Some(Arc::new(demo::models())),
            Upstream::Http { url, key } => self.fetched.get(client, (url, key.as_ref()), place, path).await,
        }
    }
}

/// Returns which upstream would answer for a model on some route; nothing if the caller may not use it at all.
fn usable(policy: &Policy, upstreams: &[NamedUpstream], who: &Who<'_>, name: &str) -> Option<usize> {
    RUNS.into_iter().find_map(|route| {
        let question = Question { route, method: &Method::POST, model: Model::Named(name) };
        match decide(policy, who, &question, upstreams).outcome {
            Outcome::Allowed(places) => places.first().copied(),
            Outcome::Refused(_) => None,
        }
    })
}

/// The two lists, without repetitions.
#[derive(Default)]
struct List {
    data: Vec<Value>,
    models: Vec<Value>,
    seen: HashSet<(&'static str, String)>,
}

impl List {
    /// Adds what an upstream told of the models that `may` be used.
    fn add(&mut self, told: &Value, may: impl Fn(&str) -> bool) {
        for (list, member, key) in [(&mut self.data, "data", "id"), (&mut self.models, "models", "slug")] {
            for model in told.get(member).and_then(Value::as_array).into_iter().flatten() {
                let Some(name) = model.get(key).and_then(Value::as_str) else { continue };
                if may(name) && self.seen.insert((member, name.to_owned())) {
                    list.push(model.clone());
                }
            }
        }
    }

    fn into_response(mut self) -> Response<Body> {
        // A model that only the Codex CLI's list has is told in the API's too.
        let missing: Vec<String> = self
            .models
            .iter()
            .filter_map(|model| model.get("slug").and_then(Value::as_str).map(str::to_owned))
            .filter(|name| !self.seen.contains(&("data", name.clone())))
            .collect();
        self.data.extend(missing.iter().map(|name| entry(name)));
        let body = json!({ "object": "list", "data": self.data, "models": self.models });
        let mut response = Response::new(full(body.to_string()));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

fn entry(name: &str) -> Value {
    json!({ "id": name, "object": "model", "created": 0, "owned_by": "keyfob" })
}

/// Returns what an upstream would tell of a model that the policy file lists.
fn as_told(model: &ListedModel) -> Value {
    let name = &model.name;
    let mut told = json!({
        "slug": name,
        "display_name": model.display_name.as_ref().unwrap_or(name),
        "visibility": "list",
        "priority": 0,
        "supported_in_api": true,
        "base_instructions": model.instructions.as_deref().unwrap_or(INSTRUCTIONS),
        "supported_reasoning_levels": [],
        "support_verbosity": false,
        "shell_type": "shell_command",
        "truncation_policy": { "mode": "tokens", "limit": 10_000 },
        "experimental_supported_tools": [],
    });
    if let Value::Object(members) = &mut told {
        if let Some(description) = &model.description {
            members.insert("description".into(), json!(description));
        }
        if let Some(window) = model.context_window {
            members.insert("context_window".into(), json!(window));
        }
    }
    json!({ "data": [entry(name)], "models": [told] })
}

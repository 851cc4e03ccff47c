//! What the demo says, as objects and events of the Responses API.

use crate::authenticate::{Caller, CredentialKind};
use keyfob_oauth::Timestamp;
use serde_json::{Value, json};
use std::collections::VecDeque;

/// Returns by what the caller was let in, in words.
fn through(caller: &Caller) -> &str {
    match &caller.credential {
        CredentialKind::AccessToken { client, .. } => client.as_str(),
        CredentialKind::PersonalAccessToken { .. } => "a personal access token",
        CredentialKind::ApiKey { .. } => "an API key",
    }
}

/// Returns what the cloud route of the demo says.
pub(super) fn cloud_workspace(caller: &Caller) -> Value {
    json!({ "object": "cloud.workspace", "id": caller.workspace, "member": caller.subject })
}

/// The one model that the demo lists.
const MODEL: &str = "keyfob-demo";

/// One answer, told as a whole or bit by bit.
pub(super) struct Answer {
    text: String,
    response_id: String,
    message_id: String,
    created_at: i64,
}

impl Answer {
    pub(super) fn new(caller: &Caller, request_id: &str, now: Timestamp) -> Self {
        let text = format!(
            "Hello! This is the built-in demo of keyfob-gateway, not a model. Your access token was accepted: you are \
             {} in workspace {}, calling through {}. Start the gateway with the address of a real upstream to talk to \
             a model.",
            caller.subject,
            caller.workspace,
            through(caller)
        );
        Self {
            text,
            response_id: format!("resp_{request_id}"),
            message_id: format!("msg_{request_id}"),
            created_at: now.as_unix(),
        }
    }

    /// Returns the whole answer as one object.
    pub(super) fn completed(&self) -> Value {
        let words = self.text.split_whitespace().count();
        let output = json!([self.message("completed", &json!([self.part()]))]);
        let usage = json!({
            "input_tokens": 0,
            "input_tokens_details": { "cached_tokens": 0 },
            "output_tokens": words,
            "output_tokens_details": { "reasoning_tokens": 0 },
            "total_tokens": words,
        });
        merged(self.response("completed", &output), json!({ "usage": usage }))
    }

    /// Returns the answer as server-sent events, in order.
    pub(super) fn events(&self) -> VecDeque<String> {
        let started = self.response("in_progress", &json!([]));
        let place = json!({ "item_id": self.message_id, "output_index": 0, "content_index": 0 });
        let at = |more: Value| merged(place.clone(), more);
        let mut told = vec![
            ("response.created", json!({ "response": started })),
            ("response.in_progress", json!({ "response": started })),
            (
                "response.output_item.added",
                json!({ "output_index": 0, "item": self.message("in_progress", &json!([])) }),
            ),
            ("response.content_part.added", at(json!({ "part": part("") }))),
        ];
        told.extend(
            self.text
                .split_inclusive(' ')
                .map(|word| ("response.output_text.delta", at(json!({ "delta": word, "logprobs": [] })))),
        );
        told.extend([
            ("response.output_text.done", at(json!({ "text": self.text, "logprobs": [] }))),
            ("response.content_part.done", at(json!({ "part": self.part() }))),
            (
                "response.output_item.done",
                json!({ "output_index": 0, "item": self.message("completed", &json!([self.part()])) }),
            ),
            ("response.completed", json!({ "response": self.completed() })),
        ]);
        told.into_iter()
            .enumerate()
            .map(|(number, (name, data))| {
                let data = merged(json!({ "type": name, "sequence_number": number }), data);
                format!("event: {name}\ndata: {data}\n\n")
            })
            .collect()
    }

    fn response(&self, status: &str, output: &Value) -> Value {
        json!({
            "id": self.response_id,
            "object": "response",
            "created_at": self.created_at,
            "status": status,
            "error": null,
            "incomplete_details": null,
            "model": MODEL,
            "output": output,
            "usage": null,
        })
    }

    fn message(&self, status: &str, content: &Value) -> Value {
        json!({
            "id": self.message_id, "type": "message", "status": status, "role": "assistant", "content": content,
        })
    }

    fn part(&self) -> Value {
        part(&self.text)
    }
}

/// Returns the list of models, twice: `data` as the API has it, `models` as the Codex CLI 0.169.0 reads it.
///
/// That client drops the whole list over one missing member, and then warns that it knows nothing of the model. It
/// insists on every member here but `description` and `context_window`.
pub(crate) fn models() -> Value {
    json!({
        "object": "list",
        "data": [{ "id": MODEL, "object": "model", "created": 0, "owned_by": "keyfob" }],
        "models": [{
            "slug": MODEL,
            "display_name": "Keyfob demo",
            "description": "The built-in demo of keyfob-gateway; no model.",
            "visibility": "list",
            "priority": 0,
            "supported_in_api": true,
            "context_window": 128_000,
            "base_instructions": "This is a demo.",
            "supported_reasoning_levels": [],
            "support_verbosity": false,
            "shell_type": "shell_command",
            "truncation_policy": { "mode": "tokens", "limit": 10_000 },
            "experimental_supported_tools": [],
        }],
    })
}

fn part(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] })
}

/// Returns `first` with the members of `second` after its own.
fn merged(mut first: Value, second: Value) -> Value {
    if let (Value::Object(all), Value::Object(more)) = (&mut first, second) {
        all.extend(more);
    }
    first
}

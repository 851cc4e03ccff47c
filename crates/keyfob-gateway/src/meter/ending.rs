//! The last event of a stream that is ended here, in the words of the API that the caller speaks.

use super::Place;
use crate::asked::Api;
use bytes::Bytes;
use serde_json::{Value, json};

/// Returns what follows the last whole event: the caller's library then ends the answer as one that reached its limit.
pub(super) fn ending(api: Api, place: &Place) -> Bytes {
    let text = match api {
        Api::Responses => event(&incomplete(place), Some("response.incomplete")),
        Api::Chat => event(&chunk(place), None) + DONE,
        Api::Completions => event(&completion(place), None) + DONE,
        // They come whole, and never as events.
        Api::Embeddings => String::new(),
    };
    text.into()
}

const DONE: &str = "data: [DONE]\n\n";

fn event(data: &Value, name: Option<&str>) -> String {
    name.map_or_else(|| format!("data: {data}\n\n"), |name| format!("event: {name}\ndata: {data}\n\n"))
}

fn incomplete(place: &Place) -> Value {
    json!({
        "type": "response.incomplete",
        "sequence_number": place.sequence.saturating_add(1),
        "response": {
            "id": place.id,
            "object": "response",
            "created_at": place.created,
            "status": "incomplete",
            "error": null,
            "incomplete_details": { "reason": "max_output_tokens" },
            "model": place.model,
            "output": [],
            "usage": null,
        },
    })
}

fn chunk(place: &Place) -> Value {
    json!({
        "id": place.id,
        "object": "chat.completion.chunk",
        "created": place.created,
        "model": place.model,
        "choices": [{ "index": 0, "delta": {}, "finish_reason": "length" }],
    })
}

fn completion(place: &Place) -> Value {
    json!({
        "id": place.id,
        "object": "text_completion",
        "created": place.created,
        "model": place.model,
        "choices": [{ "index": 0, "text": "", "finish_reason": "length", "logprobs": null }],
    })
}

//! Answers of every API, in every way in which they can arrive.

use super::*;
use crate::asked::Api;
use crate::body::{Body, BodyError};
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::{StreamExt as _, stream};
use http::HeaderValue;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use proptest::prelude::*;
use std::sync::{Arc, Mutex};

/// Allows no output where an answer is limited.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<End>>>);

impl Watch for Told {
    fn allows(&mut self, output: u64) -> bool {
        output == 0
    }

    fn ended(self, end: End) {
        self.0.lock().unwrap().push(end);
    }
}

impl Told {
    /// Returns the one thing that was told.
    fn once(&self) -> End {
        let told = self.0.lock().unwrap();
        assert_eq!(told.len(), 1, "{told:?}");
        told[0]
    }
}

const INPUT: u64 = 11;

fn ends(api: Api) -> Ends {
    Ends { api: Some(api), input: INPUT, hides_usage: false, is_limited: false }
}

/// Lets `chunks` through, an error after them if one is given; returns what came out, and what was told.
fn passed(
    kind: &'static str,
    ends: Ends,
    chunks: &[&[u8]],
    error: Option<BodyError>,
) -> (Vec<u8>, Result<(), BodyError>, End) {
    let frames: Vec<_> = chunks
        .iter()
        .map(|chunk| Ok(Frame::data(Bytes::copy_from_slice(chunk))))
        .chain(error.map(Err))
        .collect();
    let body: Body = StreamBody::new(stream::iter(frames)).boxed_unsync();
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    let told = Told::default();
    let mut metered = Metered::new(body, Meter::new(ends.api, &headers), ends, told.clone());
    let (mut out, mut result) = (Vec::new(), Ok(()));
    while let Some(frame) = metered.frame().now_or_never().expect("nothing is waited for") {
        match frame {
            Ok(frame) => out.extend_from_slice(&frame.into_data().unwrap()),
            Err(error) => result = Err(error),
        }
    }
    drop(metered);
    let end = told.once();
    (out, result, end)
}

const SSE: &str = "text/event-stream; charset=utf-8";
const JSON: &str = "application/json";

const RESPONSES: &str = concat!(
    "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"resp_1\",",
    "\"created_at\":17,\"model\":\"m-1\",\"usage\":null}}\n\n",
    ": keep-alive\n\n",
    "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":1,",
    "\"item_id\":\"msg_1\",\"delta\":\"Hel\\\"lo \\u00e9\"}\n\n",
    "event: response.completed\ndata: {\"type\":\"response.completed\",\"sequence_number\":2,\"response\":{\"id\":\"resp_1\",",
    "\"output\":[{\"usage\":{\"input_tokens\":999}}],\"usage\":{\"input_tokens\":100,",
    "\"input_tokens_details\":{\"cached_tokens\":40},\"output_tokens\":20,",
    "\"output_tokens_details\":{\"reasoning_tokens\":5},\"total_tokens\":120}},",
    "\"item\":{\"usage\":{\"input_tokens\":999}}}\n\n",
);
const CHAT_TEXT: &str = concat!(
    "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":17,\"model\":\"m-1\",",
    "\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"Hello\"}}],\"usage\":null}\n\n",
    "data: {\"id\":\"chatcmpl-1\",\"choices\":[],\"prompt_filter_results\":[{\"usage\":1}]}\n\n",
    "data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\n",
);
const CHAT_USAGE: &str = concat!(
    "data: {\"id\":\"chatcmpl-1\",\"choices\":[],\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":20,",
    "\"prompt_tokens_details\":{\"cached_tokens\":40},\"completion_tokens_details\":{\"reasoning_tokens\":5}}}\n\n",
);
const DONE: &str = "data: [DONE]\n\n";
const EMBEDDINGS: &str =
    r#"{"object":"list","data":[{"embedding":[0.5,-1e9]}],"usage":{"prompt_tokens":100,"total_tokens":100}}"#;

const USED: Tokens = Tokens { input: 100, cached: 40, output: 20, reasoning: 5 };

fn chat() -> String {
    [CHAT_TEXT, CHAT_USAGE, DONE].concat()
}

/// Every API's answers: how it is written, the answer, what was used.
fn answers() -> Vec<(Api, &'static str, String, Tokens)> {
    let completed = RESPONSES.lines().rev().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let response: serde_json::Value = serde_json::from_str(completed).unwrap();
    let completion = r#"{"id":"c","choices":[{"text":"a \"usage\":{","usage":{"input_tokens":9}}],
        "usage":{"prompt_tokens":3,"completion_tokens":2}}"#;
    let few = Tokens { input: 3, output: 2, ..Tokens::default() };
    let words = concat!(
        "data: {\"id\":\"cmpl\",\"choices\":[{\"text\":\"one\"}]}\r\n\r\n",
        "data: {\"id\":\"cmpl\",\"choices\":[],\r\ndata: \"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\r\n\r\n",
        "data: [DONE]\r\n\r\n"
    );
    vec![
        (Api::Responses, SSE, RESPONSES.into(), USED),
        (Api::Responses, JSON, response["response"].to_string(), USED),
        (Api::Chat, SSE, chat(), USED),
        (Api::Chat, JSON, completion.into(), few),
        (Api::Completions, SSE, words.into(), few),
        (Api::Completions, JSON, completion.into(), few),
        (Api::Embeddings, JSON, EMBEDDINGS.into(), Tokens { input: 100, ..Tokens::default() }),
    ]
}

#[test]
fn usage_is_read_of_every_api_wherever_an_answer_is_split_and_no_byte_of_it_changes() {
    for (api, kind, answer, used) in answers() {
        let end =
            End { outcome: Outcome::Whole, tokens: used, is_estimate: false, bytes: answer.len() as u64 };
        for at in 0..=answer.len() {
            let (before, after) = answer.as_bytes().split_at(at);

            let (out, result, told) = passed(kind, ends(api), &[before, after], None);

            assert_eq!(String::from_utf8_lossy(&out), answer);
            assert!(result.is_ok());
            assert_eq!(told, end, "{api:?} {kind} {at}");
        }
    }
}

#[test]
fn an_answer_that_breaks_off_is_told_as_that_with_an_estimate() {
    let begun = RESPONSES.split_inclusive("\n\n").take(3).collect::<String>();
    let chunks = [begun.as_bytes(), b"event: response.comp"];

    let (out, result, told) = passed(SSE, ends(Api::Responses), &chunks, Some(BodyError::StoodStill));

    assert_eq!(out, chunks.concat());
    assert!(matches!(result, Err(BodyError::StoodStill)));
    // `Hel\"lo \u00e9` is 14 bytes as it is written.
    let tokens = Tokens { input: INPUT, output: 4, ..Tokens::default() };
    let bytes = chunks.concat().len() as u64;
    assert_eq!(told, End { outcome: Outcome::BrokenOff, tokens, is_estimate: true, bytes });
}

#[test]
fn a_caller_that_leaves_is_told_as_that_unless_all_was_said() {
    let left = |answer: &str| {
        let told = Told::default();
        let frames = stream::iter([Ok(Frame::data(Bytes::copy_from_slice(answer.as_bytes())))]);
        let body = StreamBody::new(frames.chain(stream::pending())).boxed_unsync();
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(SSE));
        let mut metered =
            Metered::new(body, Meter::new(Some(Api::Chat), &headers), ends(Api::Chat), told.clone());
        assert!(metered.frame().now_or_never().is_some());
        assert!(metered.frame().now_or_never().is_none());
        drop(metered);
        let end = told.once();
        (end.outcome, end.tokens, end.is_estimate)
    };

    let estimate = Tokens { input: INPUT, output: 2, ..Tokens::default() };
    assert_eq!(left(CHAT_TEXT), (Outcome::CallerLeft, estimate, true));
    assert_eq!(left(&chat()), (Outcome::Whole, USED, false));
}

#[test]
fn the_usage_that_the_gateway_asked_for_is_taken_out_wherever_it_is_split() {
    for feed in ["\n", "\r\n", "\r"] {
        let write = |text: &str| text.replace('\n', feed);
        let (sent, kept) = (write(&chat()), write(&[CHAT_TEXT, DONE].concat()));
        let hidden = Ends { hides_usage: true, ..ends(Api::Chat) };
        for at in 0..=sent.len() {
            let (before, after) = sent.as_bytes().split_at(at);

            let (out, _, told) = passed(SSE, hidden.clone(), &[before, b"", after], None);

            assert_eq!(String::from_utf8_lossy(&out), kept, "{feed:?} {at}");
            assert_eq!((told.tokens, told.is_estimate), (USED, false));
        }
    }
}

#[test]
fn nothing_but_the_beginning_of_an_event_is_held_back() {
    let told = Told::default();
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel::<Result<Frame<Bytes>, BodyError>>();
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(SSE));
    let hidden = Ends { hides_usage: true, ..ends(Api::Chat) };
    let body = StreamBody::new(stream::poll_fn(move |context| receiver.poll_recv(context))).boxed_unsync();
    let mut metered = Metered::new(body, Meter::new(hidden.api, &headers), hidden, told);
    let mut send = |text: &str| {
        sender.send(Ok(Frame::data(Bytes::copy_from_slice(text.as_bytes())))).unwrap();
        let mut out = Vec::new();
        while let Some(Some(Ok(frame))) = metered.frame().now_or_never() {
            out.extend_from_slice(&frame.into_data().unwrap());
        }
        String::from_utf8(out).unwrap()
    };

    assert_eq!(send(": ping\n\n"), ": ping\n\n");
    assert_eq!(send("data: {\"id\":1,"), "");
    assert_eq!(send("\"choices\":[{"), "data: {\"id\":1,\"choices\":[{");
    assert_eq!(send("}]"), "}]");
    assert_eq!(send("}\n\n: x\n"), "}\n\n");
    assert_eq!(send("\n"), ": x\n\n");
}

#[test]
fn a_stream_that_passes_its_allowance_ends_well_formed_at_the_end_of_an_event() {
    let spent = |api, text: &str, at: usize| {
        let most = Ends { is_limited: true, hides_usage: api == Api::Chat, ..ends(api) };
        let (before, after) = text.as_bytes().split_at(at);
        let (out, result, told) = passed(SSE, most, &[before, after], None);
        assert!(result.is_ok());
        assert_eq!((told.outcome, told.is_estimate), (Outcome::Cut, true));
        String::from_utf8(out).unwrap()
    };
    let first = CHAT_TEXT.split_inclusive("\n\n").next().unwrap();
    for at in 0..first.len() {
        let out = spent(Api::Chat, &chat(), at);
        let last = out.strip_prefix(first).unwrap().strip_prefix("data: ").unwrap();
        let last: serde_json::Value =
            serde_json::from_str(last.strip_suffix("\n\ndata: [DONE]\n\n").unwrap()).unwrap();
        assert_eq!(
            last,
            serde_json::json!({
                "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 17, "model": "m-1",
                "choices": [{ "index": 0, "delta": {}, "finish_reason": "length" }],
            })
        );
    }

    let out = spent(Api::Responses, RESPONSES, 9);
    let begun = RESPONSES.split_inclusive("\n\n").take(3).collect::<String>();
    let last = out.strip_prefix(&begun).unwrap().strip_prefix("event: response.incomplete\ndata: ").unwrap();
    let last: serde_json::Value = serde_json::from_str(last).unwrap();
    assert_eq!(
        last,
        serde_json::json!({
            "type": "response.incomplete", "sequence_number": 2,
            "response": {
                "id": "resp_1", "object": "response", "created_at": 17, "status": "incomplete", "error": null,
                "incomplete_details": { "reason": "max_output_tokens" }, "model": "m-1", "output": [], "usage": null,
            },
        })
    );
}

proptest! {
    #[test]
    fn any_bytes_pass_unchanged(
        chunks in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..40),
                "(data: ?|[{}\\[\\]:,\"\\\\a0]|\"usage\"|\"choices\"|\r|\n){0,12}".prop_map(String::into_bytes),
            ],
            0..12,
        ),
        is_stream in any::<bool>(),
        api in prop_oneof![Just(Api::Responses), Just(Api::Chat), Just(Api::Embeddings)],
    ) {
        let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
        let kind = if is_stream { SSE } else { JSON };

        let (out, _, told) = passed(kind, ends(api), &chunks, None);

        prop_assert_eq!(&out, &chunks.concat());
        prop_assert_eq!(told.bytes, out.len() as u64);
    }

    #[test]
    fn any_cuts_of_a_stream_take_the_same_usage_out(mut cuts in prop::collection::vec(0..chat().len(), 0..9)) {
        let sent = chat();
        cuts.sort_unstable();
        let mut chunks = Vec::new();
        let mut rest = sent.as_bytes();
        for cut in cuts.iter().rev() {
            let (before, after) = rest.split_at(*cut);
            chunks.insert(0, after);
            rest = before;
        }
        chunks.insert(0, rest);
        let hidden = Ends { hides_usage: true, ..ends(Api::Chat) };

        let (out, _, told) = passed(SSE, hidden, &chunks, None);

        prop_assert_eq!(String::from_utf8_lossy(&out).into_owned(), [CHAT_TEXT, DONE].concat());
        prop_assert_eq!(told.tokens, USED);
    }
}

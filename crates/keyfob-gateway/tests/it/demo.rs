//! The built-in demo, as a client of the Responses API sees it.

use crate::world::World;
use http::StatusCode;
use serde_json::{Value, json};

const TEXT: &str = "Hello! This is the built-in demo of keyfob-gateway, not a model. Your access token was accepted: you \
                    are u-1 in workspace w-1, calling through app. Start the gateway with the address of a real \
                    upstream to talk to a model.";

/// Returns the events of a stream as name and data, and checks that the two agree.
fn events(stream: &str) -> Vec<(String, Value)> {
    stream
        .split_terminator("\n\n")
        .map(|event| {
            let (name, data) = event.split_once('\n').unwrap();
            let name = name.strip_prefix("event: ").unwrap();
            let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
            assert_eq!(data["type"], name);
            (name.to_owned(), data)
        })
        .collect()
}

#[tokio::test]
async fn s_23_a_signed_in_caller_gets_a_streamed_answer() {
    let world = World::demo().await;

    let answer = world.send(world.request(), r#"{"model":"m","input":"secret prompt","stream":true}"#).await;

    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers["content-type"], "text/event-stream");
    let events = events(&answer.text());
    let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    let deltas = names.len() - 8;
    let mut expected = vec![
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ];
    expected.extend(vec!["response.output_text.delta"; deltas]);
    expected.extend([
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]);
    assert_eq!(names, expected);
    let numbers: Vec<Value> = events.iter().map(|(_, data)| data["sequence_number"].clone()).collect();
    assert_eq!(numbers, (0..events.len()).map(|number| json!(number)).collect::<Vec<_>>());
    let told: String = events.iter().filter_map(|(_, data)| data["delta"].as_str()).collect();
    assert_eq!(told, TEXT);
    assert!(deltas > 20, "one sees it stream");
    assert!(!answer.text().contains("secret prompt"));
}

#[tokio::test]
async fn s_23_without_a_stream_the_answer_is_the_streams_last_word() {
    let world = World::demo().await;

    let whole = world.send(world.request(), r#"{"model":"m","input":"hi"}"#).await;
    let streamed = world.send(world.request(), r#"{"stream":true}"#).await;

    let whole: Value = serde_json::from_slice(&whole.body).unwrap();
    assert_eq!(whole["output"][0]["content"][0]["text"], TEXT);
    assert_eq!(whole["status"], "completed");
    let mut last = events(&streamed.text()).pop().unwrap().1["response"].take();
    last["id"] = whole["id"].clone();
    last["output"][0]["id"] = whole["output"][0]["id"].clone();
    assert_eq!(last, whole);
}

#[tokio::test]
async fn the_demo_lists_one_model_and_nothing_else() {
    let world = World::demo().await;

    let models = world.send(world.request().method("GET").uri("/v1/models?client_version=0.169.0"), "").await;
    let other = world.send(world.request().uri("/v1/embeddings"), "{}").await;

    let models: Value = serde_json::from_slice(&models.body).unwrap();
    assert_eq!(models["data"][0]["id"], "keyfob-demo");
    assert_eq!(models["models"][0]["slug"], "keyfob-demo");
    assert_eq!((other.status, other.code()), (StatusCode::NOT_FOUND, "not_found".into()));
}

#[tokio::test]
async fn the_demo_reads_only_json_objects() {
    let world = World::demo().await;

    for body in ["", "{", "[]", "\"x\"", r#"{"stream":"yes"}"#] {
        let answer = world.send(world.request(), body).await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::BAD_REQUEST, "invalid_json".into()),
            "{body}"
        );
    }
    let packed = world.send(world.request().header("content-encoding", "zstd"), "{}").await;
    assert_eq!(packed.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn s_03_the_cloud_route_needs_an_account_with_the_scope_and_refuses_a_key_in_so_many_words() {
    let world = World::demo().await;
    let ask = async |token: &str| {
        let request = http::Request::builder().method("GET").uri("/v1/cloud/workspace").header("host", "g");
        let answer = world.send(request.header("authorization", format!("Bearer {token}")), "").await;
        let challenge =
            answer.headers.get("www-authenticate").map(|value| value.to_str().unwrap().to_owned());
        (answer.status.as_u16(), challenge, answer.text())
    };
    let challenge = Some(r#"Bearer realm="keyfob", error="insufficient_scope", scope="cloud""#.to_owned());

    let with = world.issuer.token_with("scope", "openid cloud".into());
    let (status, _, text) = ask(&with).await;
    assert_eq!((status, text.as_str()), (200, r#"{"object":"cloud.workspace","id":"w-1","member":"u-1"}"#));

    let (status, told, text) = ask(&world.issuer.token_with("scope", "openid".into())).await;
    assert_eq!((status, &told), (403, &challenge));
    assert!(text.contains(r#""code":"insufficient_scope""#), "{text}");

    for key in ["sk-kf-0123", "sk-other"] {
        let (status, told, text) = ask(key).await;
        assert_eq!((status, &told), (403, &challenge));
        let words = "The cloud capabilities require account sign-in, and this is an API key. Run `keyfob login --cloud` to \
                     sign in, then send the token that `keyfob token` prints";
        assert!(text.contains(words) && !text.contains(key), "{text}");
    }
}

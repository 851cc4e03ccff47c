//! Limits through the public door: who is counted, what a refusal says, and what no limit can be got around by.

use crate::world::{AUDIENCE, Answer, FakeIssuer, NOW, World, soon};
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use http::{Method, Request, StatusCode};
use keyfob_gateway::resource_server::ResourceServer;
use keyfob_gateway::revocations::FeedConfig;
use serde_json::{Value, json};
use std::time::Duration;

/// A million tokens of output cost 1,000 dollars: 1,000 tokens cost one.
const PRICES: &str = "currency = 'USD'\n[[model]]\nname = 'm*'\ninput = 0\noutput = '1000'";
/// Costs a dollar at worst.
const DOLLAR: &str = r#"{"model":"m","max_output_tokens":1000}"#;

fn with_token(request: http::request::Builder, token: &str) -> http::request::Builder {
    let mut request = request;
    let headers = request.headers_mut().unwrap();
    headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

async fn ended(mut world: World) {
    world.stop();
    world.stopped().await;
}

/// An answer of the Responses API that used so many tokens of output.
fn used(output: u64) -> String {
    let body = json!({ "usage": { "input_tokens": 0, "output_tokens": output } }).to_string();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

async fn answered(world: &World, body: &'static str, answer: &str) -> Answer {
    let (answer, _) = tokio::join!(world.send(world.request(), body), world.upstream.answer(answer));
    answer
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn g_40_one_token_from_a_hundred_forwarded_addresses_is_one_counter() {
    let data = tempfile::tempdir().unwrap();
    let world =
        World::limited_demo(FakeIssuer::start().await, None, data.path(), "requests_per_minute = 10").await;

    let ask = |address: usize| {
        let request = world
            .request()
            .method(Method::GET)
            .uri("/v1/models")
            .header("x-forwarded-for", format!("192.0.2.{address}"))
            .header("forwarded", format!("for=192.0.2.{address}"))
            .header("x-real-ip", format!("192.0.2.{address}"));
        world.send(request, "")
    };
    let answers = join_all((0..100).map(ask)).await;

    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(StatusCode::OK), count(StatusCode::TOO_MANY_REQUESTS)), (10, 90));
}

#[tokio::test]
async fn g_40_a_hundred_tokens_from_one_address_are_a_hundred_counters() {
    let data = tempfile::tempdir().unwrap();
    let world =
        World::limited_demo(FakeIssuer::start().await, None, data.path(), "requests_per_minute = 1").await;

    for expected in [StatusCode::OK, StatusCode::TOO_MANY_REQUESTS] {
        let ask = |person: usize| {
            let token = world.issuer.token_with("sub", json!(format!("u-{person}")));
            let request = with_token(world.request().method(Method::GET).uri("/v1/models"), &token);
            world.send(request.header("x-forwarded-for", "192.0.2.1"), "")
        };
        let answers = join_all((0..100).map(ask)).await;

        let other = answers.iter().find(|answer| answer.status != expected);
        assert!(other.is_none(), "{other:?}");
    }
}

#[tokio::test]
async fn g_06_a_key_over_its_quota_is_refused_and_another_key_goes_on() {
    let data = tempfile::tempdir().unwrap();
    let issuer = FakeIssuer::start().await;
    // Nothing has ended, and the issuer is heard.
    let nothing = issuer.feed(0, 0, &json!([]));
    issuer.tell(Box::new(move |_| (200, nothing.clone())));
    let feed = FeedConfig::new(ResourceServer::parse("gateway:kfs_secret").unwrap(), Duration::from_mins(5));
    let world = World::limited_demo(issuer, Some(feed), data.path(), "requests_per_minute = 2").await;
    let ask = async |key: &str| {
        world.issuer.introspect(
            200,
            json!({
                "active": true, "token_type": "Bearer", "kind": "api_key", "iss": world.issuer.url, "sub": "u-1",
                "aud": AUDIENCE, "iat": NOW - 9, "jti": key, "scope": "", "workspace_id": "w-1",
            }),
        );
        let request =
            with_token(world.request().method(Method::GET).uri("/v1/models"), &format!("sk-kf-{key}"));
        world.send(request, "").await
    };

    for _ in 0..2 {
        assert_eq!(ask("one").await.status, StatusCode::OK);
    }
    let over = ask("one").await;
    let other = ask("two").await;

    assert_eq!((over.status, over.code()), (StatusCode::TOO_MANY_REQUESTS, "rate_limited".into()));
    assert_eq!(other.status, StatusCode::OK);
    assert_eq!(header(&other, "ratelimit"), Some("\"caller-requests\";r=1;t=60"));
}

#[tokio::test]
async fn g_40_of_a_hundred_first_requests_on_a_budget_for_one_exactly_one_is_sent() {
    let data = tempfile::tempdir().unwrap();
    let world = World::limited(data.path(), PRICES, "budget = '1.00/day'").await;

    let mut asked: FuturesUnordered<_> = (0..100).map(|_| world.send(world.request(), DOLLAR)).collect();
    let refused = async {
        let mut refused = Vec::new();
        while refused.len() < 99 {
            refused.push(asked.next().await.unwrap());
        }
        (refused, asked)
    };
    let ((refused, mut asked), mut sent) = soon(async { tokio::join!(refused, world.upstream.next()) }).await;
    sent.send(&used(1000)).await;
    let answer = soon(asked.next()).await.unwrap();

    let said = |answer: &Answer| (answer.status.as_u16(), answer.code());
    assert!(refused.iter().all(|answer| said(answer) == (429, "budget_exceeded".into())));
    assert_eq!(answer.status, StatusCode::OK);
    assert!(world.upstream.saw_nothing());
    let body: Value = serde_json::from_slice(&refused[0].body).unwrap();
    let which = "The budget of 1.00 USD per day for each person is used up: this request could cost 1.00 USD, and 0.00 USD \
                 is left";
    let expected = json!({
        "message": format!("{which}. Try again in 57600 s, at 2027-01-16T00:00:00Z"),
        "type": "usage_limit_reached", "code": "budget_exceeded", "param": null, "resets_at": 1_800_057_600,
    });
    assert_eq!(body["error"], expected);
    assert_eq!(header(&refused[0], "x-codex-promo-message"), Some(which));
    assert_eq!(header(&refused[0], "retry-after"), Some("57600"));
    let policy = "\"caller-budget\";q=1000000;qu=\"micro-usd\";w=86400";
    assert_eq!(header(&refused[0], "ratelimit-policy"), Some(policy));
    assert_eq!(header(&refused[0], "ratelimit"), Some("\"caller-budget\";r=0;t=57600"));
    assert_eq!(header(&answer, "ratelimit-policy"), Some(policy));
}

#[tokio::test]
async fn what_was_not_used_of_a_reservation_can_be_used_again_and_a_restart_forgets_nothing() {
    let data = tempfile::tempdir().unwrap();
    let limits = "budget = '1.00/day'\n[workspace]\nbudget = '1.20/day'";
    let world = World::limited(data.path(), PRICES, limits).await;

    assert_eq!(answered(&world, DOLLAR, &used(400)).await.status, StatusCode::OK);
    assert_eq!(world.send(world.request(), DOLLAR).await.code(), "budget_exceeded");
    let small = r#"{"model":"m","max_output_tokens":600}"#;
    assert_eq!(answered(&world, small, &used(500)).await.status, StatusCode::OK);
    ended(world).await;

    let world = World::limited(data.path(), PRICES, limits).await;
    let refused = world.send(world.request(), r#"{"model":"m","max_output_tokens":101}"#).await;
    assert_eq!(
        header(&refused, "ratelimit"),
        Some("\"caller-budget\";r=100000;t=57600, \"workspace-budget\";r=300000;t=57600")
    );
    let colleague = with_token(world.request(), &world.issuer.token_with("sub", json!("u-2")));
    let refused = world.send(colleague, r#"{"model":"m","max_output_tokens":301}"#).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::TOO_MANY_REQUESTS, "budget_exceeded".into()));
    let fits = r#"{"model":"m","max_output_tokens":100}"#;
    assert_eq!(answered(&world, fits, &used(100)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_request_that_runs_takes_one_of_the_streams_until_it_ends() {
    let data = tempfile::tempdir().unwrap();
    let world = World::limited(data.path(), PRICES, "streams = 1").await;

    let (running, mut sent) = tokio::join!(world.begin(world.request(), DOLLAR), async {
        let mut sent = world.upstream.next().await;
        sent.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n").await;
        sent
    });
    let refused = world.send(world.request(), DOLLAR).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::TOO_MANY_REQUESTS, "too_many_streams".into()));

    drop(running);
    sent.send(": \n\n").await;
    sent.abandoned().await;
    assert_eq!(answered(&world, DOLLAR, &used(1)).await.status, StatusCode::OK);
}

const STREAM: &str = r#"{"model":"m","stream":true}"#;

/// So many tokens of output, one in each event.
fn told(tokens: usize) -> String {
    "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"a\"}\n\n"
        .repeat(tokens)
}

#[tokio::test]
async fn a_stream_that_tells_more_than_was_reserved_goes_on_until_the_budget_ends() {
    let data = tempfile::tempdir().unwrap();
    let world = World::limited(data.path(), PRICES, "budget = '1.00/day'\noutput_tokens = 3").await;

    let (answer, sent) = tokio::join!(world.send(world.request(), STREAM), async {
        let mut sent = world.upstream.next().await;
        sent.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n").await;
        sent.send(&told(1100)).await;
        sent
    });

    sent.abandoned().await;
    let text = answer.text();
    assert_eq!(text.matches("event: response.output_text.delta").count(), 1001);
    assert!(text.contains("event: response.incomplete"), "{text}");
    let next = world.send(world.request(), r#"{"model":"m","max_output_tokens":1}"#).await;
    assert_eq!((next.status, next.code()), (StatusCode::TOO_MANY_REQUESTS, "budget_exceeded".into()));
}

#[tokio::test]
async fn a_stream_that_tells_more_than_was_reserved_pays_what_it_told() {
    let data = tempfile::tempdir().unwrap();
    let world = World::limited(data.path(), PRICES, "budget = '5.00/day'\noutput_tokens = 3").await;

    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    let stream = format!("{head}{}", told(1500));
    let sent = async { drop(world.upstream.answer(&stream).await) };
    let (answer, ()) = tokio::join!(world.send(world.request(), STREAM), sent);

    assert_eq!(answer.text(), told(1500));
    let next = world.send(world.request(), r#"{"model":"m","max_output_tokens":5000}"#).await;
    assert_eq!(header(&next, "ratelimit"), Some("\"caller-budget\";r=3500000;t=57600"));
}

#[tokio::test]
async fn what_cannot_be_counted_is_not_sent_where_there_is_a_budget() {
    let data = tempfile::tempdir().unwrap();
    let world = World::limited(data.path(), PRICES, "[workspace]\nbudget = '1.00/day'").await;
    let post = |path: &str| world.request().uri(path.to_owned());
    let upgrade = world
        .request()
        .method(Method::GET)
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let plain: http::request::Builder = Request::post("/v1/images/generations").header("host", "g");

    for (request, body, status, code) in [
        (post("/v1/responses"), r#"{"model":"other"}"#, 403, "model_unpriced"),
        (post("/v1/chat/completions"), "{}", 403, "model_unpriced"),
        (
            post("/v1/responses"),
            r#"{"model":"m","background":true,"max_output_tokens":1}"#,
            403,
            "not_counted",
        ),
        (post("/v1/images/generations"), r#"{"model":"m"}"#, 403, "not_counted"),
        (post("/v1/batches"), "{}", 403, "not_counted"),
        (post("/v1/embeddings/x"), r#"{"model":"m"}"#, 403, "not_counted"),
        (upgrade, "", 501, "upgrade_not_supported"),
        (with_token(plain, "none"), "{}", 401, "invalid_token"),
    ] {
        let answer = world.send(request, body).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (status, code.to_owned()), "{body}");
    }
    assert!(world.upstream.saw_nothing());
    let unpriced = world.send(post("/v1/responses"), r#"{"model":"other"}"#).await;
    let body: Value = serde_json::from_slice(&unpriced.body).unwrap();
    assert_eq!(
        body["error"]["message"],
        "The model `other` has no price in this gateway's `prices.toml`, and what has no price cannot be held to a budget. \
         The gateway's administrator can add it"
    );
}

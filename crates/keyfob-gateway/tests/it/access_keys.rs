//! Keys that the issuer is asked about.

use crate::world::{AUDIENCE, FakeIssuer, NOW, World};
use http::{Request, StatusCode};
use keyfob_gateway::resource_server::ResourceServer;
use keyfob_gateway::revocations::FeedConfig;
use serde_json::{Value, json};
use std::time::Duration;

const API_KEY: &str = "sk-kf-0123456789";

/// What the issuer says of a key that counts.
fn counts(issuer: &FakeIssuer, changes: &Value) -> Value {
    let mut answer = json!({
        "active": true, "token_type": "Bearer", "kind": "api_key", "iss": issuer.url, "sub": "u-1", "aud": AUDIENCE,
        "iat": NOW - 9, "jti": "k-1", "scope": "", "workspace_id": "w-1",
        "data_policy": { "retention": null, "data_sharing": false },
    });
    for (member, value) in changes.as_object().unwrap() {
        answer[member] = value.clone();
    }
    answer
}

async fn world() -> World {
    let issuer = FakeIssuer::start().await;
    // Nothing has ended, and the issuer is heard.
    let answer = issuer.feed(0, 0, &json!([]));
    issuer.tell(Box::new(move |_| (200, answer.clone())));
    let server = ResourceServer::parse("gateway:kfs_secret").unwrap();
    World::following(issuer, FeedConfig::new(server, Duration::from_mins(5))).await
}

async fn models(world: &World, key: &str) -> (u16, String) {
    let request =
        Request::get("/v1/models").header("host", "g").header("authorization", format!("Bearer {key}"));
    let answer = world.send(request, "").await;
    match answer.status {
        StatusCode::OK => (200, String::new()),
        refused => (refused.as_u16(), answer.code()),
    }
}

fn invalid() -> (u16, String) {
    (401, "invalid_token".into())
}

fn asked(world: &World) -> Vec<String> {
    world.issuer.questions().into_iter().filter(|question| !question.starts_with('/')).collect()
}

#[tokio::test]
async fn g_37_a_key_is_asked_about_once_by_who_the_gateway_is_and_believed_for_a_moment() {
    let world = world().await;
    world.issuer.introspect(200, counts(&world.issuer, &json!({})));

    let answers = futures_util::future::join_all((0..100).map(|_| models(&world, API_KEY))).await;

    assert!(answers.iter().all(|(status, _)| *status == 200), "{answers:?}");
    assert_eq!(asked(&world), [format!("{API_KEY} authorization: Basic Z2F0ZXdheTprZnNfc2VjcmV0")]);
}

#[tokio::test]
async fn a_personal_access_token_opens_the_gateway_as_its_person() {
    let world = world().await;
    let kind = json!({ "kind": "personal_access_token", "exp": NOW + 60, "models": ["keyfob-demo"] });
    world.issuer.introspect(200, counts(&world.issuer, &kind));

    let request = Request::post("/v1/responses").header("host", "g").header("authorization", "Bearer at-1");
    let answer = world.send(request, r#"{"model":"keyfob-demo"}"#).await;

    let text = answer.text();
    assert!(text.contains("you are u-1 in workspace w-1, calling through a personal access token"), "{text}");
}

#[tokio::test]
async fn g_34_a_key_that_ended_or_is_of_another_issuer_or_for_another_server_is_refused() {
    let (other, unreadable) = (json!("https://other.test"), (503, "issuer_unreachable".to_owned()));
    for (changes, refusal) in [
        (json!({ "active": false }), invalid()),
        (json!({ "exp": NOW }), invalid()),
        (json!({ "iss": other }), unreadable.clone()),
        (json!({ "aud": other }), unreadable.clone()),
        (json!({ "kind": "access_token" }), unreadable.clone()),
        (json!({ "jti": "" }), unreadable.clone()),
        (json!({ "models": "all" }), unreadable.clone()),
        (json!({ "data_policy": "none" }), unreadable.clone()),
        (json!({ "data_policy": { "retention": 3 } }), unreadable.clone()),
        (json!({ "active": "true" }), unreadable),
    ] {
        let world = world().await;
        world.issuer.introspect(200, counts(&world.issuer, &changes));

        assert_eq!(models(&world, API_KEY).await, refusal, "{changes}");
    }
}

#[tokio::test]
async fn what_is_no_key_of_the_issuer_is_not_sent_to_it() {
    let world = world().await;

    for foreign in ["sk-0123", "sk-proj-0123", "kf-1", "AT-1", &format!("at-{}", "x".repeat(300))] {
        assert_eq!(models(&world, foreign).await, invalid(), "{foreign:.20}");
    }
    assert_eq!(asked(&world), Vec::<String>::new());
}

#[tokio::test]
async fn an_issuer_that_counts_too_many_unknown_keys_refuses_this_one_too() {
    let world = world().await;
    world.issuer.introspect(429, json!({}));

    assert_eq!(models(&world, API_KEY).await, invalid());
}

#[tokio::test]
async fn a_key_that_was_never_asked_about_waits_for_an_issuer_that_does_not_answer() {
    let world = world().await;
    world.issuer.introspect(500, json!({}));

    assert_eq!(models(&world, API_KEY).await, (503, "issuer_unreachable".into()));
}

#[tokio::test]
async fn s_03_a_key_opens_no_cloud_route() {
    let world = world().await;
    world.issuer.introspect(200, counts(&world.issuer, &json!({ "scope": "cloud" })));
    let request = Request::get("/v1/cloud/workspace").header("host", "g");

    let answer = world.send(request.header("authorization", format!("Bearer {API_KEY}")), "").await;

    assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, "account_sign_in_required".into()));
}

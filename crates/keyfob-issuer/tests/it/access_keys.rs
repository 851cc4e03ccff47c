//! Keys that people make for their programs.

use crate::browser::Answer;
use crate::people::{make_key, other_tokens};
use crate::world::{OWNER, Tokens, World};
use keyfob_codex::client::{CLIENT_ID, GATEWAY_CLIENT_ID};
use reqwest::Method;
use serde_json::{Value, json};

const DAY: u64 = 24 * 3600;

async fn call(world: &World, method: Method, path: &str, token: &str) -> Answer {
    world.browser().call(method, path, token, None).await
}

async fn list(world: &World, tokens: &Tokens) -> Vec<Value> {
    let answer = call(world, Method::GET, "/api/keys", &tokens.access).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["keys"].as_array().unwrap().clone()
}

async fn who_am_i(world: &World, key: &str) -> Answer {
    call(world, Method::GET, keyfob_codex::who_am_i::PATH, key).await
}

#[tokio::test]
async fn s_07_a_person_makes_restricts_and_lists_a_key_whose_secret_is_shown_once() {
    let world = World::start().await;
    let tokens = world.tokens().await;
    let wish = json!({
        "kind": "api_key", "label": "ci", "models": "small large", "scope": "api.connectors.read",
        "expires_in": DAY,
    });

    let answer = world.browser().call(Method::POST, "/api/keys", &tokens.access, Some(&wish)).await;

    assert_eq!(answer.status, 201, "{}", answer.body);
    let mut made = answer.json();
    let secret = made.as_object_mut().unwrap().remove("secret").unwrap();
    let secret = secret.as_str().unwrap();
    assert!(secret.starts_with("sk-kf-"), "{secret}");
    let workspace = keyfob_jose::read_unverified(&tokens.access).unwrap();
    let expected = json!({
        "id": made["id"], "kind": "api_key", "label": "ci", "ending": secret.get(secret.len() - 4..),
        "scope": "api.connectors.read", "models": ["small", "large"],
        "workspace_id": workspace.text("workspace_id"), "created_at": "2027-01-15T08:00:00Z",
        "expires_at": "2027-01-16T08:00:00Z", "last_used_at": null,
    });
    assert_eq!(made, expected);
    assert_eq!(list(&world, &tokens).await, [expected]);
}

#[tokio::test]
async fn the_real_client_learns_whose_personal_access_token_it_holds_and_its_person_when_it_was_used() {
    let world = World::start().await;
    let tokens = world.tokens().await;
    let key = make_key(&world, &tokens, &json!({ "kind": "personal_access_token", "label": "laptop" })).await;
    world.clock.advance(600);

    let answer = who_am_i(&world, &key.secret).await;

    assert_eq!(answer.status, 200, "{}", answer.body);
    let claims = keyfob_jose::read_unverified(&tokens.access).unwrap();
    let expected = json!({
        "email": OWNER, "chatgpt_user_id": claims.text("sub"),
        "chatgpt_account_id": claims.text("workspace_id"), "chatgpt_plan_type": "pro",
        "chatgpt_account_is_fedramp": false,
    });
    assert_eq!(answer.json(), expected);
    assert_eq!(list(&world, &tokens).await[0]["last_used_at"], "2027-01-15T08:10:00Z");
    let narrow = json!({ "kind": "personal_access_token", "label": "x", "scope": "api.connectors.read" });
    let narrow = make_key(&world, &tokens, &narrow).await;
    assert_eq!(who_am_i(&world, &narrow.secret).await.json().get("email"), None);
}

#[tokio::test]
async fn an_ended_key_and_an_expired_one_are_refused_and_no_longer_listed() {
    let world = World::start().await;
    let tokens = world.tokens().await;
    let wish = json!({ "kind": "personal_access_token", "label": "a", "expires_in": 600 });
    let (ended, expired) = (make_key(&world, &tokens, &wish).await, make_key(&world, &tokens, &wish).await);

    let path = format!("/api/keys/{}", ended.id);
    assert_eq!(call(&world, Method::DELETE, &path, &tokens.access).await.essence(), (204, ""));

    let refused = who_am_i(&world, &ended.secret).await;
    assert_eq!(refused.essence(), (401, r#"{"error":"invalid_token"}"#));
    assert_eq!(call(&world, Method::DELETE, &path, &tokens.access).await.status, 404);
    world.clock.advance(599);
    assert_eq!(who_am_i(&world, &expired.secret).await.status, 200);
    world.clock.advance(1);
    assert_eq!(who_am_i(&world, &expired.secret).await.essence(), refused.essence());
    assert_eq!(list(&world, &tokens).await, [] as [Value; 0]);
}

#[tokio::test]
async fn i_69_nobody_sees_or_ends_the_key_of_somebody_else() {
    let world = World::start().await;
    let tokens = world.tokens().await;
    let other = other_tokens(&world).await;
    let key = make_key(&world, &tokens, &json!({ "kind": "api_key", "label": "mine" })).await;

    let foreign = call(&world, Method::DELETE, &format!("/api/keys/{}", key.id), &other.access).await;
    let unknown = format!("/api/keys/{}", key.id.replace(|c: char| c.is_ascii_digit(), "0"));
    let unknown = call(&world, Method::DELETE, &unknown, &other.access).await;

    assert_eq!((foreign.status, foreign.essence()), (404, unknown.essence()));
    assert_eq!(call(&world, Method::DELETE, "/api/keys/x", &other.access).await.essence(), unknown.essence());
    assert_eq!(list(&world, &other).await, [] as [Value; 0]);
    assert_eq!(list(&world, &tokens).await.len(), 1);
}

#[tokio::test]
async fn no_key_opens_more_than_its_maker_may_or_lives_longer_than_a_year() {
    let world = World::start().await;
    let tokens = world.tokens().await;
    let refused = async |change: Value| {
        let mut wish = json!({ "kind": "personal_access_token", "label": "a" });
        wish.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let answer = world.browser().call(Method::POST, "/api/keys", &tokens.access, Some(&wish)).await;
        (answer.status, answer.json()["error"].as_str().unwrap().to_owned())
    };

    for (change, error) in [
        (json!({ "scope": "cloud" }), "invalid_scope"),
        (json!({ "scope": "offline_access" }), "invalid_scope"),
        (json!({ "kind": "api_key", "scope": "email" }), "invalid_scope"),
        (json!({ "expires_in": 366 * DAY }), "invalid_request"),
        (json!({ "expires_in": -1 }), "invalid_request"),
        (json!({ "kind": "session" }), "invalid_request"),
        (json!({ "label": "\u{202e}" }), "invalid_request"),
        (json!({ "models": "m ".repeat(51) }), "invalid_request"),
    ] {
        assert_eq!(refused(change.clone()).await, (400, error.into()), "{change}");
    }
    assert_eq!(list(&world, &tokens).await, [] as [Value; 0]);
}

#[tokio::test]
async fn a_key_is_made_only_soon_after_signing_in_so_that_a_stolen_token_cannot_make_itself_last() {
    let world = World::start().await;
    let tokens = world.tokens().await;
    let wish = json!({ "kind": "api_key", "label": "a" });
    let make = async |token: &str| world.browser().call(Method::POST, "/api/keys", token, Some(&wish)).await;
    world.clock.advance(900);
    assert_eq!(make(&tokens.access).await.status, 201);

    world.clock.advance(1);
    let late = make(&tokens.access).await;

    assert_eq!(late.essence(), (401, r#"{"error":"insufficient_user_authentication"}"#));
    let challenge = r#"Bearer error="insufficient_user_authentication", max_age="900""#;
    assert_eq!(late.headers["www-authenticate"], challenge);
    let refreshed = Tokens::read(&world.refresh(&tokens.refresh).await);
    assert_eq!(make(&refreshed.access).await.essence(), late.essence());
    assert_eq!(list(&world, &refreshed).await.len(), 1);
}

#[tokio::test]
async fn i_34_whoever_finds_a_leaked_key_may_end_it() {
    let world = World::start().await;
    let tokens = world.tokens().await;
    for (kind, client) in [("personal_access_token", CLIENT_ID), ("api_key", GATEWAY_CLIENT_ID)] {
        let key = make_key(&world, &tokens, &json!({ "kind": kind, "label": "leaked" })).await;
        let form = [("client_id", client), ("token", &*key.secret), ("token_type_hint", "access_token")];

        assert_eq!(world.browser().post("/oauth/revoke", &form).await.status, 200);

        assert_eq!(list(&world, &tokens).await, [] as [Value; 0], "{kind}");
        assert_eq!(world.browser().post("/oauth/revoke", &form).await.status, 200);
    }
}

//! The device authorization grant (RFC 8628), as strict clients take it.

use crate::browser::{Answer, Browser};
use crate::device::{enter, poll as poll_codex, signed_in, start as start_codex};
use crate::trail::entries;
use crate::world::{Kept, Tokens, World, changed, on_both, refresh};
use keyfob_codex::client::{CLIENT_ID, GATEWAY_CLIENT_ID};
use serde_json::{Value, json};

pub(crate) const START: &str = "/oauth/device_authorization";
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";

pub(crate) async fn start(world: &World, client: &str) -> Value {
    let answer =
        world.browser().post(START, &[("client_id", client), ("scope", "openid offline_access")]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

pub(crate) fn redeem(device_code: &str) -> [(&str, &str); 3] {
    [("grant_type", GRANT_TYPE), ("client_id", CLIENT_ID), ("device_code", device_code)]
}

pub(crate) async fn poll(world: &World, client: &str, device: &Value) -> Answer {
    let form = redeem(device["device_code"].as_str().unwrap());
    world.browser().post("/oauth/token", &changed(&form, &[("client_id", client)])).await
}

/// Returns the error of a poll; every refusal has status 400.
async fn refusal(world: &World, client: &str, device: &Value) -> String {
    let answer = poll(world, client, device).await;
    assert_eq!(answer.status, 400, "{}", answer.body);
    answer.json()["error"].as_str().unwrap().to_owned()
}

async fn decide(browser: &mut Browser, device: &Value, decision: &str) -> Answer {
    let user_code = device["user_code"].as_str().unwrap();
    let csrf = enter(browser, user_code).await.csrf();
    let form = [("csrf", &*csrf), ("user_code", user_code), ("decision", decision)];
    browser.post("/codex/device/approve", &form).await
}

on_both!(a_device_is_told_what_it_waits_for_and_then_its_tokens);
async fn a_device_is_told_what_it_waits_for_and_then_its_tokens(kept: Kept) {
    for client in [CLIENT_ID, GATEWAY_CLIENT_ID] {
        let world = World::keeping(kept).await;
        let device = start(&world, client).await;
        let page = format!("{}/codex/device", world.base);
        assert_eq!((&device["expires_in"], &device["interval"]), (&json!(900), &json!(5)), "whole numbers");
        assert_eq!((&device["verification_uri"], device.as_object().unwrap().len()), (&json!(page), 5));

        assert_eq!(refusal(&world, client, &device).await, "authorization_pending", "at once");
        decide(&mut signed_in(&world).await, &device, "approve").await;
        world.clock.advance(5);
        let answer = poll(&world, client, &device).await;

        assert_eq!(answer.status, 200, "{}", answer.body);
        let tokens = Tokens::read(&answer);
        let json = answer.json();
        assert_eq!(
            (&json["token_type"], &json["scope"]),
            (&json!("Bearer"), &json!("openid offline_access"))
        );
        assert_eq!(json["expires_in"], json!(if client == CLIENT_ID { 3600 } else { 600 }));
        let refreshed = world.browser().post("/oauth/token", &refresh(client, &tokens.refresh)).await;
        assert_eq!(refreshed.status, 200, "{}", refreshed.body);
        assert_eq!(refusal(&world, client, &device).await, "expired_token", "its session went on");
    }
}

on_both!(i_45_a_device_whose_tokens_were_lost_gets_the_same_session_for_half_a_minute);
async fn i_45_a_device_whose_tokens_were_lost_gets_the_same_session_for_half_a_minute(kept: Kept) {
    let world = World::keeping(kept).await;
    let device = start(&world, CLIENT_ID).await;
    decide(&mut signed_in(&world).await, &device, "approve").await;

    let first = Tokens::read(&poll(&world, CLIENT_ID, &device).await);
    world.clock.advance(30);
    let again = Tokens::read(&poll(&world, CLIENT_ID, &device).await);
    world.clock.advance(1);

    assert_eq!(again.refresh, first.refresh);
    assert_eq!(world.query("SELECT status FROM refresh_families").await, ["live"], "one session");
    assert_eq!(refusal(&world, CLIENT_ID, &device).await, "expired_token");
}

on_both!(two_pollers_at_once_get_one_session);
async fn two_pollers_at_once_get_one_session(kept: Kept) {
    let world = World::keeping(kept).await;
    let device = start(&world, CLIENT_ID).await;
    decide(&mut signed_in(&world).await, &device, "approve").await;

    let polls = (0..8).map(|_| poll(&world, CLIENT_ID, &device));
    let answers = futures_util::future::join_all(polls).await;

    let tokens: Vec<String> = answers.iter().map(|answer| Tokens::read(answer).refresh).collect();
    assert!(tokens.iter().all(|token| *token == tokens[0]), "I-45");
    assert_eq!(world.query("SELECT status FROM refresh_families").await, ["live"]);
}

on_both!(i_37_expired_unknown_foreign_and_delivered_device_codes_are_answered_alike);
async fn i_37_expired_unknown_foreign_and_delivered_device_codes_are_answered_alike(kept: Kept) {
    let world = World::keeping(kept).await;
    let (expired, foreign) = (start(&world, CLIENT_ID).await, start(&world, GATEWAY_CLIENT_ID).await);
    let codex = json!({ "device_code": start_codex(&world).await["device_auth_id"] });
    let denied = start(&world, CLIENT_ID).await;
    decide(&mut signed_in(&world).await, &denied, "deny").await;

    assert_eq!(refusal(&world, CLIENT_ID, &denied).await, "access_denied");
    let mut answers = vec![poll(&world, CLIENT_ID, &json!({ "device_code": "x" })).await];
    for _ in 0..9 {
        answers.push(poll(&world, CLIENT_ID, &foreign).await);
    }
    answers.push(poll(&world, CLIENT_ID, &codex).await);
    world.clock.advance(15 * 60);
    answers.push(poll(&world, CLIENT_ID, &expired).await);
    answers.push(poll(&world, CLIENT_ID, &denied).await);

    for answer in &answers {
        assert_eq!(answer.essence(), answers[0].essence());
        assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some("expired_token")));
    }
    for _ in 0..2 {
        world.tell_misuses().await;
        poll(&world, CLIENT_ID, &foreign).await;
    }
    let told = entries(&world).await.into_iter().filter(|entry| entry["action"] == "session.begin");
    let told: Vec<_> = told.map(|entry| (entry["client"].clone(), entry["detail"].clone())).collect();
    let detail = format!("device code of another client, {GATEWAY_CLIENT_ID}, 9 times");
    assert_eq!(told, [(json!(CLIENT_ID), json!(detail))], "I-48, and however often it is tried");
}

on_both!(i_06_a_device_code_is_nothing_in_the_codex_dialect);
async fn i_06_a_device_code_is_nothing_in_the_codex_dialect(kept: Kept) {
    let world = World::keeping(kept).await;
    let device = start(&world, CLIENT_ID).await;
    decide(&mut signed_in(&world).await, &device, "approve").await;

    let renamed = json!({ "device_auth_id": device["device_code"], "user_code": device["user_code"] });

    assert_eq!(poll_codex(&world, &renamed).await.status, 400);
    assert_eq!(poll(&world, CLIENT_ID, &device).await.status, 200);
}

#[tokio::test]
async fn i_51_a_device_that_asks_too_often_is_slowed_down_and_learns_nothing_earlier() {
    let world = World::start().await;
    let device = start(&world, CLIENT_ID).await;
    assert_eq!(refusal(&world, CLIENT_ID, &device).await, "authorization_pending");
    decide(&mut signed_in(&world).await, &device, "approve").await;

    for second in 0..3 {
        for _ in 0..50 {
            assert_eq!(refusal(&world, CLIENT_ID, &device).await, "slow_down", "{second}");
        }
        world.clock.advance(1);
    }
    world.clock.advance(57);

    assert_eq!(poll(&world, CLIENT_ID, &device).await.status, 200);
}

#[tokio::test]
async fn i_46_a_device_that_asks_for_nothing_known_here_or_for_another_server_gets_no_code() {
    let world = World::start().await;
    let ask = async |more: (&str, &str)| {
        let answer = world.browser().post(START, &[("client_id", CLIENT_ID), more]).await;
        (answer.status, answer.json()["error"].as_str().unwrap_or("none").to_owned())
    };

    assert_eq!(ask(("scope", "inference")).await, (400, "invalid_scope".into()));
    assert_eq!(ask(("scope", "open\"id")).await, (400, "invalid_scope".into()));
    assert_eq!(ask(("resource", "https://elsewhere.example")).await, (400, "invalid_target".into()));
    assert_eq!(ask(("client_secret", "x")).await, (400, "invalid_client".into()));
    assert_eq!(ask(("resource", &world.base)).await, (200, "none".into()));
    assert_eq!(ask(("scope", "inference offline_access")).await, (200, "none".into()));
}

#[tokio::test]
async fn a_device_of_the_gateway_sign_in_may_name_the_resource_when_it_refreshes() {
    let world = World::start_for("https://gateway.example").await;
    let device = start(&world, GATEWAY_CLIENT_ID).await;
    decide(&mut signed_in(&world).await, &device, "approve").await;
    let tokens = Tokens::read(&poll(&world, GATEWAY_CLIENT_ID, &device).await);

    let form = refresh(GATEWAY_CLIENT_ID, &tokens.refresh);
    let named = changed(&form, &[("resource", "https://gateway.example")]);

    let claims = keyfob_jose::read_unverified(&tokens.access).unwrap();
    assert_eq!(claims.get("aud"), Some(&json!("https://gateway.example")));
    assert_eq!(world.browser().post("/oauth/token", &named).await.status, 200);
}

#[tokio::test]
async fn i_49_switched_off_at_the_start_each_dialect_and_client_by_itself() {
    let switches = [("standard", CLIENT_ID, GATEWAY_CLIENT_ID), ("gateway", GATEWAY_CLIENT_ID, CLIENT_ID)];
    for (switch, off, on) in switches {
        let world = World::start_with(&format!("\n[device_codes]\n{switch} = false\n")).await;

        let refused = world.browser().post(START, &[("client_id", off)]).await;

        assert_eq!((refused.status, refused.json()["error"].as_str()), (400, Some("unauthorized_client")));
        start(&world, on).await;
    }
}

#[tokio::test]
async fn i_49_i_81_without_the_grant_the_metadata_does_not_name_it_and_codes_that_wait_are_over() {
    let mut world = World::start().await;
    let (standard, codex) = (start(&world, CLIENT_ID).await, start_codex(&world).await);
    decide(&mut signed_in(&world).await, &standard, "approve").await;

    world.restart_with("\n[device_codes]\ncodex = false\nstandard = false\ngateway = false\n").await;

    let metadata = world.browser().get("/.well-known/openid-configuration").await.json();
    assert_eq!(metadata["device_authorization_endpoint"], Value::Null);
    assert!(!metadata["grant_types_supported"].as_array().unwrap().contains(&json!(GRANT_TYPE)));
    assert_eq!(refusal(&world, CLIENT_ID, &standard).await, "unsupported_grant_type");
    assert_eq!(poll_codex(&world, &codex).await.status, 400);
    let user_code = codex["user_code"].as_str().unwrap();
    assert_eq!(enter(&mut signed_in(&world).await, user_code).await.status, 404);
}

//! The sign-in of a device.

use crate::browser::{Answer, Browser};
use crate::trail::entries;
use crate::world::{
    CALLBACK, Kept, OWNER, PASSWORD, World, authorize, changed, codex_request, exchange, on_both,
};
use keyfob_codex::client::{CLIENT_ID, GATEWAY_CLIENT_ID};
use serde_json::{Value, json};

const USER_CODE: &str = "/api/accounts/deviceauth/usercode";
const POLL: &str = "/api/accounts/deviceauth/token";
const PAGE: &str = "/codex/device";

pub(crate) async fn start(world: &World) -> Value {
    let answer = world.browser().post_json(USER_CODE, &json!({ "client_id": CLIENT_ID })).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

pub(crate) async fn poll(world: &World, device: &Value) -> Answer {
    let body = json!({ "device_auth_id": device["device_auth_id"], "user_code": device["user_code"] });
    world.browser().post_json(POLL, &body).await
}

/// Returns a browser that has signed in at the page of devices.
pub(crate) async fn signed_in(world: &World) -> Browser {
    let mut browser = world.browser();
    let signed_in = world.sign_in(&mut browser, PAGE, PASSWORD).await;
    assert_eq!((signed_in.status, signed_in.location()), (303, Some(PAGE)));
    browser
}

pub(crate) async fn enter(browser: &mut Browser, user_code: &str) -> Answer {
    let csrf = browser.get(PAGE).await.csrf();
    browser.post(PAGE, &[("csrf", &csrf), ("user_code", user_code)]).await
}

pub(crate) async fn decide(world: &World, device: &Value, decision: &str) -> Answer {
    let mut browser = signed_in(world).await;
    let user_code = device["user_code"].as_str().unwrap();
    let csrf = enter(&mut browser, user_code).await.csrf();
    let form = [("csrf", &*csrf), ("user_code", user_code), ("decision", decision)];
    browser.post("/codex/device/approve", &form).await
}

on_both!(s_19_an_approved_device_is_given_its_code_once_and_redeems_it);
async fn s_19_an_approved_device_is_given_its_code_once_and_redeems_it(kept: Kept) {
    let world = World::keeping(kept).await;
    let device = start(&world).await;
    assert_eq!((&device["interval"], &device["expires_at"]), (&json!("1"), &json!("2027-01-15T08:15:00Z")));
    let pending = poll(&world, &device).await;
    assert_eq!((pending.status, pending.json()), (403, json!({ "error": "authorization_pending" })));

    let done = decide(&world, &device, "approve").await;
    assert!(done.status == 200 && done.body.contains("id=\"done\""), "{}", done.body);
    let delivered = poll(&world, &device).await.json();

    let callback = format!("{}/deviceauth/callback", world.base);
    let text = |member: &str| delivered[member].as_str().unwrap();
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", CLIENT_ID),
        ("code", text("authorization_code")),
        ("redirect_uri", &callback),
        ("code_verifier", text("code_verifier")),
    ];
    assert_eq!(world.browser().post("/oauth/token", &exchange(text("authorization_code"))).await.status, 400);
    assert_eq!(world.browser().post("/oauth/token", &fields).await.status, 200);
    assert_eq!(poll(&world, &device).await.status, 400, "it was redeemed");
}

on_both!(i_45_a_lost_answer_is_told_again_for_half_a_minute_and_not_once_it_was_redeemed);
async fn i_45_a_lost_answer_is_told_again_for_half_a_minute_and_not_once_it_was_redeemed(kept: Kept) {
    let world = World::keeping(kept).await;
    let device = start(&world).await;
    assert!(device["device_auth_id"].as_str().unwrap().len() >= 43, "256 bits");
    decide(&world, &device, "approve").await;

    let first = poll(&world, &device).await;
    world.clock.advance(30);
    let again = poll(&world, &device).await;
    world.clock.advance(1);
    let late = poll(&world, &device).await;

    assert_eq!((first.status, again.essence()), (200, first.essence()));
    assert_eq!((late.status, late.json()["error"].as_str()), (400, Some("invalid_grant")));
    let rows = world.query("SELECT progress || coalesce(begun_session, '') FROM device_grants").await;
    assert_eq!(rows, ["delivered"]);
}

on_both!(i_48_the_code_of_a_device_is_for_its_client_and_address_alone);
async fn i_48_the_code_of_a_device_is_for_its_client_and_address_alone(kept: Kept) {
    let world = World::keeping(kept).await;
    let device = start(&world).await;
    decide(&world, &device, "approve").await;
    let delivered = poll(&world, &device).await.json();
    let text = |member: &str| delivered[member].as_str().unwrap();
    let callback = format!("{}/deviceauth/callback", world.base);
    let right = changed(
        &exchange(text("authorization_code")),
        &[("redirect_uri", &callback), ("code_verifier", text("code_verifier"))],
    );
    let of_browser = world.code(&codex_request()).await;

    for wrong in [
        changed(&right, &[("client_id", GATEWAY_CLIENT_ID)]),
        changed(&right, &[("redirect_uri", CALLBACK)]),
        changed(&right, &[("redirect_uri", "https://elsewhere.example/deviceauth/callback")]),
        changed(&exchange(&of_browser), &[("redirect_uri", &callback)]),
    ] {
        let answer = world.browser().post("/oauth/token", &wrong).await;
        assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some("invalid_grant")));
    }
    world.tell_misuses().await;
    let refused: Vec<Value> =
        entries(&world).await.into_iter().filter(|entry| entry["outcome"] == "refused").collect();
    let told = |entry: &Value| {
        let text = |member: &str| entry[member].as_str().unwrap().to_owned();
        (text("action"), text("client"), text("detail"))
    };
    let mut refused: Vec<_> = refused.iter().map(told).collect();
    // Both were tried in one second.
    refused.sort();
    let expected = [
        (CLIENT_ID, "code with another redirect address".to_owned()),
        (GATEWAY_CLIENT_ID, format!("code of another client, {CLIENT_ID}, 3 times")),
    ];
    let expected = expected.map(|(client, said)| ("session.begin".to_owned(), client.to_owned(), said));
    assert_eq!(refused, expected, "the first misuse of each code");
    let asked = authorize(&changed(&codex_request(), &[("redirect_uri", &callback)]));
    assert_eq!(world.browser().get(&asked).await.location(), None, "no browser is sent there");
    assert_eq!(world.browser().post("/oauth/token", &right).await.status, 200);
}

on_both!(i_37_denied_expired_unknown_and_mismatched_polls_are_answered_alike);
async fn i_37_denied_expired_unknown_and_mismatched_polls_are_answered_alike(kept: Kept) {
    let world = World::keeping(kept).await;
    let (denied, expired, other) = (start(&world).await, start(&world).await, start(&world).await);
    decide(&world, &denied, "deny").await;
    let mut mixed = other.clone();
    mixed["user_code"] = denied["user_code"].clone();
    let unknown = json!({ "device_auth_id": "x", "user_code": "BCDF-GHJK" });

    let mut answers = vec![poll(&world, &denied).await, poll(&world, &mixed).await];
    answers.push(poll(&world, &unknown).await);
    world.clock.advance(15 * 60);
    answers.push(poll(&world, &expired).await);

    for answer in &answers {
        assert_eq!(answer.essence(), answers[0].essence());
        assert_eq!(answer.status, 400);
    }
}

on_both!(i_46_approval_needs_a_fresh_sign_in_the_shown_code_and_the_button);
async fn i_46_approval_needs_a_fresh_sign_in_the_shown_code_and_the_button(kept: Kept) {
    let world = World::keeping(kept).await;
    let (device, other) = (start(&world).await, start(&world).await);
    let code = |device: &Value| device["user_code"].as_str().unwrap().to_owned();
    let mut browser = signed_in(&world).await;
    let page = enter(&mut browser, &code(&device).to_lowercase().replace('-', " ")).await;
    for shown in [&*code(&device), "Codex CLI and keyfob", OWNER, "Personal", "started this yourself"] {
        assert!(page.body.contains(shown), "{shown}");
    }
    let csrf = page.csrf();
    let send = async |browser: &Browser, csrf: &str, user_code: &str, decision: &str| {
        let form = [("csrf", csrf), ("user_code", user_code), ("decision", decision)];
        browser.clone().post("/codex/device/approve", &form).await.status
    };

    assert_eq!(send(&browser, &csrf, &code(&device), "maybe").await, 400);
    assert_eq!(send(&browser, "x", &code(&device), "approve").await, 403);
    assert_eq!(send(&browser, &csrf, &code(&other), "approve").await, 403);
    assert_eq!(send(&world.browser(), &csrf, &code(&device), "approve").await, 403, "another browser");
    assert_eq!(world.browser().get("/codex/device/approve").await.status, 405);
    world.clock.advance(15 * 60 - 1);
    let late = start(&world).await;
    let late_csrf = enter(&mut browser, &code(&late)).await.csrf();
    world.clock.advance(2);
    assert_eq!(send(&browser, &late_csrf, &code(&late), "approve").await, 303, "the password is too old");
    assert!(browser.get(PAGE).await.body.contains("id=\"sign-in\""));
    assert_eq!(poll(&world, &late).await.status, 403, "nothing was approved");

    let mut browser = signed_in(&world).await;
    let csrf = enter(&mut browser, &code(&late)).await.csrf();
    assert_eq!(send(&browser, &csrf, &code(&late), "approve").await, 200);
    assert_eq!(send(&browser, &csrf, &code(&late), "approve").await, 404, "once");
}

on_both!(i_49_letting_a_device_in_says_that_it_turns_device_codes_on);
async fn i_49_letting_a_device_in_says_that_it_turns_device_codes_on(kept: Kept) {
    let world = World::keeping(kept).await;
    let first = start(&world).await;
    let mut browser = signed_in(&world).await;
    let turns_on = "Letting this device in turns it on";

    let page = enter(&mut browser, first["user_code"].as_str().unwrap()).await;
    assert!(page.body.contains(turns_on), "{}", page.body);
    assert!(browser.get("/account").await.body.contains("It is off"));
    decide(&world, &first, "approve").await;

    let second = start(&world).await;
    let page = enter(&mut browser, second["user_code"].as_str().unwrap()).await;
    assert!(!page.body.contains(turns_on), "{}", page.body);
    assert!(browser.get("/account").await.body.contains("It is on"));
}

on_both!(i_44_an_account_may_guess_five_times_in_a_quarter_of_an_hour);
async fn i_44_an_account_may_guess_five_times_in_a_quarter_of_an_hour(kept: Kept) {
    let world = World::keeping(kept).await;
    let device = start(&world).await;
    let right = device["user_code"].as_str().unwrap();
    let mut browser = signed_in(&world).await;

    for _ in 0..5 {
        assert_eq!(enter(&mut browser, "BCDF-GHJK").await.status, 404);
    }

    assert_eq!(enter(&mut signed_in(&world).await, right).await.status, 429, "in every browser");
    let spent: Vec<Value> =
        entries(&world).await.into_iter().filter(|entry| entry["action"] == "device.guesses_spent").collect();
    let owner = world.query("SELECT subject FROM users").await.remove(0);
    assert_eq!(spent.len(), 1, "the last guess alone is told");
    assert_eq!(
        (&spent[0]["actor"], &spent[0]["outcome"], &spent[0]["detail"]),
        (&json!(owner), &json!("refused"), &json!("of the account"))
    );
    world.clock.advance(15 * 60);
    assert_eq!(enter(&mut signed_in(&world).await, "BCDF-GHJK").await.status, 404);
}

on_both!(i_49_a_client_that_may_not_use_codes_gets_none);
async fn i_49_a_client_that_may_not_use_codes_gets_none(kept: Kept) {
    let world = World::keeping(kept).await;

    for (client, refusal) in
        [("nobody", (400, "invalid_client")), (GATEWAY_CLIENT_ID, (404, "device_codes_off"))]
    {
        let answer = world.browser().post_json(USER_CODE, &json!({ "client_id": client })).await;
        assert_eq!((answer.status, answer.json()["error"].as_str().unwrap()), refusal);
    }
}

#[tokio::test]
async fn i_49_an_issuer_without_codes_of_the_codex_dialect_answers_404_and_offers_the_other() {
    let world = World::start_with("\n[device_codes]\ncodex = false\n").await;

    let answer = world.browser().post_json(USER_CODE, &json!({ "client_id": CLIENT_ID })).await;
    let form = [("client_id", CLIENT_ID)];
    let other = world.browser().post("/oauth/device_authorization", &form).await;

    assert_eq!((answer.status, other.status), (404, 200), "{}", other.body);
}

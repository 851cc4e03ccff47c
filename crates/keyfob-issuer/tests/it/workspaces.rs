//! Which workspace a client gets tokens for: the person chooses, within what the client takes (I-73).

use crate::browser::{Answer, Browser};
use crate::world::{
    Kept, PASSWORD, Tokens, World, authorize, changed, codex_request, exchange, on_both, refresh,
};
use keyfob_codex::client::CLIENT_ID;
use keyfob_jose::read_unverified;
use serde_json::json;

/// Puts the owner into a second workspace, whose id is `blue`, beside their own.
pub(crate) async fn join_blue(world: &World) {
    for statement in [
        "INSERT INTO workspaces (id, name, device_codes, created_at) VALUES ('blue', 'Blue', 'on', 0)",
        "INSERT INTO members (workspace_id, subject, role, joined_at)
         SELECT 'blue', subject, 'member', 0 FROM users",
    ] {
        world.query(statement).await;
    }
}

async fn personal(world: &World) -> String {
    world.query("SELECT id FROM workspaces WHERE personal_of IS NOT NULL").await.remove(0)
}

/// Signs in for `request`; returns the browser and the grant's page.
async fn signed_in(world: &World, request: &[(&str, &str)]) -> (Browser, String) {
    let mut browser = world.browser();
    let interaction = world.begin(&mut browser, request).await;
    world.sign_in(&mut browser, &interaction, PASSWORD).await;
    (browser, interaction)
}

async fn choose(browser: &mut Browser, interaction: &str, workspace: &str) -> Answer {
    let path = format!("{interaction}/workspace");
    let csrf = browser.get(&path).await.csrf();
    browser.post(&path, &[("csrf", &csrf), ("workspace", workspace)]).await
}

/// Sends the form of the confirmation that `page` shows.
async fn confirm(browser: &mut Browser, interaction: &str, page: &Answer) -> Answer {
    let (_, rest) = page.body.split_once("name=\"workspace\" value=\"").expect("a confirmation");
    let workspace = rest.split_once('"').unwrap().0;
    let form = [("csrf", &*page.csrf()), ("workspace", workspace), ("decision", "approve")];
    browser.post(&format!("{interaction}/confirm"), &form).await
}

async fn redeem(world: &World, approved: &Answer) -> Tokens {
    let code = approved.redirected()["code"].clone();
    Tokens::read(&world.browser().post("/oauth/token", &exchange(&code)).await)
}

fn workspace_of(tokens: &Tokens) -> [String; 2] {
    let access = read_unverified(&tokens.access).unwrap();
    let id = read_unverified(&tokens.id).unwrap();
    let codex = id.get(keyfob_codex::claims::NAMESPACE).unwrap()["chatgpt_account_id"].clone();
    [access.text("workspace_id").unwrap().to_owned(), codex.as_str().unwrap().to_owned()]
}

on_both!(s_16_who_is_in_several_workspaces_chooses_one_and_the_tokens_are_for_it);
async fn s_16_who_is_in_several_workspaces_chooses_one_and_the_tokens_are_for_it(kept: Kept) {
    let world = World::keeping(kept).await;
    join_blue(&world).await;
    let (mut browser, interaction) = signed_in(&world, &codex_request()).await;

    let page = browser.get(&interaction).await;
    assert!(page.body.contains("id=\"workspace\"") && page.body.contains("Blue"), "{}", page.body);
    assert!(!page.body.contains("You used this one last"), "{}", page.body);
    choose(&mut browser, &interaction, "blue").await;
    let page = browser.get(&interaction).await;
    assert!(page.body.contains("<dd>Blue") && page.body.contains("id=\"other-workspace\""), "{}", page.body);
    let approved = confirm(&mut browser, &interaction, &page).await;

    let tokens = redeem(&world, &approved).await;
    assert_eq!(workspace_of(&tokens), ["blue", "blue"]);
    let refreshed = Tokens::read(&world.refresh(&tokens.refresh).await);
    assert_eq!(workspace_of(&refreshed), ["blue", "blue"], "and stay for it");

    // The browser remembers, and leaves the choice to the person.
    let again = world.begin(&mut browser, &codex_request()).await;
    let page = browser.get(&again).await;
    assert!(page.body.contains("value=\"blue\" class=\"main\" autofocus>Blue<"), "{}", page.body);
}

on_both!(i_73_a_client_gets_tokens_for_the_workspaces_that_it_takes_and_no_others);
async fn i_73_a_client_gets_tokens_for_the_workspaces_that_it_takes_and_no_others(kept: Kept) {
    let world = World::keeping(kept).await;
    join_blue(&world).await;
    let personal = personal(&world).await;
    let blue = changed(&codex_request(), &[("allowed_workspace_id", "green,blue")]);

    let (mut browser, interaction) = signed_in(&world, &blue).await;
    let page = browser.get(&interaction).await;
    assert!(page.body.contains("<dd>Blue</dd>"), "there is no choice: {}", page.body);
    let tampered = browser
        .post(&format!("{interaction}/workspace"), &[("csrf", &page.csrf()), ("workspace", &personal)])
        .await;
    assert_eq!((tampered.status, tampered.location()), (303, Some(&*interaction)));
    let page = browser.get(&interaction).await;
    let tokens = redeem(&world, &confirm(&mut browser, &interaction, &page).await).await;
    assert_eq!(workspace_of(&tokens), ["blue", "blue"]);

    // Somebody who is in none of them is told so, and the client learns it when they give up.
    let green = changed(&codex_request(), &[("allowed_workspace_id", "green")]);
    let (mut browser, interaction) = signed_in(&world, &green).await;
    let page = browser.get(&interaction).await;
    assert!(page.status == 403 && page.body.contains("No workspace to use"), "{}", page.body);
    let form = [("csrf", &*page.csrf()), ("decision", "approve")];
    let approved = browser.post(&format!("{interaction}/confirm"), &form).await;
    assert_eq!((approved.status, approved.location()), (303, Some(&*interaction)));
    let form = [("csrf", &*page.csrf()), ("decision", "deny")];
    let denied = browser.post(&format!("{interaction}/confirm"), &form).await;
    assert_eq!(denied.redirected()["error"], "access_denied");

    for nonsense in [",", "a b", "\u{e9}"] {
        let request = changed(&codex_request(), &[("allowed_workspace_id", nonsense)]);
        let refused = world.browser().get(&authorize(&request)).await;
        assert_eq!(refused.redirected()["error"], "invalid_request", "{nonsense}");
    }
}

on_both!(i_73_a_confirmation_counts_for_the_workspace_that_it_showed);
async fn i_73_a_confirmation_counts_for_the_workspace_that_it_showed(kept: Kept) {
    let world = World::keeping(kept).await;
    join_blue(&world).await;
    let personal = personal(&world).await;
    let (mut browser, interaction) = signed_in(&world, &codex_request()).await;
    choose(&mut browser, &interaction, "blue").await;
    let shown = browser.get(&interaction).await;

    // Another tab of the same browser.
    choose(&mut browser, &interaction, &personal).await;
    let stale = confirm(&mut browser, &interaction, &shown).await;

    assert_eq!((stale.status, stale.location()), (303, Some(&*interaction)), "nothing was approved");
    let form = [("csrf", &*shown.csrf()), ("decision", "approve")];
    let silent = browser.post(&format!("{interaction}/confirm"), &form).await;
    assert_eq!((silent.status, silent.location()), (303, Some(&*interaction)), "nor by saying nothing");
    let page = browser.get(&interaction).await;
    assert!(page.body.contains("<dd>Personal"), "{}", page.body);
    let tokens = redeem(&world, &confirm(&mut browser, &interaction, &page).await).await;
    assert_eq!(workspace_of(&tokens), [personal.clone(), personal]);
    let form = [("csrf", &*shown.csrf()), ("workspace", "blue")];
    let late = browser.post(&format!("{interaction}/workspace"), &form).await;
    assert_eq!((late.status, late.location()), (303, Some(&*interaction)), "nothing moves any more");
}

on_both!(i_73_refresh_and_exchange_refuse_what_the_client_does_not_take_and_spend_nothing);
async fn i_73_refresh_and_exchange_refuse_what_the_client_does_not_take_and_spend_nothing(kept: Kept) {
    let world = World::keeping(kept).await;
    let tokens = world.tokens().await;
    let own = personal(&world).await;
    let child = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("client_id", CLIENT_ID),
        ("subject_token", &*tokens.access),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
    ];
    let again = refresh(CLIENT_ID, &tokens.refresh);
    for (form, allowed, expected) in [
        (again.as_slice(), "blue", (400, json!("access_denied"))),
        (&child, "blue", (400, json!("access_denied"))),
        (&again, ",", (400, json!("invalid_request"))),
        (&child, &*format!("blue,{own}"), (200, json!(null))),
        (&again, &*format!("blue,{own}"), (200, json!(null))),
    ] {
        let form = changed(form, &[("allowed_workspace_id", allowed)]);
        let answer = world.browser().post("/oauth/token", &form).await;
        assert_eq!((answer.status, answer.json()["error"].clone()), expected, "{}", answer.body);
    }
    let live = world.query("SELECT id FROM refresh_families WHERE status = 'live'").await;
    assert_eq!(live.len(), 1, "the session goes on");
}

on_both!(i_73_a_device_is_let_in_for_a_workspace_that_it_takes);
async fn i_73_a_device_is_let_in_for_a_workspace_that_it_takes(kept: Kept) {
    const PAGE: &str = "/codex/device";
    let world = World::keeping(kept).await;
    join_blue(&world).await;
    let start = async |allowed: Option<&str>| {
        let body = json!({ "client_id": CLIENT_ID, "allowed_workspace_id": allowed });
        world.browser().post_json("/api/accounts/deviceauth/usercode", &body).await
    };
    let enter = async |browser: &mut Browser, code: &str, workspace: &str| {
        let csrf = browser.get(PAGE).await.csrf();
        let form = [("csrf", &*csrf), ("user_code", code), ("workspace", workspace)];
        browser.post(PAGE, &changed(&form, &[])).await
    };
    assert_eq!(start(Some("a b")).await.status, 400);
    let mut browser = world.browser();
    world.sign_in(&mut browser, PAGE, PASSWORD).await;

    let [any, green] = [start(None).await.json(), start(Some("green")).await.json()];
    let code = |device: &serde_json::Value| device["user_code"].as_str().unwrap().to_owned();
    let none = enter(&mut browser, &code(&green), "").await;
    assert!(none.status == 403 && none.body.contains("No workspace to use"), "{}", none.body);
    let choice = enter(&mut browser, &code(&any), "").await;
    assert!(choice.body.contains("value=\"blue\""), "{}", choice.body);
    let page = enter(&mut browser, &code(&any), "blue").await;
    assert!(page.body.contains("<dd>Blue</dd>"), "{}", page.body);
    let approve = async |browser: &mut Browser, workspace: &str| {
        let form = [
            ("csrf", &*page.csrf()),
            ("user_code", &*code(&any)),
            ("workspace", workspace),
            ("decision", "approve"),
        ];
        browser.post("/codex/device/approve", &changed(&form, &[])).await.status
    };
    assert_eq!(approve(&mut browser, &personal(&world).await).await, 403, "the form was for another");
    assert_eq!(approve(&mut browser, "").await, 403);
    assert_eq!(approve(&mut browser, "blue").await, 200);

    let poll = json!({ "device_auth_id": any["device_auth_id"], "user_code": any["user_code"] });
    let delivered = world.browser().post_json("/api/accounts/deviceauth/token", &poll).await.json();
    let callback = format!("{}/deviceauth/callback", world.base);
    let changes = [
        ("code", delivered["authorization_code"].as_str().unwrap()),
        ("code_verifier", delivered["code_verifier"].as_str().unwrap()),
        ("redirect_uri", &*callback),
    ];
    let answer = world.browser().post("/oauth/token", &changed(&exchange(""), &changes)).await;
    assert_eq!(workspace_of(&Tokens::read(&answer)), ["blue", "blue"]);
}

on_both!(i_49_a_workspace_decides_whether_devices_are_let_in_whatever_its_people_want);
async fn i_49_a_workspace_decides_whether_devices_are_let_in_whatever_its_people_want(kept: Kept) {
    const PAGE: &str = "/codex/device";
    let world = World::keeping(kept).await;
    let mut browser = world.browser();
    world.sign_in(&mut browser, PAGE, PASSWORD).await;
    let enter = async |browser: &mut Browser| {
        let client = json!({ "client_id": CLIENT_ID });
        let device = world.browser().post_json("/api/accounts/deviceauth/usercode", &client).await.json();
        let csrf = browser.get(PAGE).await.csrf();
        browser.post(PAGE, &[("csrf", &csrf), ("user_code", device["user_code"].as_str().unwrap())]).await
    };

    world.query("UPDATE workspaces SET device_codes = 'off'").await;
    let page = enter(&mut browser).await;
    assert_eq!(page.status, 403);
    assert!(page.body.contains("Its administrators can turn it on"), "{}", page.body);

    world.query("UPDATE workspaces SET device_codes = 'on'").await;
    let page = enter(&mut browser).await;
    assert!(page.body.contains("Let it in") && !page.body.contains("Turn it on"), "{}", page.body);
}

on_both!(i_32_a_locked_account_is_told_so_after_the_right_password_alone);
async fn i_32_a_locked_account_is_told_so_after_the_right_password_alone(kept: Kept) {
    let world = World::keeping(kept).await;
    let mut inside = world.browser();
    world.sign_in(&mut inside, "/account", PASSWORD).await;
    world.query("UPDATE users SET status = 'locked'").await;
    let mut browser = world.browser();

    let wrong = world.sign_in(&mut browser, "/account", "wrong horse battery").await;
    let right = world.sign_in(&mut browser, "/account", PASSWORD).await;

    assert!(wrong.status == 401 && !wrong.body.contains("locked"), "{}", wrong.body);
    assert!(right.status == 403 && right.body.contains("The account is locked"), "{}", right.body);
    assert!(inside.get("/account").await.body.contains("id=\"sign-in\""), "open browsers are out too");
    world.query("UPDATE users SET status = 'active'").await;
    assert!(inside.get("/account").await.body.contains("id=\"account\""), "until it is unlocked");
}

#[tokio::test]
async fn the_policy_of_a_workspace_is_in_its_tokens_and_bounds_their_life() {
    let world = World::start().await;
    world
        .query(
            "UPDATE workspaces SET retention = 'zero', residency = 'eu', session_seconds = 1200, capabilities = ''",
        )
        .await;
    let request = changed(&codex_request(), &[("scope", "openid offline_access cloud")]);
    let code = world.code(&request).await;
    let tokens = world.browser().post("/oauth/token", &exchange(&code)).await;

    assert_eq!(
        (&tokens.json()["scope"], &tokens.json()["expires_in"]),
        (&json!("openid offline_access"), &json!(1200))
    );
    let tokens = Tokens::read(&tokens);
    let claims = read_unverified(&tokens.access).unwrap();
    assert_eq!(claims.get("data_policy"), Some(&json!({ "retention": "zero", "residency": "eu" })));
    assert_eq!(claims.text("workspace_role"), Some("owner"));
    world.clock.advance(1199);
    let refreshed = world.refresh(&tokens.refresh).await;
    assert_eq!((refreshed.status, refreshed.json()["expires_in"].clone()), (200, json!(1)));
    world.clock.advance(1);
    let over = world.refresh(&Tokens::read(&refreshed).refresh).await;
    assert_eq!((over.status, over.json()["code"].clone()), (400, json!("refresh_token_expired")));
}

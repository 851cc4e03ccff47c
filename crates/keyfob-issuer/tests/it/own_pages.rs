//! The pages of one's own sessions and keys.

use crate::app::{answer, enrol};
use crate::browser::{Answer, Browser};
use crate::pages::guest::Guest;
use crate::people::other_tokens;
use crate::world::{Kept, PASSWORD, World, exchange, on_both};
use reqwest::Method;
use serde_json::json;

const SESSIONS: &str = "/account/sessions";
const KEYS: &str = "/account/keys";

/// Lets a client in at the guest's browser and redeems its code; returns where the browser was sent.
pub(crate) async fn let_in(world: &World, guest: &Guest) -> String {
    guest.ask(&[]).await;
    guest.press("form#confirm button[value=approve]").await;
    let there = guest.chromium.client().current_url().await.unwrap();
    let code = there.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let labels = [("user-agent", "codex_cli_rs/0.169.0"), ("x-session-machine", "desk")];
    let redeemed = world.browser().post_form_with("/oauth/token", &labels, &exchange(&code)).await;
    assert_eq!(redeemed.status, 200, "{}", redeemed.body);
    there.to_string()
}

/// Returns what follows `before` in a page, up to a quotation mark.
fn after<'a>(page: &'a Answer, before: &str) -> Vec<&'a str> {
    page.body.split(before).skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

async fn post(browser: &mut Browser, page: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
    let csrf = browser.get(page).await.csrf();
    let mut form = vec![("csrf", &*csrf)];
    form.extend(fields);
    browser.post(action, &form).await
}

on_both!(s_25_somebody_sees_names_and_ends_one_session_and_the_others_go_on);
async fn s_25_somebody_sees_names_and_ends_one_session_and_the_others_go_on(kept: Kept) {
    let world = World::keeping(kept).await;
    let (first, second) = (world.tokens().await, world.tokens().await);
    let mut browser = world.browser();
    assert!(browser.get(SESSIONS).await.body.contains("id=\"sign-in\""), "nobody else sees them");
    world.sign_in(&mut browser, SESSIONS, PASSWORD).await;

    let page = browser.get(SESSIONS).await;
    let ends = after(&page, "class=\"end\" method=\"post\" action=\"");
    assert_eq!(ends.len(), 2, "{}", page.body);
    let (newest, other) = (ends[0].to_owned(), ends[1].replace("/end", "/name"));
    let ended = post(&mut browser, SESSIONS, &newest, &[]).await;
    assert_eq!((ended.status, ended.location()), (303, Some(SESSIONS)));
    post(&mut browser, SESSIONS, &other, &[("name", "the desk at home")]).await;

    let page = browser.get(SESSIONS).await;
    assert!(page.body.contains(">the desk at home</h2>"), "{}", page.body);
    assert_eq!(after(&page, "class=\"end\" method=\"post\" action=\"").len(), 1);
    // Both sessions began in the same second; which of them is the newer is the list's to say.
    let mut statuses =
        [world.refresh(&first.refresh).await.status, world.refresh(&second.refresh).await.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
}

#[tokio::test]
async fn i_62_i_33_ending_all_ends_the_programs_and_this_browser_too() {
    let world = World::start().await;
    let tokens = world.tokens().await;
    let mut browser = world.browser();
    world.sign_in(&mut browser, SESSIONS, PASSWORD).await;

    post(&mut browser, SESSIONS, "/account/sessions/end-all", &[]).await;

    assert!(browser.get("/account").await.body.contains("id=\"sign-in\""));
    assert_eq!(world.query("SELECT 'one' FROM browser_sessions").await, Vec::<String>::new());
    assert_eq!(world.refresh(&tokens.refresh).await.status, 400);
}

#[tokio::test]
async fn i_69_the_sessions_and_keys_of_somebody_else_are_as_unknown_as_ones_that_never_were() {
    let world = World::start().await;
    let theirs = other_tokens(&world).await;
    let list = world.browser().call(Method::GET, "/api/sessions", &theirs.access, None).await.json();
    let session = list["sessions"][0]["id"].as_str().unwrap().to_owned();
    let wish = json!({ "kind": "api_key", "label": "theirs" });
    let key = crate::people::make_key(&world, &theirs, &wish).await.id;
    let mut browser = world.browser();
    world.sign_in(&mut browser, SESSIONS, PASSWORD).await;

    for (page, action) in [
        (SESSIONS, format!("{SESSIONS}/{session}/end")),
        (SESSIONS, format!("{SESSIONS}/{session}/name")),
        (KEYS, format!("{KEYS}/{key}/end")),
    ] {
        let csrf = browser.get("/account/keys").await.csrf();
        let real = browser.post(&action, &[("csrf", &csrf), ("name", "taken")]).await;
        let never = action.replace(&session, "no-session").replace(&key, "no-key");
        let unknown = browser.post(&never, &[("csrf", &csrf), ("name", "taken")]).await;
        assert_eq!((real.status, real.location()), (303, Some(page)), "{action}");
        assert_eq!((real.essence(), real.location()), (unknown.essence(), unknown.location()), "{action}");
    }

    assert_eq!(world.browser().call(Method::GET, "/api/sessions", &theirs.access, None).await.json(), list);
    let keys = world.browser().call(Method::GET, "/api/keys", &theirs.access, None).await.json();
    assert_eq!(keys["keys"][0]["id"], json!(key));
}

on_both!(s_07_a_key_is_made_named_limited_shown_once_and_ended_on_a_page);
async fn s_07_a_key_is_made_named_limited_shown_once_and_ended_on_a_page(kept: Kept) {
    let world = World::keeping(kept).await;
    let mut browser = world.browser();
    world.sign_in(&mut browser, KEYS, PASSWORD).await;

    let wish = [
        ("kind", "personal_access_token"),
        ("label", "nightly"),
        ("models", "small"),
        ("days", "90"),
        ("may email", "yes"),
    ];
    let made = post(&mut browser, KEYS, KEYS, &wish).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let (_, secret) = made.body.split_once("<code id=\"secret\">").unwrap();
    let secret = secret.split_once('<').unwrap().0.to_owned();
    assert!(secret.starts_with("at-"));

    let ending = secret.get(secret.len() - 4..).unwrap();
    let page = browser.get(KEYS).await.body;
    for shown in
        [">nightly</h2>", &*format!("…{ending}"), "<code>email</code>", "<code>small</code>", "2027-04-15"]
    {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    assert!(!page.contains(&secret));
    let who = "/api/accounts/v1/user-auth-credential/whoami";
    assert_eq!(world.browser().call(Method::GET, who, &secret, None).await.status, 200);
    let page = browser.get(KEYS).await;
    let end = after(&page, "class=\"end\" method=\"post\" action=\"")[0].to_owned();
    post(&mut browser, KEYS, &end, &[]).await;
    assert!(!browser.get(KEYS).await.body.contains("nightly"));
    assert_eq!(world.browser().call(Method::GET, who, &secret, None).await.status, 401);
}

#[tokio::test]
async fn s_09_a_key_for_the_cloud_is_offered_only_after_a_second_factor() {
    let world = World::start().await;
    let mut browser = world.browser();
    world.sign_in(&mut browser, KEYS, PASSWORD).await;
    let cloud =
        [("kind", "personal_access_token"), ("label", "cloud"), ("may cloud", "yes"), ("may email", "yes")];
    assert!(!browser.get(KEYS).await.body.contains("may cloud"));
    post(&mut browser, KEYS, KEYS, &cloud).await;
    let scopes = "SELECT scope FROM access_keys ORDER BY created_at";
    assert_eq!(world.query(scopes).await, ["email"], "what is not offered is not granted");

    enrol(&world, &mut browser).await;
    assert!(browser.get(KEYS).await.body.contains("may cloud"));
    post(&mut browser, KEYS, KEYS, &cloud).await;
    assert_eq!(world.query(scopes).await, ["email", "email cloud"]);
}

#[tokio::test]
async fn i_58_keys_are_shown_and_made_within_five_minutes_of_a_proof_alone() {
    let world = World::start().await;
    let mut browser = world.browser();
    let (app, _) = enrol(&world, &mut browser).await;
    let csrf = browser.get(KEYS).await.csrf();
    world.clock.advance(5 * 60);

    assert!(browser.get(KEYS).await.body.contains("id=\"second-factor\""));
    let wish = [("csrf", &*csrf), ("kind", "api_key"), ("label", "late")];
    let late = browser.post(KEYS, &wish).await;
    assert!(late.body.contains("id=\"second-factor\""), "{}", late.body);
    assert_eq!(world.query("SELECT id FROM access_keys").await, Vec::<String>::new());

    answer(&mut browser, KEYS, "second-factor", &app.code(&world)).await;
    assert!(browser.get(KEYS).await.body.contains("id=\"make\""));
}

#[tokio::test]
async fn a_wish_for_a_key_that_cannot_be_is_refused_in_words() {
    let world = World::start().await;
    let mut browser = world.browser();
    world.sign_in(&mut browser, KEYS, PASSWORD).await;
    let days = |days| [("kind", "api_key"), ("label", "a key"), ("days", days)];

    for (wish, said) in [
        ([("kind", "api_key"), ("label", " \u{202e}"), ("days", "")], "give it a name"),
        (days("0"), "a number from 1 to 365"),
        (days("soon"), "a number from 1 to 365"),
        (days("366"), "none lives longer than 365 days"),
        ([("kind", "api_key"), ("label", "a key"), ("models", "\u{e9}")], "each without blanks"),
    ] {
        let refused = post(&mut browser, KEYS, KEYS, &wish).await;
        assert!(refused.status == 422 && refused.body.contains(said), "{said}: {}", refused.body);
    }
    assert_eq!(post(&mut browser, KEYS, KEYS, &[("kind", "master"), ("label", "x")]).await.status, 400);
    assert_eq!(world.query("SELECT id FROM access_keys").await, Vec::<String>::new());
}

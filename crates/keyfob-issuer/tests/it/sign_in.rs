//! The pages of a sign-in.

use crate::browser::Browser;
use crate::world::{Kept, OWNER, PASSWORD, World, authorize, changed, codex_request, on_both};

#[tokio::test]
async fn i_53_a_wrong_password_and_an_unknown_user_get_the_same_page() {
    let world = World::start().await;
    let mut browser = world.browser();
    let interaction = world.begin(&mut browser, &codex_request()).await;
    let csrf = browser.get(&interaction).await.csrf();
    let path = format!("{interaction}/sign-in");

    let mut answers = Vec::new();
    for (email, password) in [
        (OWNER, "wrong horse"),
        ("nobody@example.org", PASSWORD),
        ("no address", PASSWORD),
        (OWNER, ""),
        ("", ""),
    ] {
        let form = [("csrf", &*csrf), ("email", email), ("password", password)];
        answers.push(browser.post(&path, &form).await);
    }

    for answer in &answers {
        assert_eq!(answer.essence(), answers[0].essence());
        assert_eq!((answer.status, answer.set_cookies()), (401, vec![]));
    }
}

#[tokio::test]
async fn s_01_a_whole_sign_in_ends_at_the_callback_with_code_state_and_issuer() {
    let world = World::start().await;
    let mut browser = world.browser();
    let interaction = world.begin(&mut browser, &codex_request()).await;

    let signed_in = world.sign_in(&mut browser, &interaction, PASSWORD).await;
    assert_eq!((signed_in.status, signed_in.location()), (303, Some(&*interaction)));
    let page = browser.get(&interaction).await;
    for shown in ["Codex CLI and keyfob", OWNER, "Personal"] {
        assert!(page.body.contains(shown), "{shown}");
    }
    let approved = world.decide(&mut browser, &interaction, "approve").await;

    let answer = approved.redirected();
    assert_eq!(answer["state"], "the-state");
    assert_eq!(answer["iss"], world.base);
    assert_eq!(answer["code"].len(), 43);
    assert!(browser.get(&interaction).await.body.contains("id=\"finished\""));
}

#[tokio::test]
async fn a_denial_is_told_to_the_client_and_cannot_be_taken_back() {
    let world = World::start().await;
    let mut browser = world.browser();
    let interaction = world.begin(&mut browser, &codex_request()).await;
    world.sign_in(&mut browser, &interaction, PASSWORD).await;
    let csrf = browser.get(&interaction).await.csrf();
    let confirm = format!("{interaction}/confirm");

    let denied = browser.post(&confirm, &[("csrf", &csrf), ("decision", "deny")]).await;
    let again = browser.post(&confirm, &[("csrf", &csrf), ("decision", "approve")]).await;

    assert_eq!(denied.redirected()["error"], "access_denied");
    assert_eq!((again.status, again.location()), (303, Some(&*interaction)));
}

#[tokio::test]
async fn i_12_a_signed_in_browser_is_asked_to_confirm_every_time() {
    let world = World::start().await;
    let mut browser = world.browser();
    let first = world.begin(&mut browser, &codex_request()).await;
    world.sign_in(&mut browser, &first, PASSWORD).await;
    world.decide(&mut browser, &first, "approve").await;

    let second = world.begin(&mut browser, &codex_request()).await;

    assert!(browser.get(&second).await.body.contains("id=\"confirm\""));
}

#[tokio::test]
async fn i_14_a_get_changes_nothing_and_a_form_from_elsewhere_neither() {
    let world = World::start().await;
    let mut browser = world.browser();
    let interaction = world.begin(&mut browser, &codex_request()).await;
    let csrf = browser.get(&interaction).await.csrf();
    let form = [("csrf", &*csrf), ("email", OWNER), ("password", PASSWORD)];
    let path = format!("{interaction}/sign-in");

    for step in ["sign-in", "confirm", "sign-out"] {
        assert_eq!(browser.get(&format!("{interaction}/{step}")).await.status, 405, "{step}");
    }
    for headers in [
        [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")],
        [("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")],
        [("origin", "null"), ("sec-fetch-site", "cross-site")],
        [("origin", &*world.base), ("sec-fetch-site", "same-site")],
    ] {
        assert_eq!(browser.post_form_with(&path, &headers, &form).await.status, 403, "{headers:?}");
    }
    assert_eq!(browser.post(&path, &changed(&form, &[("csrf", "x")])).await.status, 403);
    assert_eq!(browser.post(&path, &form[1..]).await.status, 403);
    // Chromium sends this from a page with `no-referrer`.
    let own = [("origin", "null"), ("sec-fetch-site", "same-origin")];
    assert_eq!(browser.post_form_with(&path, &own, &form).await.status, 303);
}

#[tokio::test]
async fn i_15_signing_in_replaces_the_session_and_kills_the_one_before() {
    let world = World::start().await;
    let mut browser = world.browser();
    let name = format!("keyfob_{}", world.base.rsplit(':').next().unwrap());
    let first = world.begin(&mut browser, &codex_request()).await;
    browser.cookies.insert(name.clone(), "planted".into());
    world.sign_in(&mut browser, &first, PASSWORD).await;
    let session = browser.cookies[&name].clone();
    assert_ne!(session, "planted");

    let csrf = browser.get(&first).await.csrf();
    browser.post(&format!("{first}/sign-out"), &[("csrf", &csrf)]).await;
    assert_eq!(browser.cookies.get(&name), None);
    browser.cookies.insert(name, session);

    assert!(browser.get(&first).await.body.contains("id=\"sign-in\""), "a dead session signs nobody in");
}

#[tokio::test]
async fn i_15_the_pages_of_a_grant_belong_to_the_browser_that_asked() {
    let world = World::start().await;
    let interaction = world.begin(&mut world.browser(), &codex_request()).await;

    let stranger = world.browser().get(&interaction).await;

    assert_eq!(stranger.status, 400);
    assert!(!stranger.body.contains("<form"));
}

#[tokio::test]
async fn i_16_cookies_have_exactly_these_attributes() {
    let plain = World::start().await;
    let port = plain.base.rsplit(':').next().unwrap().to_owned();
    let mut browser = plain.browser();
    let asked = browser.get(&authorize(&codex_request())).await;
    let interaction = asked.location().unwrap().to_owned();
    let signed_in = plain.sign_in(&mut browser, &interaction, PASSWORD).await;
    let shape = |cookie: &str| {
        let (pair, attributes) = cookie.split_once("; ").unwrap();
        let (name, value) = pair.split_once('=').unwrap();
        (name.to_owned(), value.len(), attributes.to_owned())
    };
    let grant = interaction.rsplit('/').next().unwrap();

    assert_eq!(
        shape(&asked.set_cookies()[0]),
        (
            format!("keyfob_{port}-interaction-{grant}"),
            43,
            "Path=/; HttpOnly; SameSite=Lax; Max-Age=900".into()
        )
    );
    assert_eq!(
        shape(&signed_in.set_cookies()[0]),
        (format!("keyfob_{port}"), 43, "Path=/; HttpOnly; SameSite=Lax".into())
    );

    let secure = World::start_as("https://id.example.org").await;
    let asked = secure.browser().get_with(&authorize(&codex_request()), ("host", "id.example.org")).await;
    let grant = asked.location().unwrap().rsplit('/').next().unwrap().to_owned();
    assert_eq!(
        shape(&asked.set_cookies()[0]),
        (
            format!("__Host-keyfob-interaction-{grant}"),
            43,
            "Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=900".into()
        )
    );
}

#[tokio::test]
async fn i_17_every_redirect_after_a_form_is_a_303() {
    let world = World::start().await;
    let mut browser = world.browser();
    let interaction = world.begin(&mut browser, &codex_request()).await;

    let signed_in = world.sign_in(&mut browser, &interaction, PASSWORD).await;
    let csrf = browser.get(&interaction).await.csrf();
    let signed_out = browser.post(&format!("{interaction}/sign-out"), &[("csrf", &csrf)]).await;
    world.sign_in(&mut browser, &interaction, PASSWORD).await;
    let approved = world.decide(&mut browser, &interaction, "approve").await;

    assert_eq!([signed_in.status, signed_out.status, approved.status], [303, 303, 303]);
    assert!(!approved.location().unwrap().contains(PASSWORD));
}

#[tokio::test]
async fn an_interaction_ends_after_fifteen_minutes() {
    let world = World::start().await;
    let mut browser = world.browser();
    let interaction = world.begin(&mut browser, &codex_request()).await;
    world.sign_in(&mut browser, &interaction, PASSWORD).await;

    world.clock.advance(15 * 60 - 1);
    assert!(browser.get(&interaction).await.body.contains("id=\"confirm\""));
    world.clock.advance(1);
    assert!(browser.get(&interaction).await.body.contains("id=\"finished\""));
}

on_both!(i_62_a_browser_is_signed_out_after_twelve_hours_without_a_page_and_after_seven_days_with_them);
async fn i_62_a_browser_is_signed_out_after_twelve_hours_without_a_page_and_after_seven_days_with_them(
    kept: Kept,
) {
    const HOUR: i64 = 3600;
    let world = World::keeping(kept).await;
    let is_in = async |browser: &mut Browser| browser.get("/account").await.body.contains("id=\"account\"");
    let mut idle = world.browser();
    world.sign_in(&mut idle, "/account", PASSWORD).await;
    world.clock.advance(12 * HOUR - 1);
    assert!(is_in(&mut idle).await);
    world.clock.advance(12 * HOUR);
    assert!(!is_in(&mut idle).await);

    let mut busy = world.browser();
    world.sign_in(&mut busy, "/account", PASSWORD).await;
    // The pages of a client keep it alive as those of the account do.
    for page in 1..=16 {
        world.clock.advance(10 * HOUR);
        if page % 2 == 0 {
            assert!(is_in(&mut busy).await, "{page}");
        } else {
            let interaction = world.begin(&mut busy, &codex_request()).await;
            assert!(busy.get(&interaction).await.body.contains("id=\"confirm\""), "{page}");
        }
    }
    world.clock.advance(8 * HOUR - 1);
    assert!(is_in(&mut busy).await);
    world.clock.advance(1);
    assert!(!is_in(&mut busy).await, "seven days are over");
    world.clock.advance(24 * HOUR);
    world.sweep().await;
    assert_eq!(world.query("SELECT subject FROM browser_sessions").await, Vec::<String>::new());
}

on_both!(i_62_whoever_looks_after_a_workspace_is_signed_out_after_half_an_hour_without_a_page);
async fn i_62_whoever_looks_after_a_workspace_is_signed_out_after_half_an_hour_without_a_page(kept: Kept) {
    const MINUTE: i64 = 60;
    let world = World::keeping(kept).await;
    let is_in = async |browser: &mut Browser| browser.get("/account").await.body.contains("id=\"account\"");
    let (mut before, mut after) = (world.browser(), world.browser());
    world.sign_in(&mut before, "/account", PASSWORD).await;
    crate::administration::add(&world, "Blue", OWNER).await;
    world.sign_in(&mut after, "/account", PASSWORD).await;

    world.clock.advance(29 * MINUTE);
    assert!(
        is_in(&mut after).await && is_in(&mut before).await,
        "who has become one is held to it from here on"
    );
    world.clock.advance(29 * MINUTE);
    assert!(is_in(&mut after).await);
    world.clock.advance(MINUTE);
    assert!(!is_in(&mut before).await, "half an hour after the last page");
    world.clock.advance(29 * MINUTE);
    assert!(!is_in(&mut after).await);
}

on_both!(i_62_i_71_the_half_hour_of_who_becomes_an_administrator_begins_with_their_proof_and_not_with_a_page);
async fn i_62_i_71_the_half_hour_of_who_becomes_an_administrator_begins_with_their_proof_and_not_with_a_page(
    kept: Kept,
) {
    const MINUTE: i64 = 60;
    let world = World::keeping(kept).await;
    let is_in = async |browser: &mut Browser| browser.get("/account").await.body.contains("id=\"account\"");
    let (mut old, mut fresh) = (world.browser(), world.browser());
    world.sign_in(&mut old, "/account", PASSWORD).await;
    world.clock.advance(25 * MINUTE);
    world.sign_in(&mut fresh, "/account", PASSWORD).await;
    world.clock.advance(4 * MINUTE);
    assert!(is_in(&mut old).await && is_in(&mut fresh).await);

    crate::administration::add(&world, "Blue", OWNER).await;
    world.clock.advance(MINUTE);

    assert!(!is_in(&mut old).await, "half an hour after the sign-in, whatever pages came since");
    assert!(is_in(&mut fresh).await);
    world.clock.advance(29 * MINUTE);
    assert!(is_in(&mut fresh).await, "as of anybody who is one, pages make it last");
    crate::administration::add(&world, "Green", OWNER).await;
    world.clock.advance(MINUTE);
    assert!(is_in(&mut fresh).await, "who is one already is held to it already");
}

#[tokio::test]
async fn i_62_the_settings_say_how_long_a_browser_stays_signed_in() {
    const MINUTE: i64 = 60;
    let world = World::start_with("[browser_sessions]\nidle_minutes = 20\nabsolute_hours = 1\n").await;
    let is_in = async |browser: &mut Browser| browser.get("/account").await.body.contains("id=\"account\"");
    let (mut idle, mut busy) = (world.browser(), world.browser());
    world.sign_in(&mut idle, "/account", PASSWORD).await;
    world.sign_in(&mut busy, "/account", PASSWORD).await;
    for _ in 0..3 {
        world.clock.advance(15 * MINUTE);
        assert!(is_in(&mut busy).await);
    }
    world.clock.advance(15 * MINUTE - 1);
    assert!(is_in(&mut busy).await);
    assert!(!is_in(&mut idle).await, "not used");
    world.clock.advance(1);
    assert!(!is_in(&mut busy).await, "the hour is over");
}

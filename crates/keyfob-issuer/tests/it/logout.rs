//! A program asks that a browser is signed out (OpenID Connect RP-Initiated Logout 1.0).

use crate::browser::{Answer, Browser};
use crate::people::{other_tokens, tokens_of};
use crate::trail::entries;
use crate::world::{Kept, OWNER, PASSWORD, START, Tokens, World, on_both};
use keyfob_codex::client::{CLIENT_ID, GATEWAY_CLIENT_ID};
use keyfob_issuer::command::{signing_key, user};
use keyfob_issuer_core::operation::Start;
use keyfob_issuer_core::user::{Email, UserStatus};
use keyfob_jose::{SigningKey, TokenType, read_unverified};
use serde_json::json;

const BYE: &str = "https://portal.example/bye?from=keyfob";
const GATEWAYS: &str = "http://127.0.0.1:4000/bye";

fn settings() -> String {
    format!(
        "[post_logout_redirect_uris]\n{CLIENT_ID} = [\"{BYE}\"]\n\"{GATEWAY_CLIENT_ID}\" = [\"{GATEWAYS}\"]\n"
    )
}

/// An issuer, somebody who is signed in at a browser, and the tokens of a program of theirs.
async fn signed_in(kept: Kept) -> (World, Browser, Tokens) {
    let world = World::start_with_on(&settings(), kept).await;
    let tokens = world.tokens().await;
    let mut browser = world.browser();
    world.sign_in(&mut browser, "/account", PASSWORD).await;
    (world, browser, tokens)
}

fn question(parameters: &[(&str, &str)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    format!("/oauth/logout?{query}")
}

/// Sends the form of the page with what it holds.
async fn say_yes(browser: &mut Browser, page: &Answer) -> Answer {
    let hidden = |name: &str| {
        let (_, rest) = page.body.split_once(&format!("name=\"{name}\" value=\""))?;
        Some(rest.split_once('"')?.0.replace("&#38;", "&").replace("&#34;", "\""))
    };
    let fields = ["csrf", "to", "state"].map(|name| hidden(name).map(|value| (name, value)));
    let form: Vec<(&str, &str)> = fields.iter().flatten().map(|(name, value)| (*name, &**value)).collect();
    browser.post("/oauth/logout", &form).await
}

async fn is_signed_in(browser: &mut Browser) -> bool {
    browser.get("/account").await.body.contains("id=\"account\"")
}

on_both!(i_79_after_a_yes_the_browser_is_signed_out_and_led_to_the_registered_address_with_the_state);
async fn i_79_after_a_yes_the_browser_is_signed_out_and_led_to_the_registered_address_with_the_state(
    kept: Kept,
) {
    let (world, mut browser, tokens) = signed_in(kept).await;
    // However old the ID token is.
    world.clock.advance(3 * 60 * 60);
    let asked = question(&[
        ("id_token_hint", &tokens.id),
        ("client_id", CLIENT_ID),
        ("post_logout_redirect_uri", BYE),
        ("state", "a&b=\"c\""),
    ]);

    let page = browser.get(&asked).await;
    assert_eq!((page.status, page.location()), (200, None), "{}", page.body);
    assert!(page.body.contains(OWNER) && page.body.contains("Codex CLI and keyfob"), "{}", page.body);
    assert!(is_signed_in(&mut browser).await, "asking changes nothing");
    let before = browser.clone();
    let left = say_yes(&mut browser, &page).await;

    let led = format!("{BYE}&state=a%26b%3D%22c%22");
    assert_eq!((left.status, left.location()), (303, Some(&*led)), "{}", left.body);
    assert!(!is_signed_in(&mut browser).await);
    assert!(!is_signed_in(&mut before.clone()).await, "its cookie is worth nothing any more");
    assert_eq!(entries(&world).await.last().unwrap()["action"], "sign_in.sign_out");
    assert_eq!(world.refresh(&tokens.refresh).await.status, 200, "programs stay signed in");
    let again = browser.get(&asked).await;
    assert_eq!((again.status, again.location()), (303, Some(&*led)), "nobody is left to be asked");
}

on_both!(i_79_i_62_somebody_who_is_locked_is_asked_too_and_signing_out_ends_the_session);
async fn i_79_i_62_somebody_who_is_locked_is_asked_too_and_signing_out_ends_the_session(kept: Kept) {
    let (world, mut browser, tokens) = signed_in(kept).await;
    let set = async |status| {
        let owner = Email::parse(OWNER).unwrap();
        user::set_status(world.data.path(), &owner, status, &*world.clock).await.unwrap();
    };
    let sessions = async || world.query("SELECT subject FROM browser_sessions").await.len();
    let before = sessions().await;
    set(UserStatus::Locked).await;
    let asked = question(&[("id_token_hint", &tokens.id), ("post_logout_redirect_uri", BYE)]);

    let page = browser.get(&asked).await;
    assert_eq!((page.status, page.location()), (200, None), "{}", page.body);
    let left = say_yes(&mut browser.clone(), &page).await;

    assert_eq!((left.status, left.location()), (303, Some(BYE)));
    assert_eq!(sessions().await, before - 1);
    set(UserStatus::Active).await;
    assert!(!is_signed_in(&mut browser).await, "the end of the lock brings nothing back");
}

#[tokio::test]
async fn i_79_no_request_signs_anybody_out_by_itself() {
    let (world, mut browser, tokens) = signed_in(Kept::InFile).await;
    let whole = [("id_token_hint", &*tokens.id), ("post_logout_redirect_uri", BYE)];
    let page = browser.get(&question(&whole)).await;
    let csrf = page.csrf();
    let others = world.browser().get(&question(&whole)).await;
    let elsewhere = [("sec-fetch-site", "cross-site"), ("origin", "https://portal.example")];
    let own = [("csrf", &*csrf), ("to", BYE)];

    // A question that is sent as a form leads to the page, by an address that brings the cookies along.
    let posted = browser.post_form_with("/oauth/logout", &elsewhere, &whole).await;
    let refused = [
        browser.post_form_with("/oauth/logout", &elsewhere, &own).await,
        browser.post("/oauth/logout", &[("csrf", "x"), ("to", BYE)]).await,
        browser.post("/oauth/logout", &[("csrf", &csrf), ("to", "https://evil.example/")]).await,
        browser.post("/oauth/logout", &[("csrf", &csrf)]).await,
        browser.post("/oauth/logout", &[("csrf", &csrf), ("to", BYE), ("state", "x")]).await,
        world.browser().post("/oauth/logout", &own).await,
    ];

    assert_eq!((posted.status, posted.location()), (303, Some(&*question(&whole))));
    assert!(refused.iter().all(|answer| (answer.status, answer.location()) == (403, None)), "{refused:?}");
    assert_eq!(others.location(), Some(BYE), "nobody is signed in there");
    assert!(is_signed_in(&mut browser).await);
}

#[tokio::test]
async fn i_79_only_an_address_that_is_registered_for_the_program_is_led_to_letter_by_letter() {
    let (world, mut browser, tokens) = signed_in(Kept::InFile).await;
    for wrong in [
        "https://evil.example/",
        "https://portal.example/bye",
        "https://portal.example/bye?from=keyfob&x=1",
        "https://portal.example/bye?from=keyfob#x",
        "https://portal.example/bye?from=keyfob/../..",
        "https://portal.example/bye/?from=keyfob",
        "https://portal.example:443/bye?from=keyfob",
        "https://portal.example.evil.example/bye?from=keyfob",
        "https://portal.example@evil.example/bye?from=keyfob",
        "HTTPS://portal.example/bye?from=keyfob",
        "//portal.example/bye?from=keyfob",
        " https://portal.example/bye?from=keyfob",
        "javascript:alert(1)",
        "\\\\evil.example",
        GATEWAYS,
    ] {
        let asked = question(&[("id_token_hint", &tokens.id), ("post_logout_redirect_uri", wrong)]);
        for browser in [&mut browser, &mut world.browser()] {
            let refused = browser.get(&asked).await;
            assert_eq!((refused.status, refused.location()), (400, None), "{wrong}");
        }
    }
    let other = [
        ("id_token_hint", &*tokens.id),
        ("client_id", GATEWAY_CLIENT_ID),
        ("post_logout_redirect_uri", GATEWAYS),
    ];
    let refused = browser.get(&question(&other)).await;
    assert_eq!((refused.status, refused.location()), (400, None), "another program's ID token");
    assert!(is_signed_in(&mut browser).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn i_79_without_an_id_token_that_counts_the_page_asks_and_leads_nowhere() {
    let (world, mut browser, tokens) = signed_in(Kept::InFile).await;
    let claims = read_unverified(&tokens.id).unwrap();
    let forged = |changes: &serde_json::Value| {
        let mut forged = json!({
            "iss": world.base, "aud": CLIENT_ID, "sub": claims.text("sub"), "iat": START, "exp": START + 3_600,
        });
        for (name, value) in changes.as_object().unwrap() {
            forged[name] = value.clone();
        }
        SigningKey::generate().unwrap().sign(TokenType::IdToken, &forged).unwrap()
    };
    let cut = tokens.id.rsplit_once('.').unwrap().0;
    let (mine, none) = (forged(&json!({})), forged(&json!({ "aud": "nobody" })));
    for hint in ["", "x", &*tokens.access, &*tokens.refresh, cut, &format!("{cut}."), &mine, &none] {
        let asked =
            question(&[("id_token_hint", hint), ("client_id", CLIENT_ID), ("post_logout_redirect_uri", BYE)]);
        let page = browser.get(&asked).await;
        assert_eq!((page.status, page.location()), (200, None), "{hint}");
        assert!(!page.body.contains("id=\"by\"") && !page.body.contains("portal.example"), "{}", page.body);
        let mut copy = browser.clone();
        copy.cookies = world.browser().cookies;
        let alone = copy.get(&asked).await;
        assert_eq!((alone.status, alone.location()), (200, None), "{hint}: nobody is signed in");
    }

    // Nor does one count whose key was stolen.
    let key = signing_key::list(world.data.path(), &*world.clock).await.unwrap().remove(0).id;
    signing_key::rotate(world.data.path(), Start::Now, &*world.clock, &crate::world::TestEntropy)
        .await
        .unwrap();
    signing_key::retire(world.data.path(), &key, &*world.clock, &crate::world::TestEntropy).await.unwrap();
    world.reload_keys().await;
    let asked = question(&[("id_token_hint", &tokens.id), ("post_logout_redirect_uri", BYE)]);
    let page = browser.get(&asked).await;
    assert!(page.status == 200 && !page.body.contains("portal.example"), "{}", page.body);
    let left = say_yes(&mut browser, &page).await;
    assert_eq!((left.status, left.location()), (200, None));
    assert!(left.body.contains("id=\"done\"") && !is_signed_in(&mut browser).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn i_79_the_id_token_of_somebody_else_is_said_and_signs_nobody_out() {
    let (world, mut browser, _) = signed_in(Kept::InFile).await;
    other_tokens(&world).await;
    let zoe = tokens_of(&world, "zoe@example.org").await;

    let page = browser.get(&question(&[("id_token_hint", &zoe.id), ("post_logout_redirect_uri", BYE)])).await;

    assert_eq!((page.status, page.location()), (200, None));
    assert!(page.body.contains("means somebody else") && page.body.contains(OWNER), "{}", page.body);
    assert!(!page.body.contains("zoe@example.org"), "whose it is, is nobody's business here");
    assert!(is_signed_in(&mut browser).await);
}

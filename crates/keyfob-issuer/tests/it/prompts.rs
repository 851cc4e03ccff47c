//! What a client says of how its person signs in, and whose answer it gets.

use crate::browser::Browser;
use crate::world::{
    CALLBACK, OWNER, PASSWORD, START, Tokens, World, authorize, changed, codex_request, exchange,
};
use keyfob_jose::read_unverified;
use serde_json::json;

/// Returns a browser in which the owner is signed in.
async fn signed_in(world: &World) -> Browser {
    let mut browser = world.browser();
    world.sign_in(&mut browser, "/account", PASSWORD).await;
    browser
}

/// Returns the error that a request leads to, or the `id` of the first form on its page.
async fn outcome(world: &World, browser: &mut Browser, changes: &[(&str, &str)]) -> String {
    let answer = browser.get(&authorize(&changed(&codex_request(), changes))).await;
    let location = answer.location().unwrap().to_owned();
    if location.starts_with(CALLBACK) {
        assert_eq!(answer.redirected()["iss"], world.base);
        return answer.redirected()["error"].clone();
    }
    let page = browser.get(&location).await.body;
    let (_, rest) = page.split_once("<form id=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn i_11_prompt_decides_which_pages_are_shown_and_none_shows_none() {
    let world = World::start().await;
    let mut stranger = world.browser();
    let mut known = signed_in(&world).await;
    for (prompt, to_stranger, to_known) in [
        ("", "sign-in", "confirm"),
        ("none", "login_required", "consent_required"),
        ("login", "sign-in", "confirm"),
        ("consent", "sign-in", "confirm"),
        ("select_account", "sign-in", "confirm"),
        ("login consent", "sign-in", "confirm"),
        ("none login", "invalid_request", "invalid_request"),
        ("consent none", "invalid_request", "invalid_request"),
        ("create", "invalid_request", "invalid_request"),
    ] {
        let changes = [("prompt", prompt)];
        let shown = outcome(&world, &mut stranger, &changes).await;
        assert_eq!(shown, to_stranger, "{prompt:?} to a stranger");
        let shown = outcome(&world, &mut known, &changes).await;
        assert_eq!(shown, to_known, "{prompt:?} to who has signed in in this second");
    }

    world.clock.advance(1);

    assert_eq!(outcome(&world, &mut known, &[("prompt", "login")]).await, "sign-in");
    assert_eq!(outcome(&world, &mut known, &[("prompt", "consent login")]).await, "sign-in");
    assert_eq!(outcome(&world, &mut known, &[]).await, "confirm");
}

#[tokio::test]
async fn i_11_max_age_asks_for_a_sign_in_that_is_not_older_and_auth_time_tells_it() {
    let world = World::start().await;
    let mut browser = signed_in(&world).await;
    world.clock.advance(100);
    let mut ask = async |max_age: &str| outcome(&world, &mut browser, &[("max_age", max_age)]).await;

    assert_eq!(ask("100").await, "confirm");
    assert_eq!(ask("99").await, "sign-in");
    assert_eq!(ask("0").await, "sign-in");
    assert_eq!(ask("4294967295").await, "confirm");
    for malformed in ["-1", "1.5", "x", "4294967296"] {
        assert_eq!(ask(malformed).await, "invalid_request", "{malformed}");
    }

    let interaction = world.begin(&mut browser, &changed(&codex_request(), &[("max_age", "99")])).await;
    let early = world.decide(&mut browser, &interaction, "approve").await;
    assert_eq!(early.location(), Some(&*interaction), "the sign-in comes first");
    world.sign_in(&mut browser, &interaction, PASSWORD).await;
    let approved = world.decide(&mut browser, &interaction, "approve").await;
    let code = approved.redirected()["code"].clone();
    let tokens = Tokens::read(&world.browser().post("/oauth/token", &exchange(&code)).await);
    let auth_time = read_unverified(&tokens.id).unwrap().get("auth_time").cloned();
    assert_eq!(auth_time, Some(json!(START + 100)));
}

#[tokio::test]
async fn i_11_a_login_hint_fills_the_form_in_and_chooses_nobody_and_an_unknown_acr_is_passed_over() {
    let world = World::start().await;
    let hint = changed(&codex_request(), &[("login_hint", "zoe@example.org"), ("acr_values", "urn:x:gold")]);

    let mut stranger = world.browser();
    let interaction = world.begin(&mut stranger, &hint).await;
    assert!(stranger.get(&interaction).await.body.contains("value=\"zoe@example.org\""));
    let mut known = signed_in(&world).await;
    let interaction = world.begin(&mut known, &hint).await;
    let page = known.get(&interaction).await.body;

    assert!(page.contains("id=\"confirm\"") && page.contains(OWNER) && !page.contains("zoe@"), "{page}");
}

#[tokio::test]
async fn i_07_a_success_and_every_error_say_whose_answer_it_is() {
    let world = World::start().await;
    let mut browser = signed_in(&world).await;
    let errors = [
        ("response_type", "token", "unsupported_response_type"),
        ("response_mode", "fragment", "invalid_request"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("scope", "open\"id", "invalid_scope"),
        ("resource", "https://elsewhere.example", "invalid_target"),
        ("prompt", "none", "consent_required"),
    ];
    for (name, value, error) in errors {
        // `outcome` checks the issuer of each.
        assert_eq!(outcome(&world, &mut browser, &[(name, value)]).await, error, "{name}={value}");
    }
    for (decision, member) in [("approve", "code"), ("deny", "error")] {
        let interaction = world.begin(&mut browser, &codex_request()).await;
        let answer = world.decide(&mut browser, &interaction, decision).await.redirected();
        assert!(answer.contains_key(member));
        assert_eq!((answer["iss"].as_str(), answer["state"].as_str()), (&*world.base, "the-state"));
    }
    let metadata = world.browser().get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
}

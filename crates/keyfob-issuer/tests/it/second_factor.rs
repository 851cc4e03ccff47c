//! Second factors: set up, asked for, and never gone around.

use crate::app::{App, answer, enrol, recovery_codes};
use crate::rest::{contains, rest_of};
use crate::world::{Kept, OWNER, PASSWORD, Tokens, World, changed, codex_request, exchange, on_both};
use futures_util::future::join_all;
use keyfob_issuer::command::user;
use keyfob_issuer_core::sign_in::MfaPolicy;
use keyfob_issuer_core::user::Email;
use keyfob_jose::read_unverified;
use keyfob_oauth::Clock as _;
use serde_json::json;

const SCOPE_WITH_CLOUD: &str = "openid email offline_access cloud";

on_both!(s_09_an_account_with_a_password_alone_sets_a_factor_up_before_it_gets_the_cloud);
async fn s_09_an_account_with_a_password_alone_sets_a_factor_up_before_it_gets_the_cloud(kept: Kept) {
    let world = World::keeping(kept).await;
    let mut browser = world.browser();
    let request = changed(&codex_request(), &[("scope", SCOPE_WITH_CLOUD)]);
    let interaction = world.begin(&mut browser, &request).await;
    world.sign_in(&mut browser, &interaction, PASSWORD).await;

    let page = browser.get(&interaction).await;
    assert!(page.body.contains("id=\"set-up\"") && page.body.contains("<svg"), "{}", page.body);
    let csrf = page.csrf();
    let form = [("csrf", &*csrf), ("decision", "approve")];
    let early = browser.post(&format!("{interaction}/confirm"), &form).await;
    assert_eq!((early.status, early.location()), (303, Some(&*interaction)), "nothing was approved");

    let app = App::scan(&page);
    let wrong = answer(&mut browser, &interaction, "set-up", "000000").await;
    assert_eq!((wrong.status, App::scan(&wrong).secret()), (401, app.secret()), "the key stays");
    let done = answer(&mut browser, &interaction, "set-up", &app.code(&world)).await;
    assert_eq!(recovery_codes(&done).len(), 10);
    assert!(done.body.contains(&format!("href=\"{interaction}\"")), "{}", done.body);

    let approved = world.decide(&mut browser, &interaction, "approve").await;
    let code = approved.redirected()["code"].clone();
    let tokens = world.browser().post("/oauth/token", &exchange(&code)).await.json();
    assert_eq!(tokens["scope"], SCOPE_WITH_CLOUD);
}

on_both!(s_09_what_asks_for_no_cloud_asks_for_no_factor_unless_there_is_one);
async fn s_09_what_asks_for_no_cloud_asks_for_no_factor_unless_there_is_one(kept: Kept) {
    let world = World::keeping(kept).await;
    assert!(!world.code(&codex_request()).await.is_empty());
    enrol(&world, &mut world.browser()).await;

    let mut browser = world.browser();
    let interaction = world.begin(&mut browser, &codex_request()).await;
    world.sign_in(&mut browser, &interaction, PASSWORD).await;

    assert!(browser.get(&interaction).await.body.contains("id=\"second-factor\""));
}

on_both!(s_09_a_workspace_can_want_a_factor_before_everything);
async fn s_09_a_workspace_can_want_a_factor_before_everything(kept: Kept) {
    let world = World::keeping(kept).await;
    let email = Email::parse(OWNER).unwrap();
    user::set_mfa_policy(world.data.path(), &email, MfaPolicy::Always, &*world.clock).await.unwrap();
    let mut browser = world.browser();
    let interaction = world.begin(&mut browser, &codex_request()).await;
    world.sign_in(&mut browser, &interaction, PASSWORD).await;

    for place in [&*interaction, "/codex/device"] {
        assert!(browser.get(place).await.body.contains("id=\"set-up\""), "{place}");
    }
}

on_both!(s_09_who_needs_a_second_factor_needs_it_from_now_on_in_logins_that_stand_too);
async fn s_09_who_needs_a_second_factor_needs_it_from_now_on_in_logins_that_stand_too(kept: Kept) {
    let world = World::keeping(kept).await;
    let email = Email::parse(OWNER).unwrap();
    let wants = async |policy| {
        user::set_mfa_policy(world.data.path(), &email, policy, &*world.clock).await.unwrap();
    };
    let tokens = world.tokens().await;

    wants(MfaPolicy::Always).await;
    assert_eq!(world.refresh(&tokens.refresh).await.status, 400);

    wants(MfaPolicy::Cloud).await;
    assert_eq!(world.refresh(&tokens.refresh).await.status, 200, "the session is as it was");
}

on_both!(i_57_no_page_and_no_form_goes_around_the_second_factor);
async fn i_57_no_page_and_no_form_goes_around_the_second_factor(kept: Kept) {
    let world = World::keeping(kept).await;
    let (app, _) = enrol(&world, &mut world.browser()).await;
    let mut browser = world.browser();
    let interaction = world.begin(&mut browser, &codex_request()).await;
    world.sign_in(&mut browser, &interaction, PASSWORD).await;
    let csrf = browser.get(&interaction).await.csrf();

    for (path, form) in [
        (format!("{interaction}/confirm"), [("csrf", &*csrf), ("decision", "approve")]),
        (format!("{interaction}/set-up"), [("csrf", &*csrf), ("answer", &*app.code(&world))]),
    ] {
        let refused = browser.post(&path, &form).await;
        assert_eq!((refused.status, refused.location()), (303, Some(&*interaction)), "{path}");
    }
    for place in ["/account", "/account/change", "/account/set-up", "/codex/device", &interaction] {
        assert!(browser.get(place).await.body.contains("id=\"second-factor\""), "{place}");
    }
    let account = browser.get("/account").await.csrf();
    let refused = browser.post("/account/recovery-codes", &[("csrf", &account)]).await;
    assert_eq!((refused.status, refused.location()), (303, Some("/account/change")));
    // Starting again begins with the password.
    browser.post(&format!("{interaction}/sign-out"), &[("csrf", &csrf)]).await;
    assert!(browser.get(&interaction).await.body.contains("id=\"sign-in\""));

    world.sign_in(&mut browser, &interaction, PASSWORD).await;
    let before = browser.cookies.clone();
    answer(&mut browser, &interaction, "second-factor", &app.code(&world)).await;
    assert_ne!(browser.cookies, before, "a new cookie");
    assert!(browser.get(&interaction).await.body.contains("id=\"confirm\""));
}

on_both!(i_55_one_code_sent_by_fifty_at_once_signs_one_in);
async fn i_55_one_code_sent_by_fifty_at_once_signs_one_in(kept: Kept) {
    let world = World::keeping(kept).await;
    let (app, _) = enrol(&world, &mut world.browser()).await;
    let code = app.code(&world);
    let mut browser = world.browser();
    world.sign_in(&mut browser, "/account", PASSWORD).await;
    let csrf = browser.get("/account").await.csrf();

    let tries = join_all((0..50).map(|_| {
        let (mut browser, form) = (browser.clone(), [("csrf", csrf.clone()), ("answer", code.clone())]);
        async move {
            let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
            let answer = browser.post("/account/second-factor", &form).await;
            browser.get("/account").await.body.contains("id=\"account\"") && answer.status == 303
        }
    }));

    assert_eq!(tries.await.into_iter().filter(|signed_in| *signed_in).count(), 1);
}

on_both!(i_55_guesses_in_many_sessions_are_counted_together);
async fn i_55_guesses_in_many_sessions_are_counted_together(kept: Kept) {
    let world = World::keeping(kept).await;
    let (app, _) = enrol(&world, &mut world.browser()).await;
    let mut sessions = Vec::new();
    for _ in 0..8 {
        let mut browser = world.browser();
        world.sign_in(&mut browser, "/account", PASSWORD).await;
        sessions.push(browser);
    }

    let mut statuses = Vec::new();
    for browser in &mut sessions {
        statuses.push(answer(browser, "/account", "second-factor", "000000").await.status);
    }

    assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429, 429]);
    let right = answer(&mut sessions[0], "/account", "second-factor", &app.code(&world)).await;
    assert_eq!(right.status, 429, "not even tried");
    world.clock.advance(30);
    let right = answer(&mut sessions[0], "/account", "second-factor", &app.code(&world)).await;
    assert_eq!(right.status, 303);
}

on_both!(i_56_a_recovery_code_signs_in_once_and_new_ones_kill_the_old);
async fn i_56_a_recovery_code_signs_in_once_and_new_ones_kill_the_old(kept: Kept) {
    let world = World::keeping(kept).await;
    let (app, codes) = enrol(&world, &mut world.browser()).await;
    let mut browser = world.browser();
    world.sign_in(&mut browser, "/account", PASSWORD).await;

    answer(&mut browser, "/account", "second-factor", &codes[0]).await;
    assert!(browser.get("/account").await.body.contains("You have 9 recovery codes left"));
    let mut other = world.browser();
    world.sign_in(&mut other, "/account", PASSWORD).await;
    assert_eq!(answer(&mut other, "/account", "second-factor", &codes[0]).await.status, 401, "again");

    answer(&mut other, "/account", "second-factor", &app.code(&world)).await;
    let csrf = other.get("/account").await.csrf();
    let renewed = recovery_codes(&other.post("/account/recovery-codes", &[("csrf", &csrf)]).await);
    let mut third = world.browser();
    world.sign_in(&mut third, "/account", PASSWORD).await;
    assert_eq!(answer(&mut third, "/account", "second-factor", &codes[1]).await.status, 401, "an old one");
    assert_eq!(answer(&mut third, "/account", "second-factor", &renewed[0]).await.status, 303);
}

on_both!(i_29_neither_the_key_nor_a_recovery_code_can_be_read_off_the_disk);
async fn i_29_neither_the_key_nor_a_recovery_code_can_be_read_off_the_disk(kept: Kept) {
    let world = World::keeping(kept).await;
    let (app, codes) = enrol(&world, &mut world.browser()).await;
    let mut secrets = vec![app.secret().to_owned()];
    secrets.extend(codes.iter().flat_map(|code| [code.clone(), code.replace('-', "")]));

    let rest = rest_of(&world);

    assert!(contains(&rest, OWNER), "the scan finds what is there");
    for secret in secrets {
        assert!(!contains(&rest, &secret), "{secret}");
    }
}

on_both!(i_57_tokens_say_when_and_by_which_factors_their_person_signed_in);
async fn i_57_tokens_say_when_and_by_which_factors_their_person_signed_in(kept: Kept) {
    let world = World::keeping(kept).await;
    let (app, _) = enrol(&world, &mut world.browser()).await;
    world.clock.advance(60);
    let signed_in_at = world.clock.now();
    let mut browser = world.browser();
    let interaction = world.begin(&mut browser, &codex_request()).await;
    world.sign_in(&mut browser, &interaction, PASSWORD).await;
    answer(&mut browser, &interaction, "second-factor", &app.code(&world)).await;
    let approved = world.decide(&mut browser, &interaction, "approve").await;
    world.clock.advance(10);
    let code = approved.redirected()["code"].clone();
    let first = Tokens::read(&world.browser().post("/oauth/token", &exchange(&code)).await);
    world.clock.advance(10);
    let next = Tokens::read(&world.refresh(&first.refresh).await);

    for token in [&first.access, &first.id, &next.access, &next.id] {
        let claims = read_unverified(token).unwrap();
        let said = (claims.get("amr"), claims.get("auth_time"));
        assert_eq!(said, (Some(&json!(["pwd", "otp", "mfa"])), Some(&json!(signed_in_at))));
    }
}

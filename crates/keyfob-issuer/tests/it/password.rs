//! Passwords change: from the account's page, or by a link.

use crate::app::{answer, enrol};
use crate::browser::{Answer, Browser};
use crate::world::{Kept, OWNER, PASSWORD, World, on_both};
use keyfob_issuer::command::user;
use keyfob_issuer_core::user::Email;
use keyfob_oauth::Secret;

const NEW: &str = "a longer walk by the sea";

async fn choose(browser: &mut Browser, place: &str, password: &str, others: &str) -> Answer {
    let csrf = browser.get(place).await.csrf();
    let form = [("csrf", &*csrf), ("new_password", password), ("end_others", others)];
    browser.post(place, &form).await
}

/// Makes a link for the owner, as the administrator's command does.
async fn link(world: &World) -> String {
    let email = Email::parse(OWNER).unwrap();
    let entropy = crate::world::TestEntropy;
    let link: Secret = user::reset_link(world.data.path(), &email, &*world.clock, &entropy).await.unwrap();
    link.expose().strip_prefix(&world.base).unwrap().to_owned()
}

async fn signs_in(world: &World, password: &str) -> bool {
    let answer = world.sign_in(&mut world.browser(), "/account", password).await;
    answer.status == 303
}

on_both!(i_52_a_password_that_is_tried_first_or_too_short_is_refused_with_the_reason);
async fn i_52_a_password_that_is_tried_first_or_too_short_is_refused_with_the_reason(kept: Kept) {
    let world = World::keeping(kept).await;
    let mut browser = world.browser();
    world.sign_in(&mut browser, "/account", PASSWORD).await;

    for (password, reason) in [
        ("fourteen chars", "shorter than 15 characters"),
        ("12345678900987654321", "one of those that are tried first"),
    ] {
        let refused = choose(&mut browser, "/account/password", password, "").await;
        assert_eq!(refused.status, 422, "{password}");
        assert!(refused.body.contains(reason), "{}", refused.body);
        assert!(!refused.body.contains(password));
    }
    assert!(signs_in(&world, PASSWORD).await);
}

on_both!(a_new_password_ends_every_other_session_if_its_owner_says_so);
async fn a_new_password_ends_every_other_session_if_its_owner_says_so(kept: Kept) {
    let world = World::keeping(kept).await;
    let tokens = world.tokens().await;
    let (mut browser, mut other) = (world.browser(), world.browser());
    world.sign_in(&mut browser, "/account", PASSWORD).await;
    world.sign_in(&mut other, "/account", PASSWORD).await;

    let kept = choose(&mut browser, "/account/password", NEW, "").await;
    assert_eq!((kept.status, kept.location()), (303, Some("/account")));
    assert!(other.get("/account").await.body.contains("id=\"account\""));
    assert!(!signs_in(&world, PASSWORD).await);

    choose(&mut browser, "/account/password", "another long way home", "yes").await;
    assert!(browser.get("/account").await.body.contains("id=\"account\""), "this one goes on");
    assert!(other.get("/account").await.body.contains("id=\"sign-in\""));
    assert_eq!(world.refresh(&tokens.refresh).await.status, 400);
}

on_both!(i_58_an_old_proof_changes_no_password);
async fn i_58_an_old_proof_changes_no_password(kept: Kept) {
    let world = World::keeping(kept).await;
    let mut browser = world.browser();
    world.sign_in(&mut browser, "/account", PASSWORD).await;
    let csrf = browser.get("/account/password").await.csrf();

    world.clock.advance(5 * 60 + 1);

    let form = [("csrf", &*csrf), ("new_password", NEW)];
    let late = browser.post("/account/password", &form).await;
    assert_eq!((late.status, late.location()), (303, Some("/account/change")));
    assert_eq!(browser.get("/account/password").await.location(), Some("/account/change"));
    assert!(!signs_in(&world, NEW).await);
}

on_both!(i_60_a_link_works_once_for_half_an_hour_until_the_next_one_or_a_new_password);
async fn i_60_a_link_works_once_for_half_an_hour_until_the_next_one_or_a_new_password(kept: Kept) {
    let world = World::keeping(kept).await;
    let (older, newer) = (link(&world).await, link(&world).await);
    let mut browser = world.browser();

    assert_eq!(browser.get(&older).await.status, 410, "another was made");
    assert_eq!(browser.get(&newer).await.status, 200);
    assert_eq!(browser.get(&newer).await.status, 200, "looking at it uses nothing up");
    let done = choose(&mut browser, &newer, NEW, "").await;
    assert_eq!(done.status, 200, "{}", done.body);
    assert_eq!(browser.get(&newer).await.status, 410, "used");
    assert!(signs_in(&world, NEW).await && !signs_in(&world, PASSWORD).await);

    let before_a_change = link(&world).await;
    world.sign_in(&mut browser, "/account", NEW).await;
    choose(&mut browser, "/account/password", PASSWORD, "").await;
    assert_eq!(browser.get(&before_a_change).await.status, 410);

    let late = link(&world).await;
    let csrf = browser.get(&late).await.csrf();
    world.clock.advance(30 * 60);
    let refused = browser.post(&late, &[("csrf", &csrf), ("new_password", NEW)]).await;
    assert_eq!(refused.status, 410);
    assert!(signs_in(&world, PASSWORD).await);
}

on_both!(i_60_a_reset_signs_nobody_in_and_the_second_factor_is_asked_for_as_ever);
async fn i_60_a_reset_signs_nobody_in_and_the_second_factor_is_asked_for_as_ever(kept: Kept) {
    let world = World::keeping(kept).await;
    let mut browser = world.browser();
    let (app, _) = enrol(&world, &mut browser).await;

    let link = link(&world).await;
    let mut reader = world.browser();
    choose(&mut reader, &link, "8 chars!", "").await;

    assert!(browser.get("/account").await.body.contains("id=\"sign-in\""), "every session ended");
    assert!(reader.get("/account").await.body.contains("id=\"sign-in\""));
    world.sign_in(&mut reader, "/account", "8 chars!").await;
    assert!(reader.get("/account").await.body.contains("id=\"second-factor\""));
    assert_eq!(answer(&mut reader, "/account", "second-factor", &app.code(&world)).await.status, 303);
}

on_both!(s_09_who_loses_the_factor_loses_what_was_granted_on_its_strength);
async fn s_09_who_loses_the_factor_loses_what_was_granted_on_its_strength(kept: Kept) {
    let world = World::keeping(kept).await;
    let mut browser = world.browser();
    enrol(&world, &mut browser).await;
    let email = Email::parse(OWNER).unwrap();

    user::reset_factors(world.data.path(), &email, &*world.clock).await.unwrap();

    assert!(browser.get("/account").await.body.contains("id=\"sign-in\""));
    world.sign_in(&mut browser, "/account", PASSWORD).await;
    assert!(browser.get("/account").await.body.contains("There is none"));
}

#[tokio::test]
async fn i_52_a_breached_password_is_refused_where_the_administrator_has_the_lists() {
    let lists = tempfile::tempdir().unwrap();
    let digest = keyfob_issuer_core::password::Password::typed(NEW.into()).breach_name();
    let (name, rest) = digest.expose().split_at(5);
    let mut file = std::fs::File::create(lists.path().join(format!("{name}.txt"))).unwrap();
    std::io::Write::write_all(&mut file, format!("{rest}:7\r\n").as_bytes()).unwrap();
    let world =
        World::start_with(&format!("breached_passwords = {:?}\n", lists.path().display().to_string())).await;
    let mut browser = world.browser();
    world.sign_in(&mut browser, "/account", PASSWORD).await;

    let refused = choose(&mut browser, "/account/password", NEW, "").await;

    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("known from a breach"), "{}", refused.body);
    // Of this one there is no list, and nobody knows.
    assert_eq!(choose(&mut browser, "/account/password", "another long way home", "").await.status, 503);
}

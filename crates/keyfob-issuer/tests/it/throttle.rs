//! Tries that went wrong cost a wait.

use crate::browser::{Answer, Browser};
use crate::trail::entries;
use crate::world::{Kept, OWNER, PASSWORD, World, on_both};
use serde_json::Value;

/// Comes in through a proxy, which says from where.
async fn sign_in_from(browser: &mut Browser, network: &str, email: &str, password: &str) -> Answer {
    let csrf = browser.get("/account").await.csrf();
    let form = [("csrf", &*csrf), ("email", email), ("password", password)];
    browser.post_form_with("/account/sign-in", &[("x-forwarded-for", network)], &form).await
}

async fn behind_a_proxy() -> World {
    World::start_with("trusted_proxies = [\"127.0.0.1\"]\n").await
}

on_both!(i_54_the_sixth_try_has_to_wait_and_the_page_says_how_long);
async fn i_54_the_sixth_try_has_to_wait_and_the_page_says_how_long(kept: Kept) {
    let world = World::keeping(kept).await;
    let mut browser = world.browser();
    for _ in 0..5 {
        assert_eq!(sign_in_from(&mut browser, "", OWNER, "wrong horse").await.status, 401);
    }

    let refused = sign_in_from(&mut browser, "", " MIA@Example.org ", PASSWORD).await;
    let told: Vec<Value> =
        entries(&world).await.into_iter().filter(|entry| entry["action"] == "sign_in.password").collect();
    assert_eq!(told.len(), 5, "a try that has to wait is none");
    assert_eq!((&told[3]["detail"], &told[4]["detail"]), (&Value::Null, &"the next one waits 30 s".into()));

    assert_eq!((refused.status, &refused.headers["retry-after"]), (429, &"30".parse().unwrap()));
    assert!(refused.body.contains("Wait 30 seconds, then try once more."), "{}", refused.body);
    assert!(refused.body.contains("id=\"sign-in\""), "the form stays");
    world.clock.advance(30);
    assert_eq!(sign_in_from(&mut browser, "", OWNER, PASSWORD).await.status, 303);
    // A success begins the count again.
    assert_eq!(sign_in_from(&mut world.browser(), "", OWNER, "wrong horse").await.status, 401);
}

on_both!(i_53_an_unknown_account_is_throttled_like_a_known_one);
async fn i_53_an_unknown_account_is_throttled_like_a_known_one(kept: Kept) {
    let world = World::keeping(kept).await;
    let mut answers = Vec::new();
    for email in [OWNER, "nobody@example.org"] {
        let mut browser = world.browser();
        for _ in 0..6 {
            answers.push(sign_in_from(&mut browser, "", email, "wrong horse").await);
        }
    }

    let (known, unknown) = answers.split_at(6);

    // The tokens of the forms are the browsers' own.
    let shown = |answer: &Answer| (answer.status, answer.body.replace(&answer.csrf(), ""));
    assert_eq!(known.iter().map(shown).collect::<Vec<_>>(), unknown.iter().map(shown).collect::<Vec<_>>());
}

#[tokio::test]
async fn i_54_tries_from_elsewhere_cost_the_owner_a_minute_at_most_and_nothing_in_a_browser_of_theirs() {
    let world = behind_a_proxy().await;
    let mut known = world.browser();
    assert_eq!(sign_in_from(&mut known, "192.0.2.1", OWNER, PASSWORD).await.status, 303);
    let csrf = known.get("/account").await.csrf();
    known.post("/account/sign-out", &[("csrf", &csrf)]).await;
    for attacker in 0..60 {
        let network = format!("198.51.100.{}", attacker / 4);
        sign_in_from(&mut world.browser(), &network, OWNER, "wrong horse").await;
    }

    let elsewhere = sign_in_from(&mut world.browser(), "203.0.113.5", OWNER, PASSWORD).await;
    assert_eq!(elsewhere.status, 429);
    let wait: u64 = elsewhere.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(wait <= 60, "{wait}");
    assert_eq!(sign_in_from(&mut known, "192.0.2.1", OWNER, PASSWORD).await.status, 303);
}

#[tokio::test]
async fn i_54_a_mark_is_good_for_its_own_account_alone() {
    let world = behind_a_proxy().await;
    let mut browser = world.browser();
    sign_in_from(&mut browser, "192.0.2.1", OWNER, PASSWORD).await;
    let csrf = browser.get("/account").await.csrf();
    browser.post("/account/sign-out", &[("csrf", &csrf)]).await;

    let mut statuses = Vec::new();
    for _ in 0..6 {
        let answer = sign_in_from(&mut browser, "192.0.2.1", "zoe@example.org", "wrong horse").await;
        statuses.push(answer.status);
    }
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429]);
    // Another browser at the same place shares the count, so the mark was of no use.
    let other = sign_in_from(&mut world.browser(), "192.0.2.1", "zoe@example.org", "wrong horse").await;
    assert_eq!(other.status, 429);
}

#[tokio::test]
async fn i_54_one_network_cannot_try_many_accounts_for_long() {
    let world = behind_a_proxy().await;
    let mut browser = world.browser();
    let mut refused = 0;
    for account in 0..101 {
        let email = format!("user{account}@example.org");
        let answer = sign_in_from(&mut browser, "198.51.100.7", &email, "wrong horse").await;
        refused += usize::from(answer.status == 429);
    }

    assert_eq!(refused, 1);
    let forged = "203.0.113.9, 198.51.100.7";
    let answer = sign_in_from(&mut browser, forged, "zoe@example.org", "wrong horse").await;
    assert_eq!(answer.status, 429, "what a client claims about itself does not count");
}

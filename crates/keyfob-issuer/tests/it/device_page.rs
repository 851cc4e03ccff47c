//! The page on which a device is let in: what it says, what it asks, and how that is taken back.

use crate::browser::{Answer, Browser};
use crate::device::{decide, enter, poll, signed_in, start};
use crate::device_grant::{START, poll as poll_standard};
use crate::mail::PostOffice;
use crate::people::other_tokens;
use crate::trail::entries;
use crate::world::{Kept, OWNER, PASSWORD, Tokens, World, on_both};
use keyfob_codex::client::CLIENT_ID;
use serde_json::Value;

const PROXY: &str = "\ntrusted_proxies = [\"127.0.0.1\"]\n";

/// Starts a device of RFC 8628 that calls itself `tool` and asks from `address`.
async fn start_from(world: &World, tool: &str, address: &str) -> Value {
    let headers = [("user-agent", tool), ("x-forwarded-for", address)];
    let form = [("client_id", CLIENT_ID), ("scope", "openid email offline_access cloud")];
    world.browser().post_form_with(START, &headers, &form).await.json()
}

async fn send(browser: &mut Browser, user_code: &str, csrf: &str, more: &[(&str, &str)]) -> Answer {
    let form: Vec<(&str, &str)> =
        [("csrf", csrf), ("user_code", user_code)].iter().chain(more).copied().collect();
    browser.post("/codex/device/approve", &form).await
}

fn user_code(device: &Value) -> &str {
    device["user_code"].as_str().unwrap()
}

#[tokio::test]
async fn i_46_the_page_says_what_asks_from_where_since_when_and_for_what() {
    let world = World::start_with(PROXY).await;
    let device = start_from(&world, "<b>tool</b>/1.2 (Debian)", "192.0.2.7").await;
    let mut browser = signed_in(&world).await;
    world.clock.advance(3 * 60 + 5);

    let page = enter(&mut browser, user_code(&device)).await;

    assert_eq!(page.status, 200);
    for shown in [
        user_code(&device),
        "Codex CLI and keyfob",
        "&#60;b&#62;tool&#60;/b&#62;/1.2",
        "192.0.2.7",
        "2027-01-15 08:00 UTC, 3 minutes ago",
        OWNER,
        "Personal",
        "see your e-mail address",
        "use the cloud",
        "id=\"elsewhere\"",
        "started this yourself",
    ] {
        assert!(page.body.contains(shown), "{shown} in {}", page.body);
    }
    let (log, policy) = (page.location(), page.headers["content-security-policy"].to_str().unwrap());
    assert_eq!(log, None, "the code is in no address (I-47)");
    assert!(policy.contains("frame-ancestors 'none'") && page.headers["x-frame-options"] == "DENY", "I-47");
}

#[tokio::test]
async fn i_50_a_device_in_another_network_is_warned_of_or_refused_as_the_settings_say() {
    for (line, status) in [("", 200), ("[device_codes]\nother_network = \"refuse\"\n", 403)] {
        let world = World::start_with(&format!("{PROXY}{line}")).await;
        let device = start_from(&world, "tool", "192.0.2.7").await;
        let headers = [("x-forwarded-for", "192.0.2.8")];
        let elsewhere =
            world.browser().post_form_with(START, &headers, &[("client_id", CLIENT_ID)]).await.json();
        let here = start(&world).await;
        let mut browser = signed_in(&world).await;
        for (device, warns) in [(&device, true), (&elsewhere, true), (&here, false)] {
            let page = enter(&mut browser, user_code(device)).await;
            assert_eq!(page.body.contains("id=\"elsewhere\""), warns);
        }

        let csrf = enter(&mut browser, user_code(&elsewhere)).await.csrf();
        let decided = send(&mut browser, user_code(&elsewhere), &csrf, &[("decision", "approve")]).await;
        let csrf = enter(&mut browser, user_code(&here)).await.csrf();
        let at_home = send(&mut browser, user_code(&here), &csrf, &[("decision", "approve")]).await;

        assert_eq!((decided.status, at_home.status), (status, 200), "{}", decided.body);
    }
}

/// What the audit trail says of the devices that were let in.
async fn decisions(world: &World) -> Vec<String> {
    let entries = entries(world).await;
    let let_in =
        entries.iter().filter(|entry| entry["action"] == "device.decide" && entry["outcome"] == "done");
    let_in.map(|entry| entry["detail"].as_str().unwrap().to_owned()).collect()
}

on_both!(i_50_a_workspace_lets_in_so_many_devices_an_hour_whoever_asks_and_no_other_is_held_up);
async fn i_50_a_workspace_lets_in_so_many_devices_an_hour_whoever_asks_and_no_other_is_held_up(kept: Kept) {
    let world = World::start_with_on("\n[device_codes]\nper_workspace_per_hour = 2\n", kept).await;
    other_tokens(&world).await;
    let mut answers = Vec::new();
    let mut last = start(&world).await;
    for after in [0, 0, 0, 1799, 1, 0] {
        world.clock.advance(after);
        last = start(&world).await;
        answers.push(decide(&world, &last, "approve").await);
    }

    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200, 200, 429, 429, 200, 429]);
    assert!(answers[2].body.contains("Too many devices for now"), "{}", answers[2].body);
    assert_eq!(poll(&world, &last).await.status, 403, "it waits");
    let mut zoe = world.browser();
    let csrf = zoe.get("/codex/device").await.csrf();
    let form = [("csrf", &*csrf), ("email", "zoe@example.org"), ("password", PASSWORD)];
    zoe.post("/codex/device/sign-in", &form).await;
    let csrf = enter(&mut zoe, user_code(&last)).await.csrf();
    let elsewhere = send(&mut zoe, user_code(&last), &csrf, &[("decision", "approve")]).await;
    assert_eq!(elsewhere.status, 200, "in another workspace");
    let said = decisions(&world).await;
    let many = "risk 2: many devices in the workspace";
    assert_eq!(said, ["risk 1: the first device", many, many, "risk 1: the first device"]);
}

on_both!(i_50_the_audit_trail_says_how_much_a_device_looks_like_one_of_somebody_else);
async fn i_50_the_audit_trail_says_how_much_a_device_looks_like_one_of_somebody_else(kept: Kept) {
    let world = World::start_with_on(PROXY, kept).await;
    for (address, age) in [("192.0.2.7", 300), ("192.0.2.7", 299), ("127.0.0.1", 0)] {
        let from = [("x-forwarded-for", address)];
        let form = [("client_id", CLIENT_ID), ("scope", "openid")];
        let device = world.browser().post_form_with(START, &from, &form).await.json();
        world.clock.advance(age);
        assert_eq!(decide(&world, &device, "approve").await.status, 200);
    }

    let first = "risk 5: another network, an old code, the first device";
    assert_eq!(decisions(&world).await, [first, "risk 3: another network", "risk 0"]);
}

on_both!(i_50_with_number_match_the_number_on_the_device_is_asked_for_once_more);
async fn i_50_with_number_match_the_number_on_the_device_is_asked_for_once_more(kept: Kept) {
    let mut world = World::keeping(kept).await;
    world.restart_with("\n[device_codes]\nnumber_match = true\n").await;
    let device = start(&world).await;
    let shown = user_code(&device).to_owned();
    let (code, number) = shown.rsplit_once('-').unwrap();
    assert_eq!((code.len(), number.len()), (9, 2), "{shown}");
    let mut browser = signed_in(&world).await;
    let page = enter(&mut browser, &shown).await;
    assert!(page.body.contains("id=\"number\"") && !page.body.contains(&shown), "{}", page.body);
    let csrf = page.csrf();

    for wrong in ["", "00", &format!("0{number}")] {
        let more = [("decision", "approve"), ("number", wrong)];
        let refused = send(&mut browser, code, &csrf, &more).await;
        assert_eq!(refused.status, 401, "{wrong}: {}", refused.body);
        assert!(refused.body.contains("not the number"), "{}", refused.body);
    }
    assert_eq!(poll(&world, &device).await.status, 403, "nothing was approved");
    let more = [("decision", "approve"), ("number", number)];
    assert_eq!(send(&mut browser, code, &csrf, &more).await.status, 200);
    assert_eq!(poll(&world, &device).await.status, 200, "it polls with what it shows");
}

#[tokio::test]
async fn i_50_wrong_numbers_are_guesses() {
    let mut world = World::start().await;
    world.restart_with("\n[device_codes]\nnumber_match = true\n").await;
    let device = start(&world).await;
    let (code, number) = user_code(&device).rsplit_once('-').unwrap();
    let mut browser = signed_in(&world).await;
    let csrf = enter(&mut browser, code).await.csrf();

    let wrong = [("decision", "approve"), ("number", "00")];
    for _ in 0..5 {
        assert_eq!(send(&mut browser, code, &csrf, &wrong).await.status, 401);
    }

    let right = [("decision", "approve"), ("number", number)];
    assert_eq!(send(&mut browser, code, &csrf, &right).await.status, 429);
}

#[tokio::test]
async fn i_46_who_reports_a_device_refuses_it() {
    let world = World::start().await;
    let device = start(&world).await;
    let mut browser = signed_in(&world).await;
    let csrf = enter(&mut browser, user_code(&device)).await.csrf();

    let reported = send(&mut browser, user_code(&device), &csrf, &[("decision", "report")]).await;

    assert!(reported.status == 200 && reported.body.contains("was refused"), "{}", reported.body);
    assert_eq!(poll(&world, &device).await.status, 400);
}

#[tokio::test]
async fn i_47_a_page_approves_its_own_code_once_in_whatever_tab() {
    let world = World::start().await;
    let (device, other) = (start(&world).await, start(&world).await);
    let mut browser = signed_in(&world).await;
    let mut second_tab = browser.clone();
    let csrf = enter(&mut browser, user_code(&device)).await.csrf();
    let same = enter(&mut second_tab, user_code(&device)).await.csrf();
    let of_other = enter(&mut second_tab, user_code(&other)).await.csrf();
    let approve = [("decision", "approve")];

    let foreign = send(&mut browser, user_code(&device), &of_other, &approve).await.status;
    let from_elsewhere = browser
        .post_form_with(
            "/codex/device/approve",
            &[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")],
            &[("csrf", &csrf), ("user_code", user_code(&device)), ("decision", "approve")],
        )
        .await
        .status;
    let first = send(&mut browser, user_code(&device), &csrf, &approve).await.status;
    let again = send(&mut second_tab, user_code(&device), &same, &approve).await.status;

    assert_eq!((foreign, from_elsewhere, first, again), (403, 403, 200, 404));
    assert_eq!(
        world.query("SELECT progress FROM device_grants ORDER BY progress").await,
        ["approved", "pending"]
    );
}

#[tokio::test]
async fn i_46_a_scope_that_wants_a_second_factor_is_not_let_in_without_one() {
    let world = World::start().await;
    let device = start_from(&world, "tool", "127.0.0.1").await;
    let mut browser = signed_in(&world).await;
    let csrf = enter(&mut browser, user_code(&device)).await.csrf();

    let decided = send(&mut browser, user_code(&device), &csrf, &[("decision", "approve")]).await;

    assert_eq!((decided.status, decided.location()), (303, Some("/account/set-up")));
    assert_eq!(poll_standard(&world, CLIENT_ID, &device).await.json()["error"], "authorization_pending");
}

/// Lets a device in; returns the link of the letter that tells of it.
pub(crate) async fn letter_of(world: &World, post_office: &mut PostOffice, device: &Value) -> String {
    let mut browser = signed_in(world).await;
    let csrf = enter(&mut browser, user_code(device)).await.csrf();
    assert_eq!(send(&mut browser, user_code(device), &csrf, &[("decision", "approve")]).await.status, 200);
    let letter = post_office.letter();
    assert!(letter.starts_with(OWNER) && letter.contains("Codex CLI and keyfob"), "{letter}");
    let link = letter.lines().find_map(|line| line.strip_prefix(&*world.base));
    link.expect(&letter).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn i_50_a_letter_tells_of_the_device_and_its_link_ends_that_one_alone_without_a_sign_in() {
    let (mut post_office, settings) = PostOffice::start();
    let world = World::start_with(&settings).await;
    let others = world.tokens().await;
    let device = crate::device_grant::start(&world, CLIENT_ID).await;
    let link = letter_of(&world, &mut post_office, &device).await;
    let tokens = Tokens::read(&poll_standard(&world, CLIENT_ID, &device).await);
    let mut stranger = world.browser();

    let page = stranger.get(&link).await;
    let csrf = page.csrf();
    assert_eq!(
        world.query("SELECT status FROM refresh_families").await,
        ["live", "live"],
        "a look ends nothing"
    );
    assert_eq!(stranger.post(&link, &[("csrf", "x")]).await.status, 403);
    for _ in 0..2 {
        let done = stranger.post(&link, &[("csrf", &csrf)]).await;
        assert!(done.status == 200 && done.body.contains("signed out"), "{}", done.body);
    }

    let told = world.query("SELECT entry FROM audit_entries ORDER BY sequence").await;
    assert!(told.last().unwrap().contains(r#""action":"device.take_back""#), "{told:?}");
    assert_eq!(world.refresh(&tokens.refresh).await.status, 400);
    assert_eq!(world.refresh(&others.refresh).await.status, 200);
    assert_eq!(stranger.get("/undo/unknown").await.status, 410);
    world.clock.advance(25 * 60 * 60);
    world.sweep().await;
    assert_eq!(stranger.get(&link).await.status, 410);
}

#[tokio::test(flavor = "multi_thread")]
async fn i_50_the_link_ends_a_device_at_every_step_of_its_sign_in() {
    let (mut post_office, settings) = PostOffice::start();
    let world = World::start_with(&settings).await;
    let end = async |link: &str| {
        let mut browser = world.browser();
        let csrf = browser.get(link).await.csrf();
        assert_eq!(browser.post(link, &[("csrf", &csrf)]).await.status, 200);
    };
    let callback = format!("{}/deviceauth/callback", world.base);
    let exchange = async |answer: &Value| {
        let text = |member: &str| answer[member].as_str().unwrap().to_owned();
        let (code, verifier) = (text("authorization_code"), text("code_verifier"));
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", CLIENT_ID),
            ("code", &*code),
            ("redirect_uri", &*callback),
            ("code_verifier", &*verifier),
        ];
        world.browser().post("/oauth/token", &form).await
    };

    let approved = start(&world).await;
    end(&letter_of(&world, &mut post_office, &approved).await).await;
    assert_eq!(poll(&world, &approved).await.status, 400, "before the device asked");

    let told = start(&world).await;
    let link = letter_of(&world, &mut post_office, &told).await;
    let answer = poll(&world, &told).await.json();
    end(&link).await;
    assert_eq!(exchange(&answer).await.status, 400, "before it redeemed its code");
    assert_eq!(poll(&world, &told).await.status, 400);

    let in_use = start(&world).await;
    let link = letter_of(&world, &mut post_office, &in_use).await;
    let tokens = Tokens::read(&exchange(&poll(&world, &in_use).await.json()).await);
    end(&link).await;
    assert_eq!(world.refresh(&tokens.refresh).await.status, 400, "after that");
}

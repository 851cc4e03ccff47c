//! The audit trail, over HTTP and by the program's own command.

use crate::administration::Blue;
use crate::app::enrol;
use crate::command::run;
use crate::mail::PostOffice;
use crate::rest::contains;
use crate::world::{Kept, OWNER, PASSWORD, Tokens, World, codex_request, exchange, on_both};
use keyfob_codex::client::CLIENT_ID;
use keyfob_issuer::command::audit::{Verified, verify, verify_copy};
use keyfob_issuer::command::user;
use keyfob_issuer_core::audit::VerifyingKey;
use keyfob_issuer_core::user::Email;
use serde_json::Value;
use std::path::Path;

const NEW: &str = "a longer walk by the sea";

/// Returns what the trail tells: action, outcome, and whether actor, subject and client are told.
pub(crate) async fn told(world: &World) -> Vec<String> {
    let entries = world.query("SELECT entry FROM audit_entries ORDER BY sequence").await;
    entries
        .iter()
        .map(|text| serde_json::from_str::<Value>(text).unwrap())
        .map(|entry| shown(&entry))
        .collect()
}

fn shown(entry: &Value) -> String {
    let mut shown = format!("{} {}", entry["action"].as_str().unwrap(), entry["outcome"].as_str().unwrap());
    for member in ["actor", "subject", "client"] {
        match entry[member].as_str() {
            Some("host") => shown.push_str(" host"),
            Some(_) => shown.extend([" ", member]),
            None => {}
        }
    }
    shown
}

on_both!(i_77_what_somebody_does_is_told_and_a_refresh_is_not);
async fn i_77_what_somebody_does_is_told_and_a_refresh_is_not(kept: Kept) {
    let world = World::keeping(kept).await;
    let mut browser = world.browser();
    let interaction = world.begin(&mut browser, &codex_request()).await;
    world.sign_in(&mut browser, &interaction, "wrong horse").await;
    world.sign_in(&mut browser, &interaction, PASSWORD).await;
    let code = world.decide(&mut browser, &interaction, "approve").await.redirected()["code"].clone();
    let first = Tokens::read(&browser.post("/oauth/token", &exchange(&code)).await);
    let second = Tokens::read(&world.refresh(&first.refresh).await);
    Tokens::read(&world.refresh(&second.refresh).await);
    assert_eq!(world.refresh(&first.refresh).await.status, 400);
    assert_eq!(browser.post("/oauth/token", &exchange(&code)).await.status, 400);

    assert_eq!(
        told(&world).await,
        [
            "issuer.initialize done host",
            "user.add done host subject",
            "sign_in.password refused subject",
            "sign_in.password done actor subject",
            "grant.decide done actor subject client",
            "session.begin done subject client",
            "session.token_reuse refused subject client",
            "session.begin refused client",
        ]
    );
}

on_both!(i_77_ends_and_keys_and_factors_are_told_with_address_and_request);
async fn i_77_ends_and_keys_and_factors_are_told_with_address_and_request(kept: Kept) {
    let world = World::keeping(kept).await;
    let tokens = world.tokens().await;
    let revoke = [("client_id", CLIENT_ID), ("token", &*tokens.refresh)];
    let mut browser = world.browser();
    browser.post("/oauth/revoke", &revoke).await;
    let before = told(&world).await.len();
    // Nothing is left to end, and so nothing to tell.
    browser.post("/oauth/revoke", &revoke).await;
    assert_eq!(told(&world).await.len(), before);
    let (_, codes) = enrol(&world, &mut browser).await;
    let page = browser.get("/account").await;
    let last =
        browser.post("/account/device-codes", &[("csrf", &*page.csrf()), ("device_codes", "on")]).await;

    let told = told(&world).await;
    assert_eq!(
        told[before - 1..],
        [
            "session.end done subject client",
            "sign_in.password done actor subject",
            "factor.set_up done actor subject",
            "user.device_codes done actor subject",
        ]
    );
    let entries = world.query("SELECT entry FROM audit_entries ORDER BY sequence").await;
    let entry: Value = serde_json::from_str(entries.last().unwrap()).unwrap();
    assert_eq!((&entry["address"], &entry["detail"]), (&"127.0.0.1".into(), &"on".into()));
    assert_eq!(entry["request"].as_str(), last.headers["x-request-id"].to_str().ok());
    let rest = entries.join("\n").into_bytes();
    let secrets = [PASSWORD, "mia@example.org", &*tokens.refresh, &tokens.access, &codes[0]];
    for secret in secrets {
        assert!(!contains(&rest, secret), "{secret}");
    }
}

on_both!(i_77_what_cannot_be_recorded_is_not_done);
async fn i_77_what_cannot_be_recorded_is_not_done(kept: Kept) {
    let world = World::keeping(kept).await;
    let mut browser = world.browser();
    world.sign_in(&mut browser, "/account", PASSWORD).await;
    let csrf = browser.get("/account/password").await.csrf();
    world.query("DELETE FROM audit_head RETURNING hash").await;

    let form = [("csrf", &*csrf), ("new_password", NEW), ("end_others", "")];
    let refused = browser.post("/account/password", &form).await;

    assert_eq!(refused.status, 503, "{}", refused.body);
    world.query("INSERT INTO audit_head SELECT 1, max(sequence), (SELECT hash FROM audit_entries ORDER BY sequence DESC LIMIT 1) FROM audit_entries RETURNING hash").await;
    assert_eq!(world.sign_in(&mut world.browser(), "/account", NEW).await.status, 401);
    assert_eq!(world.sign_in(&mut world.browser(), "/account", PASSWORD).await.status, 303);
}

fn verdict(data: &Path) -> (Option<i32>, Value) {
    let output = run(data, &["audit", "verify", "--output", "json"], "");
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn i_77_the_command_says_whether_the_trail_is_whole_and_names_the_entry_that_is_not() {
    let world = World::start().await;
    world.tokens().await;
    world.sign_audit().await;
    let data = world.data.path();

    let whole = verdict(data);
    assert_eq!((whole.0, &whole.1["state"], &whole.1["entries"]), (Some(0), &"whole".into(), &5.into()));
    assert_eq!(whole.1["signed"], 5);
    let listed = run(data, &["audit", "list", "--action", "session", "--output", "json"], "");
    assert_eq!(String::from_utf8(listed.stdout).unwrap().lines().count(), 1);

    let exported = run(data, &["audit", "export"], "");
    let said = String::from_utf8(exported.stderr).unwrap();
    let key = said.split("--key ").nth(1).unwrap().split('`').next().unwrap();
    let key = VerifyingKey::parse(key).unwrap();
    let copied = verify_copy(&*exported.stdout, &key).unwrap();
    assert_eq!(copied, verify(data).await.unwrap());
    let Verified { head, signed } = copied;
    assert_eq!((head.sequence, signed), (5, 5));
    let shorter = exported.stdout.len() - 5;
    assert!(verify_copy(&exported.stdout[..shorter], &key).is_err());

    world.query("UPDATE audit_entries SET entry = replace(entry, 'session.begin', 'session.xxxxx') RETURNING hash").await;
    let changed = verdict(data);
    assert_eq!(
        changed,
        (
            Some(3),
            serde_json::json!({
                "schema": 1, "state": "changed", "flaw": "entry 5 was changed, or put in another's place",
            })
        )
    );
    world.query("DELETE FROM audit_entries WHERE sequence = 3 RETURNING hash").await;
    assert_eq!(verdict(data).1["flaw"], "entry 3 is missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn i_77_changes_of_an_address_are_told_and_the_address_is_not() {
    let (mut post_office, settings) = PostOffice::start();
    let world = World::start_with(&settings).await;
    let mut browser = world.browser();
    world.sign_in(&mut browser, "/account/email", PASSWORD).await;
    let csrf = browser.get("/account/email").await.csrf();
    browser.post("/account/email", &[("csrf", &csrf), ("email", "mia@new.example")]).await;
    for folder in ["/email/", "/email-undo/"] {
        let (_, link) = post_office.link(&world.base, folder);
        let csrf = browser.get(&link).await.csrf();
        assert_eq!(browser.post(&link, &[("csrf", &csrf)]).await.status, 200, "{folder}");
    }
    let owner = Email::parse(OWNER).unwrap();
    user::verify(world.data.path(), &owner, &*world.clock).await.unwrap();

    let told = told(&world).await;
    assert_eq!(
        told[told.len() - 4..],
        [
            "email.ask done actor subject",
            "email.verify done subject",
            "email.undo done subject",
            "email.vouch done host subject",
        ]
    );
    let entries = world.query("SELECT entry FROM audit_entries").await.join("\n");
    assert!(!entries.contains("mia@"), "{entries}");
}

#[tokio::test(flavor = "multi_thread")]
async fn i_77_whoever_joins_a_workspace_is_told() {
    let mut blue = Blue::build().await;
    let (_, link) = blue.invite("new@example.org", "admin").await;
    let mut browser = blue.world.browser();
    browser.get(&link).await;
    let csrf = browser.get("/join").await.csrf();
    let joined = browser.post("/join/password", &[("csrf", &*csrf), ("new_password", PASSWORD)]).await;
    assert_eq!(joined.status, 200, "{}", joined.body);

    assert_eq!(told(&blue.world).await.last().unwrap(), "workspace.join done subject");
}

//! What a request brings is a value to the database and never a part of a statement (I-74): every parameter of every route,
//! with texts that would be SQL, that no database takes, or that are too long.

mod doors;

use crate::browser::Browser;
use crate::world::{Kept, World, authorize, changed, codex_request, on_both};
use doors::Attack;
use reqwest::Method;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// Texts that mean something to a database, or to a pattern in one.
const HOSTILE: [&str; 14] = [
    "'",
    "\"",
    "' OR '1'='1",
    "' OR 1=1 --",
    "'; DROP TABLE users; --",
    "\\'; DELETE FROM users; --",
    "' UNION SELECT password_hash FROM users --",
    "$1",
    "$9",
    "%",
    "_",
    "1; SELECT pg_sleep(30); --",
    "' || (SELECT load_extension('x')) || '",
    "\u{202e}\u{feff}\u{1f511}´ʼ’",
];

/// Everything that a handler reads by name.
const PARAMETERS: [&str; 69] = [
    "actor_token",
    "after",
    "allowed_workspace_id",
    "answer",
    "api_keys",
    "api_retention",
    "audience",
    "capabilities",
    "change",
    "client_assertion",
    "client_id",
    "client_secret",
    "code",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "csrf",
    "data_sharing",
    "days",
    "decision",
    "device_auth_id",
    "device_code",
    "device_codes",
    "email",
    "end_others",
    "except",
    "expires_in",
    "grant_type",
    "id_token_hint",
    "invitation",
    "kind",
    "label",
    "login_hint",
    "max_age",
    "member",
    "methods",
    "mfa",
    "models",
    "name",
    "new_password",
    "nonce",
    "number",
    "password",
    "post_logout_redirect_uri",
    "prompt",
    "redirect_uri",
    "refresh_token",
    "requested_token",
    "requested_token_type",
    "residency",
    "resource",
    "response_mode",
    "response_type",
    "retention",
    "role",
    "scope",
    "session_length",
    "session_name",
    "state",
    "subject_token",
    "subject_token_type",
    "to",
    "token",
    "user_code",
    "wait",
    "workspace",
    "may openid",
    "may cloud",
    "token_type_hint",
];

#[test]
fn i_74_every_parameter_that_a_handler_reads_is_attacked() {
    let mut read = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
                continue;
            }
            let text = std::fs::read_to_string(&entry).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap();
            for call in ["take(\"", "take_number(\"", "require(\""] {
                let named = text.split(call).skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
                read.extend(named);
            }
        }
    }

    let missing: Vec<_> = read.iter().filter(|name| !PARAMETERS.contains(&name.as_str())).collect();
    assert_eq!(missing, Vec::<&String>::new());
    assert!(read.len() > 40, "{read:?}");
}

/// What must be as it was: who there is, who may what, and what is signed in.
async fn state(world: &World) -> Vec<String> {
    world
        .query(
            "SELECT 'user ' || email || ' ' || password_hash FROM users
             UNION ALL SELECT 'member ' || workspace_id || ' ' || subject || ' ' || role FROM members
             UNION ALL SELECT 'session ' || id || ' ' || status FROM refresh_families ORDER BY 1",
        )
        .await
}

on_both!(i_74_no_parameter_is_a_part_of_a_statement);
async fn i_74_no_parameter_is_a_part_of_a_statement(kept: Kept) {
    let attack = Attack::begin(kept).await;
    let before = state(&attack.blue.world).await;
    let mut sent = 0;
    for door in attack.doors() {
        let parts: Vec<Option<usize>> =
            (0..door.form.len()).map(Some).chain(door.path.contains("ID").then_some(None)).collect();
        for part in parts {
            let name = part.map_or("the path", |part| &*door.form[part].0);
            let shown = format!("{} {} {name}", door.method, door.path);
            for hostile in HOSTILE {
                let answer = attack.send(&door, part, hostile).await;
                assert!(answer.status < 500, "{shown} {hostile}: {} {}", answer.status, answer.body);
                assert!(!answer.body.contains("$argon2"), "{shown} {hostile}");
                sent += 1;
            }
            for refused in ["a\0b", "\0"] {
                let answer = attack.send(&door, part, refused).await;
                assert!((400..500).contains(&answer.status), "{shown} {refused:?}: {}", answer.status);
            }
            // No client sends an address of more than 64 KiB.
            let long = "x".repeat(if part.is_some() { 100_000 } else { 60_000 });
            let answer = attack.send(&door, part, &long).await;
            let is_refused = (400..500).contains(&answer.status) || (part.is_none() && answer.status == 303);
            assert!(is_refused, "{shown}, too long: {}", answer.status);
        }
    }
    assert!(sent > 1_500, "{sent}");
    assert_eq!(state(&attack.blue.world).await, before);
}

on_both!(i_74_whatever_is_called_by_any_name_anywhere_at_once_breaks_nothing);
async fn i_74_whatever_is_called_by_any_name_anywhere_at_once_breaks_nothing(kept: Kept) {
    let attack = Attack::begin(kept).await;
    let world = &attack.blue.world;
    let before = state(world).await;
    for hostile in HOSTILE.iter().step_by(3).chain(&["a\0b"]) {
        let encoded: String = url::form_urlencoded::byte_serialize(hostile.as_bytes()).collect();
        let everything: Vec<(&str, &str)> = PARAMETERS.iter().map(|name| (*name, *hostile)).collect();
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&everything).finish();
        for path in keyfob_issuer::paths() {
            let path: Vec<&str> =
                path.split('/').map(|part| if part.starts_with('{') { &*encoded } else { part }).collect();
            let path = path.join("/");
            let mut answers = vec![
                attack.blue.browser.clone().get(&format!("{path}?{query}")).await,
                attack.blue.browser.clone().post(&path, &everything).await,
            ];
            let body: serde_json::Map<String, Value> =
                everything.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
            for method in [Method::POST, Method::PATCH] {
                answers.push(
                    attack
                        .program
                        .clone()
                        .call(method, &path, &attack.tokens.access, Some(&Value::Object(body.clone())))
                        .await,
                );
            }
            answers.push(cookies(&attack, hostile).get(&path).await);
            for answer in answers {
                assert!(answer.status < 500, "{path} {hostile}: {} {}", answer.status, answer.body);
            }
        }
    }
    assert_eq!(state(world).await, before);
}

/// A browser whose cookies are all `hostile`, as far as a cookie can be.
fn cookies(attack: &Attack, hostile: &str) -> Browser {
    let mut browser = attack.program.clone();
    let port = browser.base.rsplit(':').next().unwrap().to_owned();
    let value: String = hostile.chars().filter(|c| c.is_ascii() && !c.is_ascii_control()).collect();
    for name in ["", "-visit", "-known", "-workspace", "-invitation"] {
        browser.cookies.insert(format!("keyfob_{port}{name}"), value.clone());
    }
    browser
}

#[tokio::test]
async fn i_74_what_a_request_to_authorize_brings_comes_back_as_it_was() {
    let world = World::start().await;
    for hostile in HOSTILE {
        let asked = authorize(&changed(&codex_request(), &[("state", hostile), ("prompt", "none")]));
        let refused = world.browser().get(&asked).await;
        assert_eq!(refused.redirected()["state"], hostile);
    }
}

//! Somebody is signed in at an issuer that cannot be reached.

use crate::{Home, ran};
use keyfob_jose::{SigningKey, TokenType};
use serde_json::json;

/// Nothing listens there.
const ISSUER: &str = "http://127.0.0.1:1";

pub(crate) fn signed_in(expires: i64, refresh_token: &str) -> (Home, String) {
    signed_in_at(ISSUER, expires, refresh_token)
}

pub(crate) fn signed_in_at(issuer: &str, expires: i64, refresh_token: &str) -> (Home, String) {
    let (document, access) = document(issuer, "u-1", expires, refresh_token);
    (Home::holding(&document), access)
}

/// What is stored of `subject`, and their access token.
pub(crate) fn document(issuer: &str, subject: &str, expires: i64, refresh_token: &str) -> (String, String) {
    let key = SigningKey::generate().unwrap();
    let access =
        key.sign(TokenType::AccessToken, &json!({ "iat": 0, "exp": expires, "sub": subject })).unwrap();
    let claims = json!({
        "sub": subject, "email": "mia@example.org",
        "https://api.openai.com/auth": { "chatgpt_account_id": "ws-1", "chatgpt_plan_type": "pro" },
    });
    let document = json!({
        "auth_mode": "chatgpt", "OPENAI_API_KEY": null,
        "tokens": {
            "id_token": key.sign(TokenType::IdToken, &claims).unwrap(), "access_token": access,
            "refresh_token": refresh_token, "oauth_provenance": { "issuer": issuer, "client_id": "app" },
            "login_owner_id": "o", "account_id": "ws-1",
        },
        "last_refresh": "2026-11-22T13:45:27.128760237Z",
    });
    (document.to_string(), access)
}

/// An end that no test lives to see.
pub(crate) const FAR: i64 = 4_000_000_000;

#[test]
fn s_10_a_fresh_token_is_printed_without_asking_anybody() {
    let (home, access) = signed_in(FAR, "rt-secret");

    assert_eq!(home.run(&["token"]), ran(0, &format!("{access}\n"), ""));
    assert_eq!(home.run(&["login", "status"]), ran(0, "", "Logged in using ChatGPT\n"));
}

#[test]
fn status_tells_programs_everything_but_secrets() {
    let (home, _) = signed_in(FAR, "rt-secret");

    let json = "{\"schema\":1,\"state\":\"active\",\"source\":\"stored_login\",\"shadows\":[],\
                \"login\":{\"name\":\"shared\",\"chosen_by\":\"nobody\",\"rule\":null},\"restricted\":null,\"store\":{\"kind\":\"file\",\"path\":\"$HOME/auth.json\"},\
                \"method\":\"account\",\"email\":\"mia@example.org\",\"subject\":\"u-1\",\"workspace\":\"ws-1\",\
                \"plan\":\"pro\",\"issuer\":\"http://127.0.0.1:1\",\"client_id\":\"app\",\
                \"access_token_expires_at\":\"2096-10-02T07:06:40Z\",\"refresh_token_expires_at\":null,\
                \"refreshable\":true,\"last_refresh_at\":\"2026-11-22T13:45:27Z\",\"clock_ahead_seconds\":null,\"last_error\":null,\"controls\":\"workspace\"}\n";
    assert_eq!(home.run(&["status", "--json"]), ran(0, json, ""));
}

#[test]
fn status_tells_people_who_where_and_until_when() {
    let (home, _) = signed_in(FAR, "rt-secret");

    let status = home.run(&["status"]);

    let lines: Vec<&str> = status.stdout.lines().collect();
    let known = [
        "Account    mia@example.org",
        "Workspace  ws-1",
        "Plan       pro",
        "Method     account sign-in",
        "Issuer     http://127.0.0.1:1",
        "Kept in    $HOME/auth.json",
    ];
    assert_eq!(lines.get(..6), Some(&known[..]));
    assert!(lines[6].starts_with("Access     until 2096-10-02 07:06:40 +00:00 (in "), "{}", lines[6]);
    assert!(lines[6].ends_with("); refreshed by itself"), "{}", lines[6]);
    assert_eq!(lines[7], "Session    until its issuer ends it; a client is not told when");
    assert!(lines[8].starts_with("Refreshed  2026-11-22 13:45:27 +00:00 ("), "{}", lines[8]);
    let controls = "Controls   the workspace's: its permissions, retention and residency";
    assert_eq!(lines.get(9..), Some(&["Used       this login", controls][..]));
}

#[test]
fn an_expired_token_whose_issuer_is_down_is_offline_and_nothing_is_lost() {
    let (home, _) = signed_in(1_000, "rt-secret");
    let before = home.stored();

    let text = "error: cannot refresh the session at http://127.0.0.1:1\n  cause: the issuer did not answer\n  \
                cause: no connection: Connection refused (os error 111)\n\
                hint: your login is untouched; try again when the issuer answers\n";
    assert_eq!(home.run(&["token"]), ran(8, "", text));
    assert_eq!(home.stored(), before);
    assert_eq!(home.run(&["status"]).code, Some(0), "it will be refreshed when it is used");
}

#[test]
fn codex_defect_13_a_session_that_is_over_is_not_called_good() {
    let (home, _) = signed_in(1_000, "");

    assert_eq!(home.run(&["status"]).code, Some(5));
    let text = "error: the access token has expired, and the stored login has no refresh token\n\
                hint: run `keyfob login` to sign in again\n";
    assert_eq!(home.run(&["token"]), ran(5, "", text));
}

#[test]
fn c_62_logout_removes_the_login_and_says_that_the_issuer_did_not_confirm() {
    let (home, _) = signed_in(FAR, "rt-secret");
    home.configure(&format!("issuer = \"{ISSUER}\"\n"));

    let words = "Successfully logged out\nRemoved `$HOME/auth.json`\n\
                 warning: http://127.0.0.1:1 did not confirm that the session ended (the issuer did not answer); \
                 it may live on there until it expires\n";
    assert_eq!(home.run(&["logout"]), ran(0, "", words));
    assert_eq!(home.stored(), None);
}

#[test]
fn s_05_without_a_command_whoever_is_signed_in_sees_the_help() {
    let (home, _) = signed_in(FAR, "rt");

    let told = home.run(&[]);

    assert_eq!((told.code, told.stdout.as_str()), (Some(2), ""));
    assert!(told.stderr.contains("Usage: keyfob [OPTIONS] [COMMAND]\n"), "{told:?}");
    let with_key = Home::empty().run_with(&[("CODEX_API_KEY", "sk-test")], &[]);
    assert_eq!(with_key, told);
}

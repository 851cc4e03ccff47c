//! Files as the Codex CLI 0.169.0 writes them.

use super::*;
use serde_json::Value;

fn tokens() -> AccountTokens {
    AccountTokens {
        access_token: AccessToken::new("at"),
        refresh_token: Some(RefreshToken::new("rt")),
        id_token: IdToken::new("it"),
        provenance: Some(Provenance {
            issuer: IssuerUrl::parse("https://id.test").unwrap(),
            client_id: ClientId::new("app"),
        }),
        account_id: Some("ws".into()),
        last_refresh: Some(Timestamp::from_unix(1_795_355_127)),
    }
}

const WRITTEN: &str = r#"{
  "auth_mode": "chatgpt",
  "OPENAI_API_KEY": null,
  "tokens": {
    "id_token": "it",
    "access_token": "at",
    "refresh_token": "rt",
    "oauth_provenance": {
      "issuer": "https://id.test",
      "client_id": "app"
    },
    "login_owner_id": "owner",
    "account_id": "ws"
  },
  "last_refresh": "2026-11-22T13:45:27Z"
}"#;

#[test]
fn s_11_a_new_login_is_written_as_the_codex_cli_writes_it() {
    let mut file = AuthFile::of_account(&tokens(), "owner");
    file.set_last_refresh(Timestamp::from_unix(1_795_355_127));

    assert_eq!(file.to_text(), WRITTEN);
    assert_eq!(AuthFile::parse(WRITTEN.as_bytes()).unwrap().login(), Login::Account(Box::new(tokens())));
}

#[test]
fn the_codex_clis_own_moments_are_read() {
    let text = WRITTEN.replace("27Z", "27.128760237Z");

    assert_eq!(AuthFile::parse(text.as_bytes()).unwrap().login(), Login::Account(Box::new(tokens())));
}

#[test]
fn c_39_refreshed_tokens_leave_unknown_members_and_their_order_alone() {
    let text = WRITTEN
        .replace("\"login_owner_id\"", "\"later\": [1.50, {\"b\": 1, \"a\": 2}],\n    \"login_owner_id\"");
    let mut file = AuthFile::parse(text.as_bytes()).unwrap();

    file.replace_tokens(&AccessToken::new("at2"), Some(&RefreshToken::new("rt2")), None);

    let value: Value = serde_json::from_str(&file.to_text()).unwrap();
    let mut expected: Value = serde_json::from_str(&text).unwrap();
    expected["tokens"]["access_token"] = json!("at2");
    expected["tokens"]["refresh_token"] = json!("rt2");
    assert_eq!(value, expected);
    let order: Vec<&String> = value["tokens"].as_object().unwrap().keys().collect();
    let known = [
        "id_token",
        "access_token",
        "refresh_token",
        "oauth_provenance",
        "later",
        "login_owner_id",
        "account_id",
    ];
    assert_eq!(order, known);
}

#[test]
fn c_39_numbers_and_escapes_of_unknown_members_stay_at_every_level() {
    let unknown = r#"1.50, 1e400, 12345678901234567890123, "\u00e9", [], {
        "deep": {
          "deeper": -0.0
        }
      }"#;
    let text = WRITTEN
        .replace("\"login_owner_id\"", &format!("\"later\": [{unknown}],\n    \"login_owner_id\""))
        .replace("\"last_refresh\"", "\"empty\": {},\n  \"huge\": 1E+400,\n  \"last_refresh\"");
    let mut file = AuthFile::parse(text.as_bytes()).unwrap();

    for round in 0..100 {
        file.replace_tokens(&AccessToken::new(format!("at{round}")), None, None);
        file = AuthFile::parse(file.to_line().as_bytes()).unwrap();
        file = AuthFile::parse(file.to_text().as_bytes()).unwrap();
    }

    let expected = text.replace("\"at\"", "\"at99\"");
    let squeezed = |text: &str| text.split_whitespace().collect::<String>();
    assert_eq!(squeezed(&file.to_text()), squeezed(&expected));
    assert_eq!(AuthFile::parse(file.to_text().as_bytes()).unwrap().to_text(), file.to_text());
    assert!(!file.to_line().contains('\n'));
}

#[test]
fn c_38_texts_that_only_some_readers_accept_are_refused() {
    let error = |text: &str| AuthFile::parse(text.as_bytes()).unwrap_err();
    let key = r#"{"auth_mode":"apikey","OPENAI_API_KEY":"sk""#;

    assert!(matches!(error(&format!("{key},\"auth_mode\":\"apikey\"}}")), InvalidAuthFile::NotJson { .. }));
    assert!(matches!(error(&format!("\u{feff}{key}}}")), InvalidAuthFile::NotJson { .. }));
    assert!(matches!(error(&"\0".repeat(512)), InvalidAuthFile::NotJson { .. }));
    assert!(matches!(AuthFile::parse(b"{\"a\":\"\xff\"}"), Err(InvalidAuthFile::NotJson { .. })));
    let deep = format!("{key},\"x\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(error(&deep), InvalidAuthFile::TooDeep);
}

#[test]
fn kinds_of_login_are_told_apart_as_the_codex_cli_does() {
    let login = |text: &str| {
        let login = AuthFile::parse(text.as_bytes()).map(|file| file.login());
        assert_eq!(Login::parse(text.as_bytes()), login);
        login
    };

    assert_eq!(login(r#"{"auth_mode":"apikey","OPENAI_API_KEY":"sk"}"#), Ok(Login::ApiKey));
    assert_eq!(login(r#"{"OPENAI_API_KEY":"sk","tokens":null}"#), Ok(Login::ApiKey));
    let pat = r#"{"OPENAI_API_KEY":null,"personal_access_token":"at-1"}"#;
    assert_eq!(login(pat), Ok(Login::AccessToken(AccessToken::new("at-1"))));
    let old = r#"{"OPENAI_API_KEY":null,"tokens":{"id_token":"i","access_token":"a","refresh_token":""}}"#;
    let Ok(Login::Account(tokens)) = login(old) else { panic!("an account") };
    assert_eq!((tokens.refresh_token, tokens.provenance, tokens.last_refresh), (None, None, None));
}

#[test]
fn codex_defect_13_files_without_a_credential_are_no_login() {
    let error = |text: &str| AuthFile::parse(text.as_bytes()).unwrap_err();

    assert_eq!(error("{}"), InvalidAuthFile::Member("tokens"));
    assert_eq!(error(r#"{"auth_mode":"chatgpt"}"#), InvalidAuthFile::Member("tokens"));
    assert_eq!(error(r#"{"auth_mode":"apikey"}"#), InvalidAuthFile::Member("OPENAI_API_KEY"));
    assert_eq!(error(r#"{"auth_mode":"later"}"#), InvalidAuthFile::Member("auth_mode"));
    assert_eq!(error(""), InvalidAuthFile::NotJson { line: 1, column: 0 });
    assert_eq!(error("null"), InvalidAuthFile::NotJson { line: 1, column: 4 });
    let no_refresh = WRITTEN.replace("refresh_token", "x");
    assert_eq!(error(&no_refresh), InvalidAuthFile::Member("tokens.refresh_token"));
    let bad_time = WRITTEN.replace("2026-11", "2026-13");
    assert_eq!(error(&bad_time), InvalidAuthFile::Member("last_refresh"));
}

/// Members of a later release, at every level.
fn with_unknown_members() -> String {
    WRITTEN
        .replace("{\n  \"auth_mode\"", "{\n  \"first\": null,\n  \"auth_mode\"")
        .replace(
            "\"login_owner_id\"",
            "\"later\": [\n      1.50,\n      1e400\n    ],\n    \"login_owner_id\"",
        )
        .replace("\"app\"\n", "\"app\",\n      \"key\": \"\\u00e9\"\n")
        .replace(
            "27Z\"\n",
            "27Z\",\n  \"last\": {\n    \"b\": 12345678901234567890123,\n    \"a\": {}\n  }\n",
        )
}

#[test]
fn c_39_members_that_the_codex_cli_drops_go_back_to_their_places() {
    let text = with_unknown_members();
    let outline = AuthFile::parse(text.as_bytes()).unwrap().outline().unwrap();
    let known = serde_json::to_string(&outline).unwrap();
    // What it leaves of it.
    let mut dropped = AuthFile::parse(WRITTEN.as_bytes()).unwrap();

    dropped.restore(&serde_json::from_str(&known).unwrap());

    assert_eq!(dropped.to_text(), text);
    let expected = r#"{"first":null,"auth_mode":null,"OPENAI_API_KEY":null,"tokens":{"id_token":null,
        "access_token":null,"refresh_token":null,"oauth_provenance":{"issuer":null,"client_id":null,"key":"\u00e9"},
        "later":[1.50,1e400],"login_owner_id":null,"account_id":null},"last_refresh":null,
        "last":{"b":12345678901234567890123,"a":{}}}"#;
    let squeezed = |text: &str| text.split_whitespace().collect::<String>();
    assert_eq!(squeezed(&known), squeezed(expected), "no value that the Codex CLI knows");
}

#[test]
fn c_39_what_is_there_is_not_overwritten_by_what_is_put_back() {
    let text = with_unknown_members();
    let outline: Outline = serde_json::from_str(
        r#"{"new":1,"last":0,"auth_mode":"apikey","tokens":{"access_token":"other","later":2},"last_refresh":[]}"#,
    )
    .unwrap();
    let mut file = AuthFile::parse(text.as_bytes()).unwrap();

    file.restore(&outline);

    assert_eq!(file.to_text(), text.replace("{\n  \"first\"", "{\n  \"new\": 1,\n  \"first\""));
}

#[test]
fn a_document_without_unknown_members_has_no_outline() {
    assert_eq!(AuthFile::parse(WRITTEN.as_bytes()).unwrap().outline(), None);
}

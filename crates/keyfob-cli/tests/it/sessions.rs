//! The sessions at the issuer: listed, ended, and an issuer that lists none.

use crate::signed_in::{FAR, signed_in_at};
use crate::stub::Stub;
use crate::{Home, ran};
use serde_json::{Value, json};

/// A discovery document that is also the answer to every other request.
fn answer(issuer: &str, rest: &Value) -> String {
    let mut document = json!({
        "issuer": issuer, "authorization_endpoint": format!("{issuer}/a"), "token_endpoint": format!("{issuer}/t"),
        "jwks_uri": format!("{issuer}/k"), "code_challenge_methods_supported": ["S256"],
    });
    document.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    document.to_string()
}

/// Somebody is signed in at an issuer that answers with `rest`; `act` gets the home and the issuer.
fn with_issuer<T>(rest: &Value, act: impl FnOnce(&Home, &str) -> T) -> T {
    let stub = Stub::open();
    let issuer = stub.issuer();
    let (home, _) = signed_in_at(&issuer, FAR, "rt-secret");
    home.configure(&format!("issuer = \"{issuer}\"\n"));
    let mut rest = rest.clone();
    if let Some(offered) = rest.get_mut("keyfob_sessions_endpoint") {
        *offered = format!("{issuer}/api/sessions").into();
    }
    let body = answer(&issuer, &rest);
    stub.answering("200 OK", body, || act(&home, &issuer))
}

fn listing() -> Value {
    let session = |id: &str, current: bool| {
        json!({
            "id": id, "name": null, "client_id": "app", "client_name": "Codex CLI", "tool": "keyfob/1", "machine": "desk",
            "place": null, "workspace_id": "w", "created_at": "2026-11-01T10:00:00Z",
            "last_used_at": "2026-11-02T10:00:00Z", "expires_at": "2096-12-01T10:00:00Z", "current": current,
        })
    };
    json!({ "keyfob_sessions_endpoint": "", "sessions": [session("1", true), session("2", false)], "ended": 2 })
}

#[test]
fn s_25_the_sessions_are_listed_for_people_and_for_programs() {
    let (people, programs) = with_issuer(&listing(), |home, _| {
        (home.run(&["session", "list"]), home.run(&["session", "list", "--json"]))
    });

    assert_eq!((people.code, people.stderr.as_str()), (Some(0), ""));
    let shown: Vec<&str> = people.stdout.lines().map(|line| line.split(" (").next().unwrap()).collect();
    let block = |id: &'static str| {
        [
            id,
            "Tool       keyfob/1",
            "Machine    desk",
            "From       unknown",
            "Began      2026-11-01 10:00:00 +00:00",
            "Last used  2026-11-02 10:00:00 +00:00",
            "Ends       2096-12-01 10:00:00 +00:00",
        ]
    };
    assert_eq!(shown, [&block("Session    1")[..], &[""], &block("Session    2")].concat());
    assert!(people.stdout.starts_with("Session    1 (this one)\n"));
    let session = |id: &str, current: bool| {
        format!(
            "{{\"id\":\"{id}\",\"name\":null,\"tool\":\"keyfob/1\",\"machine\":\"desk\",\"place\":null,\
             \"created_at\":\"2026-11-01T10:00:00Z\",\"last_used_at\":\"2026-11-02T10:00:00Z\",\
             \"expires_at\":\"2096-12-01T10:00:00Z\",\"current\":{current}}}"
        )
    };
    let document = format!(
        "{{\"schema\":1,\"state\":\"active\",\"sessions\":[{},{}]}}\n",
        session("1", true),
        session("2", false)
    );
    assert_eq!(programs, ran(0, &document, ""));
}

#[test]
fn d_10_logout_all_says_how_many_sessions_the_issuer_ended() {
    with_issuer(&listing(), |home, _| {
        let words = "Successfully logged out\nRemoved `$HOME/auth.json`; the issuer ended the session\n\
                     The issuer ended 2 sessions of yours, and signed out your browsers there\n";
        assert_eq!(home.run(&["logout", "--all"]), ran(0, "", words));
        assert_eq!(home.stored(), None);
    });
}

#[test]
fn d_10_logout_all_at_an_issuer_without_a_list_ends_this_session_and_says_so() {
    with_issuer(&json!({}), |home, issuer| {
        let listed = format!(
            "error: {issuer} has no list of sessions\nhint: `keyfob logout` still ends the session of this home\n"
        );
        assert_eq!(home.run(&["session", "list"]), ran(1, "", &listed));
        let words = format!(
            "Successfully logged out\nRemoved `$HOME/auth.json`; the issuer ended the session\n\
             warning: only this session was signed out; others may live on ({issuer} has no list of sessions)\n"
        );
        assert_eq!(home.run(&["logout", "--all"]), ran(0, "", &words));
        assert_eq!(home.stored(), None);
    });
}

#[test]
fn c_62_logout_all_without_the_issuer_signs_out_here_and_says_what_is_not_confirmed() {
    let (home, _) = signed_in_at("http://127.0.0.1:1", FAR, "rt-secret");
    home.configure("issuer = \"http://127.0.0.1:1\"\n");

    let done = home.run(&["logout", "--all"]);

    assert_eq!((done.code, home.stored()), (Some(0), None));
    let warnings: Vec<&str> = done.stderr.lines().filter(|line| line.starts_with("warning: ")).collect();
    assert_eq!(
        warnings,
        [
            "warning: http://127.0.0.1:1 did not confirm that the session ended (the issuer did not answer); it may \
             live on there until it expires",
            "warning: only this session was signed out; others may live on (cannot reach the issuer http://127.0.0.1:1: \
             no connection: Connection refused (os error 111))"
        ]
    );
    assert_eq!(home.run(&["logout", "--all"]), ran(0, "", "Not logged in\n"));
}

#[test]
fn d_14_logout_leaves_a_login_of_another_issuer_unless_it_is_told_otherwise() {
    let (home, _) = signed_in_at("http://127.0.0.1:1", FAR, "rt-secret");
    let before = home.stored();

    let refused = "error: the stored login is of http://127.0.0.1:1, where nobody signed in with keyfob\n\
                   hint: nothing was changed; to sign it out, add `--replace`, or put its issuer as \
                   `issuer = \"URL\"` into `$CODEX_HOME/keyfob/config.toml`\n";
    for arguments in [["logout"].as_slice(), &["logout", "--all"], &["purge", "--login", "--yes"]] {
        assert_eq!(home.run(arguments), ran(1, "", refused), "{arguments:?}");
        assert_eq!(home.stored(), before);
    }
    let done = home.run(&["logout", "--replace"]);

    assert_eq!((done.code, home.stored()), (Some(0), None));
}

#[test]
fn d_14_without_a_configured_issuer_a_login_of_openai_is_one_to_sign_out() {
    let unnamed = r#"{"tokens":{"id_token":"i","access_token":"a","refresh_token":"rt-secret"}}"#;
    let home = Home::holding(unnamed);
    home.configure("issuer = \"https://id.test\"\n");

    let refused = home.run(&["logout"]);
    let kept = home.stored();
    home.configure("");
    let done = home.run(&["logout"]);

    let reason = "error: the stored login is of https://auth.openai.com, where nobody signed in with keyfob";
    assert_eq!((refused.code, refused.stderr.lines().next()), (Some(1), Some(reason)));
    assert_eq!(kept.as_deref(), Some(unnamed));
    assert_eq!((done.code, home.stored()), (Some(0), None));
}

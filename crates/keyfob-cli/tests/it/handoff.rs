//! A login that cannot be handed over, and an issuer that does what a good one never does.

use crate::fake_issuer::{DISCOVERY, FakeIssuer, TOKEN};
use crate::signed_in::{FAR, signed_in_at};
use crate::{Home, Ran};
use serde_json::json;

fn hand_over(home: &Home) -> Ran {
    home.run(&["handoff", "--text"])
}

#[test]
fn c_65_an_issuer_that_gives_no_second_session_is_told_with_what_to_do_instead() {
    let issuer = FakeIssuer::start();
    let (here, _) = signed_in_at(&issuer.url, FAR, "rt-secret");
    let openais = Home::holding(
        r#"{"auth_mode":"chatgpt","tokens":{"id_token":"i","access_token":"a","refresh_token":"r"}}"#,
    );
    let key = Home::holding(r#"{"auth_mode":"apikey","OPENAI_API_KEY":"sk-1"}"#);

    let told = [hand_over(&here), hand_over(&openais), hand_over(&key)];

    let hint = "hint: sign in over there (`keyfob login --device-auth`); or share this login with that machine: `--copy`, whose \
                warning says what that comes to\n";
    let reasons = [
        format!("{} gives no second session for a login", issuer.url),
        "OpenAI's issuer gives no second session for a login".to_owned(),
        "what is stored (API key) has no session that could be handed over".to_owned(),
    ];
    let expected = reasons.map(|reason| Ran {
        code: Some(1),
        stdout: String::new(),
        stderr: format!("error: {reason}\n{hint}"),
    });
    assert_eq!(told, expected);
}

#[test]
fn c_65_an_answer_that_is_no_handoff_is_not_carried_anywhere() {
    let issuer = FakeIssuer::start();
    let mut metadata = issuer.metadata();
    metadata["keyfob_handoff_supported"] = json!(true);
    issuer.answer(DISCOVERY, "200 OK", &metadata.to_string());
    let (home, _) = signed_in_at(&issuer.url, FAR, "rt-secret");
    let access = "urn:ietf:params:oauth:token-type:access_token";
    for (status, body, code) in [
        ("200 OK", json!({ "access_token": "x", "issued_token_type": access, "expires_in": 600 }), 1),
        ("200 OK", json!({ "access_token": "x", "expires_in": 600 }), 1),
        (
            "400 Bad Request",
            json!({ "error": "invalid_request", "error_description": "rt-secret is bad" }),
            1,
        ),
        ("503 Unavailable", json!({}), 8),
    ] {
        issuer.answer(TOKEN, status, &body.to_string());

        let told = hand_over(&home);

        assert_eq!((told.code, told.stdout.as_str()), (Some(code), ""), "{body}");
        assert!(told.stderr.contains("gives nothing to hand over") && !told.stderr.contains("rt-secret"));
    }
}

//! `keyfob token`, beyond a fresh token on a line.

use crate::signed_in::{FAR, signed_in, signed_in_at};
use crate::stub::Stub;
use crate::{Home, ran};
use keyfob_jose::{SigningKey, TokenType};
use serde_json::json;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

#[expect(clippy::disallowed_methods, reason = "a token that is fresh now needs to know when that is")]
fn in_seconds(span: i64) -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap() + span
}

#[test]
fn json_has_the_token_its_end_and_its_workspace() {
    let (home, access) = signed_in(FAR, "rt-secret");

    let json = format!(
        "{{\"schema\":1,\"state\":\"active\",\"access_token\":\"{access}\",\
         \"expires_at\":\"2096-10-02T07:06:40Z\",\"workspace\":\"ws-1\"}}\n"
    );
    assert_eq!(home.run(&["token", "--json"]), ran(0, &json, ""));
}

#[test]
fn a_token_that_lives_long_enough_is_printed_without_asking_anybody() {
    let (home, access) = signed_in(in_seconds(100), "rt-secret");

    assert_eq!(home.run(&["token", "--min-ttl", "30"]), ran(0, &format!("{access}\n"), ""));
}

#[test]
fn a_token_that_lives_too_short_and_cannot_be_refreshed_now_is_not_printed() {
    let (home, _) = signed_in(in_seconds(1000), "rt-secret");
    let before = home.stored();

    let text = "error: cannot refresh the session at http://127.0.0.1:1\n  cause: the issuer did not answer\n  \
                cause: no connection: Connection refused (os error 111)\n\
                hint: your login is untouched; try again when the issuer answers\n";
    assert_eq!(home.run(&["token", "--min-ttl", "100000"]), ran(8, "", text));
    assert_eq!(home.stored(), before);
}

#[test]
fn a_token_that_the_issuer_gives_for_less_is_not_printed() {
    let stub = Stub::open();
    let (home, _) = signed_in_at(&stub.issuer(), in_seconds(100), "rt-secret");
    let key = SigningKey::generate().unwrap();
    let access = key.sign(TokenType::AccessToken, &json!({ "exp": in_seconds(600) })).unwrap();
    let answer = json!({ "access_token": access, "token_type": "Bearer", "refresh_token": "rt-2" });

    let told = stub.answering("200 OK", answer.to_string(), || home.run(&["token", "--min-ttl", "3600"]));

    assert_eq!((told.code, told.stdout.as_str()), (Some(1), ""));
    assert!(told.stderr.contains("less than the 3600 s asked for"), "{told:?}");
    assert!(home.stored().unwrap().contains("rt-2"), "what the issuer gave is stored all the same");
}

/// Runs the program on a terminal of its own; returns its code and all that the terminal showed.
fn on_a_terminal(home: &Home, arguments: &str) -> (Option<i32>, String) {
    let program = env!("CARGO_BIN_EXE_keyfob");
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &format!("{program} {arguments}"), "/dev/null"]);
    command.env("CODEX_HOME", home.path()).stdin(std::process::Stdio::null());
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn c_50_a_token_is_not_shown_on_a_terminal_unless_told_to() {
    let (home, access) = signed_in(FAR, "rt-secret");

    let refused = "error: the standard output is a terminal, which would keep the token\r\n\
                   hint: pass it on a pipe, or add `--yes` to see it\r\n";
    assert_eq!(on_a_terminal(&home, "token"), (Some(2), refused.to_owned()));
    assert_eq!(on_a_terminal(&home, "token --json"), (Some(2), refused.to_owned()));
    assert_eq!(on_a_terminal(&home, "token --yes"), (Some(0), format!("{access}\r\n")));
}

#[test]
fn d_08_a_variable_that_is_set_decides_before_the_stored_login() {
    let (home, access) = signed_in(FAR, "rt-secret");
    let given = |value: &str| home.run_with(&[("CODEX_ACCESS_TOKEN", value)], &["token"]);

    assert_eq!(given("at-1"), ran(0, "at-1\n", ""), "a token that nobody can look into");
    assert_eq!(given("e30.e30.sig"), ran(0, "e30.e30.sig\n", ""));
    let key = "error: `CODEX_API_KEY` comes before the stored login, and a key has no access token\n\
               hint: unset it, or name a login that is to be used: `--login NAME`\n";
    let variables = [("CODEX_API_KEY", "sk-secret"), ("CODEX_ACCESS_TOKEN", "at-1")];
    assert_eq!(home.run_with(&variables, &["token"]), ran(1, "", key));
    let named = ["token", "--login", "shared"];
    assert_eq!(home.run_with(&variables, &named), ran(0, &format!("{access}\n"), ""), "the flag comes first");
    let pinned = [("CODEX_ACCESS_TOKEN", "at-1"), ("KEYFOB_LOGIN", "shared")];
    let told = home.run_with(&pinned, &["token"]);
    assert_eq!(told, ran(0, "at-1\n", ""), "a pin chooses among stored logins only");
}

#[test]
fn d_08_a_variable_that_is_set_and_wrong_gives_no_token_at_all() {
    let (home, _) = signed_in(FAR, "rt-secret");

    for (name, value, flaw) in [
        ("CODEX_API_KEY", "", "it is set and empty"),
        ("CODEX_ACCESS_TOKEN", "at-secret\n", "it begins or ends with white space"),
        ("CODEX_ACCESS_TOKEN", "sk-secret", "it is neither a personal access token (`at-…`) nor a JWT"),
    ] {
        let text = format!(
            "error: `{name}` comes first and cannot be used: {flaw}\n\
             hint: correct or unset it; the stored login is not used in its place\n"
        );
        assert_eq!(home.run_with(&[(name, value)], &["token"]), ran(1, "", &text));
    }
}

#[test]
fn d_08_a_token_of_a_variable_is_held_to_what_was_asked_for() {
    let home = Home::empty();
    let key = SigningKey::generate().unwrap();
    let token = |expires: i64| {
        let auth = json!({ "chatgpt_account_id": "ws-7" });
        let claims = json!({ "exp": expires, "https://api.openai.com/auth": auth });
        key.sign(TokenType::AccessToken, &claims).unwrap()
    };
    let run = |token: &str, arguments: &[&str]| home.run_with(&[("CODEX_ACCESS_TOKEN", token)], arguments);
    let far = token(FAR);

    let over = "error: the access token in `CODEX_ACCESS_TOKEN` has expired\n\
                hint: nothing can refresh it: replace it, unset it, or name a login: `--login NAME`\n";
    assert_eq!(run(&token(1_000), &["token"]), ran(5, "", over));
    let short = run(&token(in_seconds(100)), &["token", "--min-ttl", "3600"]);
    assert_eq!((short.code, short.stdout.as_str()), (Some(1), ""));
    let json = format!(
        "{{\"schema\":1,\"state\":\"active\",\"access_token\":\"{far}\",\
         \"expires_at\":\"2096-10-02T07:06:40Z\",\"workspace\":\"ws-7\"}}\n"
    );
    assert_eq!(run(&far, &["token", "--json", "--min-ttl", "3600"]), ran(0, &json, ""));
}

#[test]
fn c_23_a_token_of_another_issuer_is_not_printed() {
    let (home, access) = signed_in(FAR, "rt-secret");
    let asked = |issuer| ["token", "--issuer", issuer];
    let refused = |name: &str, at: &str| {
        let lines = format!(
            "error: `{name}` is of {at}, and a token of https://id.test is asked for\nhint: name a login of that issuer: \
             `--login NAME`; `keyfob logins list` shows the logins there are\n"
        );
        ran(1, "", &lines)
    };
    let key = SigningKey::generate().unwrap();
    let claims = json!({ "iss": "https://id.test", "iat": 0, "exp": FAR });
    let token = key.sign(TokenType::AccessToken, &claims).unwrap();

    assert_eq!(home.run(&asked("http://127.0.0.1:1/")), ran(0, &format!("{access}\n"), ""));
    assert_eq!(home.run(&asked("https://id.test")), refused("shared", "http://127.0.0.1:1"));
    let variable = |value| home.run_with(&[("CODEX_ACCESS_TOKEN", value)], &asked("https://id.test"));
    assert_eq!(variable(&token), ran(0, &format!("{token}\n"), ""));
    assert_eq!(variable(&access), refused("CODEX_ACCESS_TOKEN", "an issuer that it does not name"));
    assert_eq!(home.run(&asked("http://id.test")).code, Some(2));
}

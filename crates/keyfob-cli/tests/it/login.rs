//! Signing in, as far as it goes without an issuer.

use crate::{Home, ran};

#[test]
fn without_an_issuer_nothing_is_guessed() {
    let home = Home::empty();

    let text = "error: nobody said where to sign in\n\
                hint: name the issuer: `keyfob login --issuer URL`, or put `issuer = \"URL\"` into \
                `$CODEX_HOME/keyfob/config.toml`\n";
    assert_eq!(home.run(&["login"]), ran(2, "", text));
}

#[test]
fn an_address_that_is_no_issuer_is_wrong_usage() {
    let home = Home::empty();

    let text = "error: the issuer in `--issuer` is not usable\n  \
                cause: \"http://id.test\" must use https; http is allowed only on loopback\n";
    assert_eq!(home.run(&["login", "--issuer", "http://id.test"]), ran(2, "", text));
}

#[test]
fn an_issuer_that_does_not_answer_is_named() {
    let home = Home::empty();

    let text = "error: cannot reach the issuer http://127.0.0.1:1\n  \
                cause: no connection: Connection refused (os error 111)\n\
                hint: is the address right, and is the issuer running? It is asked without a proxy on loopback only\n";
    assert_eq!(home.run(&["login", "--issuer", "http://127.0.0.1:1"]), ran(1, "", text));
}

#[test]
fn d_14_a_login_of_another_issuer_is_not_overwritten_unasked() {
    let document = r#"{"auth_mode":"chatgpt","tokens":{"id_token":"i","access_token":"a","refresh_token":"r",
        "oauth_provenance":{"issuer":"https://other.test","client_id":"app"}}}"#;
    let home = Home::holding(document);

    let text = "error: a login of https://other.test is stored in the place that the new one would take\n\
                hint: to overwrite it, add `--replace`; to keep both, set `CODEX_HOME` to another folder\n";
    assert_eq!(home.run(&["login", "--issuer", "http://127.0.0.1:1"]), ran(1, "", text));
    assert_eq!(home.stored().as_deref(), Some(document));
}

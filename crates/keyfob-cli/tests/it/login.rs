//! Signing in, as far as it goes without an issuer.

use crate::fake_issuer::{FakeIssuer, SignIn};
use crate::signed_in::{FAR, signed_in};
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

const OTHERS: &str = r#"{"auth_mode":"chatgpt","tokens":{"id_token":"i","access_token":"a","refresh_token":"r",
    "oauth_provenance":{"issuer":"https://other.test","client_id":"app"}}}"#;

#[test]
fn d_14_a_login_of_another_issuer_is_no_reason_not_to_sign_in_beside_it() {
    let home = Home::holding(OTHERS);

    let told = home.run(&["login", "--issuer", "http://127.0.0.1:1"]);

    assert!(told.stderr.starts_with("error: cannot reach the issuer http://127.0.0.1:1\n"), "{told:?}");
    assert_eq!(home.stored().as_deref(), Some(OTHERS));
}

#[test]
fn d_14_a_name_that_a_login_of_another_issuer_has_is_not_given_away_unasked() {
    let home = Home::empty();
    home.keep("work", OTHERS);

    let text = "error: a login of https://other.test is stored in the place that the new one would take\n\
                hint: to overwrite it, add `--replace`; to keep both, give the new one another name with `--as NAME`\n";
    assert_eq!(home.run(&["login", "--as", "work", "--issuer", "http://127.0.0.1:1"]), ran(1, "", text));
    assert_eq!(home.kept("work").as_deref(), Some(OTHERS));
}

#[test]
fn a_name_that_no_login_can_have_is_wrong_usage() {
    let home = Home::empty();

    for (name, why) in [
        ("../x", "a login's name begins with a lower-case letter or a digit"),
        ("a/b", "a login's name has lower-case letters, digits and `.`, `_`, `@`, `+`, `-` only"),
        ("", "a login's name is not empty"),
    ] {
        let text = format!("error: that is not the name of a login\n  cause: {why}\n");
        assert_eq!(home.run(&["login", "--as", name, "--issuer", "http://127.0.0.1:1"]), ran(2, "", &text));
        assert_eq!(home.run(&["token", "--login", name]), ran(2, "", &text));
    }
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn d_08_login_status_tells_of_a_token_in_the_environment_before_what_is_stored() {
    let (home, _) = signed_in(FAR, "rt-secret");
    let status = |value: &str| home.run_with(&[("CODEX_ACCESS_TOKEN", value)], &["login", "status"]);

    assert_eq!(status("at-1"), ran(0, "", "Logged in using personal access token\n"));
    assert_eq!(status("e30.e30.sig"), ran(0, "", "Logged in using access token\n"));
    let unusable = "error: `CODEX_ACCESS_TOKEN` comes first and cannot be used: it is neither a personal access token \
                    (`at-…`) nor a JWT\nhint: correct or unset it; the stored login is not used in its place\n";
    assert_eq!(status("opaque"), ran(1, "", unusable));
}

#[test]
fn s_03_i_73_the_issuer_is_asked_for_the_cloud_where_that_is_wanted_and_for_the_allowed_workspaces() {
    let issuer = FakeIssuer::start();
    let home = Home::empty();
    let asked = |arguments: &[&str]| {
        let sign_in = SignIn::start_with(&home, &issuer, arguments);
        let scope = sign_in.parameter("scope").to_owned();
        let workspaces = sign_in.find("allowed_workspace_id").map(str::to_owned);
        sign_in.give_up();
        (scope, workspaces)
    };
    let plain = asked(&[]);
    assert!(!plain.0.contains("cloud"), "{plain:?}");
    assert_eq!(plain.1, None);

    assert_eq!(asked(&["--cloud"]).0, format!("{}+cloud", plain.0));
    let two = ["-c", "forced_chatgpt_workspace_id=[\"w-2\",\"w-1\"]"];
    assert_eq!(asked(&two).1, Some("w-1%2Cw-2".into()));
    assert_eq!(asked(&[&two[..], &["--workspace", "w-1"]].concat()).1, Some("w-1".into()));
}

#[test]
fn an_override_without_a_value_is_wrong_usage() {
    for text in ["forced_login_method", "=api", ""] {
        let told = Home::empty().run(&["-c", text, "status"]);

        assert_eq!((told.code, told.stdout.as_str()), (Some(2), ""));
        assert!(told.stderr.contains("'--config <KEY=VALUE>': it has the form KEY=VALUE"), "{told:?}");
    }
}

//! The usual forms of the hot verbs, which the parser does not see, do what the same words do through the parser.

use crate::signed_in::{FAR, signed_in};
use crate::{Home, Ran};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Command;

/// A usual form, and the same in a form that is left to the parser.
const VERBS: [(&[&str], &[&str]); 7] = [
    (&["token"], &["token", "--"]),
    (&["token", "--json"], &["token", "--json", "--"]),
    (&["token", "--min-ttl", "300"], &["token", "--min-ttl=300"]),
    (&["token", "--min-ttl", "99999999999"], &["token", "--min-ttl=99999999999"]),
    (&["status"], &["status", "--"]),
    (&["status", "--json"], &["status", "--json", "--"]),
    (&["login", "status"], &["login", "status", "--"]),
];

/// Whoever asks later reads another span of time in brackets.
fn without_spans(text: &str) -> String {
    let mut depth = 0;
    text.chars()
        .filter(|c| {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            depth == 0
        })
        .collect()
}

/// Runs every verb in both forms, each in a home of its own that `prepare` made, and compares.
fn both_agree(state: &str, variables: &[(&str, &str)], prepare: impl Fn() -> Home) {
    let run = |arguments: &[&str]| {
        let ran = prepare().run_with(variables, arguments);
        Ran { stdout: without_spans(&ran.stdout), stderr: without_spans(&ran.stderr), ..ran }
    };
    for (usual, parsed) in VERBS {
        assert_eq!(run(usual), run(parsed), "{state}: {usual:?}");
    }
}

fn stored(expires: i64, refresh_token: &str) -> String {
    signed_in(expires, refresh_token).0.stored().unwrap()
}

#[test]
fn usual_forms_do_the_same_as_the_parser_whatever_is_stored() {
    let fresh = stored(FAR, "rt-secret");
    let expired = stored(1_000, "rt-secret");
    let over = stored(1_000, "");
    let opaque = fresh.replace("\"access_token\":\"ey", "\"access_token\":\"opaque ");
    for (state, document) in [
        ("fresh", fresh.as_str()),
        ("expired", &expired),
        ("over", &over),
        ("opaque", &opaque),
        ("key", r#"{"auth_mode":"apikey","OPENAI_API_KEY":"sk-secret"}"#),
        ("foreign", r#"{"personal_access_token":"at-secret"}"#),
        ("damaged", r#"{"auth_mode":"chatgpt""#),
        ("twice", r#"{"OPENAI_API_KEY":"sk-1","OPENAI_API_KEY":"sk-2"}"#),
        ("deep", &format!("{{\"OPENAI_API_KEY\":\"sk-1\",\"x\":{}{}}}", "[".repeat(200), "]".repeat(200))),
        ("empty", ""),
        ("large", &" ".repeat(1024 * 1024 + 1)),
    ] {
        both_agree(state, &[], || Home::holding(document));
    }
    both_agree("nothing", &[], Home::empty);
}

#[test]
fn usual_forms_do_the_same_as_the_parser_wherever_it_is_stored() {
    let document = stored(FAR, "rt-secret");
    let with = |file: &str, text: &str| {
        let home = Home::holding(&document);
        let path = home.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        home
    };
    both_agree("readable by others", &[], || {
        let home = Home::holding(&document);
        std::fs::set_permissions(home.auth_file(), std::fs::Permissions::from_mode(0o644)).unwrap();
        home
    });
    both_agree("a link", &[], || {
        let home = with("elsewhere", &document);
        std::fs::remove_file(home.auth_file()).unwrap();
        symlink("elsewhere", home.auth_file()).unwrap();
        home
    });
    both_agree("a pipe", &[], || {
        let home = Home::empty();
        assert!(Command::new("mkfifo").arg(home.auth_file()).status().unwrap().success());
        home
    });
    both_agree("a folder", &[], || {
        let home = Home::empty();
        std::fs::create_dir(home.auth_file()).unwrap();
        home
    });
    for (state, text) in [
        ("configured", "model = \"o9\"\n[projects.\"/w\"]\ntrust_level = \"trusted\"\n"),
        ("in memory", "cli_auth_credentials_store = \"ephemeral\"\n"),
        ("in no keyring", "cli_auth_credentials_store = \"keyring\"\n"),
        ("misconfigured", "cli_auth_credentials_store = \"xx\"\n"),
        ("unreadable", "model = \n"),
    ] {
        both_agree(state, &[], || with("config.toml", text));
    }
    both_agree("with a configuration of ours", &[], || {
        with("keyfob/config.toml", "issuer = \"https://id.test\"\n")
    });
}

#[test]
fn usual_forms_do_the_same_as_the_parser_whatever_the_environment_says() {
    let document = stored(FAR, "rt-secret");
    for variables in [
        &[("CODEX_API_KEY", "sk-1")][..],
        &[("CODEX_API_KEY", "")],
        &[("CODEX_ACCESS_TOKEN", "at-1")],
        &[("CODEX_ACCESS_TOKEN", "nonsense")],
        &[("OPENAI_API_KEY", "sk-1")],
        &[("CODEX_HOME", "/no/such")],
        &[("CODEX_HOME", "")],
    ] {
        both_agree(&format!("{variables:?}"), variables, || Home::holding(&document));
    }
}

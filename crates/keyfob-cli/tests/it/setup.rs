//! `keyfob setup codex`, at a gateway and an issuer that are one fake.

mod trust;

use crate::fake_issuer::FakeIssuer;
use crate::signed_in::{FAR, document};
use crate::{Home, Ran, ran};
use serde_json::json;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

const DESCRIPTION: &str = "/.well-known/oauth-protected-resource";

/// A gateway that says whose tokens open it.
fn gateway() -> FakeIssuer {
    let fake = FakeIssuer::start();
    describe(&fake, &fake.url, &[&fake.url]);
    fake
}

fn describe(fake: &FakeIssuer, resource: &str, issuers: &[&str]) {
    let document = json!({ "resource": resource, "authorization_servers": issuers });
    fake.answer(DESCRIPTION, "200 OK", &document.to_string());
}

fn config(home: &Home) -> PathBuf {
    home.path().join("config.toml")
}

fn text(home: &Home) -> Option<String> {
    fs::read_to_string(config(home)).ok()
}

fn setup(home: &Home, fake: &FakeIssuer, more: &[&str]) -> Ran {
    home.run(&[&["setup", "codex", "--gateway", &fake.url], more].concat())
}

fn undo(home: &Home) -> Ran {
    home.run(&["setup", "codex", "--undo"])
}

/// The provider that asks this program for a token.
fn provider(fake: &FakeIssuer) -> String {
    let (url, program) = (&fake.url, env!("CARGO_BIN_EXE_keyfob"));
    let authority = url.trim_start_matches("http://");
    format!(
        "[model_providers.keyfob]\nname = \"{authority}\"\nbase_url = \"{url}/v1\"\nwire_api = \"responses\"\n\
         supports_websockets = false\ngateway_oauth = {{ credential_export = {{ command = \"{program}\", \
         args = [\"token\", \"--issuer\", \"{url}\"] }} }}\n"
    )
}

/// A folder with a `codex` that is a script.
fn with_codex(script: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("codex");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

#[test]
fn s_23_the_provider_is_written_and_what_is_next_is_said() {
    let (home, fake) = (Home::empty(), gateway());
    let (url, program) = (&fake.url, env!("CARGO_BIN_EXE_keyfob"));

    let told = setup(&home, &fake, &[]);

    let lines = format!(
        "`$HOME/config.toml` has the provider `keyfob`: {url}/v1, with tokens of {url}\n\
         Codex asks for them: {program} token --issuer {url}\n\
         note: nobody is signed in: run `keyfob login --issuer {url}`\n\
         note: not checked, since there is no `codex` in `PATH`; it has to be 0.169 or later\n\
         To use it: codex -c model_provider=keyfob -c model=MODEL\n"
    );
    assert_eq!(told, ran(0, "", &lines));
    assert_eq!(text(&home), Some(provider(&fake)));
    let modes = ["config.toml", "keyfob/setup-codex.json"]
        .map(|name| fs::metadata(home.path().join(name)).unwrap().permissions().mode() & 0o777);
    assert_eq!(modes, [0o600, 0o600]);
}

#[test]
fn s_23_undoing_leaves_nothing_where_nothing_was() {
    let (home, fake) = (Home::empty(), gateway());
    setup(&home, &fake, &["--default", "--model", "m"]);

    let told = undo(&home);
    let again = undo(&home);

    let elsewhere = Home::empty();
    undo(&elsewhere);
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    let took = "Took `keyfob` out of `$HOME/config.toml`, which is as it was before\n";
    assert_eq!(told, ran(0, "", took));
    assert_eq!(again, ran(0, "", "There is nothing of `keyfob setup codex` in `$HOME/config.toml`\n"));
    assert_eq!(text(&home), None);
    assert!(!home.path().join("keyfob/setup-codex.json").exists());
}

#[test]
fn c_35_a_link_stays_one_and_a_mode_stays_too() {
    let (home, fake) = (Home::empty(), gateway());
    let kept = home.path().join("dotfiles.toml");
    fs::write(&kept, "model = \"x\"\r\n").unwrap();
    fs::set_permissions(&kept, fs::Permissions::from_mode(0o644)).unwrap();
    symlink(&kept, config(&home)).unwrap();

    setup(&home, &fake, &[]);
    let written = fs::read_to_string(&kept).unwrap();
    undo(&home);

    assert!(written.ends_with(&provider(&fake)), "{written}");
    assert_eq!(fs::read_to_string(&kept).unwrap(), "model = \"x\"\r\n");
    assert!(config(&home).is_symlink());
    assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o644);
}

#[test]
fn s_23_a_file_that_is_no_toml_is_left_alone_and_its_line_is_named() {
    let (home, fake) = (Home::empty(), gateway());
    fs::write(config(&home), "a = 1\nb = \n").unwrap();

    let told = setup(&home, &fake, &[]);

    assert_eq!(told.code, Some(1));
    assert!(told.stderr.starts_with("error: $HOME/config.toml:2:5: "), "{told:?}");
    assert!(
        told.stderr.ends_with("\nhint: nothing was changed; correct that line and try again\n"),
        "{told:?}"
    );
    assert_eq!(text(&home).as_deref(), Some("a = 1\nb = \n"));
    assert!(!fake.was_asked(DESCRIPTION));
}

#[test]
fn s_22_names_of_others_are_not_taken() {
    let (home, fake) = (Home::empty(), gateway());
    let theirs = "[model_providers.keyfob]\nname = \"theirs\"\n";
    fs::write(config(&home), theirs).unwrap();

    let occupied = setup(&home, &fake, &[]);
    let kept = text(&home);
    let built_in = setup(&home, &fake, &["--name", "openai"]);
    let replaced = setup(&home, &fake, &["--replace"]);

    let lines = "error: $HOME/config.toml has a provider `keyfob` that was not written by `keyfob setup codex`\n\
                 hint: nothing was changed; choose another `--name ID`, or add `--replace` to take its place\n";
    assert_eq!((occupied, kept.as_deref()), (ran(1, "", lines), Some(theirs)));
    let lines =
        "error: `openai` is a provider that the Codex CLI has built in\nhint: choose another: `--name ID`\n";
    assert_eq!(built_in, ran(2, "", lines));
    assert_eq!((replaced.code, text(&home)), (Some(0), Some(provider(&fake))));
    undo(&home);
    assert_eq!(text(&home).as_deref(), Some(theirs));
}

#[test]
fn s_23_a_gateway_that_says_nothing_needs_the_issuer_to_be_named() {
    let (home, fake) = (Home::empty(), FakeIssuer::start());
    let url = &fake.url;

    let silent = setup(&home, &fake, &[]);
    let named = setup(&home, &fake, &["--issuer", url]);

    let lines = format!(
        "error: {url}/v1 does not say whose tokens open it\nhint: name the issuer that is meant: `--issuer URL`\n"
    );
    assert_eq!(silent, ran(2, "", &lines));
    assert_eq!((named.code, text(&home)), (Some(0), Some(provider(&fake))));
}

#[test]
fn s_23_native_lines_come_from_what_the_issuer_says() {
    let (home, fake) = (Home::empty(), gateway());
    let url = &fake.url;
    let mut metadata = fake.metadata();
    metadata["device_authorization_endpoint"] = json!(format!("{url}/device"));
    fake.answer(crate::fake_issuer::DISCOVERY, "200 OK", &metadata.to_string());

    let arguments = ["--native", "--store", "keyring", "--client-id", "tool", "--name", "acme", "--dry-run"];
    let told = setup(&home, &fake, &arguments);

    let authority = url.trim_start_matches("http://");
    let lines = format!(
        "[model_providers.acme]\nname = \"{authority}\"\nbase_url = \"{url}/v1\"\nwire_api = \"responses\"\n\
         supports_websockets = false\n\n[model_providers.acme.gateway_oauth]\n\
         authorization_url = \"{url}/authorize\"\ndevice_authorization_url = \"{url}/device\"\n\
         token_url = \"{url}/oauth/token\"\nclient_id = \"tool\"\nscopes = [\"openid\", \"offline_access\"]\n\
         resource = \"{url}\"\ncredentials_store = \"keyring\"\n"
    );
    assert_eq!(told, ran(0, &lines, "These lines would be in `$HOME/config.toml`; nothing was changed\n"));
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn s_23_a_login_that_is_named_is_the_one_that_codex_gets_tokens_of() {
    let fake = gateway();
    let home = Home::empty();
    home.keep("work", &document(&fake.url, "u-1", FAR, "rt-secret").0);

    let missing = setup(&home, &fake, &["--login", "wrok"]);
    let told = setup(&home, &fake, &["--login", "work"]);

    assert_eq!(missing.code, Some(4), "{missing:?}");
    assert!(!told.stderr.contains("note: nobody"), "{told:?}");
    let arguments = format!("args = [\"token\", \"--issuer\", \"{}\", \"--login\", \"work\"]", fake.url);
    assert!(text(&home).unwrap().contains(&arguments));
}

#[test]
fn s_23_what_codex_says_of_itself_is_told() {
    let fake = gateway();
    let said = |codex: &str| {
        let (home, folder) = (Home::empty(), with_codex(codex));
        let search = format!("{}:/bin:/usr/bin", folder.path().display());
        let command = ["setup", "codex", "--gateway", &fake.url];
        let told = home.run_with(&[("PATH", &search)], &command);
        let line = told.stderr.lines().rev().nth(1).unwrap_or_default().to_owned();
        (told.code, line, text(&home).is_some())
    };
    let answers = |version: &str, answer: &str| {
        said(&format!(
            "if [ \"$1\" = --version ]; then echo codex-cli {version}; else cat >/dev/null & echo '{answer}'; fi"
        ))
    };

    assert_eq!(
        answers("0.168.3", ""),
        (
            Some(0),
            "note: this is Codex 0.168, which cannot do that; update it to 0.169 or later".into(),
            true
        )
    );
    assert_eq!(
        answers("0.170.0", r#"{"id":2,"result":{"providerId":"keyfob","required":false}}"#),
        (Some(0), "Codex 0.170 takes it; no model was asked for anything".into(), true)
    );
    let (code, line, kept) =
        answers("0.170.0", r#"{"id":2,"result":{"providerId":"keyfob","required":true}}"#);
    assert_eq!((code, kept), (Some(1), false), "{line}");
    assert_eq!(
        line,
        "error: the Codex CLI does not take it: it knows the provider and not how to sign in to it"
    );
    let (code, line, kept) = answers("0.170.0", "gibberish");
    assert_eq!((code, kept), (Some(0), true));
    assert_eq!(line, "note: not checked, since Codex did not say: it ended without an answer");
}

#[test]
fn s_23_two_do_not_change_the_file_at_once() {
    let (home, fake) = (Home::empty(), gateway());
    let other = fs::File::open(home.path()).unwrap();
    other.lock().unwrap();

    let told = setup(&home, &fake, &[]);

    let lines = "error: another program is changing $HOME/config.toml\n\
                 hint: nothing was changed; try again when it is done\n";
    assert_eq!(told, ran(1, "", lines));
    assert_eq!(text(&home), None);
}

#[test]
fn s_23_a_gateway_that_cannot_be_reached_changes_nothing() {
    let home = Home::empty();

    let told = home.run(&["setup", "codex", "--gateway", "http://127.0.0.1:1"]);

    let lines = "error: cannot reach the gateway http://127.0.0.1:1/v1\n  cause: no connection: Connection refused (os error 111)\n\
                 hint: nothing was changed; try again when it answers\n";
    assert_eq!(told, ran(8, "", lines));
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn s_23_a_record_that_is_none_of_ours_is_left_alone() {
    let (home, fake) = (Home::empty(), gateway());
    setup(&home, &fake, &[]);
    let path: &Path = &home.path().join("keyfob/setup-codex.json");
    let before = text(&home);

    for (document, why) in [
        ("{}", "it is not what"),
        (r#"{"schema":2,"former":null,"written":"","providers":[],"settings":{}}"#, "a newer"),
    ] {
        fs::write(path, document).unwrap();
        for told in [undo(&home), setup(&home, &fake, &["--name", "other"])] {
            assert_eq!(told.code, Some(1));
            assert!(told.stderr.contains(&format!("\n  cause: {why}")), "{told:?}");
        }
        assert_eq!(text(&home), before);
    }
}

#[test]
fn s_23_what_is_purged_is_undone_first() {
    let (home, fake) = (Home::empty(), gateway());
    fs::write(config(&home), "a = 1").unwrap();
    setup(&home, &fake, &[]);

    let told = home.run(&["purge", "--yes"]);

    let lines =
        "Took `keyfob` out of `$HOME/config.toml`, which is as it was before\nRemoved `$HOME/keyfob`\n";
    assert_eq!(told, ran(0, "", lines));
    assert_eq!(text(&home).as_deref(), Some("a = 1"));
}

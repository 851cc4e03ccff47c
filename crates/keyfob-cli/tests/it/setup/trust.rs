//! Who gets which token, and by which program.

use super::{describe, gateway, provider, setup, text, undo};
use crate::Home;
use crate::fake_issuer::FakeIssuer;
use crate::signed_in::{FAR, document};
use serde_json::json;
use std::fs;
use std::os::unix::fs::symlink;

#[test]
fn s_23_the_challenge_of_a_gateway_says_where_it_tells_whose_tokens_open_it() {
    let (home, fake) = (Home::empty(), FakeIssuer::start());
    let url = &fake.url;
    let document = json!({ "resource": format!("{url}/v1"), "authorization_servers": [url] });
    fake.answer("/about", "200 OK", &document.to_string());
    let challenge = |place: &str| {
        let line = format!("WWW-Authenticate: Bearer resource_metadata=\"{place}\"");
        fake.answer_raw(
            "/v1/models",
            format!("HTTP/1.1 401 No\r\n{line}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
        );
    };

    challenge("http://127.0.0.1:1/about");
    let elsewhere = setup(&home, &fake, &[]);
    challenge(&format!("{url}/about"));
    let here = setup(&home, &fake, &[]);

    assert!(elsewhere.stderr.contains("does not say whose tokens open it"), "{elsewhere:?}");
    assert_eq!((here.code, text(&home)), (Some(0), Some(provider(&fake))));
}

#[test]
fn c_23_a_gateway_that_asks_for_tokens_of_another_server_is_refused() {
    let (home, fake) = (Home::empty(), gateway());
    let url = &fake.url;
    describe(&fake, "https://bank.test", &[url]);

    let refused = setup(&home, &fake, &["--native"]);
    let kept = text(&home);
    let insisted = setup(&home, &fake, &["--native", "--resource", "https://bank.test"]);

    let line = format!(
        "error: {url}/v1 asks for tokens that are meant for https://bank.test, which is not its own address\n"
    );
    assert!(refused.stderr.starts_with(&line), "{refused:?}");
    assert_eq!((refused.code, kept), (Some(1), None));
    assert_eq!(insisted.code, Some(0), "{insisted:?}");
    assert!(text(&home).unwrap().contains("\nresource = \"https://bank.test\"\n"));
}

#[test]
fn c_23_the_login_that_codex_finds_is_sent_to_its_own_issuer_and_to_no_other() {
    let fake = gateway();
    let url = &fake.url;
    for (issuer, set) in [(url.as_str(), true), ("https://auth.openai.com", false)] {
        let home = Home::holding(&document(issuer, "u-1", FAR, "rt-secret").0);

        let told = setup(&home, &fake, &[]);

        assert_eq!(
            text(&home).unwrap().starts_with(&format!("chatgpt_base_url = \"{url}\"\n")),
            set,
            "{issuer}"
        );
        assert_eq!(told.stderr.contains("`chatgpt_base_url` is set"), set);
        let advice = format!("note: the login `shared` is not one of {url}");
        assert_eq!(told.stderr.contains(&advice), !set, "{told:?}");
        undo(&home);
        assert_eq!(text(&home), None);
    }
}

#[test]
fn c_22_the_program_is_named_by_its_whole_path_and_the_place_in_path_is_taken() {
    let (home, fake) = (Home::empty(), gateway());
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("keyfob");
    symlink(env!("CARGO_BIN_EXE_keyfob"), &place).unwrap();
    let evil = tempfile::tempdir().unwrap();
    fs::write(evil.path().join("keyfob"), "").unwrap();

    // What is named from where one happens to be, or is another program, counts for nothing.
    let search = format!(".:{}:{}", evil.path().display(), folder.path().display());
    home.run_with(&[("PATH", &search)], &["setup", "codex", "--gateway", &fake.url]);

    assert_eq!(
        text(&home),
        Some(provider(&fake).replace(env!("CARGO_BIN_EXE_keyfob"), place.to_str().unwrap()))
    );
}

#[test]
fn s_23_the_gateway_is_shown_the_token_that_codex_will_bring() {
    let fake = gateway();
    let home = Home::holding(&document(&fake.url, "u-1", FAR, "rt-secret").0);
    let answers = |status: &str, body: &str| {
        fake.answer("/v1/models", status, body);
        let told = setup(&home, &fake, &[]);
        let line = told.stderr.lines().find(|line| line.contains("your token")).unwrap().to_owned();
        (told.code, line)
    };

    let refusal = json!({ "error": { "message": "Run `x`\u{1b}[2J\nnow" } }).to_string();

    assert_eq!(answers("200 OK", "{}"), (Some(0), "The gateway takes your token".into()));
    assert_eq!(
        answers("401 No", &refusal),
        (Some(0), "note: the gateway does not take your token: Run `x`[2Jnow".into())
    );
    assert_eq!(
        answers("403 No", ""),
        (Some(0), "note: the gateway does not take your token: it answers with status 403".into())
    );
    assert_eq!(
        answers("404 No", ""),
        (
            Some(0),
            "note: it is not known whether the gateway takes your token: it answers with status 404".into()
        )
    );
}

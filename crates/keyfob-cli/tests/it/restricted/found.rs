//! Ways round the restrictions, and ways in which a good login could be lost, that somebody looked for.

use super::machine::{Machine, NOBODY, Place, Stored, account};
use crate::fake_issuer::{FakeIssuer, REVOKE, SESSIONS, TOKEN, WHO_AM_I};
use serde_json::{Value, json};
use std::fs;

const FAR: i64 = 4_000_000_000;
const ONLY_W_1: &str = "allowed_chatgpt_workspaces = [\"w-1\"]\n";
const PINNED: &str = "[keyfob]\nissuer = \"https://id.test\"\n";

fn with_document(text: &str, document: &str) -> Machine {
    let machine = Machine::new().with(Place::Requirements, text);
    fs::write(machine.home.auth_file(), document).unwrap();
    machine
}

/// Lets `issuer` refresh with an ID token of `workspace`, or without one.
fn refreshes(issuer: &FakeIssuer, workspace: Option<&str>) {
    let named = json!({ "chatgpt_account_id": workspace.unwrap_or_default(), "chatgpt_plan_type": "pro" });
    let claims = json!({ "sub": "u-1", "email": "mia@example.org", "https://api.openai.com/auth": named });
    let mut answer: Value = serde_json::from_str(&issuer.tokens(&claims)).unwrap();
    if workspace.is_none() {
        answer.as_object_mut().unwrap().remove("id_token");
    }
    issuer.answer(TOKEN, "200 OK", &answer.to_string());
    issuer.answer(REVOKE, "200 OK", "{}");
}

#[test]
fn c_53_what_a_refresh_brings_is_judged_before_anything_is_handed_over() {
    for door in [
        &["handoff", "--text"][..],
        &["handoff", "--copy", "--docker", "c-1"],
        &["token"],
        &["session", "list"],
    ] {
        let issuer = FakeIssuer::start();
        refreshes(&issuer, Some("w-2"));
        let says_nothing = with_document(ONLY_W_1, &account(&issuer.url, None, FAR));
        let told = says_nothing.run(door, &[], "");
        assert_eq!((told.code, says_nothing.home.stored()), (Some(6), None), "{door:?}: {told:?}");
        assert!(told.stderr.contains("but current credentials belong to w-2. Logging out."), "{told:?}");

        refreshes(&issuer, None);
        let forged = with_document(ONLY_W_1, &account(&issuer.url, Some("w-1"), FAR));
        let told = forged.run(door, &[], "");
        assert_eq!(told.code, Some(6), "{door:?}: {told:?}");
        assert!(
            told.stderr.contains("error: whether the stored login may be used here cannot be"),
            "{told:?}"
        );
        assert!(forged.home.stored().is_some(), "{door:?}");
    }
}

#[test]
fn c_54_a_login_of_which_nobody_knows_the_issuer_is_not_used_and_stays() {
    let mut document: Value = serde_json::from_str(&account(NOBODY, Some("w-1"), FAR)).unwrap();
    document.pointer_mut("/tokens").unwrap().as_object_mut().unwrap().remove("oauth_provenance");
    let token = json!({ "OPENAI_API_KEY": null, "personal_access_token": "at-1" });
    for document in [document.to_string(), token.to_string()] {
        let machine = with_document(PINNED, &document);

        for door in [&["token"][..], &["handoff", "--copy", "--docker", "c-1"]] {
            let told = machine.run(door, &[], "");
            assert_eq!(told.code, Some(6), "{told:?}");
            assert_eq!(machine.home.stored().as_deref(), Some(document.as_str()));
        }
    }
}

#[test]
fn c_54_an_id_token_that_cannot_be_read_is_no_reason_to_end_a_session() {
    let issuer = FakeIssuer::start();
    issuer.answer(
        TOKEN,
        "200 OK",
        &json!({
            "access_token": "a-2", "token_type": "Bearer", "refresh_token": "rt-2", "id_token": "not-a-jwt",
        })
        .to_string(),
    );
    let mut document: Value = serde_json::from_str(&account(&issuer.url, Some("w-1"), FAR)).unwrap();
    *document.pointer_mut("/tokens/id_token").unwrap() = json!("not-a-jwt");
    let machine = Machine::new().with(Place::Requirements, ONLY_W_1);
    machine.store(&Stored::written_here(document.to_string()));

    let told = machine.run(&["token"], &[], "");

    assert_eq!(told.code, Some(6), "{told:?}");
    assert!(machine.home.stored().is_some() && !issuer.was_asked(REVOKE), "{told:?}");
}

#[test]
fn c_57_many_that_cannot_judge_a_login_have_it_refreshed_once() {
    let issuer = FakeIssuer::start();
    refreshes(&issuer, Some("w-1"));
    let machine = with_document(ONLY_W_1, &account(&issuer.url, Some("w-1"), FAR));

    let codes: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> =
            (0..12).map(|_| scope.spawn(|| machine.run(&["token"], &[], "").code)).collect();
        running.into_iter().map(|one| one.join().unwrap()).collect()
    });

    assert_eq!((codes, issuer.times_asked(TOKEN)), (vec![Some(0); 12], 1));
}

#[test]
fn d_10_signing_out_everywhere_does_so_of_a_login_that_may_not_be_used() {
    let issuer = FakeIssuer::start();
    refreshes(&issuer, Some("w-2"));
    issuer.answer(SESSIONS, "200 OK", r#"{"ended":3}"#);
    let machine = Machine::new().with(Place::Requirements, ONLY_W_1);
    machine.home.configure(&format!("issuer = {:?}\n", issuer.url));
    machine.store(&Stored::written_here(account(&issuer.url, Some("w-2"), FAR)));

    let told = machine.run(&["logout", "--all"], &[], "");

    assert_eq!((told.code, machine.home.stored()), (Some(0), None));
    assert!(issuer.was_asked(SESSIONS), "{told:?}");
}

#[test]
fn c_23_c_53_a_token_in_a_variable_goes_to_its_own_issuer_alone_and_is_judged_by_it() {
    let own = FakeIssuer::start();
    own.answer(
        WHO_AM_I,
        "200 OK",
        r#"{"chatgpt_user_id":"u-1","chatgpt_account_id":"w-1","chatgpt_plan_type":"pro","chatgpt_account_is_fedramp":false}"#,
    );
    let of = |issuer: &str| {
        let claims = json!({ "iss": issuer, "sub": "u-1", "iat": 0, "exp": FAR });
        own.key.sign(keyfob_jose::TokenType::AccessToken, &claims).unwrap()
    };
    let (ours, other) = (of(&own.url), of("https://auth.openai.com"));
    let run = |text: &str, token: &str| {
        let machine = Machine::new().with(Place::Requirements, text);
        machine.home.configure(&format!("issuer = {:?}\n", own.url));
        machine.run(&["token"], &[("CODEX_ACCESS_TOKEN", token)], "")
    };

    assert_eq!(run(ONLY_W_1, &other).code, Some(6));
    assert!(!own.was_asked(WHO_AM_I), "a token of another issuer was sent");
    assert_eq!(run(ONLY_W_1, &ours).stdout, format!("{ours}\n"));
    assert!(own.was_asked(WHO_AM_I));
    assert_eq!(run(ONLY_W_1, "at-1").stdout, "at-1\n");
    let told = run(PINNED, &other);
    assert!(told.stderr.starts_with("error: Accounts sign in at https://id.test here"), "{told:?}");
}

#[test]
fn c_53_a_token_is_not_sent_to_an_issuer_where_nobody_may_sign_in() {
    let other = FakeIssuer::start();
    let machine = Machine::new().with(Place::Requirements, PINNED);

    let told = machine.run(&["login", "--with-access-token", "--json", "--issuer", &other.url], &[], "at-1");

    assert_eq!(told.code, Some(6), "{told:?}");
    assert!(!other.was_asked(WHO_AM_I));
}

#[test]
fn c_53_a_check_asks_nothing_with_a_login_that_may_not_be_used() {
    let issuer = FakeIssuer::start();
    let machine = Machine::new().with(Place::Requirements, PINNED);
    machine.store(&Stored::written_here(account(&issuer.url, Some("w-1"), FAR)));

    let told = machine.run(&["status", "--check", "--json"], &[], "");

    assert_eq!(told.code, Some(6), "{told:?}");
    assert!(!issuer.was_asked(TOKEN) && machine.home.stored().is_some());
}

#[test]
fn s_08_no_door_uses_a_credential_in_a_job_that_outsiders_can_start_where_that_is_refused() {
    let machine = Machine::new().with(Place::Requirements, "[keyfob]\nuntrusted_ci = \"refuse\"\n");
    machine.store(&Stored::of("account of w-1"));
    for door in [
        &["handoff", "--text"][..],
        &["handoff", "--copy", "--docker", "c-1"],
        &["handoff", "receive"],
        &["session", "list"],
        &["status", "--check", "--json"],
        &["token"],
        &["usage"],
    ] {
        let told = machine.run(door, &[("GITHUB_EVENT_NAME", "issue_comment")], "");

        assert_eq!(told.code, Some(6), "{door:?}: {told:?}");
        assert!(told.stderr.starts_with("error: this job was started by `issue_comment`"), "{told:?}");
    }
}

#[test]
fn d_09_a_key_passes_where_workspaces_are_restricted_with_a_warning() {
    let machine = Machine::new().with(Place::User, "forced_chatgpt_workspace_id = \"w-1\"\n");

    let told = machine.run(&["login", "--with-api-key"], &[], "sk-2");

    let warning = "warning: workspaces are restricted by $HOME/config.toml:1, and a key names none: it passes, and another \
                   organisation may pay\n";
    assert_eq!(told.code, Some(0));
    assert!(told.stderr.starts_with(warning), "{told:?}");
}

#[test]
fn s_16_a_workspace_that_is_not_allowed_is_refused_before_anybody_is_asked() {
    let issuer = FakeIssuer::start();
    let machine = Machine::new().with(Place::Requirements, ONLY_W_1);

    let told =
        machine.run(&["login", "--no-browser", "--issuer", &issuer.url, "--workspace", "w-9"], &[], "");

    assert_eq!(told.code, Some(1));
    let words = "error: Login is restricted to workspace(s) w-1, but current credentials belong to w-9.\n";
    assert!(told.stderr.contains(words) && !told.stderr.contains("navigate"), "{told:?}");
}

//! Restrictions where an issuer is asked: claims that nobody has verified, sessions that end, and new logins.

use super::machine::{Machine, Place, Stored, account};
use crate::fake_issuer::{FakeIssuer, REVOKE, SignIn, TOKEN};
use crate::ran;
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

const FAR: i64 = 4_000_000_000;
const ONLY_W_1: &str = "allowed_chatgpt_workspaces = [\"w-1\"]\n";

/// A machine on which only `w-1` may be used, with a login that says that it is of it.
fn says_w_1(issuer: &FakeIssuer, text: &str) -> Machine {
    let machine = Machine::new().with(Place::Requirements, text);
    fs::write(machine.home.auth_file(), account(&issuer.url, Some("w-1"), FAR)).unwrap();
    machine
}

/// Lets `issuer` refresh, and say that the login is of `workspace`.
fn refreshes(issuer: &FakeIssuer, workspace: &str) {
    let claims = json!({
        "sub": "u-1", "email": "mia@example.org",
        "https://api.openai.com/auth": { "chatgpt_account_id": workspace, "chatgpt_plan_type": "pro" },
    });
    issuer.answer(TOKEN, "200 OK", &issuer.tokens(&claims));
    issuer.answer(REVOKE, "200 OK", "{}");
}

#[test]
fn c_54_a_login_that_was_edited_to_say_the_allowed_workspace_is_found_out_and_ended() {
    let issuer = FakeIssuer::start();
    refreshes(&issuer, "w-2");
    let machine = says_w_1(&issuer, ONLY_W_1);

    let told = machine.run(&["token"], &[], "");

    let words = "error: Login is restricted to workspace(s) w-1, but current credentials belong to w-2. Logging out.\n\
                 hint: the session was ended at its issuer and the login removed here\n\
                 hint: `allowed_chatgpt_workspaces` in /etc/codex/requirements.toml:1 says so, which whoever administers \
                 this computer wrote\n\
                 hint: sign in to an allowed workspace: `keyfob login`\n";
    assert_eq!((told, machine.home.stored()), (ran(6, "", words), None));
    assert!(issuer.was_asked(REVOKE));
}

#[test]
fn c_54_a_login_of_another_program_is_asked_about_once_and_used_then() {
    let issuer = FakeIssuer::start();
    refreshes(&issuer, "w-1");
    let machine = says_w_1(&issuer, ONLY_W_1);

    let first = machine.run(&["token"], &[], "");
    let asked = issuer.was_asked(TOKEN);
    let second = machine.run(&["token"], &[], "");

    assert_eq!((first.code, asked), (Some(0), true), "{first:?}");
    assert_eq!((second.stdout, second.code, issuer.was_asked(TOKEN)), (first.stdout, Some(0), false));
}

#[test]
fn c_56_a_violation_ends_within_eleven_seconds_whatever_the_issuer_does() {
    let fates = [
        ("200 OK", "the session was ended at its issuer and the login removed here"),
        (
            "500 Internal Server Error",
            "the login was removed here; ISSUER did not confirm that the session ended",
        ),
    ];
    for (status, fate) in fates {
        let issuer = FakeIssuer::start();
        refreshes(&issuer, "w-2");
        issuer.answer(REVOKE, status, "{}");
        let machine = says_w_1(&issuer, "allowed_login_methods = [\"api\"]\n");
        let begin = Instant::now();

        let told = machine.run(&["token"], &[], "");

        assert!(begin.elapsed() < Duration::from_secs(11));
        assert_eq!((told.code, machine.home.stored()), (Some(6), None));
        assert!(told.stderr.contains(&fate.replace("ISSUER", &issuer.url)), "{told:?}");
        assert!(issuer.was_asked(REVOKE) && !told.stderr.contains("rt-1"), "{told:?}");
    }
}

#[test]
fn s_16_c_53_a_sign_in_to_another_workspace_is_ended_and_not_stored() {
    let issuer = FakeIssuer::start();
    issuer.answer(REVOKE, "200 OK", "{}");
    let machine = Machine::new();
    let config = "forced_chatgpt_workspace_id = [\"w-1\", \"w-3\"]\n";
    fs::write(machine.home.path().join("config.toml"), config).unwrap();
    let sign_in = SignIn::start(&machine.home, &issuer);
    issuer.answer(TOKEN, "200 OK", &issuer.tokens(&issuer.claims(&sign_in)));

    let told = sign_in.finish("code=c");

    let words = "error: Login is restricted to workspace(s) w-1, w-3, but current credentials belong to ws-1.\n\
                 hint: nothing was stored\nhint: `forced_chatgpt_workspace_id` in HOME/config.toml:1 says so\n\
                 hint: sign in to an allowed workspace: `keyfob login`\n";
    assert_eq!((told.code, machine.home.stored()), (Some(1), None));
    let words = words.replace("HOME", &machine.home.path().display().to_string());
    assert!(told.stderr.ends_with(&words), "{told:?}");
    assert!(issuer.was_asked(REVOKE));
}

#[test]
fn s_15_s_17_a_login_first_ends_what_may_not_be_used_any_more() {
    let machine = Machine::new().with(Place::Managed, "forced_login_method = \"api\"\n");
    machine.store(&Stored::of("account of w-1"));

    let told = machine.run(&["login", "--with-api-key"], &[], "sk-2");

    let words = "API key login is required, but ChatGPT is currently being used. Logging out.\n\
                 note: the login was removed here; http://127.0.0.1:1 did not confirm that the session ended, so it may live \
                 on there until it expires\n\
                 note: `forced_login_method` in /etc/codex/managed_config.toml:1 says so, which whoever administers this \
                 computer wrote\n\
                 Reading API key from stdin...\n";
    assert!(told.stderr.starts_with(words), "{told:?}");
    assert!(machine.home.stored().unwrap().contains("sk-2"));
}

#[test]
fn s_15_a_method_that_is_excluded_is_refused_in_the_words_of_the_codex_cli() {
    let other = [("chatgpt", "--with-api-key"), ("api", "--with-access-token"), ("api", "--no-browser")];
    let words = [
        "API key login is disabled. Use ChatGPT",
        "Access token login is disabled. Use API key",
        "ChatGPT login is disabled. Use API key",
    ];
    for ((method, flag), words) in other.into_iter().zip(words) {
        let machine = Machine::new().with(Place::User, &format!("forced_login_method = \"{method}\"\n"));

        let told = machine.run(&["login", flag], &[], "at-1");

        assert_eq!(told.code, Some(1));
        assert!(told.stderr.starts_with(&format!("error: {words} login instead.\n")), "{told:?}");
    }
}

/// What is said, and how the file came to be like that.
type Spoiled = (&'static str, fn(&Machine));

#[test]
fn c_53_c_55_rules_that_cannot_be_trusted_or_read_allow_nothing_and_remove_nothing() {
    let untrusted: [Spoiled; 4] = [
        (
            "cannot trust /etc/codex/requirements.toml: others than root can write to it (mode 0666)",
            |machine| {
                let mode = fs::Permissions::from_mode(0o666);
                fs::set_permissions(machine.system("requirements.toml"), mode).unwrap();
            },
        ),
        (
            "cannot trust /etc/codex/requirements.toml: it belongs to the user with the number 4711, not to root",
            |machine| {
                std::os::unix::fs::chown(machine.system("requirements.toml"), Some(4711), None).unwrap();
            },
        ),
        ("cannot trust /etc/codex/requirements.toml: it is no regular file", |machine| {
            let (file, other) = (machine.system("requirements.toml"), machine.system("other.toml"));
            fs::rename(&file, &other).unwrap();
            std::os::unix::fs::symlink(&other, &file).unwrap();
        }),
        ("/etc/codex/requirements.toml:1:1: ", |machine| {
            fs::write(machine.system("requirements.toml"), "=").unwrap();
        }),
    ];
    let account = Stored::of("account of w-2");
    for (problem, spoil) in untrusted {
        let machine = Machine::new().with(Place::Requirements, ONLY_W_1);
        machine.store(&account);
        spoil(&machine);
        for door in
            [&["token"][..], &["session", "list"], &["login", "--with-api-key", "--json"], &["logout"]]
        {
            let told = machine.run(door, &[("CODEX_API_KEY", "sk-2")], "sk-1");

            // Signing out has the codes of the Codex CLI.
            let code = if door == ["logout"] { 1 } else { 6 };
            let document = if door.contains(&"--json") {
                format!("{{\"schema\":1,\"state\":\"policy_denied\",\"error\":\"{problem}")
            } else {
                String::new()
            };
            assert_eq!(told.code, Some(code), "{door:?}: {told:?}");
            assert!(told.stdout.starts_with(&document), "{told:?}");
            assert!(told.stderr.starts_with(&format!("error: {problem}")), "{told:?}");
            assert_eq!(machine.home.stored(), account.document);
        }
    }
}

#[test]
fn s_08_a_job_that_outsiders_can_start_is_warned_about_or_refused_where_an_administrator_wants_that() {
    let job = [("GITHUB_EVENT_NAME", "pull_request_target")];
    let stored = Stored::of("account of w-1");
    let free = Machine::new();
    free.store(&stored);
    let told = free.run(&["token"], &job, "");
    let warning = "warning: this job was started by `pull_request_target`, which anybody can cause; whatever it runs of theirs \
                   can use the credential\n";
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), warning));
    assert_eq!(free.run(&["token"], &[("GITHUB_EVENT_NAME", "push")], "").stderr, "");

    let bound = Machine::new().with(Place::Requirements, "[keyfob]\nuntrusted_ci = \"refuse\"\n");
    bound.store(&stored);
    for door in [&["token"][..], &["login", "--with-api-key", "--json"]] {
        let refused = "error: this job was started by `pull_request_target`, which anybody can cause, so no credential is used \
                       in it\n\
                       hint: `keyfob.untrusted_ci` in /etc/codex/requirements.toml:2 says so, which whoever administers this \
                       computer wrote\n\
                       hint: start the job by an event that only members can cause, such as `push`\n";
        let told = bound.run(door, &job, "sk-1");
        assert_eq!((told.code, told.stderr.as_str()), (Some(6), refused));
        assert_eq!(bound.home.stored(), stored.document);
    }
    assert_eq!(bound.run(&["token"], &[], "").code, Some(0));
}

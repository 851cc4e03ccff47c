//! Several logins side by side: each command acts on the one that is chosen, and on no other.

use crate::schema::checked_list;
use crate::signed_in::{FAR, document};
use crate::{Home, Ran, ran};
use serde_json::json;
use std::fs;
use std::path::Path;

const ISSUER: &str = "http://127.0.0.1:1";

/// A home with a shared login and two beside it, and the access token of each.
fn three() -> (Home, [String; 3]) {
    let [(shared, a), (home, b), (team, c)] =
        ["u-shared", "u-home", "u-team"].map(|subject| document(ISSUER, subject, FAR, "rt-secret"));
    let place = Home::holding(&shared);
    place.keep("home", &home);
    place.keep("team", &team);
    (place, [a, b, c])
}

fn configure(home: &Home, text: &str) {
    fs::write(home.path().join("keyfob/config.toml"), text).unwrap();
}

fn run_in(home: &Home, folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let mut command = home.command(arguments);
    let output = command.envs(variables.iter().copied()).current_dir(folder).output().unwrap();
    Ran::of(output, home)
}

fn line(token: &str) -> Ran {
    ran(0, &format!("{token}\n"), "")
}

#[test]
fn p_41_flag_then_variable_then_rule_then_default_then_the_shared_login() {
    let (home, [shared, of_home, team]) = three();
    let folder = home.path().canonicalize().unwrap();
    let in_rule = folder.join("in/deeper");
    fs::create_dir_all(&in_rule).unwrap();
    let rule = format!("[[login_rule]]\npath = {:?}\nlogin = \"home\"\n", folder.join("in"));
    let pinned = [("KEYFOB_LOGIN", "shared")];

    assert_eq!(run_in(&home, &in_rule, &[], &["token"]), line(&shared), "nothing is chosen");
    configure(&home, &format!("default_login = \"team\"\n{rule}"));

    assert_eq!(run_in(&home, &folder, &[], &["token"]), line(&team), "the default");
    assert_eq!(run_in(&home, &in_rule, &[], &["token"]), line(&of_home), "the rule");
    assert_eq!(run_in(&home, &in_rule, &pinned, &["token"]), line(&shared), "the terminal's pin");
    let named = ["token", "--login", "team"];
    assert_eq!(run_in(&home, &in_rule, &pinned, &named), line(&team), "the command's flag");
}

#[test]
fn p_41_two_folders_with_rules_never_use_each_others_login() {
    let (home, [_, of_home, team]) = three();
    let folder = home.path().canonicalize().unwrap();
    let (one, other) = (folder.join("one"), folder.join("other"));
    for (path, login) in [(&one, "home"), (&other, "team")] {
        fs::create_dir(path).unwrap();
        let told = run_in(&home, path, &[], &["logins", "use", login, "--here"]);
        assert_eq!(told.code, Some(0), "{told:?}");
    }

    for round in 0..50 {
        let calls = [(&one, &of_home), (&other, &team)].map(|(path, token)| {
            let mut command = home.command(&["token"]);
            let child = command.current_dir(path).stdout(std::process::Stdio::piped()).spawn().unwrap();
            (child, token)
        });
        for (child, token) in calls {
            let output = child.wait_with_output().unwrap();
            assert_eq!(Ran::of(output, &home), line(token), "round {round}");
        }
    }
}

#[test]
fn p_41_status_and_why_name_the_rule_that_chose_with_its_line() {
    let (home, _) = three();
    let folder = home.path().canonicalize().unwrap();
    configure(&home, &format!("# mine\n[[login_rule]]\npath = {folder:?}\nlogin = \"team\"\n"));

    let by = "`team`, named by the rule for `$HOME` ($HOME/keyfob/config.toml:3)";
    let status = run_in(&home, &folder, &[], &["status"]);
    assert_eq!(status.stdout.lines().next(), Some(&*format!("Login      {by}")));
    assert!(status.stdout.contains("\nKept in    $HOME/keyfob/logins/team/auth.json\n"), "{status:?}");
    let why = run_in(&home, &folder, &[], &["why"]);
    assert!(why.stdout.contains(&format!("\nLogin      {by}\n")), "{why:?}");
    let told = run_in(&home, &folder, &[], &["status", "--json"]);
    let login = serde_json::from_str::<serde_json::Value>(&told.stdout).unwrap()["login"].clone();
    let rule = json!({ "path": "$HOME", "file": "$HOME/keyfob/config.toml", "line": 3 });
    assert_eq!(login, json!({ "name": "team", "chosen_by": "rule", "rule": rule }));
}

#[test]
fn p_41_a_login_that_is_named_and_missing_is_refused_and_no_other_is_used() {
    let (home, _) = three();
    let folder = home.path().canonicalize().unwrap();
    let hints = "hint: `keyfob logins list` shows the logins there are; \
                 `keyfob login --as NAME` signs in under a name\n";
    let refused = |by: &str| ran(4, "", &format!("error: there is no login `gone`, which is {by}\n{hints}"));

    for command in [&["token"][..], &["status"], &["logout"]] {
        let flag = [command, &["--login", "gone"]].concat();
        assert_eq!(home.run(&flag), refused("named by the command"), "{command:?}");
        let pinned = [("KEYFOB_LOGIN", "gone")];
        assert_eq!(home.run_with(&pinned, command), refused("named by `KEYFOB_LOGIN`"), "{command:?}");
    }
    configure(&home, "default_login = \"gone\"\n");
    let by = "named by `default_login` in $HOME/keyfob/config.toml";
    assert_eq!(home.run(&["token"]), refused(by));
    configure(&home, &format!("[[login_rule]]\npath = {folder:?}\nlogin = \"gone\"\n"));
    let by = "named by the rule for `$HOME` ($HOME/keyfob/config.toml:2)";
    assert_eq!(run_in(&home, &folder, &[], &["token"]), refused(by));

    assert!(!home.path().join("keyfob/logins/gone").exists(), "a refusal makes no place");
    let doctor = run_in(&home, &folder, &[], &["doctor"]);
    let finding = "fail  logins          the rule for `$HOME` ($HOME/keyfob/config.toml:2) names `gone`";
    assert!(doctor.stdout.contains(finding), "{doctor:?}");
}

#[test]
fn d_08_a_pin_that_is_no_name_is_an_error_and_never_a_fall_through() {
    let (home, _) = three();

    for value in ["", "No Name", "../team"] {
        let told = home.run_with(&[("KEYFOB_LOGIN", value)], &["token"]);
        assert_eq!((told.code, told.stdout.as_str()), (Some(1), ""), "{value}");
        assert!(
            told.stderr.starts_with("error: `KEYFOB_LOGIN` does not hold the name of a login\n"),
            "{told:?}"
        );
    }
}

#[test]
fn rules_that_cannot_be_read_refuse_and_are_not_passed_over() {
    let (home, _) = three();
    configure(&home, "[[login_rule]]\npath = \"team\"\nlogin = \"team\"\n");

    let text = "error: $HOME/keyfob/config.toml:2:8: the path of a rule begins with `/` or `~/`\n  |\n\
                2 | path = \"team\"\n  |        ^^^^^^\n\
                hint: nothing was changed; `keyfob config check` looks at every file\n";
    assert_eq!(home.run(&["token"]), ran(1, "", text));
}

#[test]
fn list_shows_every_login_and_the_one_that_is_used_here() {
    let (home, _) = three();
    home.keep("broken", "{");
    home.keep("over", &document(ISSUER, "u-over", 1_000, "").0);
    fs::create_dir(home.path().join("keyfob/logins/left-behind")).unwrap();

    let table = "   LOGIN   ACCOUNT          WORKSPACE  ISSUER              STATE              KEPT IN
*  shared  mia@example.org  ws-1       http://127.0.0.1:1  active             $HOME/auth.json
   broken  -                -          -                   store_unavailable  $HOME/keyfob/logins/broken/auth.json
   home    mia@example.org  ws-1       http://127.0.0.1:1  active             $HOME/keyfob/logins/home/auth.json
   over    mia@example.org  ws-1       http://127.0.0.1:1  session_ended      $HOME/keyfob/logins/over/auth.json
   team    mia@example.org  ws-1       http://127.0.0.1:1  active             $HOME/keyfob/logins/team/auth.json

A command here uses `shared`, since nothing else is chosen
";
    assert_eq!(home.run(&["logins", "list"]), ran(0, table, ""));
    let nothing = "A command here uses `shared`, since nothing else is chosen; nobody is signed in there\n";
    assert_eq!(Home::empty().run(&["logins", "list"]), ran(0, nothing, ""));
}

#[test]
fn list_keeps_to_its_schema_and_tells_programs_everything_but_secrets() {
    let (home, _) = three();
    home.keep("broken", "{");
    home.keep("key", r#"{"auth_mode":"apikey","OPENAI_API_KEY":"sk-secret"}"#);
    home.keep("other", r#"{"OPENAI_API_KEY":null,"personal_access_token":"at-secret"}"#);

    let told = home.run_with(&[("KEYFOB_LOGIN", "team")], &["logins", "list", "--json"]);

    let document = checked_list(&told);
    assert!(!told.stdout.contains("secret"), "{told:?}");
    let logins = document["logins"].as_array().unwrap();
    let told: Vec<_> = logins.iter().map(|login| (&login["name"], &login["state"], &login["used"])).collect();
    let (active, broken) = (json!("active"), json!("store_unavailable"));
    let names = ["shared", "broken", "home", "key", "other", "team"].map(|name| json!(name));
    let [shared, b, of_home, key, other, team] = &names;
    let no = json!(false);
    assert_eq!(
        told,
        [
            (shared, &active, &no),
            (b, &broken, &no),
            (of_home, &active, &no),
            (key, &active, &no),
            (other, &active, &no),
            (team, &active, &json!(true)),
        ]
    );
    assert_eq!(
        logins[5],
        json!({
            "name": "team", "used": true, "state": "active", "error": null, "method": "account",
            "email": "mia@example.org", "subject": "u-team", "workspace": "ws-1", "plan": "pro", "issuer": ISSUER,
            "store": { "kind": "file", "path": "$HOME/keyfob/logins/team/auth.json" },
        })
    );
    assert_eq!(document["login"], json!({ "name": "team", "chosen_by": "variable", "rule": null }));
    checked_list(&Home::empty().run(&["logins", "list", "--json"]));
}

#[test]
fn d_08_list_says_that_a_variable_comes_before_every_stored_login() {
    let (home, _) = three();
    let key = [("CODEX_API_KEY", "sk-secret"), ("KEYFOB_LOGIN", "team")];

    let told = home.run_with(&key, &["logins", "list"]);
    let document = checked_list(&home.run_with(&key, &["logins", "list", "--json"]));

    let end = "A command here uses `team`, named by `KEYFOB_LOGIN`\n\
               But `CODEX_API_KEY` is set, and comes before every stored login that no command names\n";
    assert!(told.stdout.ends_with(end), "{told:?}");
    assert_eq!(document["shadowed_by"], "CODEX_API_KEY");
}

#[test]
fn use_writes_the_default_and_shared_takes_it_back() {
    let (home, [shared, _, team]) = three();
    configure(&home, "# where we sign in\nissuer = \"https://id.test\"\n");

    let words = "`team` is used where no flag, no `KEYFOB_LOGIN` and no rule for the folder names another login \
                 ($HOME/keyfob/config.toml)\nFor this terminal alone: export KEYFOB_LOGIN=team\n";
    assert_eq!(home.run(&["logins", "use", "team"]), ran(0, "", words));
    assert_eq!(home.run(&["token"]), line(&team));
    let config = fs::read_to_string(home.path().join("keyfob/config.toml")).unwrap();
    assert_eq!(config, "# where we sign in\nissuer = \"https://id.test\"\ndefault_login = \"team\"\n");

    assert_eq!(home.run(&["logins", "use", "shared"]).code, Some(0));
    assert_eq!(home.run(&["token"]), line(&shared));
    assert_eq!(home.run(&["logins", "use", "gone"]).code, Some(4), "a name that stands for nothing");
}

#[test]
fn p_04_choosing_a_login_opens_no_connection() {
    let (home, _) = three();
    let calls = home.path().join("calls");
    let program = env!("CARGO_BIN_EXE_keyfob");

    for arguments in [&["logins", "use", "team"][..], &["logins", "use", "home", "--here"]] {
        let mut command = std::process::Command::new("strace");
        command.args(["-f", "-e", "trace=socket,connect", "-o"]).arg(&calls).arg(program).args(arguments);
        let output = command.env("CODEX_HOME", home.path()).current_dir(home.path()).output().unwrap();

        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let calls = fs::read_to_string(&calls).unwrap();
        assert!(calls.contains("exited with 0") && !calls.contains("socket("), "{calls}");
    }
}

#[test]
fn removing_one_login_leaves_the_others_and_says_what_still_names_it() {
    let (home, [shared, of_home, _]) = three();
    let before = (home.stored(), home.kept("home"));
    home.run(&["logins", "use", "team"]);

    let told = home.run(&["logins", "remove", "team"]);

    let words = "Successfully logged out\nRemoved the login `team` in `$HOME/keyfob/logins/team/auth.json`\n\
                 warning: http://127.0.0.1:1 did not confirm that the session ended (the issuer did not answer); \
                 it may live on there until it expires\n\
                 note: `default_login` in $HOME/keyfob/config.toml still names `team`: \
                 what it is for is refused until it is changed\n";
    assert_eq!(told, ran(0, "", words));
    assert_eq!((home.stored(), home.kept("home")), before);
    assert!(!home.path().join("keyfob/logins/team").exists());
    assert_eq!(home.run(&["token"]).code, Some(4));
    assert_eq!(home.run(&["token", "--login", "shared"]), line(&shared));
    assert_eq!(home.run(&["token", "--login", "home"]), line(&of_home));
    assert_eq!(home.run(&["logins", "remove", "team"]).code, Some(4));
}

#[test]
fn logout_signs_out_the_login_that_is_used_here_and_says_which() {
    let (home, _) = three();
    let before = (home.stored(), home.kept("team"));

    let told = home.run_with(&[("KEYFOB_LOGIN", "home")], &["logout"]);

    let words = "Successfully logged out\nRemoved the login `home` in `$HOME/keyfob/logins/home/auth.json`\n";
    assert!(told.code == Some(0) && told.stderr.starts_with(words), "{told:?}");
    assert_eq!((home.stored(), home.kept("team"), home.kept("home")), (before.0, before.1, None));
}

#[test]
fn purge_signs_out_the_logins_that_nobody_else_keeps() {
    let (home, _) = three();
    let before = home.stored();

    let told = home.run(&["purge", "--yes"]);

    for name in ["home", "team"] {
        let words =
            format!("Removed the login `{name}` in `$HOME/keyfob/logins/{name}/auth.json`\nwarning: http://");
        assert!(told.stderr.contains(&words), "{told:?}");
    }
    assert_eq!((told.code, home.stored()), (Some(0), before), "the shared login stays");
    assert!(!home.path().join("keyfob").exists());
}

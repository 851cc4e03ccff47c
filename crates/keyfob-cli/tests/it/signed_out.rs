//! Nobody is signed in.

use crate::{Home, ran};

#[test]
fn every_command_says_so_with_its_own_code() {
    let home = Home::empty();
    let hint = "error: not signed in\nhint: run `keyfob login` to sign in\n";

    assert_eq!(home.run(&["login", "status"]), ran(1, "", "Not logged in\n"));
    assert_eq!(home.run(&["status"]), ran(4, "", hint));
    assert_eq!(home.run(&["token"]), ran(4, "", hint));
    assert_eq!(home.run(&["logout"]), ran(0, "", "Not logged in\n"));
    let json = "{\"schema\":1,\"state\":\"signed_out\",\"source\":null,\"shadows\":[],\
                \"login\":{\"name\":\"shared\",\"chosen_by\":\"nobody\",\"rule\":null},\"restricted\":null,\
                \"store\":{\"kind\":\"file\",\"path\":\"$HOME/auth.json\"}}\n";
    assert_eq!(home.run(&["status", "--json"]), ran(4, json, ""));
}

#[test]
fn s_05_without_a_command_or_a_terminal_it_is_said_that_nobody_is_signed_in() {
    let home = Home::empty();
    let hint = "error: not signed in\nhint: run `keyfob login` to sign in\n";

    assert_eq!(home.run(&[]), ran(4, "", hint));
    assert_eq!(home.run(&["session", "list"]), ran(4, "", hint));
}

#[test]
fn a_home_that_does_not_exist_is_named() {
    let home = Home::empty();
    let missing = home.path().join("missing");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_keyfob"));
    command.arg("status").env_clear().env("CODEX_HOME", &missing);

    let output = command.output().unwrap();

    let expected = format!("error: CODEX_HOME points to {missing:?}, but that path does not exist\n");
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap()), (Some(1), expected));
}

#[test]
fn wrong_usage_is_2() {
    let home = Home::empty();

    assert_eq!(home.run(&["login", "--bogus"]).code, Some(2));
    assert_eq!(home.run(&["--version"]).code, Some(0));
    let unknown = "error: there is no command `nosuch`, and no program `keyfob-nosuch` beside this one\n\
                   hint: `keyfob --help` lists the commands\n";
    assert_eq!(home.run(&["nosuch"]), ran(2, "", unknown));
}

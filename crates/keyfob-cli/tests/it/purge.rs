//! `keyfob purge`: what is ours goes, what is the Codex CLI's stays.

use crate::signed_in::{FAR, signed_in};
use crate::{Home, ran};
use std::fs;

fn with_our_files(home: &Home) {
    fs::create_dir(home.path().join("keyfob")).unwrap();
    fs::write(home.path().join("keyfob/refresh.lock"), "").unwrap();
    fs::write(home.path().join(".keyfob-auth-1"), "left behind").unwrap();
    fs::write(home.path().join("auth.json.corrupt-1"), "damaged").unwrap();
    fs::write(home.path().join("config.toml"), "").unwrap();
}

fn names(home: &Home) -> Vec<String> {
    let entries = fs::read_dir(home.path()).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_is_ours_goes_and_the_shared_login_stays() {
    let (home, _) = signed_in(FAR, "rt-secret");
    with_our_files(&home);

    let words = "Removed `$HOME/.keyfob-auth-1`\nRemoved `$HOME/auth.json.corrupt-1`\nRemoved `$HOME/keyfob`\n\
                 Kept `$HOME/auth.json`, which the Codex CLI uses too; `keyfob logout` signs out\n";
    assert_eq!(home.run(&["purge", "--yes"]), ran(0, "", words));
    assert_eq!(names(&home), ["auth.json", "config.toml"]);
}

#[test]
fn with_login_the_stored_login_is_signed_out_first() {
    let home = Home::holding(r#"{"auth_mode":"apikey","OPENAI_API_KEY":"sk-secret"}"#);

    let told = home.run(&["purge", "--yes", "--login"]);

    assert_eq!(told.code, Some(0));
    assert!(told.stderr.starts_with("Successfully logged out\nRemoved `$HOME/auth.json`"), "{told:?}");
    assert_eq!(home.stored(), None);
    assert!(!home.path().join("keyfob").exists());
}

#[test]
fn without_a_terminal_nothing_is_removed_unasked() {
    let home = Home::empty();
    with_our_files(&home);
    let before = names(&home);

    let text =
        "error: there is nobody to ask whether to remove it\nhint: to remove it unasked, add `--yes`\n";
    assert_eq!(home.run(&["purge"]), ran(2, "", text));
    assert_eq!(names(&home), before);
}

#[test]
fn nothing_is_removed_while_another_program_refreshes() {
    let home = Home::empty();
    with_our_files(&home);
    let lock = fs::File::open(home.path().join("keyfob/refresh.lock")).unwrap();
    lock.lock().unwrap();
    let before = names(&home);

    let text = "error: another program is refreshing or signing in\n\
                hint: nothing was removed; try again when it is done\n";
    assert_eq!(home.run(&["purge", "--yes"]), ran(1, "", text));
    assert_eq!(names(&home), before);
}

#[test]
fn a_link_in_the_place_of_our_folder_is_not_followed() {
    let home = Home::empty();
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("precious"), "").unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), home.path().join("keyfob")).unwrap();

    assert_eq!(home.run(&["purge", "--yes"]), ran(0, "", "Removed `$HOME/keyfob`\n"));
    assert!(elsewhere.path().join("precious").exists());
}

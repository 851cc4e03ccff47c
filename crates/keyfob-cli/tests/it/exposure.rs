//! A home from which secrets go further than this machine.

use crate::Home;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A folder of a git work tree, as the home of somebody who keeps a key there.
fn home_in_tree(tree: &Path) -> Home {
    let made =
        Command::new("git").args(["init", "-q"]).arg(tree).env_clear().env("HOME", tree).status().unwrap();
    assert!(made.success());
    let folder = tree.join("codex");
    fs::create_dir(&folder).unwrap();
    Home(tempfile::Builder::new().prefix("home").tempdir_in(folder).unwrap())
}

fn keep_key(home: &Home) -> String {
    use std::io::Write as _;
    use std::process::Stdio;
    let mut command = home.command(&["login", "--with-api-key"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"sk-test\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn c_75_a_home_in_a_git_work_tree_is_told_once_and_its_login_left_out() {
    let tree = tempfile::tempdir().unwrap();
    let home = home_in_tree(tree.path());

    let (first, second) = (keep_key(&home), keep_key(&home));
    let added = Command::new("git")
        .args(["-C"])
        .arg(tree.path())
        .args(["add", "-A", "--dry-run"])
        .env_clear()
        .env("HOME", tree.path())
        .output()
        .unwrap();

    assert!(first.contains("warning: the home is in the git work tree"), "{first}");
    assert!(!second.contains("warning"), "{second}");
    let added = String::from_utf8(added.stdout).unwrap();
    assert!(
        added.contains(".gitignore") && !added.contains("auth.json") && !added.contains("keyfob/"),
        "{added}"
    );
}

#[test]
fn c_75_what_somebody_else_has_said_to_leave_out_stays_and_is_warned_of_until_it_names_the_login() {
    let tree = tempfile::tempdir().unwrap();
    let home = home_in_tree(tree.path());
    fs::write(home.path().join(".gitignore"), "*.log\n").unwrap();

    let told = [keep_key(&home), keep_key(&home)];
    let findings = home.run(&["doctor"]).stdout;
    fs::write(home.path().join(".gitignore"), "*.log\nauth.json\n").unwrap();

    assert!(told.iter().all(|told| told.contains("warning: the home is in the git work tree")), "{told:?}");
    assert!(findings.contains("warn  exposure        the home is in the git work tree"), "{findings}");
    assert!(!keep_key(&home).contains("warning"));
    assert_eq!(fs::read_to_string(home.path().join(".gitignore")).unwrap(), "*.log\nauth.json\n");
}

#[test]
fn c_75_a_home_in_a_folder_that_is_copied_elsewhere_is_told_each_time() {
    let around = tempfile::tempdir().unwrap();
    for name in ["Dropbox", "OneDrive - Acme"] {
        let folder = around.path().join(name);
        fs::create_dir(&folder).unwrap();
        let home = Home(tempfile::tempdir_in(&folder).unwrap());

        let told = [keep_key(&home), keep_key(&home)];

        let expected = format!("/{name}, which ");
        assert!(
            told.iter().all(|told| told.contains(&expected) && told.contains("set CODEX_HOME")),
            "{told:?}"
        );
    }
}

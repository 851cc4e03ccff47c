//! What other processes get to see: not our memory, not our environment, and children get no secrets.

use crate::Home;
use crate::signed_in::signed_in_at;
use crate::stub::Stub;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

/// `nobody`: a user without rights, as which these tests run the program where they run as root.
const NOBODY: u32 = 65534;

fn as_nobody(command: &mut Command) -> &mut Command {
    if rustix::process::geteuid().is_root() { command.uid(NOBODY).gid(NOBODY) } else { command }
}

#[test]
fn c_47_other_processes_of_the_same_user_cannot_look_inside_and_no_core_is_written() {
    let stub = Stub::open();
    let (home, _) = signed_in_at(&stub.issuer(), 1_000, "rt-secret");
    let program = home.path().join("program");
    fs::copy(env!("CARGO_BIN_EXE_keyfob"), &program).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    if rustix::process::geteuid().is_root() {
        chown(home.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        chown(home.auth_file(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let mut command = Command::new(&program);
    command.arg("token").env_clear().env("CODEX_HOME", home.path());
    let mut child = as_nobody(&mut command).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();

    // It waits for the issuer's answer now.
    let asked = stub.asked();
    let look = |name: &str| {
        let mut cat = Command::new("cat");
        as_nobody(cat.arg(format!("/proc/{}/{name}", child.id()))).output().unwrap()
    };
    let limits = String::from_utf8(look("limits").stdout).unwrap();
    let hidden = ["environ", "mem", "maps"].map(|name| look(name).status.success());

    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().collect::<Vec<_>>()[4..6], ["0", "0"]);
    assert_eq!(hidden, [false; 3]);
    drop(asked);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn c_48_the_browser_gets_no_secret_from_the_environment() {
    let stub = Stub::open();
    let issuer = stub.issuer();
    let home = Home::empty();
    let seen = home.path().join("seen");
    assert!(Command::new("mkfifo").arg(&seen).status().unwrap().success());
    let browser = home.path().join("browser");
    fs::write(&browser, format!("#!/bin/sh\n/usr/bin/env > {}\n", seen.display())).unwrap();
    fs::set_permissions(&browser, Permissions::from_mode(0o755)).unwrap();
    let metadata = serde_json::json!({
        "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/keys"),
        "response_types_supported": ["code"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"], "code_challenge_methods_supported": ["S256"],
    });

    let mut child = home
        .command(&["login", "--issuer", &issuer])
        .env("BROWSER", &browser)
        .env("PATH", "/usr/bin:/bin")
        .envs([
            ("OPENAI_API_KEY", "sk-1"),
            ("CODEX_ACCESS_TOKEN", "at-1"),
            ("GH_TOKEN", "gh"),
            ("PLAIN", "kept"),
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    stub.asked().answer("200 OK", &metadata.to_string());
    let environment = fs::read_to_string(&seen).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();

    let names: Vec<&str> =
        environment.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    assert!(names.contains(&"PLAIN") && names.contains(&"CODEX_HOME"), "{names:?}");
    for secret in ["OPENAI_API_KEY", "CODEX_ACCESS_TOKEN", "GH_TOKEN"] {
        assert!(!names.contains(&secret), "{secret}");
    }
}

//! The real program, each test with a home and an environment of its own.
#![expect(clippy::disallowed_methods, reason = "a test puts files in place")]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod config;
mod doctor;
mod elsewhere;
mod exposure;
mod fake_issuer;
mod handoff;
mod hardening;
mod launch;
mod login;
mod logins;
mod managed;
mod purge;
mod received;
mod redirects;
mod restricted;
mod sandbox;
mod schema;
mod sessions;
mod setup;
mod signed_in;
mod signed_out;
mod silent;
mod stored;
mod stub;
mod token;
mod usage;
mod usual;
mod why;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A home of its own.
struct Home(tempfile::TempDir);

/// What the program did.
#[derive(Debug, PartialEq, Eq)]
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Home {
    fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn holding(document: &str) -> Self {
        let home = Self::empty();
        std::fs::write(home.auth_file(), document).unwrap();
        home
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn auth_file(&self) -> PathBuf {
        self.path().join("auth.json")
    }

    /// Writes our own configuration.
    fn configure(&self, toml: &str) {
        let folder = self.path().join("keyfob");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("config.toml"), toml).unwrap();
    }

    fn stored(&self) -> Option<String> {
        std::fs::read_to_string(self.auth_file()).ok()
    }

    /// Puts a login beside the shared one.
    fn keep(&self, name: &str, document: &str) {
        let folder = self.path().join("keyfob/logins").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("auth.json"), document).unwrap();
    }

    fn kept(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.path().join("keyfob/logins").join(name).join("auth.json")).ok()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keyfob"));
        command.args(arguments).env_clear().env("CODEX_HOME", self.path()).env("TZ", "UTC");
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(&[], arguments)
    }

    fn run_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
        let output = self.command(arguments).envs(variables.iter().copied()).output().unwrap();
        Ran::of(output, self)
    }
}

impl Ran {
    /// Puts `$HOME` in the place of the folder's name, so that whole texts can be compared.
    fn of(output: Output, home: &Home) -> Self {
        let folder = std::fs::canonicalize(home.path()).unwrap().display().to_string();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(&folder, "$HOME");
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

fn ran(code: i32, stdout: &str, stderr: &str) -> Ran {
    Ran { code: Some(code), stdout: stdout.into(), stderr: stderr.into() }
}

//! A machine with an administrator: `/etc` of its own, in a mount namespace of each program that is run.

use super::rules::{Credential, Workspace};
use crate::{Home, Ran};
use keyfob_jose::{SigningKey, TokenType};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Nobody listens there.
pub(crate) const NOBODY: &str = "http://127.0.0.1:1";
/// An end that no test lives to see.
const FAR: i64 = 4_000_000_000;

/// A home, and the administrator's files.
pub(crate) struct Machine {
    pub(crate) home: Home,
    etc: tempfile::TempDir,
    flags: Vec<String>,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let etc = tempfile::tempdir().unwrap();
        fs::create_dir(etc.path().join("codex")).unwrap();
        // Whom to trust is the system's to say, as ever.
        fs::create_dir(etc.path().join("ssl")).unwrap();
        Self { home: Home::empty(), etc, flags: Vec::new() }
    }

    /// Puts `text` where `place` is: a file of `/etc/codex`, the user's `config.toml`, or `-c`.
    pub(crate) fn with(mut self, place: Place, text: &str) -> Self {
        match place {
            Place::Requirements | Place::Managed | Place::System => {
                fs::write(self.system(place.file()), text).unwrap();
            }
            Place::User => fs::write(self.home.path().join("config.toml"), text).unwrap(),
            Place::Flag => self.flags.push(text.trim().to_owned()),
        }
        self
    }

    pub(crate) fn system(&self, name: &str) -> PathBuf {
        self.etc.path().join("codex").join(name)
    }

    /// Stores `login`, and notes that this home did if that is so.
    pub(crate) fn store(&self, login: &Stored) {
        let Some(document) = &login.document else { return };
        fs::write(self.home.auth_file(), document).unwrap();
        let digest: Vec<String> = Sha256::digest(document).iter().map(|byte| format!("{byte:02x}")).collect();
        let digest = digest.concat();
        let token_of = login
            .token_of
            .map(|workspace| json!({ "written": digest, "issuer": NOBODY, "workspace": workspace }));
        let written = login.written_here.then_some(&digest);
        let state = json!({ "written": written, "token_of": token_of });
        fs::create_dir_all(self.home.path().join("keyfob")).unwrap();
        fs::write(self.home.path().join("keyfob/state.json"), state.to_string()).unwrap();
    }

    pub(crate) fn run(&self, arguments: &[&str], variables: &[(&str, &str)], input: &str) -> Ran {
        const ENTER: &str = "mount --bind /etc/ssl \"$0/ssl\" && mount --rbind \"$0\" /etc && exec \"$@\"";
        let program = self.home.command(&[]);
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", ENTER]).arg(self.etc.path()).arg(program.get_program());
        command.args(self.flags.iter().flat_map(|flag| ["-c", flag])).args(arguments);
        command.env_clear().envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("PATH", "/usr/bin:/bin").envs(variables.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // One that refuses at once reads nothing.
        let _closed = child.stdin.take().unwrap().write_all(input.as_bytes());
        Ran::of(child.wait_with_output().unwrap(), &self.home)
    }
}

/// Where a rule is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Requirements,
    Managed,
    Flag,
    User,
    System,
}

impl Place {
    pub(crate) const fn file(self) -> &'static str {
        match self {
            Self::Requirements => "requirements.toml",
            Self::Managed => "managed_config.toml",
            Self::System | Self::User => "config.toml",
            Self::Flag => "-c",
        }
    }

    /// What a message calls the place of a rule on `line`.
    pub(crate) fn named(self, line: usize) -> String {
        match self {
            Self::Requirements | Self::Managed | Self::System => format!("/etc/codex/{}:{line}", self.file()),
            Self::User => format!("$HOME/config.toml:{line}"),
            Self::Flag => format!("-c:{line}"),
        }
    }

    pub(crate) const fn is_administrators(self) -> bool {
        match self {
            Self::Requirements | Self::Managed | Self::System => true,
            Self::Flag | Self::User => false,
        }
    }
}

/// A kind of login, as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) name: &'static str,
    pub(crate) document: Option<String>,
    /// What restrictions see of it.
    pub(crate) credential: Credential,
    written_here: bool,
    token_of: Option<&'static str>,
}

impl Stored {
    fn new(name: &'static str, document: Option<String>, credential: Credential) -> Self {
        Self { name, document, credential, written_here: true, token_of: None }
    }

    fn account(name: &'static str, says: Option<&str>, workspace: Workspace) -> Self {
        Self::new(name, Some(account(NOBODY, says, FAR)), Credential::Account(Some(NOBODY), workspace))
    }

    fn token(name: &'static str, token_of: Option<&'static str>) -> Self {
        let document = json!({ "OPENAI_API_KEY": null, "personal_access_token": "at-1" }).to_string();
        let credential = match token_of {
            Some(workspace) => Credential::Account(Some(NOBODY), Workspace::Of(workspace)),
            None => Credential::Account(None, Workspace::Unknown),
        };
        Self { token_of, ..Self::new(name, Some(document), credential) }
    }

    /// Returns every kind.
    pub(crate) fn kinds() -> Vec<Self> {
        let key = json!({ "auth_mode": "apikey", "OPENAI_API_KEY": "sk-1" }).to_string();
        let foreign = json!({ "auth_mode": "bedrockApiKey", "bedrock_api_key": "secret" }).to_string();
        let edited = Self::account("account that says w-1", Some("w-1"), Workspace::Unknown);
        vec![
            Self::new("nothing", None, Credential::Nothing),
            Self::account("account of w-1", Some("w-1"), Workspace::Of("w-1")),
            Self::account("account of w-2", Some("w-2"), Workspace::Of("w-2")),
            Self::account("account of none", None, Workspace::None),
            Self { written_here: false, ..edited },
            Self::new("key", Some(key), Credential::Key),
            Self::token("token of w-1", Some("w-1")),
            Self::token("token of w-2", Some("w-2")),
            Self::token("token of somebody", None),
            // We do not use it, whatever it is.
            Self::new("foreign", Some(foreign), Credential::Nothing),
        ]
    }

    /// Returns a document that this home stored last.
    pub(crate) fn written_here(document: String) -> Self {
        Self::new("document", Some(document), Credential::Nothing)
    }

    /// Returns the kind of that name.
    pub(crate) fn of(name: &str) -> Self {
        Self::kinds().into_iter().find(|kind| kind.name == name).unwrap()
    }
}

/// Returns what is stored of an account.
pub(crate) fn account(issuer: &str, workspace: Option<&str>, expires: i64) -> String {
    let key = SigningKey::generate().unwrap();
    let access = json!({ "iat": 0, "exp": expires, "sub": "u-1" });
    let named = match workspace {
        Some(workspace) => json!({ "chatgpt_plan_type": "pro", "chatgpt_account_id": workspace }),
        None => json!({ "chatgpt_plan_type": "pro" }),
    };
    let claims = json!({ "sub": "u-1", "email": "mia@example.org", "https://api.openai.com/auth": named });
    json!({
        "auth_mode": "chatgpt", "OPENAI_API_KEY": null,
        "tokens": {
            "id_token": key.sign(TokenType::IdToken, &claims).unwrap(),
            "access_token": key.sign(TokenType::AccessToken, &access).unwrap(),
            "refresh_token": "rt-1", "account_id": workspace,
            "oauth_provenance": { "issuer": issuer, "client_id": "app" }, "login_owner_id": "o",
        },
        "last_refresh": "2026-11-22T13:45:27.128760237Z",
    })
    .to_string()
}

//! Places, and which secrets each may hold.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// What a secret is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A person's password.
    Password,
    /// An access token.
    AccessToken,
    /// A refresh token.
    RefreshToken,
    /// An ID token.
    IdToken,
    /// An authorization code.
    Code,
    /// The `state` of an authorization request.
    State,
    /// An API key or a personal access token that a person pipes in.
    ApiKey,
    /// The key of a tool at one's own gateway.
    ToolKey,
    /// A PKCE verifier.
    Verifier,
    /// The key of an authenticator app.
    AppKey,
    /// A recovery code.
    RecoveryCode,
    /// A cookie of the issuer's pages.
    Cookie,
    /// A form's protection against forgery.
    FormToken,
    /// What a device polls with.
    DeviceCode,
    /// What a gateway authenticates with at the issuer.
    ServerSecret,
    /// The key that seals the issuer's secrets.
    SealKey,
    /// The issuer's private key.
    SigningKey,
}

/// Which of a program's outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Where something was seen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A program's output; the program is named with its verb, as in `keyfob token`.
    Output {
        /// The program.
        program: String,
        /// The output.
        stream: Stream,
    },
    /// A file, relative to the world's folder.
    File(PathBuf),
    /// A process's arguments, which every user of the machine can read.
    Arguments(String),
    /// A process's environment.
    Environment(String),
    /// The variable of a process in which a command of `keyfob exec`, or `keyfob` itself, is given a credential.
    Given(String),
}

/// The variables that are there for it; the last one is the one of a provider in tests.
const GIVEN: [&str; 3] = ["OPENAI_API_KEY", "CODEX_API_KEY", "P_KEY"];

impl Place {
    /// Returns the place that `variable`, a name and a value, is in the environment of `program`.
    pub(crate) fn of_variable(program: &str, variable: &[u8]) -> Self {
        let name = variable.split(|byte| *byte == b'=').next().unwrap_or_default();
        match GIVEN.into_iter().find(|given| given.as_bytes() == name) {
            Some(given) => Self::Given(given.to_owned()),
            None => Self::Environment(program.to_owned()),
        }
    }

    /// Whether a secret of `kind` belongs here.
    pub fn may_hold(&self, kind: Kind) -> bool {
        match kind {
            Kind::AccessToken => {
                self.is_token_store()
                    || self.is_output("keyfob token", Stream::Stdout)
                    || self.is_output("keyfob workload", Stream::Stdout)
                    || self.is_given()
            }
            // Of a session that a new login took the place of, until it has ended.
            Kind::RefreshToken => self.is_token_store() || self.is_file("superseded.json"),
            Kind::IdToken => self.is_token_store(),
            // A personal access token is shown to its person once, and given out like an access token.
            Kind::ApiKey => {
                self.is_token_store()
                    || self.is_output("keyfob token", Stream::Stdout)
                    || self.is_output("keyfob-issuer on its host", Stream::Stdout)
                    || self.is_file("litellm.yaml")
                    || self.is_file("litellm.key")
                    || self.is_given()
            }
            // It is printed once, and is there for the tool's own configuration.
            Kind::ToolKey => {
                self.is_output("keyfob gateway", Stream::Stdout)
                    || self.is_file("config.toml")
                    || self.is_file("env")
                    || self.is_given()
            }
            Kind::Password => self.is_file("password"),
            Kind::ServerSecret => {
                self.is_file("gateway.secret")
                    || self.is_output("keyfob-issuer resource-server", Stream::Stdout)
            }
            Kind::SealKey => self.is_file("seal.key"),
            Kind::SigningKey => self.is_file("signing-key.pem"),
            // Redeemed by the time of the search, and then worth nothing. Of recovery codes, only one that was refused stays
            // there: Chromium keeps what was posted for the page that is open, and a code that is taken leads to another.
            Kind::Code | Kind::RecoveryCode => self.is_browser_profile(),
            // The address of the sign-in page carries it: it is printed, for people and for programs, and it is the
            // browser's argument. The issuer keeps it until it gives it back.
            Kind::State => {
                self.is_browser_profile()
                    || self.is_issuer_database()
                    || self.is_output("keyfob login", Stream::Stderr)
                    || self.is_output("keyfob login", Stream::Stdout)
                    || self.is_output("codex exec", Stream::Stderr)
                    || self.is_output("codex login", Stream::Stderr)
                    || self.is_output("codex app-server", Stream::Stdout)
                    || self.is_output("independent client", Stream::Stdout)
                    // `true` plays a browser that shows nothing.
                    || matches!(self, Self::Arguments(program) if ["keyfob-browse", "true"].contains(&program.as_str()))
            }
            Kind::Verifier | Kind::AppKey | Kind::Cookie | Kind::FormToken | Kind::DeviceCode => false,
        }
    }

    /// `auth.json`, a damaged one that was set aside, and the real client's own store of its gateway sign-ins.
    fn is_token_store(&self) -> bool {
        let is_set_aside = |name: &OsStr| name.to_string_lossy().starts_with("auth.json.corrupt-");
        self.is_file("auth.json")
            || matches!(self, Self::File(path) if path.file_name().is_some_and(is_set_aside))
            || matches!(self, Self::File(path) if path.ends_with("secrets/gateway_oauth.json"))
    }

    /// What a program was given in a variable; the Codex CLI keeps its variables in a file for the shells that it starts, until it
    /// ends.
    fn is_given(&self) -> bool {
        let is_snapshot = |path: &Path| path.iter().any(|part| part == "shell_snapshots");
        matches!(self, Self::Given(_)) || matches!(self, Self::File(path) if is_snapshot(path))
    }

    fn is_issuer_database(&self) -> bool {
        ["issuer.db", "issuer.db-wal"].iter().any(|name| self.is_file(name))
    }

    fn is_browser_profile(&self) -> bool {
        let is_profile = |path: &Path| path.iter().any(|part| part == "browser-profile");
        matches!(self, Self::File(path) if is_profile(path))
    }

    fn is_file(&self, name: &str) -> bool {
        matches!(self, Self::File(path) if path.file_name().is_some_and(|own| own == name))
    }

    fn is_output(&self, wanted: &str, of: Stream) -> bool {
        matches!(self, Self::Output { program, stream } if program == wanted && *stream == of)
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Output { program, stream: Stream::Stdout } => write!(f, "stdout of `{program}`"),
            Self::Output { program, stream: Stream::Stderr } => write!(f, "stderr of `{program}`"),
            Self::File(path) => write!(f, "the file {}", path.display()),
            Self::Arguments(program) => write!(f, "the arguments of `{program}`"),
            Self::Environment(program) => write!(f, "the environment of `{program}`"),
            Self::Given(name) => write!(f, "the variable `{name}`"),
        }
    }
}

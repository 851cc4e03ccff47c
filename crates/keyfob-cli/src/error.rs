//! From what failed to an exit code and advice: the one table.

mod brought;
mod change;
mod handoff;
mod login;
mod network;
mod provider;
mod restricted;
mod sandbox;
mod settings;
mod setup;
mod store;

pub(crate) use handoff::HandoffFailure;
pub(crate) use provider::ProviderFailure;
pub(crate) use restricted::Disabled;
pub(crate) use sandbox::SandboxFailure;
pub(crate) use settings::remedies;
pub(crate) use setup::SetupFailure;
use store::store_hints;

use crate::exit::Exit;
use keyfob_client::logout::SignOutError;
use keyfob_client::refresh::RefreshError;
use keyfob_client::store::StoreError;
use keyfob_client::why::Flaw;
use keyfob_client::{DiscoveryError, SessionsError, WhoIsError};
use keyfob_codex::errors::RefreshRejection;
use keyfob_oauth::{InvalidKey, IssuerUrl};
use keyfob_settings::logins::Which;
use keyfob_settings::{Broken, Origin};
use std::error::Error;
use std::path::PathBuf;

/// A command failed.
#[derive(Debug)]
pub(crate) struct CommandError {
    pub(crate) exit: Exit,
    pub(crate) source: Box<dyn Error + Send + Sync>,
    pub(crate) hints: Vec<String>,
}

/// Failures that only this program knows.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("nobody said where to sign in")]
    NoIssuer,
    #[error("not signed in")]
    SignedOut,
    #[error("there is no login `{login}`, which is {by}")]
    NoSuchLogin { login: Which, by: String },
    #[error("`{name}` is of {at}, and a token of {wanted} is asked for")]
    OtherIssuer { name: String, at: String, wanted: IssuerUrl },
    #[error("`{name}` comes first and cannot be used: {flaw}")]
    UnusableVariable { name: &'static str, flaw: Flaw },
    #[error("`CODEX_API_KEY` comes before the stored login, and a key has no access token")]
    KeyIsUsed,
    #[error("the access token in `CODEX_ACCESS_TOKEN` has expired")]
    VariableExpired,
    #[error("the standard output cannot be written")]
    Output(#[source] std::io::Error),
    #[error("{flag} expects the {what} on stdin, and that is a terminal")]
    SecretFromTerminal { flag: &'static str, what: &'static str },
    #[error("No {0} provided via stdin.")]
    NothingOnInput(&'static str),
    #[error("what is on standard input is no {0}: {1}")]
    NotAKey(&'static str, InvalidKey),
    #[error("what is on standard input is no personal access token, which begins `at-`")]
    NotAPersonalToken,
    #[error("a key of keyfob's issuers would be sent to OpenAI by a Codex CLI that finds it")]
    OwnKey,
    #[error("the token is of another workspace")]
    OtherWorkspace,
    // In the words of the Codex CLI.
    #[error("{} login is disabled. Use {} login instead.", .method.title(), .method.other())]
    MethodDisabled { method: Disabled, broken: Broken },
    #[error("{broken}")]
    VariableRestricted { name: &'static str, broken: Broken },
    #[error("this job was started by `{event}`, which anybody can cause, so no credential is used in it")]
    UntrustedJob { event: String, origin: Origin },
    #[error("whose token is in `{name}` cannot be verified now")]
    VariableUnverified {
        name: &'static str,
        origin: Origin,
        #[source]
        source: Option<Box<WhoIsError>>,
    },
    #[error("Choose one login credential source: --with-api-key or --with-access-token.")]
    TwoCredentials,
    #[error("The --api-key flag is no longer supported. Pipe the key instead.")]
    KeyInArguments,
    #[error("the standard input cannot be read")]
    Input(#[source] std::io::Error),
    #[error("the terminal cannot be used")]
    Terminal(#[source] std::io::Error),
    #[error("nothing here says where this runs")]
    NoIdToken,
    #[error("cannot read the ID token in {path}")]
    IdTokenFile {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("cancelled")]
    Cancelled,
    #[error("the program cannot set itself up")]
    Setup(#[source] std::io::Error),
    #[error("there is no command `{0}`, and no program `keyfob-{0}` beside this one")]
    NoSuchCommand(String),
    #[error("the standard output is a terminal, which would keep the token")]
    TokenToTerminal,
    #[error("the standard output is a terminal, which would keep the token")]
    WorkloadToTerminal,
    #[error("the access token is valid for {left} s, less than the {least} s asked for")]
    TooShort { left: u64, least: u64 },
    #[error("there is nobody to ask whether to remove it")]
    NobodyToAsk,
    #[error("another program is refreshing or signing in")]
    Busy,
    #[error("cannot remove {path}")]
    Remove {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot write the report {path}")]
    Report {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[cfg(feature = "failpoints")]
    #[error("there is no failpoint {0}")]
    NoSuchFailpoint(String),
}

const SIGN_IN: &str = "run `keyfob login` to sign in";

impl CommandError {
    /// Takes the code that the Codex CLI has for it: 1 for whatever goes wrong (design §6).
    pub(crate) fn in_the_codes_of_codex(self) -> Self {
        let exit = match self.exit {
            Exit::Ok | Exit::Failure | Exit::Usage | Exit::Cancelled => self.exit,
            Exit::SignedOut
            | Exit::SessionEnded
            | Exit::PolicyDenied
            | Exit::StoreUnavailable
            | Exit::Offline => Exit::Failure,
        };
        Self { exit, ..self }
    }

    fn new(exit: Exit, source: impl Error + Send + Sync + 'static, hints: &[&str]) -> Self {
        let hints = hints.iter().copied().chain(network::hint(&source)).map(str::to_owned).collect();
        Self { exit, source: Box::new(source), hints }
    }
}

impl From<Failure> for CommandError {
    fn from(failure: Failure) -> Self {
        if let Some(hints) = restricted::hints_of(&failure) {
            return Self { hints, ..Self::new(Exit::PolicyDenied, failure, &[]) };
        }
        let (exit, hints): (_, &[&str]) = match &failure {
            Failure::MethodDisabled { .. }
            | Failure::UntrustedJob { .. }
            | Failure::VariableRestricted { .. }
            | Failure::VariableUnverified { .. } => (Exit::PolicyDenied, &[]),
            Failure::NoIssuer => (
                Exit::Usage,
                &["name the issuer: `keyfob login --issuer URL`, or put `issuer = \"URL\"` into \
                   `$CODEX_HOME/keyfob/config.toml`"],
            ),
            Failure::SignedOut => (Exit::SignedOut, &[SIGN_IN]),
            Failure::NoSuchLogin { .. } => (
                Exit::SignedOut,
                &[
                    "`keyfob logins list` shows the logins there are; `keyfob login --as NAME` signs in under a name",
                ],
            ),
            Failure::OtherIssuer { .. } => (
                Exit::Failure,
                &[
                    "name a login of that issuer: `--login NAME`; `keyfob logins list` shows the logins there are",
                ],
            ),
            Failure::UnusableVariable { .. } => {
                (Exit::Failure, &["correct or unset it; the stored login is not used in its place"])
            }
            Failure::KeyIsUsed => {
                (Exit::Failure, &["unset it, or name a login that is to be used: `--login NAME`"])
            }
            Failure::VariableExpired => (
                Exit::SessionEnded,
                &["nothing can refresh it: replace it, unset it, or name a login: `--login NAME`"],
            ),
            Failure::SecretFromTerminal { .. } | Failure::KeyInArguments | Failure::NothingOnInput(_) => (
                Exit::Failure,
                &[
                    "pipe it, e.g. `printenv OPENAI_API_KEY | keyfob login --with-api-key`; a personal access token goes to \
                   `--with-access-token`",
                ],
            ),
            Failure::NotAPersonalToken => {
                (Exit::Failure, &["nothing was sent or stored; an API key goes to `--with-api-key`"])
            }
            Failure::OwnKey => (
                Exit::Failure,
                &[
                    "nothing was stored; name it as the `env_key` of a model provider, keep it beside with `--as NAME`, or add \
                   `--replace`",
                ],
            ),
            Failure::OtherWorkspace => {
                (Exit::Failure, &["nothing was stored; take a token of that workspace"])
            }
            Failure::TwoCredentials => (Exit::Failure, &[]),
            Failure::NotAKey(..) => (Exit::Failure, &["nothing was stored; give it alone, on one line"]),
            Failure::NoIdToken => (
                Exit::SignedOut,
                &[
                    "a job of GitHub Actions needs `permissions: id-token: write`; one of GitLab, `id_tokens:` with the name \
                   `KEYFOB_ID_TOKEN`; a pod, a projected service account token and `--id-token-file`",
                ],
            ),
            Failure::Terminal(_) => {
                (Exit::Failure, &["`keyfob login --plain` draws nothing and takes lines"])
            }
            Failure::Input(_)
            | Failure::IdTokenFile { .. }
            | Failure::Output(_)
            | Failure::Setup(_)
            | Failure::Remove { .. } => (Exit::Failure, &[]),
            Failure::TokenToTerminal => (Exit::Usage, &["pass it on a pipe, or add `--yes` to see it"]),
            Failure::WorkloadToTerminal => (Exit::Usage, &["pass it on a pipe, or into a variable"]),
            Failure::TooShort { .. } => (
                Exit::Failure,
                &["the issuer gives none for longer, or the new one could not be stored; ask for less"],
            ),
            Failure::NobodyToAsk => (Exit::Usage, &["to remove it unasked, add `--yes`"]),
            Failure::Busy => (Exit::Failure, &["nothing was removed; try again when it is done"]),
            Failure::Report { .. } => {
                (Exit::Failure, &["the report is written to a file that does not exist yet"])
            }
            Failure::Cancelled => (Exit::Cancelled, &[]),
            Failure::NoSuchCommand(_) => (Exit::Usage, &["`keyfob --help` lists the commands"]),
            #[cfg(feature = "failpoints")]
            Failure::NoSuchFailpoint(_) => (Exit::Usage, &["`keyfob failpoints` lists them"]),
        };
        Self::new(exit, failure, hints)
    }
}

impl From<SessionsError> for CommandError {
    fn from(error: SessionsError) -> Self {
        match error {
            SessionsError::Token(error) => error.into(),
            SessionsError::NotOffered(_) => {
                Self::new(Exit::Failure, error, &["`keyfob logout` still ends the session of this home"])
            }
            SessionsError::NotFound(_) => {
                Self::new(Exit::Failure, error, &["`keyfob session list` lists them"])
            }
            SessionsError::Unreachable { .. }
            | SessionsError::Discovery(DiscoveryError::Unreachable { .. }) => Self::new(
                Exit::Offline,
                error,
                &["your login is untouched; try again when the issuer answers"],
            ),
            SessionsError::Refused { status: 401, .. } => Self::new(
                Exit::SessionEnded,
                error,
                &["the session has ended, or a second factor is asked for", SIGN_IN],
            ),
            SessionsError::Refused { .. }
            | SessionsError::NoIssuer
            | SessionsError::Unusable(_)
            | SessionsError::Discovery(_) => Self::new(Exit::Failure, error, &[]),
        }
    }
}

/// Like the Codex CLI, 1 stands for whatever goes wrong but the store.
impl From<SignOutError> for CommandError {
    fn from(error: SignOutError) -> Self {
        match error {
            SignOutError::Store(StoreError::Corrupt { .. }) => Self::new(
                Exit::StoreUnavailable,
                error,
                &["nothing was changed; `keyfob logout --replace` removes it, whatever it is"],
            ),
            SignOutError::Store(error) => error.into(),
            SignOutError::OtherIssuer(_) => Self::new(
                Exit::Failure,
                error,
                &[
                    "nothing was changed; to sign it out, add `--replace`, or put its issuer as `issuer = \"URL\"` into \
                   `$CODEX_HOME/keyfob/config.toml`",
                ],
            ),
            SignOutError::OtherKind(_) => {
                Self::new(Exit::Failure, error, &["nothing was changed; to remove it, add `--replace`"])
            }
        }
    }
}

impl From<RefreshError> for CommandError {
    fn from(error: RefreshError) -> Self {
        let (exit, hints): (_, &[&str]) = match &error {
            RefreshError::SignedOut => (Exit::SignedOut, &[SIGN_IN]),
            RefreshError::EndUnknown => (Exit::Failure, &["ask without `--min-ttl` to have it as it is"]),
            RefreshError::NotAnAccount(_) => (Exit::Failure, &["only an account sign-in has access tokens"]),
            RefreshError::NotRefreshable => (Exit::SessionEnded, &["run `keyfob login` to sign in again"]),
            RefreshError::Copied { .. } => (
                Exit::SessionEnded,
                &[
                    "this login was restored from a backup or copied from another machine, which has refreshed it \
                   since: use it there, or run `keyfob login` here for a session of its own",
                ],
            ),
            RefreshError::Ended { reason: Some(RefreshRejection::Reused), .. } => (
                Exit::SessionEnded,
                &[
                    "somebody used a copy of this login. If it was not you, look at `keyfob session list` after you have \
                   run `keyfob login`, which gives this machine a session of its own",
                ],
            ),
            RefreshError::Ended { .. } => (
                Exit::SessionEnded,
                &["run `keyfob login` to sign in again; your old login stays stored until the new one is"],
            ),
            RefreshError::Unavailable { .. } | RefreshError::LeftAlone { .. } => {
                (Exit::Offline, &["your login is untouched; try again when the issuer answers"])
            }
            RefreshError::OtherAccount { .. } => {
                (Exit::Failure, &["nothing of the answer was kept; tell whoever runs the issuer"])
            }
            RefreshError::Restricted(evicted) => {
                let fate = restricted::fate(evicted.signed_out.as_ref());
                let hints = std::iter::once(fate).chain(restricted::hints(&evicted.broken)).collect();
                return Self { hints, ..Self::new(Exit::PolicyDenied, error, &[]) };
            }
            RefreshError::Unverified { origin, source } => {
                let hints = restricted::unverified_hints(origin, source.as_deref());
                return Self { hints, ..Self::new(Exit::PolicyDenied, error, &[]) };
            }
            RefreshError::Store(cause) => (Exit::StoreUnavailable, store_hints(cause)),
            RefreshError::NotSaved(_) => (
                Exit::StoreUnavailable,
                &["make room and run `keyfob token` again: the issuer then gives the same tokens once more"],
            ),
        };
        Self::new(exit, error, hints)
    }
}

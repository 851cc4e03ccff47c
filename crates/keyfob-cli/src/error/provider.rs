//! Why a provider of models gets no credential, and what to do about it.

use super::CommandError;
use crate::exit::Exit;
use keyfob_client::provider::child::ChildError;
use keyfob_client::provider::command::CommandError as TokenCommandError;
use keyfob_client::provider::{DestinationError, OtherServer, Refusal, UsageError};
use keyfob_client::why::Flaw;
use keyfob_client::{DiscoveryError, TokenError};
use keyfob_settings::{Origin, ProviderError};
use std::ffi::OsString;
use std::io;

/// A command cannot get what a provider needs.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProviderFailure {
    #[error(transparent)]
    Provider(#[from] ProviderError),
    #[error("Missing environment variable: `{name}`.{}", told(.instructions.as_deref()))]
    NoVariable { name: String, id: String, instructions: Option<String> },
    #[error("{place} comes first and cannot be used: {flaw}")]
    Flawed { place: String, flaw: Flaw },
    #[error("provider `{0}` uses no login")]
    NoLogin(String),
    #[error("provider `{id}` is signed in to by the Codex CLI itself (`gateway_oauth` in {origin})")]
    OwnSignIn { id: String, origin: Origin },
    #[error("a key for provider `{0}` cannot be kept: its id has more than letters, digits and `-_.`")]
    Unnameable(String),
    #[error("provider `{id}` takes no key from the store: it goes by {way}")]
    TakesNoKey { id: String, way: &'static str },
    #[error(transparent)]
    Destination(#[from] DestinationError),
    #[error(transparent)]
    NotVouched(#[from] Refusal),
    #[error(transparent)]
    OtherServer(#[from] OtherServer),
    #[error("cannot run `{}`", program.to_string_lossy())]
    Run {
        program: OsString,
        #[source]
        source: io::Error,
    },
    #[error("provider `{0}` is shown no credential, so its server does not know who asks")]
    NobodyKnown(String),
    #[error("nothing would end the session of the command")]
    NoEnd(#[source] io::Error),
}

fn told(text: Option<&str>) -> String {
    text.map_or_else(String::new, |text| format!(" {}", text.trim()))
}

impl From<ProviderFailure> for CommandError {
    fn from(failure: ProviderFailure) -> Self {
        let owned: Option<String>;
        let (exit, hints): (_, &[&str]) = match &failure {
            ProviderFailure::Provider(ProviderError::NotFound { nearest, .. }) => {
                owned = nearest.as_ref().map(|nearest| format!("did you mean `{nearest}`?"));
                let hints = owned.as_deref().into_iter().collect::<Vec<_>>();
                return Self::new(Exit::Usage, failure, &hints);
            }
            ProviderFailure::NoVariable { id, .. } => {
                let kept =
                    format!("set it, or keep the key for it: `keyfob login --provider {id} --with-api-key`");
                return Self::new(Exit::Failure, failure, &[&kept]);
            }
            ProviderFailure::NotVouched(refusal) if refusal.is_of_openai() => {
                return Self::new(
                    Exit::Failure,
                    failure,
                    &[
                        "this is where models are when nothing else is configured: name your own in `config.toml` \
                       (docs/providers.md), or let `keyfob setup codex --gateway URL` do it",
                    ],
                );
            }
            ProviderFailure::NotVouched(refusal) => {
                let named = format!(
                    "if you want it to go there, put `login_origins = [\"{}\"]` into `$CODEX_HOME/keyfob/config.toml`",
                    refusal.server
                );
                return Self::new(Exit::Failure, failure, &[&named]);
            }
            ProviderFailure::Provider(ProviderError::Amazon(_))
            | ProviderFailure::Destination(_)
            | ProviderFailure::OtherServer(_)
            | ProviderFailure::Run { .. }
            | ProviderFailure::NoEnd(_) => (Exit::Failure, &[]),
            ProviderFailure::Flawed { .. } => {
                (Exit::Failure, &["correct or unset it; nothing else is used in its place"])
            }
            ProviderFailure::NobodyKnown(_) => (
                Exit::Failure,
                &["`--provider ID` names another provider; docs/providers.md says what goes to one"],
            ),
            ProviderFailure::NoLogin(_) => (Exit::Usage, &["leave `--login` out"]),
            ProviderFailure::OwnSignIn { .. } => (
                Exit::Failure,
                &[
                    "`credential_export = { command = \"keyfob\", args = [\"token\"] }` in its place lets both use one login",
                ],
            ),
            ProviderFailure::Unnameable(_) => {
                (Exit::Usage, &["put it into a variable, and name that as `env_key`"])
            }
            ProviderFailure::TakesNoKey { .. } => {
                (Exit::Usage, &["a provider with `env_key`, or with no credential in its entry, takes one"])
            }
        };
        Self::new(exit, failure, hints)
    }
}

impl From<TokenCommandError> for CommandError {
    fn from(error: TokenCommandError) -> Self {
        let exit = match &error {
            TokenCommandError::Store(_) => Exit::StoreUnavailable,
            TokenCommandError::Start { .. }
            | TokenCommandError::TimedOut { .. }
            | TokenCommandError::Failed { .. }
            | TokenCommandError::NoToken { .. } => Exit::Failure,
        };
        Self::new(exit, error, &["it is the `auth` command of the provider; nothing is used in its place"])
    }
}

impl From<UsageError> for CommandError {
    fn from(error: UsageError) -> Self {
        let (exit, hints): (_, &[&str]) = match &error {
            UsageError::NotAGateway(_) => (
                Exit::Failure,
                &[
                    "`--provider ID` names another provider; `keyfob why` says which one is used, and where it is",
                ],
            ),
            UsageError::NotKept(_) => {
                (Exit::Failure, &["whoever runs it can give it a folder for that: `data` in `gateway.toml`"])
            }
            UsageError::Refused { status: 401, .. } => {
                (Exit::Failure, &["`keyfob why` says which credential is used, and where it goes"])
            }
            UsageError::Unreachable { .. } => {
                (Exit::Offline, &["your login is untouched; try again when the gateway answers"])
            }
            UsageError::Refused { .. } | UsageError::OtherServer(_) => (Exit::Failure, &[]),
        };
        Self::new(exit, error, hints)
    }
}

impl From<ChildError> for CommandError {
    fn from(error: ChildError) -> Self {
        let (exit, hints): (_, &[&str]) = match error {
            ChildError::HandOver(error) => return error.into(),
            ChildError::Unreachable { .. }
            | ChildError::Discovery(DiscoveryError::Unreachable { .. })
            | ChildError::Refused { source: TokenError::Unreachable(_), .. } => {
                (Exit::Offline, &["your login is untouched; try again when the issuer answers"])
            }
            ChildError::Discovery(_) | ChildError::Refused { .. } => {
                (Exit::Failure, &["the command was not run"])
            }
        };
        Self::new(exit, error, hints)
    }
}

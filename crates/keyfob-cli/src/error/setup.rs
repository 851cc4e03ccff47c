//! Why another program was not set up, with advice.

use super::CommandError;
use crate::commands::{InvalidProviderId, InvalidRecord, ProviderId};
use crate::exit::Exit;
use crate::settings::SettingsError;
use keyfob_client::{DiscoveryError, GatewayError, GatewayUrl};
use keyfob_oauth::IssuerUrl;
use keyfob_oauth::id::InvalidIssuer;
use std::path::PathBuf;

/// Failures of `keyfob setup`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetupFailure {
    #[error("the address in `--gateway` is not usable")]
    Gateway(#[source] InvalidIssuer),
    #[error(transparent)]
    Name(InvalidProviderId),
    #[error(transparent)]
    Asked(GatewayError),
    #[error(transparent)]
    Discovery(DiscoveryError),
    #[error("{0} does not say whose tokens open it")]
    Silent(GatewayUrl),
    #[error("{gateway} takes tokens of several issuers: {}", names(issuers))]
    Several { gateway: GatewayUrl, issuers: Vec<IssuerUrl> },
    #[error("{gateway} takes no tokens of {wanted}, but of {}", names(issuers))]
    OtherIssuer { gateway: GatewayUrl, wanted: IssuerUrl, issuers: Vec<IssuerUrl> },
    #[error("{gateway} asks for tokens that are meant for {resource}, which is not its own address")]
    OtherResource { gateway: GatewayUrl, resource: String },
    #[error("{path}:{line}:{column}: {message}")]
    NotToml { path: PathBuf, line: usize, column: usize, message: String },
    #[error("{path} has something else at `{key}` than a provider")]
    InTheWay { path: PathBuf, key: String },
    #[error("{path} has a provider `{id}` that was not written by `keyfob setup codex`")]
    Occupied { path: PathBuf, id: ProviderId },
    #[error("`keyfob setup codex` has written no provider `{0}`")]
    NotOurs(ProviderId),
    #[error("the Codex CLI does not take it: {0}")]
    Refused(String),
    #[error("cannot read {path}")]
    Record {
        path: PathBuf,
        #[source]
        source: InvalidRecord,
    },
    #[error("the path of this program is no text, which the configuration could hold")]
    ProgramName,
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

fn names(issuers: &[IssuerUrl]) -> String {
    if issuers.is_empty() {
        return "nobody".to_owned();
    }
    issuers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl From<SetupFailure> for CommandError {
    fn from(failure: SetupFailure) -> Self {
        let failure = match failure {
            SetupFailure::Settings(error) => return error.into(),
            other => other,
        };
        let (exit, hints): (_, &[&str]) = match &failure {
            SetupFailure::Settings(_) => (Exit::Failure, &[]),
            SetupFailure::Gateway(_) => (Exit::Usage, &[]),
            SetupFailure::Name(_) => (Exit::Usage, &["choose another: `--name ID`"]),
            SetupFailure::Asked(GatewayError::Unreachable { .. })
            | SetupFailure::Discovery(DiscoveryError::Unreachable { .. }) => {
                (Exit::Offline, &["nothing was changed; try again when it answers"])
            }
            SetupFailure::Asked(GatewayError::Malformed(_)) => {
                (Exit::Failure, &["nothing was changed; whoever runs the gateway can correct it"])
            }
            SetupFailure::Discovery(_) | SetupFailure::NotOurs(_) => {
                (Exit::Failure, &["nothing was changed"])
            }
            SetupFailure::Silent(_) | SetupFailure::Several { .. } => {
                (Exit::Usage, &["name the issuer that is meant: `--issuer URL`"])
            }
            SetupFailure::OtherIssuer { .. } => {
                (Exit::Failure, &["nothing was changed; leave `--issuer` out, or ask another gateway"])
            }
            SetupFailure::OtherResource { .. } => (
                Exit::Failure,
                &[
                    "nothing was changed; such a token opens that server too. If whoever runs both says that this is right, \
                   name it yourself: `--resource URL`",
                ],
            ),
            SetupFailure::NotToml { .. } => {
                (Exit::Failure, &["nothing was changed; correct that line and try again"])
            }
            SetupFailure::InTheWay { .. } => {
                (Exit::Failure, &["nothing was changed; take that away, or choose another `--name ID`"])
            }
            SetupFailure::Occupied { .. } => (
                Exit::Failure,
                &["nothing was changed; choose another `--name ID`, or add `--replace` to take its place"],
            ),
            SetupFailure::Refused(_) => (Exit::Failure, &["the configuration is as it was before"]),
            SetupFailure::Record { .. } => (
                Exit::Failure,
                &["nothing was changed; without that file, what was there before is not known any more"],
            ),
            SetupFailure::ProgramName => (Exit::Failure, &["nothing was changed; install it elsewhere"]),
        };
        Self::new(exit, failure, hints)
    }
}

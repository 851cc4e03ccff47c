//! Why nothing was handed over, with advice.

use super::{CommandError, SIGN_IN, store_hints};
use crate::exit::Exit;
use keyfob_client::handoff::{HandOverError, InvalidHandoff, SealedError};
use keyfob_client::{DiscoveryError, TokenError};
use keyfob_oauth::IssuerUrl;
use keyfob_settings::logins::InvalidLoginName;
use std::process::ExitStatus;

/// Failures of a handing over that only this program knows.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandoffFailure {
    #[error("nobody said to which machine")]
    NoTarget,
    #[error("`{0}` names no machine")]
    NotATarget(String),
    #[error("the name for the login over there cannot be used")]
    Name(#[source] InvalidLoginName),
    #[error("there is no program `{0}` here")]
    NoProgram(&'static str),
    #[error("cannot run `{program}`")]
    Start {
        program: &'static str,
        #[source]
        source: std::io::Error,
    },
    #[error("{0} was not reached")]
    NotReached(String),
    #[error("{0} has no program `keyfob`, or it cannot be run")]
    NotThere(String),
    #[error("{0} asked for a page that is no sign-in of this command's")]
    NotASignIn(String),
    #[error("cancelled")]
    Cancelled,
    #[error("{target} did not take it ({status})")]
    Failed { target: String, status: ExitStatus },
    #[error("the stored login is damaged")]
    Damaged,
    #[error("the standard input cannot be used")]
    Invalid(#[source] InvalidHandoff),
    #[error(transparent)]
    Sealed(SealedError),
    #[error("there is no passphrase after the text")]
    NoPassphrase,
    #[error("a login of {came} was handed over, and only one of {wanted} is taken")]
    OtherIssuer { wanted: IssuerUrl, came: IssuerUrl },
}

impl From<HandoffFailure> for CommandError {
    fn from(failure: HandoffFailure) -> Self {
        let (exit, hints): (_, &[&str]) = match &failure {
            HandoffFailure::NoTarget => (
                Exit::Usage,
                &[
                    "name one: `USER@HOST`, `--docker CONTAINER` or `--kube POD`; or take a text along: `--text`",
                ],
            ),
            HandoffFailure::NotATarget(_) | HandoffFailure::Name(_) => (Exit::Usage, &[]),
            HandoffFailure::NoProgram(_) | HandoffFailure::Start { .. } => (
                Exit::Failure,
                &["without a program that leads there, take a text along: `keyfob handoff --text`"],
            ),
            HandoffFailure::NotReached(_) => {
                (Exit::Failure, &["does `ssh` with the same name work? Host keys and settings are its own"])
            }
            HandoffFailure::NotThere(_) => (
                Exit::Failure,
                &[
                    "put it into a folder where every shell over there looks, or use `--copy`, which needs none",
                ],
            ),
            HandoffFailure::NotASignIn(_) => (
                Exit::Failure,
                &["nothing was opened; look at what `keyfob` is over there, or use `keyfob handoff`"],
            ),
            HandoffFailure::Failed { .. } => (Exit::Failure, &["what is above comes from there"]),
            HandoffFailure::Cancelled => (Exit::Cancelled, &[]),
            HandoffFailure::Damaged => (Exit::StoreUnavailable, &["run `keyfob login` to sign in again"]),
            HandoffFailure::Invalid(InvalidHandoff::NotOurs) => (
                Exit::Failure,
                &[
                    "nothing was stored; `keyfob handoff` on the other machine sends it, or prints it with `--text`",
                ],
            ),
            HandoffFailure::Invalid(InvalidHandoff::Later) => (Exit::Failure, &["bring this one up to date"]),
            HandoffFailure::Sealed(SealedError::NotWhole) => {
                (Exit::Failure, &["nothing was stored; copy it from its first line with hyphens to its last"])
            }
            HandoffFailure::Sealed(SealedError::WrongPassphrase) => {
                (Exit::Failure, &["nothing was stored and nothing is used up: try again"])
            }
            HandoffFailure::Sealed(_) => (Exit::Failure, &[]),
            HandoffFailure::NoPassphrase => {
                (Exit::Failure, &["nothing was stored; the passphrase is the line that follows the text"])
            }
            HandoffFailure::OtherIssuer { .. } => {
                (Exit::Failure, &["nothing was stored; to take it all the same, name it with `--issuer URL`"])
            }
        };
        Self::new(exit, failure, hints)
    }
}

impl From<HandOverError> for CommandError {
    fn from(error: HandOverError) -> Self {
        let error = match error {
            HandOverError::Restricted(cause) => return (*cause).into(),
            error => error,
        };
        let (exit, hints): (_, &[&str]) = match &error {
            HandOverError::SignedOut | HandOverError::Restricted(_) => (Exit::SignedOut, &[SIGN_IN]),
            HandOverError::NotASession(_) | HandOverError::NoIssuer | HandOverError::NotOffered(_) => (
                Exit::Failure,
                &[
                    "sign in over there (`keyfob login --device-auth`); or share this login with that machine: `--copy`, whose \
                   warning says what that comes to",
                ],
            ),
            HandOverError::Store(cause) => (Exit::StoreUnavailable, store_hints(cause)),
            HandOverError::Discovery(DiscoveryError::Unreachable { .. })
            | HandOverError::Refused {
                source: TokenError::Unreachable(_) | TokenError::Refused { status: 429 | 500..=599, .. },
                ..
            } => (Exit::Offline, &["nothing was handed over; try again when the issuer answers"]),
            HandOverError::Discovery(_) => (Exit::Failure, &["tell whoever runs the issuer"]),
            HandOverError::Refused { .. } => {
                (Exit::Failure, &["`keyfob status --check` says whether the session here is alive"])
            }
        };
        Self::new(exit, error, hints)
    }
}

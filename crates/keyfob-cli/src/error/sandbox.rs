//! Why a sandbox was not prepared, with advice.

use super::CommandError;
use crate::exit::Exit;
use keyfob_client::tool_keys::{InvalidToolName, ToolKeysError};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Failures of `keyfob sandbox`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SandboxFailure {
    #[error(
        "{0} is no address at which `keyfob-gateway local` could be reached: it listens on a port of loopback"
    )]
    Gateway(SocketAddr),
    #[error(transparent)]
    Name(InvalidToolName),
    #[error("cannot use the folder {path}")]
    Folder {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the name of the folder {0} is no text")]
    NoText(PathBuf),
    #[error("{place} and the folder {home}, where your login may be, are not apart")]
    WithLogin { place: PathBuf, home: PathBuf },
    #[error("{0} holds something else already")]
    Occupied(PathBuf),
    #[error("cannot write {path}")]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    Keys(ToolKeysError),
}

impl From<SandboxFailure> for CommandError {
    fn from(failure: SandboxFailure) -> Self {
        let (exit, hints): (_, &[&str]) = match &failure {
            SandboxFailure::Gateway(_) => (
                Exit::Usage,
                &["carry that port into the sandbox, as `ssh -R` does, in place of naming another address"],
            ),
            SandboxFailure::Name(_) => (Exit::Usage, &["name it: `--name NAME`"]),
            SandboxFailure::Folder { .. } => (
                Exit::Failure,
                &["nothing was changed; what it is in has to be there, and no link stands for it"],
            ),
            SandboxFailure::NoText(_) => (Exit::Failure, &["nothing was changed; choose another"]),
            SandboxFailure::WithLogin { .. } => (
                Exit::Failure,
                &["nothing was changed; a sandbox that is given this folder has your login: choose another"],
            ),
            SandboxFailure::Occupied(_) => (
                Exit::Failure,
                &[
                    "nothing was changed; choose an empty folder, or add `--replace` to write beside what is there",
                ],
            ),
            SandboxFailure::Write { .. } => (Exit::Failure, &["the key was not given out; try again"]),
            SandboxFailure::Keys(ToolKeysError::Taken(_)) => {
                (Exit::Failure, &["nothing was changed; choose another name: `--name NAME`"])
            }
            SandboxFailure::Keys(_) => (Exit::Failure, &[]),
        };
        Self::new(exit, failure, hints)
    }
}

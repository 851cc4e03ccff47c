//! Why a token that somebody brought is not taken, with advice.

use super::CommandError;
use crate::exit::Exit;
use keyfob_client::workload::{PlatformError, WorkloadError};
use keyfob_client::{DiscoveryError, TokenError, WhoIsError};

impl From<WorkloadError> for CommandError {
    fn from(error: WorkloadError) -> Self {
        let (exit, hints): (_, &[&str]) = match &error {
            WorkloadError::Platform(PlatformError::Unreachable(_))
            | WorkloadError::Discovery(DiscoveryError::Unreachable { .. })
            | WorkloadError::Refused {
                source: TokenError::Unreachable(_) | TokenError::Refused { status: 429 | 500..=599, .. },
                ..
            } => (Exit::Offline, &["run the job again when it answers"]),
            WorkloadError::Refused { .. } => (
                Exit::Failure,
                &["a rule in the issuer's `workloads.toml` has to fit what the ID token says of this job"],
            ),
            WorkloadError::Platform(_) | WorkloadError::Discovery(_) => (Exit::Failure, &[]),
        };
        Self::new(exit, error, hints)
    }
}

impl From<WhoIsError> for CommandError {
    fn from(error: WhoIsError) -> Self {
        let (exit, hints): (_, &[&str]) = match &error {
            WhoIsError::Unreachable { .. } | WhoIsError::Refused { status: 429 | 500..=599, .. } => {
                (Exit::Offline, &["nothing was stored; try again when the issuer answers"])
            }
            WhoIsError::Refused { .. } => (
                Exit::Failure,
                &[
                    "nothing was stored; was it copied whole, has it ended, and is it of that issuer (`--issuer URL`)?",
                ],
            ),
            WhoIsError::Unusable(_) => (Exit::Failure, &["nothing was stored; tell whoever runs the issuer"]),
        };
        Self::new(exit, error, hints)
    }
}

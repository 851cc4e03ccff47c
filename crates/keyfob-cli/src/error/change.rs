//! Why a key of the configuration is not changed, with advice.

use super::CommandError;
use crate::commands::ChangeFailure;
use crate::exit::Exit;

impl From<ChangeFailure> for CommandError {
    fn from(failure: ChangeFailure) -> Self {
        let exit = match &failure {
            ChangeFailure::UnknownKey { .. }
            | ChangeFailure::Administrators(_)
            | ChangeFailure::Rules
            | ChangeFailure::Value { .. } => Exit::Usage,
            ChangeFailure::Pinned { .. } | ChangeFailure::Excluded { .. } => Exit::PolicyDenied,
        };
        let hints = match &failure {
            ChangeFailure::UnknownKey { near: Some(near), .. } => vec![format!("did you mean `{near}`?")],
            ChangeFailure::UnknownKey { near: None, .. } => {
                vec!["`keyfob config show` lists the keys; others are the Codex CLI's business".to_owned()]
            }
            ChangeFailure::Administrators(_) => {
                vec!["nothing was changed; ask whoever administers this computer".to_owned()]
            }
            ChangeFailure::Rules => {
                vec!["`keyfob logins use NAME --here` adds a rule for the folder you are in".to_owned()]
            }
            ChangeFailure::Value { help, .. } => {
                help.iter().cloned().chain(["nothing was changed".to_owned()]).collect()
            }
            ChangeFailure::Pinned { .. } | ChangeFailure::Excluded { .. } => {
                vec!["nothing was changed; only whoever administers this computer can change that".to_owned()]
            }
        };
        Self { hints, ..Self::new(exit, failure, &[]) }
    }
}

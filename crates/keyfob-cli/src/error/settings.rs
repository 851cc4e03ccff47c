//! What to do about settings that cannot be used.

use super::CommandError;
use crate::exit::Exit;
use crate::settings::SettingsError;
use keyfob_settings::edit::EditError;
use keyfob_settings::{Layer, SettingsError as LayersError, Untrusted};

impl From<SettingsError> for CommandError {
    fn from(error: SettingsError) -> Self {
        let exit = match &error {
            SettingsError::Layers(layers) if layers.is_about_restrictions() => Exit::PolicyDenied,
            SettingsError::IssuerArgument(_) | SettingsError::LoginArgument(_) => Exit::Usage,
            SettingsError::Layers(_)
            | SettingsError::NoHome(_)
            | SettingsError::LoginVariable(_)
            | SettingsError::NoWorkingFolder(_)
            | SettingsError::UnnamedWorkingFolder
            | SettingsError::Home(_)
            | SettingsError::Edit(_) => Exit::Failure,
        };
        let hints = match &error {
            SettingsError::Layers(layers) => {
                let looks = "nothing was changed; `keyfob config check` looks at every file";
                let looks = (!layers.is_about_restrictions()).then(|| looks.to_owned());
                remedies(layers).into_iter().chain(looks).collect()
            }
            SettingsError::Edit(error) => vec![edit_hint(error).to_owned()],
            _ => Vec::new(),
        };
        Self { hints, ..Self::new(exit, error, &[]) }
    }
}

/// Returns what to do about a file that cannot be read or used, whoever it belongs to.
pub(crate) fn remedies(error: &LayersError) -> Vec<String> {
    const ADMINISTRATOR: &str = "nothing was changed; what an administrator restricts is not known, so nothing is \
                                 allowed: ask whoever administers this computer";
    let remedy = match error {
        LayersError::Invalid { problem, .. } => problem.help.clone(),
        LayersError::Read { .. } => {
            Some("it has to be a file that you may read, of at most 1 MiB".to_owned())
        }
        LayersError::Untrusted { path, why } => Some(match why {
            Untrusted::NotRegular => "the file itself has to be there".to_owned(),
            Untrusted::NotAFolder => "it has to be a folder, or not to be there".to_owned(),
            Untrusted::Owner(_) => {
                format!("an administrator makes it root's: `chown root {}`", path.display())
            }
            Untrusted::Writable(_) => {
                format!("an administrator takes that right away: `chmod go-w {}`", path.display())
            }
        }),
        LayersError::Conflict(conflict) => {
            let yours = conflict.origins.iter().find(|(_, origin)| origin.layer == Layer::User);
            Some(match yours {
                Some((key, _)) => {
                    format!("nothing was changed; `keyfob config unset {key}` takes yours back")
                }
                None if conflict.origins.iter().any(|(_, origin)| origin.layer == Layer::Flag) => {
                    "nothing was changed; leave out `-c`".to_owned()
                }
                None => "nothing was changed; ask whoever administers this computer for a way to sign in"
                    .to_owned(),
            })
        }
    };
    let unknown = match error {
        LayersError::Conflict(_) => None,
        LayersError::Invalid { .. } | LayersError::Read { .. } | LayersError::Untrusted { .. } => {
            error.is_about_restrictions().then(|| ADMINISTRATOR.to_owned())
        }
    };
    remedy.into_iter().chain(unknown).collect()
}

const fn edit_hint(error: &EditError) -> &'static str {
    match error {
        EditError::Read { .. } | EditError::Write { .. } => {
            "nothing was changed; it has to be a file that you may write, in a folder that you may write to"
        }
        EditError::Parse(_) => {
            "nothing was changed; mend it there first, `keyfob config check` shows all that is wrong"
        }
        EditError::InTheWay { .. } => "nothing was changed; take it out there, or write it there by hand",
        EditError::Busy(_) => "nothing was changed; try again when it is done",
    }
}

//! What to do about settings that cannot be used.

use super::CommandError;
use crate::exit::Exit;
use crate::settings::SettingsError;
use keyfob_settings::SettingsError as LayersError;

impl From<SettingsError> for CommandError {
    fn from(error: SettingsError) -> Self {
        let exit = match &error {
            SettingsError::Layers(layers) if layers.is_about_restrictions() => Exit::PolicyDenied,
            SettingsError::IssuerArgument(_) | SettingsError::LoginArgument(_) => Exit::Usage,
            SettingsError::Layers(_)
            | SettingsError::NoSuchHome(_)
            | SettingsError::NoHome
            | SettingsError::LoginVariable(_)
            | SettingsError::NoWorkingFolder(_)
            | SettingsError::UnnamedWorkingFolder
            | SettingsError::Home(_)
            | SettingsError::Edit(_) => Exit::Failure,
        };
        let hints = match &error {
            SettingsError::Layers(layers) => hints(layers),
            _ => Vec::new(),
        };
        Self { hints, ..Self::new(exit, error, &[]) }
    }
}

fn hints(error: &LayersError) -> Vec<String> {
    let administrator = "nothing was changed; what an administrator restricts is not known, so nothing is allowed: \
                         ask whoever administers this computer";
    let general = if error.is_about_restrictions() {
        administrator
    } else {
        "nothing was changed; `keyfob config check` looks at every file"
    };
    let help = match error {
        LayersError::Invalid { problem, .. } => problem.help.clone(),
        LayersError::Read { .. } | LayersError::Untrusted { .. } | LayersError::Conflict(_) => None,
    };
    help.into_iter().chain([general.to_owned()]).collect()
}

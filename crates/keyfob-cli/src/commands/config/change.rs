//! `keyfob config set` and `unset`: one key of the user's own files.

use super::show::known;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::{output, settings};
use keyfob_client::Home;
use keyfob_settings::edit;
use keyfob_settings::{
    FileKind, Finding, Key, Kind, Layer, Places, Settings, SettingsError, Sourced, Survey,
};
use std::path::PathBuf;

/// A key cannot be changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChangeFailure {
    #[error("there is no key `{name}`")]
    UnknownKey { name: String, near: Option<&'static str> },
    #[error("`{0}` is a key of requirements.toml, which an administrator writes")]
    Administrators(&'static str),
    #[error("`login_rule` holds tables, which a command line cannot")]
    Rules,
    #[error("`{key}` cannot be set to that: {message}")]
    Value { key: &'static str, message: String, help: Option<String> },
    #[error("`{key}` is required to be {} by {}", .pin.value, .pin.origin)]
    Pinned { key: &'static str, pin: Sourced<String> },
    #[error("set to that, `{key}` would leave no way to sign in: {others}")]
    Excluded { key: &'static str, others: String },
}

/// Sets a key that no restriction pins to a value that the file's reader takes.
pub(super) fn set(
    name: &str,
    value: &str,
    home: &Home,
    environment: &Environment,
) -> Result<Exit, CommandError> {
    let key = settable(name)?;
    let value = written(key.kind, value);
    check_value(key, &value, home)?;
    let places = places(environment, home);
    if key.file == FileKind::Shared {
        check_restrictions(key, &value, &places)?;
    }
    let survey = restrictions_known(&places)?;
    if let Some(pin) = survey.pin(key.name) {
        return Err(ChangeFailure::Pinned { key: key.name, pin }.into());
    }
    home.make().map_err(settings::SettingsError::from)?;
    let file = file(key, home);
    edit::set(&file, key.name, &value).map_err(settings::SettingsError::from)?;
    output::say(&format!("Set `{}` in {}", key.name, file.display()));
    let values = Survey::of(&places).values(key.name);
    if let Some(stronger) = values.first().filter(|value| *value.origin.file != file) {
        output::say(&format!("note: {} is stronger and says {}", stronger.origin, stronger.value));
    }
    Ok(Exit::Ok)
}

/// Takes a key away; the lines around it stay.
pub(super) fn unset(name: &str, home: &Home, environment: &Environment) -> Result<Exit, CommandError> {
    let key = settable(name)?;
    let file = file(key, home);
    let was_there = file.exists() && edit::unset(&file, key.name).map_err(settings::SettingsError::from)?;
    let (name, shown) = (key.name, file.display());
    output::say(&if was_there {
        format!("Took `{name}` out of {shown}")
    } else {
        format!("`{name}` is not set in {shown}")
    });
    if let Some(other) = Survey::of(&places(environment, home)).values(name).first() {
        output::say(&format!("note: {} says {}", other.origin, other.value));
    }
    Ok(Exit::Ok)
}

fn settable(name: &str) -> Result<&'static Key, ChangeFailure> {
    let key = known(name)?;
    match (key.file, key.kind) {
        (FileKind::Requirements, _) => Err(ChangeFailure::Administrators(key.name)),
        (_, Kind::Rules) => Err(ChangeFailure::Rules),
        _ => Ok(key),
    }
}

fn file(key: &Key, home: &Home) -> PathBuf {
    match key.file {
        FileKind::Own => home.config_file(),
        FileKind::Shared | FileKind::Requirements => home.codex_config_file(),
    }
}

/// What other commands are told by `-c` is not what the next one finds.
fn places(environment: &Environment, home: &Home) -> Places {
    Places { flags: Vec::new(), ..settings::places(environment, home) }
}

/// Returns the value as TOML; what is quoted or a list may be TOML already.
fn written(kind: Kind, value: &str) -> String {
    let is_list = value.starts_with('[') && matches!(kind, Kind::Workspaces | Kind::Servers);
    let may_be_toml = is_list || value.starts_with(['"', '\'']);
    if may_be_toml && value.parse::<toml_edit::Value>().is_ok() {
        value.to_owned()
    } else {
        toml::Value::from(value).to_string()
    }
}

/// Asks the reader of the file.
fn check_value(key: &'static Key, value: &str, home: &Home) -> Result<(), ChangeFailure> {
    let refused = |message: String, help| ChangeFailure::Value { key: key.name, message, help };
    Settings::check(key, value, home.path()).map_err(|problem| refused(problem.message, problem.help))
}

/// Refuses what would leave no way to sign in.
fn check_restrictions(key: &'static Key, value: &str, places: &Places) -> Result<(), ChangeFailure> {
    let flags = vec![format!("{}={value}", key.name)];
    match Settings::load(&Places { flags, ..places.clone() }) {
        Err(SettingsError::Conflict(conflict)) => {
            let others = conflict.origins.iter().filter(|(_, origin)| origin.layer != Layer::Flag);
            let others: Vec<_> = others.map(|(key, origin)| format!("`{key}` is in {origin}")).collect();
            Err(ChangeFailure::Excluded { key: key.name, others: others.join(", ") })
        }
        // What else is wrong may be what is to be mended.
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Nothing is changed while what an administrator restricts is not known.
fn restrictions_known(places: &Places) -> Result<Survey, CommandError> {
    for finding in Survey::of(places).findings() {
        match finding {
            Finding::Error(SettingsError::Conflict(_)) | Finding::Warning(_) => {}
            Finding::Error(error) if error.is_about_restrictions() => {
                return Err(settings::SettingsError::Layers(error).into());
            }
            Finding::Error(_) => {}
        }
    }
    Ok(Survey::of(places))
}

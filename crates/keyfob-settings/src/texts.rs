//! The text of every layer that is there.

use crate::error::SettingsError;
use crate::file::{self, Text};
use crate::layer::Layer;
use crate::preferences::Preferences;
use crate::settings::Places;
use std::path::Path;
use std::sync::Arc;

/// The texts of each kind, the strongest first.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    pub(crate) requirements: Vec<Text>,
    pub(crate) config: Vec<Text>,
    pub(crate) own: Option<Text>,
    /// Why others are missing, an administrator's first.
    pub(crate) unreadable: Vec<SettingsError>,
}

impl Texts {
    /// Reads them all; a file that is not there says nothing.
    pub(crate) fn read(places: &Places) -> Self {
        let mut texts = Self::default();
        for path in &places.preferences {
            if let Some(preferences) = texts.or_missing(Preferences::read(path).map(Some)) {
                texts.config.extend(preferences.config);
                texts.requirements.extend(preferences.requirements);
            }
        }
        let is_managed = texts.or_missing(file::is_there(&places.system).map(Some)).unwrap_or(false);
        let managed = |texts: &mut Self, layer, name: &str| {
            if is_managed { texts.or_missing(Text::read(layer, &places.system.join(name))) } else { None }
        };
        let requirements = managed(&mut texts, Layer::Requirements, "requirements.toml");
        texts.requirements.extend(requirements);
        let managed_config = managed(&mut texts, Layer::ManagedConfig, "managed_config.toml");
        let system = managed(&mut texts, Layer::System, "config.toml");
        texts.config.extend(managed_config);
        // The last one that was given counts.
        for flag in places.flags.iter().rev() {
            let text = texts.or_missing(of_flag(flag).map(Some));
            texts.config.extend(text);
        }
        let user = texts.or_missing(Text::read(Layer::User, &places.shared));
        texts.config.extend(user);
        texts.config.extend(system);
        texts.own = texts.or_missing(Text::read(Layer::Own, &places.own));
        texts
    }

    fn or_missing<T>(&mut self, read: Result<Option<T>, SettingsError>) -> Option<T> {
        read.unwrap_or_else(|error| {
            self.unreadable.push(error);
            None
        })
    }
}

/// Makes a text of `KEY=VALUE`; a value that is no TOML is a text, as in the Codex CLI, unless it was to be TOML.
fn of_flag(flag: &str) -> Result<Text, SettingsError> {
    let (key, value) = flag.split_once('=').unwrap_or((flag, ""));
    let file = Arc::new(Path::new("-c").to_owned());
    if value.trim_start().starts_with(['[', '{', '"', '\'']) {
        let content = format!("{}={value}", key.trim_end());
        let text = Text { layer: Layer::Flag, file, content };
        return match toml::from_str::<toml::Table>(&text.content) {
            Ok(_) => Ok(text),
            Err(error) => Err(text.invalid(error.into())),
        };
    }
    Ok(Text { layer: Layer::Flag, file, content: line(key, value) })
}

/// Returns the line that sets `key` to `value`, which is a text if it is no TOML.
pub(crate) fn line(key: &str, value: &str) -> String {
    let line = format!("{}={value}", key.trim_end());
    match toml::from_str::<toml::Table>(&line) {
        Ok(_) => line,
        Err(_) => format!("{}={}", key.trim_end(), toml::Value::from(value.trim())),
    }
}

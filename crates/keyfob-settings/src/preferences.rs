//! What a device management put into the preferences of macOS: a property list with TOML in it.

use crate::error::SettingsError;
use crate::file::Text;
use crate::layer::Layer;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use plist::Value;
use std::io::{self, Cursor};
use std::path::Path;
use std::sync::Arc;

/// What one property list holds.
#[derive(Debug, Default)]
pub(crate) struct Preferences {
    pub(crate) config: Option<Text>,
    pub(crate) requirements: Option<Text>,
}

impl Preferences {
    /// Reads the list at `path`; one that is not there says nothing.
    pub(crate) fn read(path: &Path) -> Result<Self, SettingsError> {
        let Some(bytes) = crate::file::read(Layer::ManagedPreferences, path)? else {
            return Ok(Self::default());
        };
        let problem = |message: String| SettingsError::Read {
            layer: Layer::ManagedPreferences,
            path: path.to_owned(),
            source: io::Error::new(io::ErrorKind::InvalidData, message),
        };
        let list = Value::from_reader(Cursor::new(bytes)).map_err(|error| problem(error.to_string()))?;
        let list = list.as_dictionary().ok_or_else(|| problem("it is no dictionary".into()))?;
        let toml = |key: &str| {
            let Some(value) = list.get(key) else { return Ok(None) };
            let encoded = value.as_string().ok_or_else(|| problem(format!("`{key}` is no text")))?;
            let bytes =
                STANDARD.decode(encoded.trim()).map_err(|error| problem(format!("`{key}`: {error}")))?;
            let text = String::from_utf8(bytes).map_err(|error| problem(format!("`{key}`: {error}")))?;
            let file = Arc::new(path.join(key));
            Ok(Some(Text { layer: Layer::ManagedPreferences, file, content: text }))
        };
        Ok(Self { config: toml("config_toml_base64")?, requirements: toml("requirements_toml_base64")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Preferences, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("com.openai.codex.plist");
        crate::on_disk::put(&path, &format!("<plist version=\"1.0\">{body}</plist>"));
        Preferences::read(&path).map_err(|error| {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            source.unwrap_or_else(|| error.to_string())
        })
    }

    #[test]
    fn s_18_preferences_hold_a_configuration_and_requirements() {
        let text = STANDARD.encode("allowed_login_methods = [\"api\"]\n");

        let read = read(&format!("<dict><key>requirements_toml_base64</key><string>{text}</string></dict>"));

        let requirements = read.unwrap().requirements.unwrap();
        assert_eq!(requirements.content, "allowed_login_methods = [\"api\"]\n");
        assert!(requirements.file.ends_with("com.openai.codex.plist/requirements_toml_base64"));
        assert_eq!(requirements.layer, Layer::ManagedPreferences);
    }

    #[test]
    fn c_53_preferences_that_cannot_be_read_are_an_error() {
        let list = |value: &str| format!("<dict><key>config_toml_base64</key>{value}</dict>");

        assert_eq!(read(&list("<integer>7</integer>")).unwrap_err(), "`config_toml_base64` is no text");
        assert!(read(&list("<string>%</string>")).unwrap_err().starts_with("`config_toml_base64`: "));
        assert_eq!(read("<array/>").unwrap_err(), "it is no dictionary");
        assert!(read("<dict>").is_err());
        assert!(Preferences::read(Path::new("/nowhere/x.plist")).unwrap().config.is_none());
    }
}

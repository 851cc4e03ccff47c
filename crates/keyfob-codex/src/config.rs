//! What we read of the Codex CLI's `config.toml`.

use serde::Deserialize;

/// The settings we share; every other key is the Codex CLI's own business.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Config {
    /// Where the login is kept.
    #[serde(default)]
    pub cli_auth_credentials_store: CredentialsStore,
    /// Where the Codex CLI sends the login of an account; its default is OpenAI's.
    pub chatgpt_base_url: Option<String>,
}

/// Where a login is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CredentialsStore {
    /// In `auth.json`.
    #[default]
    File,
    /// In the system's keyring.
    Keyring,
    /// In the keyring where there is one, else in the file.
    Auto,
    /// In the memory of the process.
    Ephemeral,
}

/// The file cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct InvalidConfig {
    /// Counted from one.
    pub line: usize,
    /// Counted from one.
    pub column: usize,
    /// What is wrong there.
    pub message: String,
}

impl Config {
    /// Reads the text of the file.
    pub fn parse(text: &str) -> Result<Self, InvalidConfig> {
        toml::from_str(text).map_err(|error| {
            let before = text.get(..error.span().map_or(0, |span| span.start)).unwrap_or(text);
            InvalidConfig {
                line: before.matches('\n').count() + 1,
                column: before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1,
                message: error.message().trim_end().to_owned(),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s_13_the_store_is_the_file_unless_the_configuration_says_otherwise() {
        let store = |text: &str| Config::parse(text).map(|config| config.cli_auth_credentials_store);

        assert_eq!(store("model = \"o9\"\n[projects.x]\ntrust = 1.5\n"), Ok(CredentialsStore::File));
        for (word, kind) in [
            ("file", CredentialsStore::File),
            ("keyring", CredentialsStore::Keyring),
            ("auto", CredentialsStore::Auto),
            ("ephemeral", CredentialsStore::Ephemeral),
        ] {
            assert_eq!(store(&format!("cli_auth_credentials_store = {word:?}")), Ok(kind));
        }
    }

    #[test]
    fn s_13_a_wrong_word_is_refused_with_its_place_in_the_codex_clis_words() {
        let error = Config::parse("\ncli_auth_credentials_store = \"xx\"\n").unwrap_err();

        assert_eq!(
            error.to_string(),
            "2:30: unknown variant `xx`, expected one of `file`, `keyring`, `auto`, `ephemeral`"
        );
    }
}

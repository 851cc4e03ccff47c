//! What we read of the Codex CLI's `config.toml`; every other key is its own business.

use crate::provider::ProviderTable;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use toml::Spanned;

/// The settings we share, each with its place in the text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Config {
    /// Where the login is kept; without it, in the file.
    pub cli_auth_credentials_store: Option<Spanned<CredentialsStore>>,
    /// Where the Codex CLI sends the login of an account; its default is OpenAI's.
    pub chatgpt_base_url: Option<Spanned<String>>,
    /// How people sign in and no other way.
    pub forced_login_method: Option<Spanned<LoginMethod>>,
    /// In which workspaces accounts are used.
    pub forced_chatgpt_workspace_id: Option<Spanned<Workspaces>>,
    /// Which provider of models is used; OpenAI, where nothing is chosen.
    pub model_provider: Option<Spanned<String>>,
    /// Where the built-in provider `openai` serves, if not at OpenAI's hosts.
    pub openai_base_url: Option<Spanned<String>>,
    /// The providers that are not built in.
    #[serde(default)]
    pub model_providers: BTreeMap<String, Spanned<ProviderTable>>,
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

impl CredentialsStore {
    /// Returns the word in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Keyring => "keyring",
            Self::Auto => "auto",
            Self::Ephemeral => "ephemeral",
        }
    }
}

/// A way to sign in, as restrictions tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LoginMethod {
    /// With an account, which personal access tokens stand for too.
    Chatgpt,
    /// With an API key.
    Api,
}

impl LoginMethod {
    /// Returns the word in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chatgpt => "chatgpt",
            Self::Api => "api",
        }
    }
}

/// One workspace, or a list of them; an empty list says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workspaces(pub Vec<String>);

fn one<E: de::Error>(text: &str) -> Result<String, E> {
    if text.contains(',') {
        return Err(E::custom("a comma is no part of a workspace's id; several are a list: [\"…\", \"…\"]"));
    }
    Ok(text.to_owned())
}

impl<'de> Deserialize<'de> for Workspaces {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;

        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Workspaces;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a workspace or a list of workspaces")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Workspaces, E> {
                Ok(Workspaces(vec![one(text)?]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Workspaces, A::Error> {
                let mut all = Vec::new();
                while let Some(item) = items.next_element::<String>()? {
                    all.push(one(&item)?);
                }
                Ok(Workspaces(all))
            }
        }

        let Self(all) = deserializer.deserialize_any(OneOrMany)?;
        let named = all.iter().map(|id| id.trim().to_owned()).filter(|id| !id.is_empty());
        Ok(Self(named.collect()))
    }
}

/// A file cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidConfig {
    /// Where in the text, in bytes.
    pub span: Range<usize>,
    /// What is wrong there.
    pub message: String,
}

impl From<toml::de::Error> for InvalidConfig {
    fn from(error: toml::de::Error) -> Self {
        Self { span: error.span().unwrap_or_default(), message: error.message().trim_end().to_owned() }
    }
}

impl Config {
    /// Reads the text of the file.
    pub fn parse(text: &str) -> Result<Self, InvalidConfig> {
        Ok(toml::from_str(text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s_13_the_store_is_what_the_configuration_says() {
        let store = |text: &str| {
            Config::parse(text).map(|config| config.cli_auth_credentials_store.map(Spanned::into_inner))
        };

        assert_eq!(store("model = \"o9\"\n[projects.x]\ntrust = 1.5\n"), Ok(None));
        for kind in [
            CredentialsStore::File,
            CredentialsStore::Keyring,
            CredentialsStore::Auto,
            CredentialsStore::Ephemeral,
        ] {
            let word = kind.as_str();
            assert_eq!(store(&format!("cli_auth_credentials_store = {word:?}")), Ok(Some(kind)));
        }
    }

    #[test]
    fn s_13_a_wrong_word_is_refused_with_its_place_in_the_codex_clis_words() {
        let error = Config::parse("\ncli_auth_credentials_store = \"xx\"\n").unwrap_err();

        let message = "unknown variant `xx`, expected one of `file`, `keyring`, `auto`, `ephemeral`";
        assert_eq!(error, InvalidConfig { span: 30..34, message: message.into() });
    }

    #[test]
    fn s_16_workspaces_are_one_or_a_list_and_blanks_are_none() {
        let workspaces = |value: &str| {
            Config::parse(&format!("forced_chatgpt_workspace_id = {value}"))
                .map(|config| {
                    config.forced_chatgpt_workspace_id.map(|ids| ids.into_inner().0).unwrap_or_default()
                })
                .map_err(|error| error.message)
        };

        assert_eq!(workspaces("\"w-1\""), Ok(vec!["w-1".into()]));
        assert_eq!(workspaces("[\" w-1 \", \"w-2\", \"\"]"), Ok(vec!["w-1".into(), "w-2".into()]));
        for nothing in ["[]", "\"\"", "\"  \"", "[\" \"]"] {
            assert_eq!(workspaces(nothing), Ok(vec![]), "{nothing}");
        }
        for several in ["\"w-1,w-2\"", "[\"w-1,w-2\"]"] {
            assert_eq!(
                workspaces(several),
                Err("a comma is no part of a workspace's id; several are a list: [\"…\", \"…\"]".into())
            );
        }
        assert_eq!(
            workspaces("7"),
            Err("invalid type: integer `7`, expected a workspace or a list of workspaces".into())
        );
    }
}

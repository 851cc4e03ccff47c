//! `[model_providers.ID]` of the Codex CLI's configuration: where models are, and what is shown to whoever serves them.
//!
//! A table of one layer is a [`ProviderTable`]; a stronger one is laid over a weaker one key by key, and the result is
//! judged as a whole, as the Codex CLI does. What is wrong names its [`Key`], so that whoever knows the files can show
//! the place.

mod table;

pub use table::{CommandTable, ExportTable, GatewayTable, Hidden, ProviderTable};

use std::fmt;

/// A provider that needs no entry and cannot have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuiltIn {
    /// OpenAI, which is used where nothing is chosen.
    OpenAi,
    /// Ollama on this machine.
    Ollama,
    /// LM Studio on this machine.
    LmStudio,
}

impl BuiltIn {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::OpenAi, Self::Ollama, Self::LmStudio];

    /// Returns the id.
    pub const fn id(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Ollama => "ollama",
            Self::LmStudio => "lmstudio",
        }
    }

    /// Returns the name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "OpenAI",
            Self::Ollama => "Ollama",
            Self::LmStudio => "LM Studio",
        }
    }

    /// Returns the one of this id.
    pub fn of_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|built_in| built_in.id() == id)
    }

    /// Returns the port on this machine at which a local one serves.
    pub const fn local_port(self) -> Option<u16> {
        match self {
            Self::OpenAi => None,
            Self::Ollama => Some(11_434),
            Self::LmStudio => Some(1_234),
        }
    }
}

/// Those that are signed to in Amazon's own way, which Keyfob does not speak; their entries are the Codex CLI's business.
pub const AMAZON: [&str; 2] = ["amazon-bedrock", "amazon-bedrock-runtime"];
/// Where OpenAI's API is, for keys.
pub const OPENAI_API: &str = "https://api.openai.com/v1";
/// Where OpenAI serves accounts.
pub const OPENAI_ACCOUNTS: &str = "https://chatgpt.com/backend-api/codex";
/// The headers that OpenAI takes from the environment: their names, and the variables.
pub const OPENAI_HEADERS: [(&str, &str); 2] =
    [("OpenAI-Organization", "OPENAI_ORGANIZATION"), ("OpenAI-Project", "OPENAI_PROJECT")];
/// In which header the workspace of an account goes.
pub const WORKSPACE_HEADER: &str = "ChatGPT-Account-ID";

/// A key of an entry, or the entry itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// The entry.
    Entry,
    /// `name`.
    Name,
    /// `base_url`.
    BaseUrl,
    /// `env_key`.
    EnvKey,
    /// `experimental_bearer_token`.
    BearerToken,
    /// `auth`.
    Auth,
    /// `requires_openai_auth`.
    RequiresOpenAiAuth,
    /// `aws`.
    Aws,
    /// `gateway_oauth`.
    GatewayOauth,
}

impl Key {
    /// Returns the word in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Entry => "",
            Self::Name => "name",
            Self::BaseUrl => "base_url",
            Self::EnvKey => "env_key",
            Self::BearerToken => "experimental_bearer_token",
            Self::Auth => "auth",
            Self::RequiresOpenAiAuth => "requires_openai_auth",
            Self::Aws => "aws",
            Self::GatewayOauth => "gateway_oauth",
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An entry cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidProvider {
    /// Where.
    pub key: Key,
    /// What is wrong, in words close to the Codex CLI's; nothing of a value that may be a secret is in it.
    pub message: String,
}

/// Judges an entry, of which weaker layers may have given some keys.
pub fn check(id: &str, table: &ProviderTable) -> Result<(), InvalidProvider> {
    let wrong = |key, message: String| Err(InvalidProvider { key, message });
    if AMAZON.contains(&id) {
        return Ok(());
    }
    if BuiltIn::of_id(id).is_some() {
        return wrong(
            Key::Entry,
            format!(
                "model_providers contains reserved built-in provider IDs: `{id}`. Built-in providers cannot be \
                 overridden. Rename your custom provider (for example, `{id}-custom`)"
            ),
        );
    }
    if table.aws.is_some() {
        return wrong(
            Key::Aws,
            format!(
                "model_providers.{id}: provider aws is only supported for `{}` or `{}`",
                AMAZON[0], AMAZON[1]
            ),
        );
    }
    if let Some(auth) = &table.auth {
        let others = [
            (Key::EnvKey, table.env_key.is_some()),
            (Key::BearerToken, table.experimental_bearer_token.is_some()),
            (Key::RequiresOpenAiAuth, table.asks_for_login()),
        ];
        let others: Vec<&str> =
            others.iter().filter(|(_, is_set)| *is_set).map(|(key, _)| key.as_str()).collect();
        if !others.is_empty() {
            let listed = others.join(", ");
            return wrong(
                Key::Auth,
                format!("model_providers.{id}: provider auth cannot be combined with {listed}"),
            );
        }
        if auth.get_ref().command.as_ref().is_none_or(|command| command.trim().is_empty()) {
            return wrong(
                Key::Auth,
                format!("model_providers.{id}: provider auth.command must not be empty"),
            );
        }
    }
    if let Some(gateway) = &table.gateway_oauth {
        if !gateway.get_ref().has_one_source() {
            return wrong(
                Key::GatewayOauth,
                format!(
                    "model_providers.{id}: choose one gateway credential source: credential_export or OAuth settings \
                     (authorization_url, token_url, and client_id)"
                ),
            );
        }
        if table.base_url.is_none() {
            return wrong(
                Key::GatewayOauth,
                format!("model_providers.{id}: gateway_oauth requires base_url"),
            );
        }
    }
    if table.name.as_ref().is_none_or(|name| name.get_ref().trim().is_empty()) {
        let key = if table.name.is_some() { Key::Name } else { Key::Entry };
        return wrong(key, format!("model_providers.{id}: provider name must not be empty"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;

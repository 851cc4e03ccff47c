//! What is in the folder of a sandbox.

use keyfob_client::tool_keys::{ToolKey, ToolName};
use keyfob_oauth::Secret;
use std::net::SocketAddr;
use toml_edit::{DocumentMut, Item, Table, value};

/// What is written, but for the key.
pub(super) struct Contents<'a> {
    pub(super) tool: &'a ToolName,
    pub(super) gateway: SocketAddr,
    pub(super) model: Option<&'a str>,
}

/// The folder to which `CODEX_HOME` is to lead, and its file.
pub(super) const CODEX: &str = "codex";
pub(super) const CONFIG: &str = "config.toml";
/// Variables, a line each, as shells and container engines read them.
pub(super) const ENV: &str = "env";
/// A folder of keys is nothing for a repository.
pub(super) const GIT_IGNORE: &str = ".gitignore";
pub(super) const IGNORE_ALL: &str = "*\n";

/// The name of the provider in the configuration.
const PROVIDER: &str = "keyfob";

impl Contents<'_> {
    /// Returns where the gateway serves.
    pub(super) fn base_url(&self) -> String {
        format!("http://{}/v1", self.gateway)
    }

    /// Returns the configuration of the Codex CLI, which needs no login beside it.
    pub(super) fn config(&self, key: &ToolKey) -> Secret {
        let mut document = DocumentMut::new();
        if let Some(model) = self.model {
            document.insert("model", value(model));
        }
        document.insert("model_provider", value(PROVIDER));
        let mut provider = Table::new();
        provider.insert("name", value(self.gateway.to_string()));
        provider.insert("base_url", value(self.base_url()));
        provider.insert("wire_api", value("responses"));
        // The gateway does not change protocols on a connection.
        provider.insert("supports_websockets", value(false));
        provider.insert("experimental_bearer_token", value(key.expose()));
        let mut providers = Table::new();
        providers.set_implicit(true);
        providers.insert(PROVIDER, Item::Table(provider));
        document.insert("model_providers", Item::Table(providers));
        Secret::new(format!("{}{document}", self.heading()))
    }

    /// Returns the variables that the libraries of OpenAI look for.
    pub(super) fn env(&self, key: &ToolKey) -> Secret {
        let (heading, base_url, key) = (self.heading(), self.base_url(), key.expose());
        Secret::new(format!("{heading}OPENAI_BASE_URL={base_url}\nOPENAI_API_KEY={key}\n"))
    }

    fn heading(&self) -> String {
        format!(
            "# Written by `keyfob sandbox init`. The key opens the gateway of the person who ran it, and nothing else;\n\
             # `keyfob-gateway local key revoke {}` ends it.\n",
            self.tool
        )
    }
}

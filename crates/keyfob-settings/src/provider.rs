//! The provider of models that is used: what it asks for, and where each piece was read.

use crate::layer::{Origin, Sourced};
use crate::nearest::nearest;
use crate::settings::Settings;
use keyfob_codex::provider::{AMAZON, BuiltIn, CommandTable, Key, OPENAI_HEADERS, ProviderTable};
use keyfob_oauth::Secret;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// A provider of models.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Which one it is of those that need no entry.
    pub built_in: Option<BuiltIn>,
    /// Where it was chosen; nowhere if it is the usual one, or if the command named it.
    pub chosen: Option<Origin>,
    /// Where it serves.
    pub base_url: Option<Sourced<String>>,
    /// Whether the login goes to it; a built-in one is written down nowhere.
    pub login: Option<Option<Origin>>,
    /// The variable that holds its key.
    pub env_key: Option<Sourced<String>>,
    /// What to do where that is not set.
    pub env_key_instructions: Option<String>,
    /// A token in the configuration itself.
    pub bearer_token: Option<Sourced<Secret>>,
    /// A command that prints a token.
    pub command: Option<Sourced<TokenCommand>>,
    /// Headers that go with each request.
    pub headers: BTreeMap<String, Sourced<Secret>>,
    /// Headers whose values are in variables, and the variables.
    pub variable_headers: BTreeMap<String, String>,
    /// Whether something is added to each address.
    pub has_query: bool,
    /// What Keyfob cannot do for it, if it asks for that.
    pub own_sign_in: Option<Origin>,
}

/// A command that prints a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenCommand {
    /// The program, as it was written.
    pub program: String,
    /// What it is called with.
    pub arguments: Vec<String>,
    /// Where it runs: the folder of the file that names it, or what is said from there; where the caller is, for `-c`.
    pub folder: Option<PathBuf>,
    /// For how long it may run.
    pub limit: Duration,
    /// For how long a token that does not say when it ends is used; not at all a second time if it is zero.
    pub used_for: Duration,
}

/// There is no such provider.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// Nothing of that id is configured or built in.
    #[error("model provider `{id}` not found{}", place(.chosen.as_ref()))]
    NotFound {
        /// The id.
        id: String,
        /// Where it was chosen, if the command did not.
        chosen: Option<Origin>,
        /// The one that may have been meant.
        nearest: Option<String>,
    },
    /// It is asked in a way that Keyfob does not speak.
    #[error("model provider `{0}` is asked in Amazon's own way, which keyfob does not speak")]
    Amazon(String),
}

fn place(origin: Option<&Origin>) -> String {
    origin.map_or_else(String::new, |origin| format!(" (`model_provider` in {origin})"))
}

const USUAL_LIMIT: Duration = Duration::from_secs(5);
const USUAL_USE: Duration = Duration::from_mins(5);

impl Settings {
    /// Returns the provider `id`, else the one that is configured, else OpenAI.
    pub fn provider(&self, id: Option<&str>) -> Result<Provider, ProviderError> {
        let (id, chosen) = match (id, self.model_provider()) {
            (Some(id), _) => (id.to_owned(), None),
            (None, Some(Sourced { value, origin })) => (value, Some(origin)),
            (None, None) => (BuiltIn::OpenAi.id().to_owned(), None),
        };
        if let Some(built_in) = BuiltIn::of_id(&id) {
            return Ok(self.built_in(built_in, chosen));
        }
        if AMAZON.contains(&id.as_str()) {
            return Err(ProviderError::Amazon(id));
        }
        let layers = self.provider_tables(&id);
        if layers.is_empty() {
            let ids = self.provider_ids();
            let known = BuiltIn::ALL.map(BuiltIn::id).into_iter().chain(ids.iter().map(String::as_str));
            let nearest = nearest(&id, known).map(str::to_owned);
            return Err(ProviderError::NotFound { id, chosen, nearest });
        }
        let mut table = ProviderTable::default();
        for (_, layer) in &layers {
            table.fill_from(layer);
        }
        let origin =
            |key: Key| layers.iter().find_map(|(text, table)| table.span(key).map(|span| text.origin(&span)));
        let sourced = |value: Option<String>, key| {
            value.zip(origin(key)).map(|(value, origin)| Sourced { value, origin })
        };
        let text = |value: Option<&toml::Spanned<String>>| value.map(|value| value.get_ref().clone());
        let header = |name: &String, value: &Secret| {
            let holds = layers.iter().find_map(|(text, table)| {
                table.http_headers.get(name).map(|value| text.origin(&value.span()))
            });
            holds.map(|origin| (name.clone(), Sourced { value: value.clone(), origin }))
        };
        let headers = table.http_headers.iter();
        let command = match (&table.auth, &table.gateway_oauth) {
            (Some(auth), _) => origin(Key::Auth)
                .and_then(|origin| command_of(auth.get_ref(), &origin).map(|command| (command, origin))),
            (None, Some(gateway)) => gateway
                .get_ref()
                .credential_export
                .as_ref()
                .map(|export| TokenCommand {
                    program: export.command.clone(),
                    arguments: export.args.clone(),
                    folder: None,
                    limit: USUAL_LIMIT,
                    // It runs once a command, as the Codex CLI runs it once.
                    used_for: Duration::ZERO,
                })
                .zip(origin(Key::GatewayOauth)),
            (None, None) => None,
        };
        let signs_in_itself = table.gateway_oauth.is_some() && command.is_none();
        Ok(Provider {
            name: text(table.name.as_ref()).unwrap_or_default(),
            built_in: None,
            chosen,
            base_url: sourced(text(table.base_url.as_ref()), Key::BaseUrl),
            login: table.asks_for_login().then(|| origin(Key::RequiresOpenAiAuth)),
            env_key: sourced(text(table.env_key.as_ref()), Key::EnvKey),
            env_key_instructions: text(table.env_key_instructions.as_ref()),
            bearer_token: table
                .experimental_bearer_token
                .as_ref()
                .map(|token| token.get_ref().0.clone())
                .zip(origin(Key::BearerToken))
                .map(|(value, origin)| Sourced { value, origin }),
            command: command.map(|(value, origin)| Sourced { value, origin }),
            headers: headers.filter_map(|(name, value)| header(name, &value.get_ref().0)).collect(),
            variable_headers: table
                .env_http_headers
                .iter()
                .map(|(name, variable)| (name.clone(), variable.get_ref().clone()))
                .collect(),
            has_query: !table.query_params.is_empty(),
            own_sign_in: if signs_in_itself { origin(Key::GatewayOauth) } else { None },
            id,
        })
    }

    fn built_in(&self, built_in: BuiltIn, chosen: Option<Origin>) -> Provider {
        let (base_url, login, headers): (_, _, &[_]) = match built_in {
            BuiltIn::OpenAi => (self.openai_base_url(), Some(None), &OPENAI_HEADERS),
            BuiltIn::Ollama | BuiltIn::LmStudio => (None, None, &[]),
        };
        Provider {
            id: built_in.id().to_owned(),
            name: built_in.name().to_owned(),
            built_in: Some(built_in),
            chosen,
            base_url,
            login,
            env_key: None,
            env_key_instructions: None,
            bearer_token: None,
            command: None,
            headers: BTreeMap::new(),
            variable_headers: headers
                .iter()
                .map(|(name, variable)| ((*name).to_owned(), (*variable).to_owned()))
                .collect(),
            has_query: false,
            own_sign_in: None,
        }
    }
}

fn command_of(table: &CommandTable, origin: &Origin) -> Option<TokenCommand> {
    // Never where the caller happens to be: that may be a stranger's repository (security C-22).
    let base = origin.file.parent().filter(|folder| folder.is_absolute());
    let folder = match (base, table.cwd.as_ref()) {
        (Some(base), Some(cwd)) => Some(base.join(cwd)),
        (Some(base), None) => Some(base.to_owned()),
        (None, cwd) => cwd.map(PathBuf::from),
    };
    let used_for = table.refresh_interval_ms.map_or(USUAL_USE, Duration::from_millis);
    Some(TokenCommand {
        program: table.command.clone()?,
        arguments: table.args.clone().unwrap_or_default(),
        folder,
        limit: table.timeout_ms.map_or(USUAL_LIMIT, |limit| Duration::from_millis(limit.get())),
        used_for,
    })
}

#[cfg(test)]
mod tests;

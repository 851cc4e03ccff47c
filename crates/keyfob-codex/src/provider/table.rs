//! An entry as one layer has it, and one laid over another.

use super::Key;
use crate::config::InvalidConfig;
use keyfob_oauth::Secret;
use serde::de::{self, IgnoredAny};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::ops::Range;
use toml::Spanned;

/// What one layer says of a provider; keys that are none of our business are left alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(expecting = "the table of a provider")]
pub struct ProviderTable {
    /// For people.
    pub name: Option<Spanned<String>>,
    /// Where it serves; without it, where OpenAI does.
    pub base_url: Option<Spanned<String>>,
    /// The variable that holds its key.
    pub env_key: Option<Spanned<String>>,
    /// What to do where that variable is not set.
    pub env_key_instructions: Option<Spanned<String>>,
    /// A token for it, in the file itself.
    pub experimental_bearer_token: Option<Spanned<Hidden>>,
    /// A command that prints a token for it.
    pub auth: Option<Spanned<CommandTable>>,
    /// Whether the login goes to it.
    pub requires_openai_auth: Option<Spanned<bool>>,
    /// The sign-in of the Codex CLI to a gateway.
    pub gateway_oauth: Option<Spanned<GatewayTable>>,
    /// Headers that go with each request.
    #[serde(default)]
    pub http_headers: BTreeMap<String, Spanned<Hidden>>,
    /// Headers whose values are in variables.
    #[serde(default)]
    pub env_http_headers: BTreeMap<String, Spanned<String>>,
    /// What is added to each address.
    #[serde(default)]
    pub query_params: BTreeMap<String, Spanned<Hidden>>,
    pub(super) aws: Option<Spanned<Anything>>,
    // Read so that a wrong type is found where the Codex CLI finds it.
    wire_api: Option<WireApi>,
    request_max_retries: Option<u64>,
    stream_max_retries: Option<u64>,
    stream_idle_timeout_ms: Option<u64>,
    websocket_connect_timeout_ms: Option<u64>,
    supports_websockets: Option<bool>,
}

/// A value that may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hidden(pub Secret);

/// A command that prints a token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct CommandTable {
    /// The program: a bare name is looked for in `PATH`, one with a separator is relative to `cwd`.
    pub command: Option<String>,
    /// What it is called with.
    pub args: Option<Vec<String>>,
    /// For how long it may run, in milliseconds.
    pub timeout_ms: Option<NonZeroU64>,
    /// For how long its token is used, in milliseconds; 0 for until it is refused.
    pub refresh_interval_ms: Option<u64>,
    /// Where it runs.
    pub cwd: Option<String>,
}

/// The sign-in of the Codex CLI to a gateway; only what it takes from a command is of use to others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct GatewayTable {
    /// A command that prints a token.
    pub credential_export: Option<ExportTable>,
    authorization_url: Option<String>,
    token_url: Option<String>,
    client_id: Option<String>,
}

/// A command that prints a token for a gateway.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ExportTable {
    /// The program.
    pub command: String,
    /// What it is called with.
    #[serde(default)]
    pub args: Vec<String>,
}

/// A value of which only that it is there counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Anything;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct WireApi;

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Secret::new(text)))
    }
}

impl<'de> Deserialize<'de> for Anything {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|IgnoredAny| Self)
    }
}

impl<'de> Deserialize<'de> for WireApi {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "responses" => Ok(Self),
            "chat" => Err(de::Error::custom(
                "`wire_api = \"chat\"` is no longer supported; set `wire_api = \"responses\"` in your provider config",
            )),
            other => Err(de::Error::unknown_variant(other, &["responses"])),
        }
    }
}

impl GatewayTable {
    pub(super) fn has_one_source(&self) -> bool {
        let oauth = [&self.authorization_url, &self.token_url, &self.client_id];
        match &self.credential_export {
            Some(export) => !export.command.trim().is_empty() && oauth.iter().all(|key| key.is_none()),
            None => oauth.iter().all(|key| key.is_some()),
        }
    }
}

impl ProviderTable {
    /// Returns the name of the variable with its key, if it has one.
    pub fn variable(&self) -> Option<&str> {
        self.env_key.as_ref().map(|name| name.get_ref().as_str())
    }

    /// Reads the keys of one entry alone.
    pub fn parse(text: &str) -> Result<Self, InvalidConfig> {
        Ok(toml::from_str(text)?)
    }

    /// Whether the login goes to it.
    pub fn asks_for_login(&self) -> bool {
        self.requires_openai_auth.as_ref().is_some_and(|asks| *asks.get_ref())
    }

    /// Returns where `key` is in the text of its layer.
    pub fn span(&self, key: Key) -> Option<Range<usize>> {
        match key {
            Key::Entry => None,
            Key::Name => self.name.as_ref().map(Spanned::span),
            Key::BaseUrl => self.base_url.as_ref().map(Spanned::span),
            Key::EnvKey => self.env_key.as_ref().map(Spanned::span),
            Key::BearerToken => self.experimental_bearer_token.as_ref().map(Spanned::span),
            Key::Auth => self.auth.as_ref().map(Spanned::span),
            Key::RequiresOpenAiAuth => self.requires_openai_auth.as_ref().map(Spanned::span),
            Key::Aws => self.aws.as_ref().map(Spanned::span),
            Key::GatewayOauth => self.gateway_oauth.as_ref().map(Spanned::span),
        }
    }

    /// Takes from a weaker layer what this one does not say, also within tables.
    pub fn fill_from(&mut self, weaker: &Self) {
        fill(&mut self.name, weaker.name.as_ref());
        fill(&mut self.base_url, weaker.base_url.as_ref());
        fill(&mut self.env_key, weaker.env_key.as_ref());
        fill(&mut self.env_key_instructions, weaker.env_key_instructions.as_ref());
        fill(&mut self.experimental_bearer_token, weaker.experimental_bearer_token.as_ref());
        fill(&mut self.requires_openai_auth, weaker.requires_openai_auth.as_ref());
        fill(&mut self.aws, weaker.aws.as_ref());
        fill_within(&mut self.auth, weaker.auth.as_ref(), CommandTable::fill_from);
        fill_within(&mut self.gateway_oauth, weaker.gateway_oauth.as_ref(), GatewayTable::fill_from);
        fill_map(&mut self.http_headers, &weaker.http_headers);
        fill_map(&mut self.env_http_headers, &weaker.env_http_headers);
        fill_map(&mut self.query_params, &weaker.query_params);
    }
}

impl CommandTable {
    fn fill_from(&mut self, weaker: &Self) {
        fill(&mut self.command, weaker.command.as_ref());
        fill(&mut self.args, weaker.args.as_ref());
        fill(&mut self.timeout_ms, weaker.timeout_ms.as_ref());
        fill(&mut self.refresh_interval_ms, weaker.refresh_interval_ms.as_ref());
        fill(&mut self.cwd, weaker.cwd.as_ref());
    }
}

impl GatewayTable {
    fn fill_from(&mut self, weaker: &Self) {
        fill(&mut self.credential_export, weaker.credential_export.as_ref());
        fill(&mut self.authorization_url, weaker.authorization_url.as_ref());
        fill(&mut self.token_url, weaker.token_url.as_ref());
        fill(&mut self.client_id, weaker.client_id.as_ref());
    }
}

fn fill<T: Clone>(strong: &mut Option<T>, weak: Option<&T>) {
    if strong.is_none() {
        *strong = weak.cloned();
    }
}

fn fill_within<T: Clone>(
    strong: &mut Option<Spanned<T>>,
    weak: Option<&Spanned<T>>,
    within: impl FnOnce(&mut T, &T),
) {
    match (strong.as_mut(), weak) {
        (Some(strong), Some(weak)) => within(strong.get_mut(), weak.get_ref()),
        (None, Some(weak)) => *strong = Some(weak.clone()),
        (_, None) => {}
    }
}

fn fill_map<T: Clone>(strong: &mut BTreeMap<String, T>, weak: &BTreeMap<String, T>) {
    for (name, value) in weak {
        strong.entry(name.clone()).or_insert_with(|| value.clone());
    }
}

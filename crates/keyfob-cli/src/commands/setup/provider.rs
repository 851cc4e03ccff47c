//! What a provider in the Codex CLI's configuration is made of.

use crate::args::NativeStore;
use toml_edit::{Array, InlineTable, Item, Table, TableLike, Value, value};

/// The name of a provider, which stands in the configuration and after `-c model_provider=`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct ProviderId(String);

/// A text cannot name a provider.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidProviderId {
    #[error("`{0}` is not the name of a provider: letters, digits, `-` and `_`, a letter first")]
    NotAName(String),
    #[error("`{0}` is a provider that the Codex CLI has built in")]
    BuiltIn(String),
}

/// Those that the Codex CLI does not let anybody define, in whatever case, since people would take one for the other.
const BUILT_IN: [&str; 5] = ["openai", "ollama", "lmstudio", "amazon-bedrock", "amazon-bedrock-runtime"];
/// What `-c` would read as another kind of value.
const VALUES: [&str; 4] = ["true", "false", "inf", "nan"];
const LONGEST: usize = 64;

impl ProviderId {
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidProviderId> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let is_name = text.len() <= LONGEST
            && text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.chars().all(is_plain)
            && !VALUES.contains(&text);
        if !is_name {
            return Err(InvalidProviderId::NotAName(text.to_owned()));
        }
        if BUILT_IN.contains(&text.to_ascii_lowercase().as_str()) {
            return Err(InvalidProviderId::BuiltIn(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ProviderId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A provider at a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Provider {
    pub(super) id: ProviderId,
    /// What the Codex CLI calls it before people.
    pub(super) name: String,
    pub(super) base_url: String,
    pub(super) credential: Credential,
}

/// How the Codex CLI comes by a token for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Credential {
    /// It asks `keyfob`.
    Exported { command: String, arguments: Vec<String> },
    /// It signs in by itself.
    Native(Native),
}

/// Where it signs in, and as whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Native {
    pub(super) authorization_url: String,
    pub(super) device_authorization_url: Option<String>,
    pub(super) token_url: String,
    pub(super) client_id: String,
    pub(super) resource: Option<String>,
    pub(super) store: NativeStore,
}

/// Without the second there is no refresh token.
const SCOPES: [&str; 2] = ["openid", "offline_access"];
const GATEWAY_OAUTH: &str = "gateway_oauth";
const EXPORT: &str = "credential_export";

impl Provider {
    /// Writes the provider over what is in `item`; what is not ours stays, and so do comments.
    ///
    /// Returns whether `item` can hold a provider.
    pub(super) fn write(&self, item: &mut Item) -> bool {
        let is_inline = item.is_inline_table();
        let Some(table) = item.as_table_like_mut() else { return false };
        set(table, "name", self.name.as_str().into());
        set(table, "base_url", self.base_url.as_str().into());
        set(table, "wire_api", "responses".into());
        // The gateway does not change protocols on a connection.
        set(table, "supports_websockets", false.into());
        self.credential.write(table, is_inline);
        true
    }
}

impl Credential {
    fn write(&self, provider: &mut dyn TableLike, is_inline: bool) {
        let present = provider.get_mut(GATEWAY_OAUTH).and_then(Item::as_table_like_mut);
        let present = present.filter(|table| table.contains_key(EXPORT) == self.is_exported());
        match (self, present) {
            (Self::Exported { command, arguments }, Some(table)) => match table.get_mut(EXPORT) {
                Some(export) if export.is_table_like() => export_into(export, command, arguments),
                Some(_) | None => drop(table.insert(EXPORT, value(export_of(command, arguments)))),
            },
            (Self::Exported { command, arguments }, None) => {
                let mut table = InlineTable::new();
                table.insert(EXPORT, export_of(command, arguments).into());
                provider.insert(GATEWAY_OAUTH, value(table));
            }
            (Self::Native(native), Some(table)) => native.write(table),
            (Self::Native(native), None) if is_inline => {
                let mut table = InlineTable::new();
                native.write(&mut table);
                provider.insert(GATEWAY_OAUTH, value(table));
            }
            (Self::Native(native), None) => {
                let mut table = Table::new();
                native.write(&mut table);
                provider.insert(GATEWAY_OAUTH, Item::Table(table));
            }
        }
    }

    pub(super) const fn is_exported(&self) -> bool {
        match self {
            Self::Exported { .. } => true,
            Self::Native(_) => false,
        }
    }
}

fn export_of(command: &str, arguments: &[String]) -> InlineTable {
    let mut export = InlineTable::new();
    export.insert("command", command.into());
    export.insert("args", array(arguments).into());
    export
}

fn export_into(export: &mut Item, command: &str, arguments: &[String]) {
    if let Some(export) = export.as_table_like_mut() {
        set(export, "command", command.into());
        set(export, "args", array(arguments).into());
    }
}

impl Native {
    fn write(&self, table: &mut dyn TableLike) {
        set(table, "authorization_url", self.authorization_url.as_str().into());
        set_or_remove(table, "device_authorization_url", self.device_authorization_url.as_deref());
        set(table, "token_url", self.token_url.as_str().into());
        set(table, "client_id", self.client_id.as_str().into());
        set(table, "scopes", array(&SCOPES).into());
        set_or_remove(table, "resource", self.resource.as_deref());
        let store = match self.store {
            NativeStore::File => "file",
            NativeStore::Keyring => "keyring",
        };
        set(table, "credentials_store", store.into());
    }
}

fn array<T: AsRef<str>>(texts: &[T]) -> Array {
    texts.iter().map(AsRef::as_ref).collect()
}

/// Puts `new` in the place of a value; comments beside it and before its key stay, and so does what says the same.
pub(super) fn set(table: &mut dyn TableLike, key: &str, mut new: Value) {
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) if is_same(old, &new) => {}
        Some(old) => {
            *new.decor_mut() = old.decor().clone();
            *old = new;
        }
        None => drop(table.insert(key, Item::Value(new))),
    }
}

fn set_or_remove(table: &mut dyn TableLike, key: &str, text: Option<&str>) {
    match text {
        Some(text) => set(table, key, text.into()),
        None => drop(table.remove(key)),
    }
}

fn is_same(old: &Value, new: &Value) -> bool {
    match (old, new) {
        (Value::String(old), Value::String(new)) => old.value() == new.value(),
        (Value::Boolean(old), Value::Boolean(new)) => old.value() == new.value(),
        (Value::Array(old), Value::Array(new)) => {
            old.len() == new.len() && old.iter().zip(new).all(|(old, new)| is_same(old, new))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s_22_a_provider_has_a_name_that_is_nobody_elses_and_means_nothing_else() {
        for good in ["keyfob", "Acme-2_x", "k"] {
            assert_eq!(ProviderId::parse(good).map(|id| id.to_string()), Ok(good.to_owned()));
        }
        for reserved in ["openai", "OpenAI", "ollama", "lmstudio", "amazon-bedrock", "amazon-bedrock-runtime"]
        {
            assert_eq!(ProviderId::parse(reserved), Err(InvalidProviderId::BuiltIn(reserved.to_owned())));
        }
        for bad in ["", "a.b", "a b", "1", "-a", "_a", "true", "nan", "a\"b", "ä", &"a".repeat(65)] {
            assert_eq!(ProviderId::parse(bad), Err(InvalidProviderId::NotAName(bad.to_owned())));
        }
    }
}

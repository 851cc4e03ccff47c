//! From one text of the Codex CLI's configuration to another: what is not ours stays as it is.

use super::provider::{Provider, ProviderId, set};
use super::record::Record;
use toml_edit::{DocumentMut, InlineTable, Item, RawString, Table, TomlError, value};

/// What is to be in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) provider: Provider,
    /// Keys before the first table, with their texts.
    pub(super) settings: Vec<(Setting, String)>,
}

/// A key before the first table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Setting {
    /// Which provider is used where nothing else is named.
    ModelProvider,
    /// Which model.
    Model,
    /// Where the login in `auth.json` is sent.
    ChatgptBaseUrl,
}

/// What to do about a provider of that name that something else wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Occupied {
    /// Leave everything as it is.
    Keep,
    /// Put ours in its place.
    Replace,
}

/// A text is left as it is.
#[derive(Debug, thiserror::Error)]
pub(super) enum EditError {
    #[error("{line}:{column}: {message}")]
    NotToml { line: usize, column: usize, message: String },
    #[error("a value is in the way")]
    InTheWay(String),
    #[error("the provider is somebody else's")]
    Occupied(ProviderId),
}

const PROVIDERS: &str = "model_providers";

impl Setting {
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::ModelProvider => "model_provider",
            Self::Model => "model",
            Self::ChatgptBaseUrl => "chatgpt_base_url",
        }
    }
}

/// Refuses a text that cannot be changed.
pub(super) fn check(text: &str) -> Result<(), EditError> {
    parse(text).map(drop)
}

/// Whether `id` is used where nothing else is named.
pub(super) fn is_default(text: &str, id: &ProviderId) -> bool {
    parse(text).is_ok_and(|document| text_at(&document, Setting::ModelProvider) == Some(id.as_str()))
}

/// Returns `text` with what is `wanted` in it; the same text if it says so already.
pub(super) fn apply(
    text: &str,
    wanted: &Wanted,
    record: Option<&Record>,
    occupied: Occupied,
) -> Result<String, EditError> {
    let mut document = parse(text)?;
    for (setting, text) in &wanted.settings {
        if document.get(setting.key()).is_some_and(|present| present.as_value().is_none()) {
            return Err(EditError::InTheWay(setting.key().to_owned()));
        }
        set(document.as_table_mut(), setting.key(), text.as_str().into());
    }
    let id = &wanted.provider.id;
    let is_ours = record.is_some_and(|record| record.has(id));
    if !is_ours && occupied == Occupied::Replace {
        remove(&mut document, id);
    }
    let is_new = provider_in(&document, id).is_none();
    if !make(&mut document, id).is_some_and(|item| wanted.provider.write(item)) {
        return Err(EditError::InTheWay(format!("{PROVIDERS}.{id}")));
    }
    let new = document.to_string();
    if means_the_same(text, &new) {
        return Ok(text.to_owned());
    }
    if !is_ours && !is_new {
        return Err(EditError::Occupied(id.clone()));
    }
    Ok(new)
}

/// Returns `text` without what `record` says of `providers`: what was there before takes its place.
///
/// A setting that somebody has changed since stays.
pub(super) fn take_out(text: &str, record: &Record, providers: &[ProviderId]) -> Result<String, EditError> {
    let mut document = parse(text)?;
    let former = parse(record.former.as_deref().unwrap_or_default())?;
    for id in providers {
        remove(&mut document, id);
        if let Some(mut former) = provider_in(&former, id).cloned() {
            if let Some(table) = former.as_table_mut() {
                table.set_position(None);
            }
            let item =
                make(&mut document, id).ok_or_else(|| EditError::InTheWay(format!("{PROVIDERS}.{id}")))?;
            *item = former;
        }
    }
    for (setting, written) in record.settings_of(providers) {
        let key = setting.key();
        if text_at(&document, setting) != Some(written) {
            continue;
        }
        match former.get(key).and_then(Item::as_value) {
            Some(before) => set(document.as_table_mut(), key, before.clone()),
            None => drop(document.remove(key)),
        }
    }
    Ok(document.to_string())
}

fn parse(text: &str) -> Result<DocumentMut, EditError> {
    text.parse().map_err(|error: TomlError| {
        let before = text.get(..error.span().map_or(0, |span| span.start)).unwrap_or(text);
        EditError::NotToml {
            line: before.matches('\n').count() + 1,
            column: before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1,
            message: error.message().trim_end().to_owned(),
        }
    })
}

fn text_at(document: &DocumentMut, setting: Setting) -> Option<&str> {
    document.get(setting.key())?.as_str()
}

fn provider_in<'d>(document: &'d DocumentMut, id: &ProviderId) -> Option<&'d Item> {
    document.get(PROVIDERS)?.as_table_like()?.get(id.as_str())
}

/// Returns the place of the provider, made where it is missing; nothing if something else is on the way to it.
fn make<'d>(document: &'d mut DocumentMut, id: &ProviderId) -> Option<&'d mut Item> {
    if !document.contains_key(PROVIDERS) {
        let mut providers = Table::new();
        providers.set_implicit(true);
        // What stands at the end of the file stands before the new table, not after it.
        let end = document.trailing().as_str().unwrap_or_default().to_owned();
        document.set_trailing("");
        let mut table = Table::new();
        let gap = if document.is_empty() && end.is_empty() { "" } else { "\n" };
        table.decor_mut().set_prefix(format!("{end}{gap}"));
        providers.insert(id.as_str(), Item::Table(table));
        document.insert(PROVIDERS, Item::Table(providers));
    }
    let providers = document.get_mut(PROVIDERS)?;
    let is_inline = providers.is_inline_table();
    let providers = providers.as_table_like_mut()?;
    if !providers.contains_key(id.as_str()) {
        let new = if is_inline { value(InlineTable::new()) } else { Item::Table(Table::new()) };
        providers.insert(id.as_str(), new);
    }
    providers.get_mut(id.as_str())
}

/// Takes the provider out; a comment before it goes to the end of the file.
fn remove(document: &mut DocumentMut, id: &ProviderId) {
    let Some(providers) = document.get_mut(PROVIDERS).and_then(Item::as_table_like_mut) else { return };
    let removed = providers.remove(id.as_str());
    let is_empty = providers.is_empty();
    if is_empty && document.get(PROVIDERS).and_then(Item::as_table).is_some_and(Table::is_implicit) {
        document.remove(PROVIDERS);
    }
    let before = removed.as_ref().and_then(Item::as_table).and_then(|table| table.decor().prefix());
    if let Some(comment) = before.and_then(RawString::as_str).filter(|text| text.contains('#')) {
        let end = document.trailing().as_str().unwrap_or_default();
        let end = format!("{}\n{end}", comment.trim_end());
        document.set_trailing(end);
    }
}

fn means_the_same(one: &str, other: &str) -> bool {
    let table = |text| toml::from_str::<toml::Table>(text);
    table(one).is_ok_and(|one| table(other).is_ok_and(|other| one == other))
}

#[cfg(test)]
mod tests;

//! Everything that the files say, layer by layer, for a person to look at.

use crate::check;
use crate::error::SettingsError;
use crate::file::Text;
use crate::keys::{FileKind, Key, Kind};
use crate::layer::{Layer, Sourced};
use crate::problem::Problem;
use crate::settings::{Places, Settings};
use crate::texts::Texts;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

/// What one look at every file found; nothing of it decides about a login.
#[derive(Debug)]
pub struct Survey {
    texts: Texts,
    home: Option<PathBuf>,
}

/// What is wrong, or looks wrong, in a file.
#[derive(Debug)]
pub enum Finding {
    /// The file cannot be used.
    Error(SettingsError),
    /// The file can be used; something in it has no effect, or another one than it seems to have.
    Warning(Problem),
}

impl Survey {
    /// Reads every layer.
    pub fn of(places: &Places) -> Self {
        Self { texts: Texts::read(places), home: places.home.clone() }
    }

    /// Returns the files that could be read, with their layers, the strongest first.
    pub fn files(&self) -> Vec<(Layer, &Path)> {
        self.kinds().map(|(_, text)| (text.layer, text.file.as_path())).collect()
    }

    /// Returns what each layer sets a key of this name to, as it would be written, the strongest first.
    ///
    /// What may be a secret in an address is left out.
    pub fn values(&self, name: &str) -> Vec<Sourced<String>> {
        self.kinds().filter_map(|(kind, text)| value(name, kind, text)).collect()
    }

    /// Returns what an administrator requires a key of this name to be, whatever other layers say.
    pub fn pin(&self, name: &str) -> Option<Sourced<String>> {
        self.texts.requirements.iter().find_map(|text| value(name, FileKind::Requirements, text))
    }
    /// Returns all that is wrong, or looks wrong, file by file.
    pub fn findings(self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (kind, text) in self.kinds() {
            let parse = |text: &Text| match kind {
                FileKind::Requirements => Settings::default().require(text),
                FileKind::Shared => crate::settings::config(text).map(drop),
                FileKind::Own => crate::Own::parse(text, self.home.as_deref()).map(drop),
            };
            findings.extend(check::errors(text, parse).into_iter().map(Finding::Error));
            // In an administrator's requirements these are errors.
            if kind != FileKind::Requirements {
                findings.extend(check::warnings(kind, text).into_iter().map(Finding::Warning));
            }
        }
        let is_error = |finding: &Finding| matches!(finding, Finding::Error(_));
        let cannot_be_known = findings.iter().any(is_error) || !self.texts.unreadable.is_empty();
        let workspaces = ["allowed_chatgpt_workspaces", "forced_chatgpt_workspace_id"];
        let places: Vec<_> = workspaces.iter().filter_map(|name| self.place(name)).collect();
        let Self { mut texts, home } = self;
        let unreadable = std::mem::take(&mut texts.unreadable);
        if !cannot_be_known {
            match Settings::of(texts, home.as_deref()) {
                Err(error) => findings.push(Finding::Error(error)),
                Ok(settings) if settings.restrictions().passed_by_keys().is_some() => {
                    findings.extend(places.into_iter().next().map(Finding::Warning));
                }
                Ok(_) => {}
            }
        }
        unreadable.into_iter().map(Finding::Error).chain(findings).collect()
    }

    /// Warns where workspaces are restricted and keys are not (users' H4).
    fn place(&self, name: &str) -> Option<Problem> {
        self.kinds().find_map(|(kind, text)| {
            Key::of(kind).find(|key| key.name == name)?;
            let (table, _) = DeTable::parse_recoverable(&text.content);
            let span = key_span(table.get_ref(), name)?;
            let message =
                format!("`{name}` restricts accounts alone: an API key is of no workspace and passes");
            let help =
                "where keys are not to pass, an administrator sets `allowed_login_methods = [\"chatgpt\"]`";
            Some(Problem::new(text.file.as_path().to_owned(), &text.content, span, message).with_help(help))
        })
    }

    fn kinds(&self) -> impl Iterator<Item = (FileKind, &Text)> {
        let of = |kind| move |text| (kind, text);
        let Texts { requirements, config, own, .. } = &self.texts;
        requirements
            .iter()
            .map(of(FileKind::Requirements))
            .chain(config.iter().map(of(FileKind::Shared)))
            .chain(own.iter().map(of(FileKind::Own)))
    }
}

fn value(name: &str, kind: FileKind, text: &Text) -> Option<Sourced<String>> {
    let key = Key::of(kind).find(|key| key.name == name)?;
    let (table, _) = DeTable::parse_recoverable(&text.content);
    let table = table.into_inner();
    let table = match key.table {
        Some(inner) => table.get(inner)?.get_ref().as_table()?,
        None => &table,
    };
    let place = table.get(name)?;
    let value = whole(&text.content, key)?;
    Some(Sourced { value: shown(key.kind, &value), origin: text.origin(&place.span()) })
}

fn key_span(table: &DeTable<'_>, name: &str) -> Option<std::ops::Range<usize>> {
    table.iter().find(|(key, _)| key.get_ref() == name).map(|(key, _)| Spanned::span(key))
}

fn whole(text: &str, key: &Key) -> Option<Value> {
    let mut table: Table = toml::from_str(text).ok()?;
    if let Some(inner) = key.table {
        table = table.get(inner)?.as_table()?.clone();
    }
    table.remove(key.name)
}

fn shown(kind: Kind, value: &Value) -> String {
    match (kind, value) {
        (Kind::Url | Kind::Issuer, Value::String(address)) => {
            Value::from(without_secrets(address)).to_string()
        }
        (Kind::Rules, Value::Array(rules)) => {
            let rule = |rule: &Value| {
                let text = |name| rule.get(name).map(ToString::to_string).unwrap_or_default();
                format!("{} in {}", text("login"), text("path"))
            };
            rules.iter().map(rule).collect::<Vec<_>>().join(", ")
        }
        (_, value) => value.to_string(),
    }
}

/// Takes user, password and query out of an address.
fn without_secrets(address: &str) -> String {
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    let separator = if scheme.is_empty() { "" } else { "://" };
    format!("{scheme}{separator}{host}{path}")
}

/// Whether a value is a table that a header began, or its elements are.
pub(crate) fn tables<'a, 'i>(value: &'a DeValue<'i>) -> Vec<&'a DeTable<'i>> {
    match value {
        DeValue::Table(table) => vec![table],
        DeValue::Array(elements) => {
            elements.iter().filter_map(|element| element.get_ref().as_table()).collect()
        }
        _ => Vec::new(),
    }
}

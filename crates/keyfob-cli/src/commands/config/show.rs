//! `keyfob config show`: each key with its value, where it was read, and what it stands above.

use super::ChangeFailure;
use crate::columns::wrapped;
use crate::environment::Environment;
use crate::error::{CommandError, Failure};
use crate::exit::Exit;
use crate::{output, settings};
use keyfob_client::Home;
use keyfob_settings::{FileKind, KEYS, Key, Origin, Restrictions, Sourced, Survey};
use serde_json::{Value, json};

/// Shows one key or all of them, and what restricts sign-in; a configuration that cannot be used is an error.
pub(super) fn run(
    key: Option<&str>,
    json: bool,
    home: &Home,
    environment: &Environment,
) -> Result<Exit, CommandError> {
    let names = match key {
        None => Key::names(),
        Some(name) => vec![known(name)?.name],
    };
    let restrictions = settings::load(environment, home)?.restrictions().clone();
    let survey = Survey::of(&settings::places(environment, home));
    let keys: Vec<_> = names.into_iter().map(|name| (name, survey.values(name))).collect();
    let restrictions = if key.is_none() { limits(&restrictions) } else { Vec::new() };
    let text = if json { document(&keys, &restrictions).to_string() } else { lines(&keys, &restrictions) };
    output::data(&text).map_err(Failure::Output)?;
    Ok(Exit::Ok)
}

/// Returns the key of this name, that of the user's file where there are two.
pub(super) fn known(name: &str) -> Result<&'static Key, ChangeFailure> {
    Key::settable(name).or_else(|| KEYS.iter().find(|key| key.name == name)).ok_or_else(|| {
        let near = keyfob_settings::nearest(name, Key::names());
        ChangeFailure::UnknownKey { name: name.to_owned(), near }
    })
}

/// What restricts sign-in: the key, what it allows, and where it is.
struct Limit {
    key: &'static str,
    allows: Vec<String>,
    origin: Origin,
}

fn limits(restrictions: &Restrictions) -> Vec<Limit> {
    let mut limits = Vec::new();
    for restriction in restrictions.methods() {
        let allows = restriction.allows.iter().map(|method| method.as_str().to_owned()).collect();
        limits.push(Limit { key: restriction.key, allows, origin: restriction.origin.clone() });
    }
    for restriction in restrictions.workspaces() {
        let allows = restriction.allows.iter().map(|id| id.as_str().to_owned()).collect();
        limits.push(Limit { key: restriction.key, allows, origin: restriction.origin.clone() });
    }
    limits
}

fn lines(keys: &[(&str, Vec<Sourced<String>>)], limits: &[Limit]) -> String {
    let mut lines = Vec::new();
    for (name, values) in keys {
        match values.split_first() {
            None => lines.push(wrapped(&format!("{name} is not set: {}", default(name)), 2)),
            Some((value, hidden)) => {
                lines.push(wrapped(&format!("{name} = {}", value.value), 2));
                lines.push(format!("  from {}", place(&value.origin)));
                for value in hidden {
                    lines.push(format!("  over {}", place(&value.origin)));
                    lines.push(wrapped(&format!("       {}", value.value), 7));
                }
            }
        }
    }
    if !limits.is_empty() {
        lines.push("\nRestrictions on signing in, which all count:".to_owned());
    }
    for limit in limits {
        let allowed = if limit.allows.is_empty() { "none".to_owned() } else { limit.allows.join(", ") };
        lines.push(wrapped(&format!("{} allows {allowed}", limit.key), 2));
        lines.push(format!("  from {}", place(&limit.origin)));
    }
    lines.join("\n")
}

/// What is done where nobody sets a key; the user's file has the say about where others look.
fn default(name: &str) -> &'static str {
    let key = Key::settable(name).or_else(|| Key::of(FileKind::Requirements).find(|key| key.name == name));
    key.map_or("", |key| key.default)
}

/// A path is one word, so that it can be copied.
fn place(origin: &Origin) -> String {
    format!("{origin} ({})", origin.layer.as_str())
}

fn document(keys: &[(&str, Vec<Sourced<String>>)], limits: &[Limit]) -> Value {
    let at = |origin: &Origin| {
        json!({
            "layer": origin.layer.as_str(), "file": origin.file.display().to_string(), "line": origin.line,
        })
    };
    let value = |value: &Sourced<String>| json!({ "value": value.value, "origin": at(&value.origin) });
    let keys: Vec<_> = keys
        .iter()
        .map(|(name, values)| {
            json!({
                "key": name, "values": values.iter().map(value).collect::<Vec<_>>(), "default": default(name),
            })
        })
        .collect();
    let limits: Vec<_> = limits
        .iter()
        .map(|limit| json!({ "key": limit.key, "allows": limit.allows, "origin": at(&limit.origin) }))
        .collect();
    json!({ "schema": 1, "keys": keys, "restrictions": limits })
}

//! `keyfob-gateway explain REQUEST_ID`: why one request was answered as it was.

use super::entry::{Entry, Kept};
use super::{FILE, table};
use crate::database;
use crate::policy::{OwnedModel, Store};
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

/// The decision cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file is not there or is none.
    #[error("cannot read decisions from {path}")]
    Database {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
}

/// Returns what was decided about the request, for people; nothing if it was not kept.
///
/// Only what comes from a caller whom the issuer vouches for is decided on and kept.
pub fn explain(folder: &Path, id: &str) -> Result<Option<String>, ReadError> {
    let path = folder.join(FILE);
    let read = || table::find(&database::open_to_read(&path)?, id);
    let entry = read().map_err(|source| ReadError::Database { path: path.clone(), source })?;
    Ok(entry.map(|entry| told(&entry)))
}

fn told(entry: &Entry) -> String {
    let mut text = String::new();
    // A text takes everything that is written into it.
    write(&mut text, entry).ok();
    text
}

fn write(text: &mut String, entry: &Entry) -> fmt::Result {
    let asking = &entry.asking;
    writeln!(text, "request    {}", entry.id)?;
    writeln!(text, "when       {} (Unix time)", entry.at.as_unix())?;
    writeln!(
        text,
        "who        {} of workspace {}, with an {}",
        asking.subject,
        asking.workspace,
        asking.credential.as_str()
    )?;
    writeln!(text, "scope      {}", asking.scope)?;
    writeln!(text, "data       {}", demands(entry))?;
    if let Some(models) = &asking.models {
        writeln!(
            text,
            "opens      {}",
            if models.is_empty() { "no model".into() } else { models.join(", ") }
        )?;
    }
    let model = match &asking.model {
        OwnedModel::None => "no model is run",
        OwnedModel::Unsaid => "the model is not said",
        OwnedModel::Named(name) => name,
    };
    writeln!(text, "what       {} {}, {model}", asking.method, asking.route.as_str())?;
    match &entry.outcome {
        Kept::Allowed => writeln!(text, "outcome    allowed by `{}`", entry.rule)?,
        Kept::Refused { code, words } => {
            writeln!(text, "outcome    refused by `{}`: {code}", entry.rule)?;
            writeln!(text, "           {words}")?;
        }
    }
    if entry.store == Store::Forbidden {
        writeln!(text, "store      forbidden")?;
    }
    if let Some(upstream) = &entry.upstream {
        writeln!(text, "upstream   {upstream}")?;
    }
    for (name, why) in &entry.passed_over {
        writeln!(text, "not        {name}: {why}")?;
    }
    Ok(())
}

/// Says what the caller's data needs.
fn demands(entry: &Entry) -> String {
    let asking = &entry.asking;
    let mut demands = Vec::new();
    demands.extend(asking.retention.as_ref().map(|tag| format!("retention {tag}")));
    demands.extend(asking.residency.as_ref().map(|tag| format!("residency {tag}")));
    demands.extend(
        asking.data_sharing.map(|shared| format!("data sharing {}", if shared { "on" } else { "off" })),
    );
    if demands.is_empty() { "nothing is demanded".into() } else { demands.join(", ") }
}

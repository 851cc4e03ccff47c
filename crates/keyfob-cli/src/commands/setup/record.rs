//! What `keyfob setup codex` wrote, and what was there before: `$CODEX_HOME/keyfob/setup-codex.json`.

use super::edit::{Setting, Wanted};
use super::provider::ProviderId;
use keyfob_client::Home;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt::{Debug, Formatter, Write as _};
use std::path::PathBuf;

/// What was written, in how many steps whatever. Its text is as secret as the configuration itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    schema: u32,
    /// The text of the configuration without anything of ours; nothing where there was no file.
    pub(super) former: Option<String>,
    /// The SHA-256 of the text that was written, in hexadecimal.
    written: String,
    /// The names of the providers that are ours.
    providers: Vec<String>,
    /// The texts of the settings that are ours.
    settings: BTreeMap<Setting, String>,
}

impl Debug for Record {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "Record({:?}, {:?})", self.providers, self.settings)
    }
}

/// The file is not one of ours.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidRecord {
    #[error("it is not what `keyfob setup codex` writes")]
    NotJson(#[from] serde_json::Error),
    #[error("a newer `keyfob` wrote it")]
    Newer,
}

const SCHEMA: u32 = 1;

impl Record {
    pub(super) fn path(home: &Home) -> PathBuf {
        home.own_folder().join("setup-codex.json")
    }

    pub(super) fn parse(text: &str) -> Result<Self, InvalidRecord> {
        let record: Self = serde_json::from_str(text)?;
        if record.schema == SCHEMA { Ok(record) } else { Err(InvalidRecord::Newer) }
    }

    /// Returns the record after `wanted` was added: `present` has what `self` says, `new` also what is wanted.
    pub(super) fn after(
        earlier: Option<&Self>,
        present: Option<&str>,
        wanted: &Wanted,
        new: &str,
    ) -> Result<Self, super::edit::EditError> {
        let mut record = match earlier {
            None => Self {
                schema: SCHEMA,
                former: present.map(str::to_owned),
                written: String::new(),
                providers: Vec::new(),
                settings: BTreeMap::new(),
            },
            Some(earlier) => Self { former: earlier.without(present)?, ..earlier.clone() },
        };
        let id = wanted.provider.id.as_str();
        if !record.providers.iter().any(|known| known == id) {
            record.providers.push(id.to_owned());
        }
        record.settings.extend(wanted.settings.iter().cloned());
        record.written = digest(new);
        Ok(record)
    }

    /// Returns `present` as if there had never been anything of ours in it.
    pub(super) fn without(&self, present: Option<&str>) -> Result<Option<String>, super::edit::EditError> {
        let Some(present) = present else { return Ok(None) };
        if digest(present) == self.written {
            return Ok(self.former.clone());
        }
        let text = super::edit::take_out(present, self, &self.providers())?;
        Ok(if text.trim().is_empty() && self.former.is_none() { None } else { Some(text) })
    }

    /// Returns what is left of the record when `id` is taken out of `present`, and the text without it.
    pub(super) fn without_provider(
        &self,
        present: &str,
        id: &ProviderId,
    ) -> Result<(Self, String), super::edit::EditError> {
        let taken = [id.clone()];
        let text = super::edit::take_out(present, self, &taken)?;
        let mut left = Self { former: self.without(Some(present))?, written: digest(&text), ..self.clone() };
        left.providers.retain(|known| known != id.as_str());
        let gone: Vec<Setting> = self.settings_of(&taken).map(|(setting, _)| setting).collect();
        left.settings.retain(|setting, _| !gone.contains(setting));
        Ok((left, text))
    }

    pub(super) fn has(&self, id: &ProviderId) -> bool {
        self.providers.iter().any(|known| known == id.as_str())
    }

    /// Returns the names; one that is none was written by nobody.
    pub(super) fn providers(&self) -> Vec<ProviderId> {
        self.providers.iter().filter_map(|id| ProviderId::parse(id).ok()).collect()
    }

    /// Returns the settings that go with `providers`: the choice of one of them, and with the last one everything.
    pub(super) fn settings_of(&self, providers: &[ProviderId]) -> impl Iterator<Item = (Setting, &str)> {
        let goes = |id: &str| providers.iter().any(|gone| gone.as_str() == id);
        let all = self.providers.iter().all(|id| goes(id));
        let chosen = self.settings.get(&Setting::ModelProvider).is_some_and(|id| goes(id));
        self.settings.iter().filter_map(move |(setting, text)| {
            let is_gone = all || chosen && matches!(setting, Setting::ModelProvider | Setting::Model);
            is_gone.then_some((*setting, text.as_str()))
        })
    }
}

fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::new(), |mut hex, byte| {
        // A string takes whatever is written into it.
        let _written = write!(hex, "{byte:02x}");
        hex
    })
}

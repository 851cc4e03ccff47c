//! The Codex CLI's configuration and our record of it, as files: read together, replaced one after the other.

use super::record::Record;
use crate::error::SetupFailure;
use crate::settings::SettingsError;
use keyfob_client::Home;
use keyfob_settings::edit::EditError;
use keyfob_settings::locked::{self, LockedFile};
use std::io;

/// What both held when they were read.
pub(super) struct Files {
    /// The text of the configuration, if there is one.
    pub(super) text: Option<String>,
    pub(super) record: Option<Record>,
}

/// The files, as long as nothing else of ours changes them.
pub(super) struct Locked {
    pub(super) files: Files,
    config: LockedFile,
    record: LockedFile,
    home: Home,
}

impl Files {
    /// Reads both; nothing is made.
    pub(super) fn read(home: &Home) -> Result<Self, SetupFailure> {
        let record = locked::read(&Record::path(home)).map_err(SettingsError::from)?;
        let text = locked::read(&home.codex_config_file()).map_err(SettingsError::from)?;
        Ok(Self { text, record: parse(home, record.as_deref())? })
    }

    /// Takes the locks of both, in folders that are made if need be, and reads them.
    pub(super) fn lock(home: &Home) -> Result<Locked, SetupFailure> {
        home.make().map_err(SettingsError::from)?;
        let config = LockedFile::open(&home.codex_config_file()).map_err(SettingsError::from)?;
        let record = LockedFile::open(&Record::path(home)).map_err(SettingsError::from)?;
        let files = Self { text: config.text().map(str::to_owned), record: parse(home, record.text())? };
        Ok(Locked { files, config, record, home: home.clone() })
    }
}

impl Locked {
    /// Puts these in the place of what was read.
    ///
    /// A record goes before the configuration, so that whatever is ours is known to be: a crash in between leaves a record
    /// of what is not there, which takes nothing out.
    pub(super) fn replace(
        &mut self,
        text: Option<&str>,
        record: Option<&Record>,
    ) -> Result<(), SetupFailure> {
        if let Some(record) = record {
            let path = Record::path(&self.home);
            let document = serde_json::to_string(record)
                .map_err(|error| EditError::Write { path, source: io::Error::from(error) });
            let document = document.map_err(SettingsError::from)?;
            self.record.replace(Some(&document)).map_err(SettingsError::from)?;
        }
        self.config.replace(text).map_err(SettingsError::from)?;
        if record.is_none() {
            self.record.replace(None).map_err(SettingsError::from)?;
        }
        Ok(())
    }
}

fn parse(home: &Home, text: Option<&str>) -> Result<Option<Record>, SetupFailure> {
    let record = text.map(Record::parse).transpose();
    record.map_err(|source| SetupFailure::Record { path: Record::path(home), source })
}

//! Where a home keeps its login, looked at and written from outside.

use crate::evidence::Evidence;
use crate::files;
use crate::keyring::Keyring;
use anyhow::{Context as _, Result};
use keyfob_codex::keyring::KeyringEntry;
use std::path::{Path, PathBuf};

/// Where a home's configuration wants the login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// `auth.json`.
    File,
    /// The keyring.
    Keyring,
    /// The keyring where there is one, and there is.
    Auto,
}

impl Store {
    /// Returns the word in `config.toml`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Keyring => "keyring",
            Self::Auto => "auto",
        }
    }
}

/// The place of the login itself.
#[derive(Debug)]
pub(crate) enum LoginPlace {
    /// This file.
    File(PathBuf),
    /// This entry of this keyring.
    Keyring(Box<Keyring>, KeyringEntry),
}

impl LoginPlace {
    /// Returns the keyring of the home in `folder`, which has nothing else.
    pub(crate) async fn keyring(folder: &Path, codex_home: &Path, evidence: &Evidence) -> Result<Self> {
        let keyring = Keyring::start(folder.join("session"), evidence).await?;
        Ok(Self::Keyring(Box::new(keyring), KeyringEntry::of_home(&std::fs::canonicalize(codex_home)?)))
    }

    /// Returns where the programs of the home find the keyring.
    pub(crate) fn bus(&self) -> Option<&str> {
        match self {
            Self::File(_) => None,
            Self::Keyring(keyring, _) => Some(keyring.address()),
        }
    }

    /// Returns the document, if there is one.
    pub(crate) fn read(&self) -> Result<Option<String>> {
        match self {
            Self::Keyring(keyring, entry) => keyring.secret(entry),
            Self::File(path) if !path.exists() => Ok(None),
            Self::File(path) => std::fs::read_to_string(path)
                .map(Some)
                .with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Puts a copy of the document where the Codex CLI looks first, if there is such a place.
    pub(crate) fn cache(&self) -> Result<()> {
        match self {
            Self::File(_) => Ok(()),
            Self::Keyring(_, entry) => Keyring::cache(entry, &self.read()?.context("there is no login")?),
        }
    }

    /// Returns that copy.
    pub(crate) fn cached(&self) -> Result<Option<String>> {
        match self {
            Self::File(_) => Ok(None),
            Self::Keyring(_, entry) => Keyring::cached(entry),
        }
    }

    /// Replaces the document.
    pub(crate) fn write(&self, text: &str) -> Result<()> {
        match self {
            Self::Keyring(keyring, entry) => keyring.store(entry, text),
            Self::File(path) => files::replace(path, text.as_bytes()),
        }
    }
}

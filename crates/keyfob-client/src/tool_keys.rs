//! Keys of tools, which open one's own gateway: one each, shown once, of which nothing but the SHA-256 is kept
//! (security G-02, G-06, G-07).
//!
//! A key is a file of its own, `NAME.json`, so that two programs at once never lose each other's change: the name is taken
//! by making the file, and freed by removing it.

use crate::home::Home;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use keyfob_oauth::{Entropy, EntropyError, Timestamp, secret_newtype};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::num::NonZeroU32;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

secret_newtype! {
    /// What a tool shows: `kfl-` and 256 random bits.
    ToolKey
}

/// The name of a tool, as its file is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ToolName(String);

/// A text cannot be the name of a tool.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no name for a tool: up to 64 letters, digits, `-`, `_` and `.`, beginning with a letter or digit"
)]
pub struct InvalidToolName(String);

/// A tool that is to have a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTool {
    /// What it is called.
    pub name: ToolName,
    /// How many requests its key opens in a minute; as many as come, if nothing is said.
    pub quota: Option<NonZeroU32>,
    /// The folder of the sandbox in which it runs.
    pub sandbox: Option<String>,
}

/// What is kept of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolRecord {
    /// Whose it is.
    pub name: ToolName,
    /// When it was made.
    pub created: Timestamp,
    /// How many requests it opens in a minute; as many as come, if nothing is said.
    pub quota: Option<NonZeroU32>,
    /// The folder of the sandbox that has it.
    pub sandbox: Option<String>,
    digest: KeyDigest,
}

/// The SHA-256 of a whole key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyDigest([u8; 32]);

/// The keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ToolKeysError {
    /// The name is in use.
    #[error("there is a key for `{0}` already; revoke it first")]
    Taken(ToolName),
    /// There is no such key.
    #[error("there is no key for `{0}`")]
    Missing(ToolName),
    /// The folder or a file in it cannot be used.
    #[error("cannot use {path}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no randomness.
    #[error("cannot make a key")]
    Entropy(#[from] EntropyError),
}

/// The folder of the keys.
#[derive(Clone, Debug)]
pub struct ToolKeys {
    folder: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Document {
    sha256: String,
    created: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    requests_per_minute: Option<NonZeroU32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sandbox: Option<String>,
}

/// The folder of the keys in that of ours.
const FOLDER: &str = "gateway-keys";
const PREFIX: &str = "kfl-";
const KEY_BYTES: usize = 32;
const EXTENSION: &str = "json";
/// No file of ours is longer.
const MOST_BYTES: u64 = 4096;

impl ToolName {
    /// Parses a name.
    pub fn parse(text: &str) -> Result<Self, InvalidToolName> {
        let is_first = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if is_first && is_plain && text.len() <= 64 {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidToolName(text.to_owned()))
        }
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ToolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl KeyDigest {
    fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }

    fn to_hex(self) -> String {
        let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('0');
        self.0.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
    }

    fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl ToolRecord {
    /// Returns the digest by which the key is known.
    pub fn digest(&self) -> KeyDigest {
        self.digest
    }
}

impl ToolKeys {
    /// Uses the keys of `home`, in a folder that is made when the first one is; our own folder must be there.
    pub fn of(home: &Home) -> Self {
        Self { folder: home.own_folder().join(FOLDER) }
    }

    /// Makes a key for `tool` and returns it, for the one time.
    pub fn create(
        &self,
        tool: &NewTool,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<ToolKey, ToolKeysError> {
        let key = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(entropy.bytes::<KEY_BYTES>()?));
        let document = Document {
            sha256: KeyDigest::of(&key).to_hex(),
            created: now.as_unix(),
            requests_per_minute: tool.quota,
            sandbox: tool.sandbox.clone(),
        };
        match DirBuilder::new().mode(0o700).create(&self.folder) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => return Err(ToolKeysError::Io { path: self.folder.clone(), source }),
        }
        let path = self.file(&tool.name);
        let problem = |source| ToolKeysError::Io { path: path.clone(), source };
        // O_EXCL: neither another key nor a link that somebody planted is written to.
        let mut file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(ToolKeysError::Taken(tool.name.clone()));
            }
            Err(source) => return Err(problem(source)),
        };
        let text = format!("{}\n", serde_json::json!(document));
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(problem)?;
        Ok(ToolKey::new(key))
    }

    /// Removes the key of `name`; a gateway that runs refuses it from its next request on.
    pub fn revoke(&self, name: &ToolName) -> Result<(), ToolKeysError> {
        let path = self.file(name);
        match fs::remove_file(&path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(ToolKeysError::Missing(name.clone()))
            }
            Err(source) => Err(ToolKeysError::Io { path, source }),
        }
    }

    /// Returns every key by name; a file that is no key's opens nothing and is passed over.
    pub fn list(&self) -> Result<Vec<ToolRecord>, ToolKeysError> {
        let problem = |source| ToolKeysError::Io { path: self.folder.clone(), source };
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(problem(source)),
        };
        let mut records = Vec::new();
        for entry in entries {
            records.extend(read(&entry.map_err(problem)?.path()));
        }
        records.sort_by(|one: &ToolRecord, other| one.name.cmp(&other.name));
        Ok(records)
    }

    /// Returns the key that was made for the sandbox in `folder`.
    pub fn of_sandbox(&self, folder: &str) -> Result<Option<ToolRecord>, ToolKeysError> {
        Ok(self.list()?.into_iter().find(|record| record.sandbox.as_deref() == Some(folder)))
    }

    /// Returns whose key this is. Every key is compared, each in constant time.
    pub fn find(&self, shown: &str) -> Result<Option<ToolRecord>, ToolKeysError> {
        let shown = KeyDigest::of(shown);
        let mut records = self.list()?;
        let mut found = u64::MAX;
        for (at, record) in (0..).zip(&records) {
            let is_it: Choice = record.digest.0.ct_eq(&shown.0);
            found = u64::conditional_select(&found, &at, is_it);
        }
        let at = usize::try_from(found).unwrap_or(usize::MAX);
        Ok((at < records.len()).then(|| records.swap_remove(at)))
    }

    fn file(&self, name: &ToolName) -> PathBuf {
        self.folder.join(format!("{name}.{EXTENSION}"))
    }
}

fn read(path: &Path) -> Option<ToolRecord> {
    if path.extension()? != EXTENSION {
        return None;
    }
    let name = ToolName::parse(path.file_stem()?.to_str()?).ok()?;
    let mut text = String::new();
    // A key that is being made or revoked right now is none.
    fs::File::open(path).ok()?.take(MOST_BYTES).read_to_string(&mut text).ok()?;
    let document: Document = serde_json::from_str(&text).ok()?;
    let (digest, created) = (KeyDigest::parse(&document.sha256)?, Timestamp::from_unix(document.created));
    let Document { requests_per_minute: quota, sandbox, .. } = document;
    Some(ToolRecord { name, created, quota, sandbox, digest })
}

#[cfg(test)]
mod tests;

//! Where a login rests.

mod file;
mod lock;
mod shared;

pub use file::FileStore;
pub(crate) use lock::Lock;
pub use lock::LockError;
pub use shared::SharedStore;

use crate::home::HomeError;
use keyfob_codex::auth_file::{AuthFile, InvalidAuthFile};
use sha2::{Digest as _, Sha256};
use std::fmt::Debug;
use std::io;
use std::path::PathBuf;

/// One place that can hold a login.
///
/// Calls may block: [`SharedStore`] moves them off the runtime. Whoever changes what is stored holds the refresh lock.
pub trait CredentialStore: Send + Sync + Debug {
    /// Returns where the login is kept.
    fn location(&self) -> Location;

    /// Reads what is stored.
    fn load(&self) -> Result<Slot, StoreError>;

    /// Fails if no new document could be stored now; asked before a token is spent (security R-11).
    fn prepare(&self) -> Result<(), StoreError>;

    /// Puts `record` in the place of the document whose digest is `expected`, durably, or changes nothing.
    fn save(&self, expected: Option<Digest>, record: &AuthFile) -> Result<Digest, StoreError>;

    /// Removes the document whose digest is `expected`, durably, or changes nothing.
    fn remove(&self, expected: Digest) -> Result<(), StoreError>;
}

/// Where a login is kept, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In this file.
    File(PathBuf),
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// The SHA-256 of a stored document: tells whether it is still the one that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl Digest {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

/// What was found in the place of the login.
#[derive(Clone, Debug)]
pub enum Slot {
    /// Nothing.
    Empty,
    /// A document that can be read.
    Holds {
        /// Which bytes were read.
        digest: Digest,
        /// The document, with every member it had.
        record: Box<AuthFile>,
    },
    /// Bytes that are no login; they are never overwritten unasked.
    Corrupt {
        /// Which bytes were read.
        digest: Digest,
        /// Where they are.
        path: PathBuf,
        /// What is wrong with them.
        why: InvalidAuthFile,
    },
}

impl Slot {
    /// Returns which bytes were read; nothing when there were none.
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Self::Empty => None,
            Self::Holds { digest, .. } | Self::Corrupt { digest, .. } => Some(*digest),
        }
    }

    /// Returns the document, or nothing when there is none, or why it cannot be read.
    pub fn record(self) -> Result<Option<(Digest, AuthFile)>, StoreError> {
        match self {
            Self::Empty => Ok(None),
            Self::Holds { digest, record } => Ok(Some((digest, *record))),
            Self::Corrupt { path, why, .. } => Err(StoreError::Corrupt { path, why }),
        }
    }
}

/// The place of the login cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A folder is missing and cannot be made, or is not ours.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The document cannot be read.
    #[error("cannot read the login in {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The document cannot be written or removed; what was there is still there.
    #[error("cannot write the login in {path}")]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The document is there and is no login.
    #[error("the login in {path} is damaged")]
    Corrupt {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        why: InvalidAuthFile,
    },
    /// Something that is no ordinary file is in the place of the document.
    #[error("{0} is not an ordinary file")]
    NotAFile(PathBuf),
    /// The document is larger than any login.
    #[error("{0} is larger than any login (1 MiB)")]
    TooLarge(PathBuf),
    /// Another program holds a lock for too long.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// Another program stored something else since the document was read.
    #[error("another program changed the stored login in the meantime")]
    Changed,
}

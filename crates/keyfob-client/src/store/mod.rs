//! Where a login rests.

mod auto;
mod ephemeral;
mod file;
mod keepsake;
mod keyring;
mod locations;
mod lock;
mod shared;
mod side_file;

pub use auto::AutoStore;
pub use ephemeral::EphemeralStore;
pub use file::FileStore;
pub use keepsake::Keepsake;
pub use keyring::{KeyringError, KeyringStore, ServiceError, SessionBus};
pub use lock::LockError;
pub(crate) use lock::{Lock, Waited};
pub use shared::SharedStore;
pub(crate) use shared::{REFRESH_PATIENCE, off_the_runtime};

use crate::home::{Home, HomeError};
use keyfob_codex::auth_file::Login;
use keyfob_codex::auth_file::{AuthFile, InvalidAuthFile};
use keyfob_codex::config::CredentialsStore;
use keyfob_oauth::{IssuerUrl, Timestamp};
use sha2::{Digest as _, Sha256};
use std::fmt::Debug;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// One place that can hold a login.
///
/// Calls may block: [`SharedStore`] moves those that take long off the runtime. Whoever changes what is stored holds the refresh lock.
pub trait CredentialStore: Send + Sync + Debug {
    /// Returns where the login is kept.
    fn location(&self) -> Location;

    /// Whether reading asks another process, which may make the caller wait; else it takes no longer than a file does.
    fn asks_others(&self) -> bool {
        true
    }

    /// Reads what is stored.
    fn load(&self) -> Result<Slot, StoreError>;

    /// Returns the stored login, for callers that only look: without the digest that a change has to name.
    fn login(&self) -> Result<Option<Login>, StoreError> {
        Ok(self.load()?.record()?.map(|(_, record)| record.login()))
    }

    /// Fails if no new document could be stored now; asked before a token is spent (security R-11).
    fn prepare(&self) -> Result<(), StoreError>;

    /// Fails if what is stored could not be removed now; asked before a session is ended at its issuer.
    fn prepare_removal(&self) -> Result<(), StoreError>;

    /// Puts `record` in the place of the document whose digest is `expected`, durably, or changes nothing.
    fn save(&self, expected: Option<Digest>, record: &AuthFile) -> Result<Digest, StoreError>;

    /// Removes the document whose digest is `expected`, durably, or changes nothing.
    fn remove(&self, expected: Digest) -> Result<(), StoreError>;

    /// Reads what is kept beside the login.
    fn kept(&self, what: Keepsake) -> Result<Option<Vec<u8>>, StoreError>;

    /// Keeps `document` beside the login in the place of what was kept, durably, or nothing from then on.
    fn keep(&self, what: Keepsake, document: Option<&[u8]>) -> Result<(), StoreError>;

    /// Keeps a damaged login that a new one is about to take the place of; returns where, for people.
    fn set_aside(&self, damaged: &Damaged, now: Timestamp) -> Result<String, StoreError>;

    /// Removes everything that is kept beside the login; what cannot be removed does not keep the rest.
    fn forget(&self) -> Result<(), StoreError>;

    /// Reads the sessions that wait to be ended though nobody is signed in any more (security C-62).
    fn waiting(&self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(None)
    }

    /// Keeps `sessions` that wait, or none from then on; returns whether they are kept.
    ///
    /// Only a keyring does: their refresh tokens may not rest in a file once their owner has signed out.
    fn keep_waiting(&self, sessions: Option<&[u8]>) -> Result<bool, StoreError> {
        let _ = sessions;
        Ok(false)
    }

    /// Returns what the person should be told about where the login went, if it is not where one would expect.
    fn notice(&self) -> Option<String> {
        None
    }
}

/// Opens the store of `home` that the configuration asks for; `bus` is where the keyring is asked.
pub fn open(kind: CredentialsStore, home: &Home, bus: &SessionBus) -> Arc<dyn CredentialStore> {
    match kind {
        CredentialsStore::File => Arc::new(FileStore::new(home.clone())),
        CredentialsStore::Keyring => Arc::new(KeyringStore::new(home.clone(), bus.clone())),
        CredentialsStore::Auto => Arc::new(AutoStore::new(home.clone(), bus.clone())),
        CredentialsStore::Ephemeral => Arc::new(EphemeralStore::default()),
    }
}

/// Where a login is kept, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In this file.
    File(PathBuf),
    /// In the entry of the system's keyring with this username.
    Keyring(String),
    /// In the memory of this process, until it ends.
    Memory,
}

impl Location {
    /// Returns the word for programs.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Keyring(_) => "keyring",
            Self::Memory => "ephemeral",
        }
    }
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Keyring(username) => {
                write!(f, "keyring ({}, {username})", keyfob_codex::keyring::SERVICE)
            }
            Self::Memory => f.write_str("memory (nothing is kept when the program ends)"),
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

    pub(crate) fn to_hex(self) -> String {
        let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('0');
        self.0.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
    }
}

/// The bytes of a damaged login, which may hold secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Damaged(Vec<u8>);

impl Debug for Damaged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Damaged({} bytes)", self.0.len())
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
        location: Location,
        /// What is wrong with them.
        why: InvalidAuthFile,
        /// They themselves.
        bytes: Damaged,
    },
}

impl Slot {
    pub(crate) fn of(bytes: &[u8], location: Location) -> Self {
        let digest = Digest::of(bytes);
        match AuthFile::parse(bytes) {
            Ok(record) => Self::Holds { digest, record: Box::new(record) },
            Err(why) => Self::Corrupt { digest, location, why, bytes: Damaged(bytes.to_vec()) },
        }
    }

    /// Returns which bytes were read; nothing when there were none.
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Self::Empty => None,
            Self::Holds { digest, .. } | Self::Corrupt { digest, .. } => Some(*digest),
        }
    }

    /// Returns what it is, for the log.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Empty => "nothing",
            Self::Holds { .. } => "a login",
            Self::Corrupt { .. } => "damage",
        }
    }

    /// Returns who issued the login, if it is an account's and says so.
    pub(crate) fn issuer(&self) -> Option<IssuerUrl> {
        let Self::Holds { record, .. } = self else { return None };
        match record.login() {
            Login::Account(tokens) => tokens.provenance.map(|from| from.issuer),
            Login::ApiKey | Login::AccessToken(_) | Login::Foreign(_) => None,
        }
    }

    /// Returns the document, or nothing when there is none, or why it cannot be read.
    pub fn record(self) -> Result<Option<(Digest, AuthFile)>, StoreError> {
        match self {
            Self::Empty => Ok(None),
            Self::Holds { digest, record } => Ok(Some((digest, *record))),
            Self::Corrupt { location, why, .. } => Err(StoreError::Corrupt { location, why }),
        }
    }
}

/// Whether both documents are logins of one issuer, so that one may be a copy of the other (design D14).
fn same_issuer(one: &AuthFile, other: &AuthFile) -> bool {
    match (one.login(), other.login()) {
        (Login::Account(one), Login::Account(other)) => {
            one.provenance.map(|from| from.issuer) == other.provenance.map(|from| from.issuer)
        }
        (one, other) => one == other,
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
    #[error("the login in {location} is damaged")]
    Corrupt {
        /// Where.
        location: Location,
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
    /// A link in the place of the document leads nowhere, or belongs to somebody else.
    #[error("{path} is a link that cannot be followed: {why}")]
    Link {
        /// The link.
        path: PathBuf,
        /// Why.
        why: &'static str,
    },
    /// The system's keyring cannot be used.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The keyring holds the login and cannot be used; the file is not used instead (security C-41).
    #[error(
        "the keyring holds the login and cannot be used, and with `cli_auth_credentials_store = \"auto\"` \
         no file takes its place"
    )]
    KeyringLost(#[source] KeyringError),
    /// The keyring did not let its entry go; the file and what was beside the login are gone all the same.
    #[error("the login in {location} could not be removed and is still there")]
    NotRemoved {
        /// What stayed.
        location: Location,
        /// Why.
        #[source]
        source: KeyringError,
    },
    /// The file and the keyring hold different logins.
    #[error("{0} and the keyring hold different logins, and nothing says which is newer")]
    Undecided(PathBuf),
    /// Another program holds a lock for too long.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// Another program stored something else since the document was read.
    #[error("another program changed the stored login in the meantime")]
    Changed,
}

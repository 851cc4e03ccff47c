//! The system's keyring, in the entry that the Codex CLI uses.

mod connection;
mod entry;
mod kernel;
mod secret_service;
mod session;
mod session_key;

pub use secret_service::{KeyringError, SessionBus};
pub use session::ServiceError;

use super::{
    CredentialStore, Damaged, Digest, FileStore, Keepsake, Location, Lock, Slot, StoreError, same_issuer,
};
use crate::failpoint::Failpoint;
use crate::home::Home;
use entry::Entry;
use keyfob_codex::auth_file::AuthFile;
use keyfob_codex::keyring::KeyringEntry;
use keyfob_oauth::Timestamp;
use secret_service::SecretService;

/// The login in the Secret Service; the kernel's copy never outlives it.
///
/// As with the Codex CLI, `auth.json` goes when the login is saved here; a login of another issuer in it stays
/// (design D14).
#[derive(Debug)]
pub struct KeyringStore {
    home: Home,
    entry: KeyringEntry,
    login: Entry,
    /// What waits after signing out of any login of this home.
    waiting: Entry,
    service: SecretService,
}

impl KeyringStore {
    /// Uses the entry of `home` in the keyring behind `bus`.
    pub fn new(home: Home, bus: SessionBus) -> Self {
        let entry = KeyringEntry::of_home(&home.canonical());
        let service = SecretService::new(bus, home.keyring_lock());
        let waiting = Entry::waiting(&KeyringEntry::of_home(&home.shared().canonical()));
        Self { home, login: Entry::of_login(&entry), waiting, entry, service }
    }

    /// Removes the copy in `auth.json`, if it is one.
    fn remove_file_copy(&self, of: &AuthFile) -> Result<(), StoreError> {
        let file = FileStore::new(self.home.clone());
        match file.load()? {
            Slot::Holds { digest, record } if same_issuer(&record, of) => file.remove(digest),
            Slot::Empty => Ok(()),
            Slot::Holds { .. } | Slot::Corrupt { .. } => {
                tracing::warn!("`auth.json` holds something other than the login of the keyring; it stays");
                Ok(())
            }
        }
    }
}

impl CredentialStore for KeyringStore {
    fn location(&self) -> Location {
        Location::Keyring(self.entry.username().to_owned())
    }

    fn load(&self) -> Result<Slot, StoreError> {
        let stored = self.service.read(&self.login)?;
        Ok(stored.map_or(Slot::Empty, |bytes| Slot::of(&bytes, self.location())))
    }

    /// A daemon without a keyring answers reads as if nothing were stored; only a write tells.
    fn prepare(&self) -> Result<(), StoreError> {
        Ok(self.service.try_write(&Entry::trial(&self.entry))?)
    }

    fn prepare_removal(&self) -> Result<(), StoreError> {
        drop(Lock::codex(&self.home)?);
        Ok(())
    }

    fn save(&self, expected: Option<Digest>, record: &AuthFile) -> Result<Digest, StoreError> {
        let line = record.to_line();
        let failed = |source| StoreError::Write { path: self.home.auth_file(), source };
        {
            let _codex = Lock::codex(&self.home)?;
            Failpoint::FenceCheck.reach().map_err(failed)?;
            kernel::forget(&self.entry);
            self.service.replace(&self.login, expected, line.as_bytes())?;
            Failpoint::KeyringWritten.reach().map_err(failed)?;
            // A Codex CLI may have read the old one in between.
            kernel::forget(&self.entry);
        }
        Failpoint::Rename.reach().map_err(failed)?;
        if let Err(error) = self.remove_file_copy(record) {
            tracing::warn!(%error, "the login is in the keyring; its copy in `auth.json` could not be removed");
        }
        Ok(Digest::of(line.as_bytes()))
    }

    fn remove(&self, expected: Digest) -> Result<(), StoreError> {
        let (removed, copy) = {
            let _codex = Lock::codex(&self.home)?;
            let stored = self.service.read(&self.login)?;
            let Some(bytes) = stored.filter(|bytes| Digest::of(bytes) == expected) else {
                return Err(StoreError::Changed);
            };
            kernel::forget(&self.entry);
            (self.service.remove(&self.login, expected), AuthFile::parse(&bytes))
        };
        let failed = |source| StoreError::Write { path: self.home.auth_file(), source };
        Failpoint::DeleteFile.reach().map_err(failed)?;
        // The file goes even if the entry does not (security C-44).
        let file = copy.map_or(Ok(()), |record| self.remove_file_copy(&record));
        match removed {
            Err(StoreError::Keyring(source)) => {
                Err(StoreError::NotRemoved { location: self.location(), source })
            }
            other => other.and(file),
        }
    }

    fn kept(&self, what: Keepsake) -> Result<Option<Vec<u8>>, StoreError> {
        let stored = self.service.read(&Entry::beside(&self.entry, what.name()))?;
        Ok(stored.map(|bytes| bytes.to_vec()))
    }

    fn keep(&self, what: Keepsake, document: Option<&[u8]>) -> Result<(), StoreError> {
        let entry = Entry::beside(&self.entry, what.name());
        match document {
            Some(document) => self.service.put(&entry, document)?,
            None => self.service.remove_all(&entry)?,
        }
        Ok(())
    }

    fn set_aside(&self, damaged: &Damaged, now: Timestamp) -> Result<String, StoreError> {
        let entry = Entry::beside(&self.entry, &format!("corrupt-{}", now.as_unix()));
        self.service.put(&entry, &damaged.0)?;
        Ok(format!("keyring ({})", entry.name))
    }

    fn forget(&self) -> Result<(), StoreError> {
        Ok(self.service.remove_all(&Entry::all_beside(&self.entry))?)
    }

    fn waiting(&self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.service.read(&self.waiting)?.map(|bytes| bytes.to_vec()))
    }

    fn keep_waiting(&self, sessions: Option<&[u8]>) -> Result<bool, StoreError> {
        match sessions {
            Some(sessions) => self.service.put(&self.waiting, sessions)?,
            None => self.service.remove_all(&self.waiting)?,
        }
        Ok(true)
    }
}

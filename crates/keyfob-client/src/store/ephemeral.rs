//! The memory of this process: nothing is kept when it ends.

use super::{CredentialStore, Damaged, Digest, Keepsake, Location, Slot, StoreError};
use keyfob_codex::auth_file::AuthFile;
use keyfob_oauth::Timestamp;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A login that ends with the process.
#[derive(Debug, Default)]
pub struct EphemeralStore {
    held: Mutex<Option<AuthFile>>,
}

impl EphemeralStore {
    fn held(&self, expected: Option<Digest>) -> Result<MutexGuard<'_, Option<AuthFile>>, StoreError> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.as_ref().map(digest) == expected { Ok(held) } else { Err(StoreError::Changed) }
    }
}

impl CredentialStore for EphemeralStore {
    fn location(&self) -> Location {
        Location::Memory
    }

    fn asks_others(&self) -> bool {
        false
    }

    fn load(&self) -> Result<Slot, StoreError> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(match &*held {
            None => Slot::Empty,
            Some(record) => Slot::Holds { digest: digest(record), record: Box::new(record.clone()) },
        })
    }

    fn prepare(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn prepare_removal(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn save(&self, expected: Option<Digest>, record: &AuthFile) -> Result<Digest, StoreError> {
        *self.held(expected)? = Some(record.clone());
        Ok(digest(record))
    }

    fn remove(&self, expected: Digest) -> Result<(), StoreError> {
        *self.held(Some(expected))? = None;
        Ok(())
    }

    /// Nobody else changes the login, and a process that is killed takes all with it.
    fn kept(&self, _: Keepsake) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(None)
    }

    fn keep(&self, _: Keepsake, _: Option<&[u8]>) -> Result<(), StoreError> {
        Ok(())
    }

    fn set_aside(&self, _: &Damaged, _: Timestamp) -> Result<String, StoreError> {
        Ok(self.location().to_string())
    }

    fn forget(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn notice(&self) -> Option<String> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        held.then(|| "the login is kept in memory only, and is gone when this program ends".into())
    }
}

fn digest(record: &AuthFile) -> Digest {
    Digest::of(record.to_text().as_bytes())
}

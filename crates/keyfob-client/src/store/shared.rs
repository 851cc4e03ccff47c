//! The store of one home, as this process and others use it.

use super::{
    CredentialStore, Damaged, Digest, Keepsake, Lock, LockError, Slot, StoreError, Waited, side_file,
};
use crate::failpoint::Failpoint;
use crate::home::Home;
use keyfob_codex::auth_file::{AuthFile, Login};
use keyfob_oauth::Timestamp;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A store, the home it belongs to, and the one lock under which it changes (design D16).
#[derive(Clone, Debug)]
pub struct SharedStore {
    home: Home,
    store: Arc<dyn CredentialStore>,
}

/// How long others may hold the refresh lock: two network calls and some patience (security C-57).
pub(crate) const REFRESH_PATIENCE: Duration = Duration::from_secs(30);

impl SharedStore {
    /// Shares `store`, which belongs to `home`.
    pub fn new(home: Home, store: Arc<dyn CredentialStore>) -> Self {
        Self { home, store }
    }

    /// Returns the home.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Returns the store, for calls that may block.
    pub fn blocking(&self) -> &dyn CredentialStore {
        &*self.store
    }

    /// Waits for the one lock under which logins are changed.
    pub(crate) async fn lock(&self) -> Result<Lock, StoreError> {
        let path = self.lockable()?;
        let lock = Lock::take(&path, REFRESH_PATIENCE).await?;
        reached(Failpoint::LockAcquired, &path)?;
        Ok(lock)
    }

    /// As [`Self::lock`] with a patience of one's own, unless it is `needless` before it can be had.
    pub(crate) async fn lock_unless(
        &self,
        patience: Duration,
        needless: impl FnMut() -> bool,
    ) -> Result<Waited, StoreError> {
        let path = self.lockable()?;
        let waited = Lock::take_unless(&path, patience, needless).await?;
        reached(Failpoint::LockAcquired, &path)?;
        Ok(waited)
    }

    /// Makes the folder of the lock if need be; the lock itself is a look at a file as well.
    fn lockable(&self) -> Result<PathBuf, StoreError> {
        self.home.make()?;
        let path = self.home.refresh_lock();
        reached(Failpoint::LockWait, &path)?;
        Ok(path)
    }

    pub(crate) async fn load(&self) -> Result<Slot, StoreError> {
        let store = Arc::clone(&self.store);
        self.read(move || store.load()).await
    }

    /// Returns the stored login, for who only looks.
    pub(crate) async fn login(&self) -> Result<Option<Login>, StoreError> {
        // For a process that waited for the refresh of another, a thread would be most of what that costs.
        if !self.store.asks_others() {
            return self.store.login();
        }
        let store = Arc::clone(&self.store);
        off_the_runtime(move || store.login()).await
    }

    /// Reads under the lock, and remembers what the Codex CLI would drop from it.
    pub(crate) async fn load_locked(&self) -> Result<Slot, StoreError> {
        let store = Arc::clone(&self.store);
        self.read(move || {
            let slot = store.load()?;
            side_file::adopt(&*store, &slot);
            Ok(slot)
        })
        .await
    }

    async fn read(
        &self,
        load: impl FnOnce() -> Result<Slot, StoreError> + Send + 'static,
    ) -> Result<Slot, StoreError> {
        let loaded = off_the_runtime(load).await;
        let found = loaded.as_ref().map_or("an error", Slot::kind);
        tracing::trace!(place = %self.store.location(), found, "store read");
        let slot = loaded?;
        let failed = |source| StoreError::Read { path: self.home.auth_file(), source };
        Failpoint::StoreRead.reach().map_err(failed)?;
        Ok(slot)
    }

    /// Makes the home if need be, and asks the store whether it would take a new document.
    pub(crate) async fn prepare(&self) -> Result<(), StoreError> {
        let (home, store) = (self.home.clone(), Arc::clone(&self.store));
        off_the_runtime(move || {
            home.make()?;
            store.prepare()
        })
        .await?;
        let failed = |source| StoreError::Write { path: self.home.auth_file(), source };
        Failpoint::PreflightTemporary.reach().map_err(failed)
    }

    pub(crate) async fn prepare_removal(&self) -> Result<(), StoreError> {
        let store = Arc::clone(&self.store);
        off_the_runtime(move || store.prepare_removal()).await
    }

    /// Saves under the lock, with what the Codex CLI dropped put back.
    pub(crate) async fn save(
        &self,
        expected: Option<Digest>,
        record: &AuthFile,
    ) -> Result<Digest, StoreError> {
        let (store, mut record) = (Arc::clone(&self.store), record.clone());
        let saved = off_the_runtime(move || {
            let before = side_file::complete(&*store, &mut record);
            let digest = store.save(expected, &record)?;
            side_file::remember(&*store, &record, &before);
            Ok(digest)
        })
        .await;
        tracing::trace!(place = %self.store.location(), done = saved.is_ok(), "store written");
        saved
    }

    pub(crate) async fn kept(&self, what: Keepsake) -> Result<Option<Vec<u8>>, StoreError> {
        let store = Arc::clone(&self.store);
        off_the_runtime(move || store.kept(what)).await
    }

    pub(crate) async fn keep(&self, what: Keepsake, document: Option<Vec<u8>>) -> Result<(), StoreError> {
        let store = Arc::clone(&self.store);
        off_the_runtime(move || store.keep(what, document.as_deref())).await
    }

    pub(crate) async fn waiting(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let store = Arc::clone(&self.store);
        off_the_runtime(move || store.waiting()).await
    }

    pub(crate) async fn keep_waiting(&self, sessions: Option<Vec<u8>>) -> Result<bool, StoreError> {
        let store = Arc::clone(&self.store);
        off_the_runtime(move || store.keep_waiting(sessions.as_deref())).await
    }

    /// Removes what is kept beside a login that is gone.
    pub(crate) async fn forget(&self) -> Result<(), StoreError> {
        let store = Arc::clone(&self.store);
        off_the_runtime(move || store.forget()).await
    }

    pub(crate) async fn set_aside(&self, damaged: Damaged, now: Timestamp) -> Result<String, StoreError> {
        let store = Arc::clone(&self.store);
        off_the_runtime(move || store.set_aside(&damaged, now)).await
    }

    /// Removes the login and what is kept beside it; what cannot be removed does not keep the rest (security C-44).
    pub(crate) async fn remove(&self, expected: Digest) -> Result<(), StoreError> {
        let store = Arc::clone(&self.store);
        let removed = off_the_runtime(move || {
            let forgotten = store.forget();
            store.remove(expected).and(forgotten)
        })
        .await;
        tracing::trace!(place = %self.store.location(), done = removed.is_ok(), "store emptied");
        removed
    }
}

fn reached(failpoint: Failpoint, lock: &Path) -> Result<(), LockError> {
    failpoint.reach().map_err(|source| LockError::Failed { path: lock.to_owned(), source })
}

/// Runs work that blocks off the runtime's threads: the one place where it leaves them.
pub(crate) async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(stopped) => std::panic::resume_unwind(stopped.into_panic()),
    }
}

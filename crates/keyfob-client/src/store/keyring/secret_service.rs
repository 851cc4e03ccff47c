//! Calls to the Secret Service: one at a time in all processes of a home, each with a limit, on a thread of its own.
//!
//! A call waits for a daemon that may ask a person or never answer. It runs as a future on a helper thread, so that
//! a caller inside a runtime is served, and so that a call over its limit ends instead of lingering.

use super::connection::Connection;
use super::entry::Entry;
use super::session::{Item, ServiceError, Session};
use crate::store::{Digest, Lock, StoreError};
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use zeroize::Zeroizing;

/// The address of the session's D-Bus, on which the Secret Service is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionBus(String);

impl SessionBus {
    /// Takes an address as in `DBUS_SESSION_BUS_ADDRESS`.
    pub fn new(address: impl Into<String>) -> Self {
        Self(address.into())
    }

    pub(super) fn address(&self) -> &str {
        &self.0
    }
}

/// The keyring cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// There is no bus, no Secret Service on it, or no keyring in it.
    #[error("there is no keyring to use")]
    Unavailable(#[source] Box<ServiceError>),
    /// The keyring is locked, or access was denied.
    #[error("the keyring is locked, or access to it was denied")]
    Locked(#[source] Box<ServiceError>),
    /// Several entries have the name of ours; using any of them could be wrong.
    #[error("the keyring holds {0} entries where one is expected ({1})")]
    Ambiguous(usize, String),
    /// The keyring did not answer.
    #[error("the keyring did not answer within {} s", LIMIT.as_secs())]
    TimedOut,
    /// No thread could be started for the call.
    #[error("no helper thread for the keyring can be started")]
    Helper(#[source] io::Error),
}

/// How long one call may take; waiting for an earlier call does not count (security C-42).
const LIMIT: Duration = Duration::from_secs(5);
/// How long a call waits for those of other processes, of which one may be stopped; then it goes on beside them.
const QUEUE_PATIENCE: Duration = Duration::from_secs(30);

/// The Secret Service behind one bus.
#[derive(Debug)]
pub(super) struct SecretService {
    bus: SessionBus,
    /// Of all calls of this process, which take turns.
    connection: Mutex<Connection>,
    /// The queue of all processes: many at once would use up one another's limit.
    shared_queue: PathBuf,
}

impl SecretService {
    /// Asks behind `bus`; the processes that queue in the file `shared_queue` do so one at a time.
    pub(super) fn new(bus: SessionBus, shared_queue: PathBuf) -> Self {
        Self { bus, connection: Mutex::default(), shared_queue }
    }

    /// Returns the secret of the entry.
    pub(super) fn read(&self, entry: &Entry) -> Result<Option<Zeroizing<Vec<u8>>>, KeyringError> {
        self.call(async |session: &Session| {
            Ok(match find(session, entry).await? {
                Some(item) => Some(session.secret(&item).await.map_err(failure)?),
                None => None,
            })
        })
    }

    /// Puts `secret` in the place of the one whose digest is `expected`.
    pub(super) fn replace(
        &self,
        entry: &Entry,
        expected: Option<Digest>,
        secret: &[u8],
    ) -> Result<(), StoreError> {
        self.call(async |session: &Session| {
            let found = find(session, entry).await?;
            if digest(session, found.as_ref()).await? != expected {
                return Err(StoreError::Changed);
            }
            if let Some(item) = found {
                return Ok(session.set_secret(&item, secret).await.map_err(failure)?);
            }
            create(session, entry, secret).await?;
            Ok(())
        })
    }

    /// Puts `secret` in the place of whatever the entry holds.
    pub(super) fn put(&self, entry: &Entry, secret: &[u8]) -> Result<(), KeyringError> {
        self.call(async |session: &Session| match find(session, entry).await? {
            Some(item) => session.set_secret(&item, secret).await.map_err(failure),
            None => create(session, entry, secret).await.map(drop),
        })
    }

    /// Removes the entry whose secret has the digest `expected`.
    pub(super) fn remove(&self, entry: &Entry, expected: Digest) -> Result<(), StoreError> {
        self.call(async |session: &Session| {
            let found = find(session, entry).await?;
            if digest(session, found.as_ref()).await? != Some(expected) {
                return Err(StoreError::Changed);
            }
            match found {
                Some(item) => Ok(session.delete(&item).await.map_err(failure)?),
                None => Ok(()),
            }
        })
    }

    /// Removes every entry that has all attributes of `pattern`.
    pub(super) fn remove_all(&self, pattern: &Entry) -> Result<(), KeyringError> {
        self.call(async |session: &Session| {
            for item in session.search(&pattern.search()).await.map_err(failure)? {
                session.delete(&item).await.map_err(failure)?;
            }
            Ok(())
        })
    }

    /// Writes an entry of no meaning and deletes it.
    pub(super) fn try_write(&self, trial: &Entry) -> Result<(), KeyringError> {
        self.call(async |session: &Session| {
            let item = create(session, trial, b"trial").await?;
            session.delete(&item).await.map_err(failure)
        })
    }

    fn call<T: Send, E: From<KeyringError> + Send>(
        &self,
        work: impl AsyncFnOnce(&Session) -> Result<T, E> + Send,
    ) -> Result<T, E> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = &mut *connection;
        // Where the queue cannot be used, in a home that is read-only or not yet made, the limit is all there is.
        let _shared_turn = Lock::take_blocking(&self.shared_queue, QUEUE_PATIENCE).ok();
        std::thread::scope(|scope| {
            let helper = std::thread::Builder::new().name("keyring".into());
            let helper = helper.spawn_scoped(scope, || connection.call(&self.bus, LIMIT, work));
            match helper.map_err(KeyringError::Helper)?.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }
}

/// Finds the entry, unlocked.
async fn find(session: &Session, entry: &Entry) -> Result<Option<Item>, KeyringError> {
    let mut items = session.search(&entry.search()).await.map_err(failure)?;
    if items.len() > 1 {
        return Err(KeyringError::Ambiguous(items.len(), entry.name.clone()));
    }
    let Some(item) = items.pop() else { return Ok(None) };
    Ok(Some(session.unlocked(item).await.map_err(failure)?))
}

async fn create(session: &Session, entry: &Entry, secret: &[u8]) -> Result<Item, KeyringError> {
    session.create(&entry.label, entry.all(), secret).await.map_err(failure)
}

async fn digest(session: &Session, item: Option<&Item>) -> Result<Option<Digest>, KeyringError> {
    Ok(match item {
        Some(item) => Some(Digest::of(&session.secret(item).await.map_err(failure)?)),
        None => None,
    })
}

/// Tells a locked keyring from one that cannot be used.
pub(super) fn failure(error: ServiceError) -> KeyringError {
    let denied = match &error {
        ServiceError::Dismissed | ServiceError::Locked => true,
        ServiceError::Bus(zbus::Error::MethodError(name, ..)) => matches!(
            name.as_str(),
            "org.freedesktop.Secret.Error.IsLocked" | "org.freedesktop.DBus.Error.AccessDenied"
        ),
        ServiceError::Bus(_)
        | ServiceError::NoCollection
        | ServiceError::Unusable
        | ServiceError::Entropy(_) => false,
    };
    let error = Box::new(error);
    if denied { KeyringError::Locked(error) } else { KeyringError::Unavailable(error) }
}

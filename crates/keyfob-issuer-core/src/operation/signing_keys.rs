//! The administrator lets another key sign, or drops one.

use crate::audit::{self, Action, AuditEvent};
use crate::issuer::{Fault, Issuer};
use crate::key_ring::{KeyState, ListedSigningKey, schedule};
use crate::lifetime;
use crate::seal::SealKey;
use crate::storage::{SealedSigningKey, Storage, StoredSigningKey, Transaction};
use keyfob_jose::SigningKey;
use keyfob_oauth::{Clock, Entropy, Timestamp};

/// From when on a new key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// When everybody who keeps the published set has seen it.
    WhenKnown,
    /// At once: whoever keeps the set finds it out of date.
    Now,
}

/// The keys stay as they are.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeyError {
    /// The next key is there.
    #[error("the key {0} was made to be the next one, and does not sign yet")]
    Waiting(String),
    /// There is none of this name.
    #[error("there is no signing key {0}")]
    NotFound(String),
    /// Something broke inside.
    #[error(transparent)]
    Fault(#[from] Fault),
}

super::faults!(SigningKeyError);

/// Returns every key, in the order in which they sign.
pub async fn list_signing_keys(
    storage: &dyn Storage,
    clock: &dyn Clock,
) -> Result<Vec<ListedSigningKey>, Fault> {
    Ok(schedule(&storage.begin().await?.list_signing_keys().await?, clock.now()))
}

/// Adds `new` as the key that signs next; returns all of them.
pub async fn rotate_signing_key(
    storage: &dyn Storage,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    seal_key: &SealKey,
    new: &SigningKey,
    start: Start,
) -> Result<Vec<ListedSigningKey>, SigningKeyError> {
    let now = clock.now();
    let mut transaction = storage.begin().await?;
    let mut keys = transaction.list_signing_keys().await?;
    if let Some(waiting) = schedule(&keys, now).into_iter().find(|key| key.state == KeyState::Published) {
        return Err(SigningKeyError::Waiting(waiting.id));
    }
    let signs_from = match start {
        Start::WhenKnown => now.plus(lifetime::NEXT_KEY),
        Start::Now => now,
    };
    let key = seal(new, seal_key, now, signs_from, entropy)?;
    transaction.insert_signing_key(&key).await?;
    let event = AuditEvent::done(Action::MakeSigningKey).about(&key.key.id);
    audit::commit_on_host(transaction, now, event).await?;
    keys.push(key);
    Ok(schedule(&keys, now))
}

/// Drops a key at once: what it signed counts no more. If nothing is left to sign with, `replacement` does from now on.
pub async fn drop_signing_key(
    storage: &dyn Storage,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    seal_key: &SealKey,
    id: &str,
    replacement: &SigningKey,
) -> Result<Vec<ListedSigningKey>, SigningKeyError> {
    let now = clock.now();
    let mut transaction = storage.begin().await?;
    let mut keys = transaction.list_signing_keys().await?;
    let dropped = schedule(&keys, now).into_iter().find(|key| key.id == id);
    let dropped = dropped.ok_or_else(|| SigningKeyError::NotFound(id.to_owned()))?;
    transaction.delete_signing_key(id).await?;
    keys.retain(|key| key.key.id != id);
    if dropped.state == KeyState::Signing {
        // Not the one before it, which may have been left for the same reason.
        let key = seal(replacement, seal_key, now, now, entropy)?;
        transaction.insert_signing_key(&key).await?;
        keys.push(key);
    }
    keys.sort_by(|a, b| (a.signs_from, &a.key.id).cmp(&(b.signs_from, &b.key.id)));
    audit::commit_on_host(transaction, now, AuditEvent::done(Action::DropSigningKey).about(&id)).await?;
    Ok(schedule(&keys, now))
}

/// Seals `key` for the database.
pub(super) fn seal(
    key: &SigningKey,
    seal_key: &SealKey,
    now: Timestamp,
    signs_from: Timestamp,
    entropy: &dyn Entropy,
) -> Result<StoredSigningKey, Fault> {
    let id = key.id().to_owned();
    let sealed = seal_key.signing_key_seal(&id)?.close(key.to_pkcs8_base64(), entropy)?;
    Ok(StoredSigningKey { key: SealedSigningKey { id, sealed }, created_at: now, signs_from })
}

/// Forgets the keys that are gone, with their private parts; returns how many.
pub(super) async fn forget_gone_keys(
    transaction: &mut dyn Transaction,
    now: Timestamp,
) -> Result<u64, Fault> {
    let mut gone = 0;
    for key in schedule(&transaction.list_signing_keys().await?, now) {
        if key.state == KeyState::Gone {
            transaction.delete_signing_key(&key.id).await?;
            gone += 1;
        }
    }
    Ok(gone)
}

impl Issuer {
    /// Takes up the keys as they rest by now; returns whether there was anything new.
    pub async fn reload_keys(&self) -> Result<bool, Fault> {
        let stored = self.begin().await?.list_signing_keys().await?;
        self.take_up(stored)
    }
}

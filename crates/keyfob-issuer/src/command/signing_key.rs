//! `signing-key`: the keys that tokens are signed with take turns.

use crate::command::opened::{OpenDataError, Opened, open_with_key};
use keyfob_issuer_core::Fault;
use keyfob_issuer_core::key_ring::{KeyState, ListedSigningKey};
use keyfob_issuer_core::operation::{
    SigningKeyError, Start, drop_signing_key, list_signing_keys, rotate_signing_key,
};
use keyfob_jose::{SigningError, SigningKey};
use keyfob_oauth::{Clock, Entropy};
use std::path::Path;

/// The keys cannot be listed or changed.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeyCommandError {
    /// The issuer cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenDataError),
    /// A new key cannot be made.
    #[error(transparent)]
    Generate(#[from] SigningError),
    /// The keys stay as they are.
    #[error(transparent)]
    Keys(#[from] SigningKeyError),
    /// Something else.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Returns every key, in the order in which they sign.
pub async fn list(data: &Path, clock: &dyn Clock) -> Result<Vec<ListedSigningKey>, SigningKeyCommandError> {
    let Opened { storage, .. } = open_with_key(data).await?;
    let keys = list_signing_keys(&storage, clock).await?;
    storage.close().await;
    Ok(keys)
}

/// Makes the key that signs next.
pub async fn rotate(
    data: &Path,
    start: Start,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<Vec<ListedSigningKey>, SigningKeyCommandError> {
    let Opened { storage, seal_key, .. } = open_with_key(data).await?;
    let new = SigningKey::generate()?;
    let keys = rotate_signing_key(&storage, clock, entropy, &seal_key, &new, start).await?;
    storage.close().await;
    Ok(keys)
}

/// Drops a key at once.
pub async fn retire(
    data: &Path,
    id: &str,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<Vec<ListedSigningKey>, SigningKeyCommandError> {
    let Opened { storage, seal_key, .. } = open_with_key(data).await?;
    let replacement = SigningKey::generate()?;
    let keys = drop_signing_key(&storage, clock, entropy, &seal_key, id, &replacement).await?;
    storage.close().await;
    Ok(keys)
}

/// Says whether `rotate` would make a key, without making one.
pub fn may_rotate(keys: &[ListedSigningKey]) -> Result<(), SigningKeyError> {
    match keys.iter().find(|key| key.state == KeyState::Published) {
        Some(waiting) => Err(SigningKeyError::Waiting(waiting.id.clone())),
        None => Ok(()),
    }
}

//! Sealed signing keys.

use super::StorageError;
use async_trait::async_trait;
use keyfob_oauth::Timestamp;

/// A signing key at rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedSigningKey {
    /// Its `kid`.
    pub id: String,
    /// The key, closed by the seal key.
    pub sealed: Vec<u8>,
}

/// A signing key with its moments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSigningKey {
    /// The key.
    pub key: SealedSigningKey,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it signs.
    pub signs_from: Timestamp,
}

/// Sealed signing keys.
#[async_trait]
pub trait SigningKeys {
    /// Returns all keys, in the order in which they sign.
    async fn list_signing_keys(&mut self) -> Result<Vec<StoredSigningKey>, StorageError>;
    /// Adds a key.
    async fn insert_signing_key(&mut self, key: &StoredSigningKey) -> Result<(), StorageError>;
    /// Forgets a key; returns whether it was there.
    async fn delete_signing_key(&mut self, id: &str) -> Result<bool, StorageError>;
}

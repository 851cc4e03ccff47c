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

/// Sealed signing keys.
#[async_trait]
pub trait SigningKeys {
    /// Returns the newest key.
    async fn newest_signing_key(&mut self) -> Result<Option<SealedSigningKey>, StorageError>;
    /// Adds a key.
    async fn insert_signing_key(
        &mut self,
        key: &SealedSigningKey,
        now: Timestamp,
    ) -> Result<(), StorageError>;
}

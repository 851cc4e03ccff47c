//! Personal access tokens and API keys.

use super::StorageError;
use crate::KeyId;
use crate::access_key::AccessKey;
use crate::digest::KeyDigest;
use async_trait::async_trait;
use keyfob_oauth::{Subject, Timestamp, WorkspaceId};

/// Personal access tokens and API keys.
#[async_trait]
pub trait AccessKeys {
    /// Adds a key.
    async fn insert_key(&mut self, key: &AccessKey) -> Result<(), StorageError>;
    /// Finds the key with this digest, whether it still counts or not.
    async fn find_key(&mut self, digest: &KeyDigest) -> Result<Option<AccessKey>, StorageError>;
    /// Returns the keys that `subject` made in a workspace and nobody ended, the newest first.
    async fn list_keys_of(
        &mut self,
        subject: &Subject,
        workspace: &WorkspaceId,
    ) -> Result<Vec<AccessKey>, StorageError>;
    /// Returns everybody's keys that nobody ended, the newest first.
    async fn list_keys(&mut self) -> Result<Vec<AccessKey>, StorageError>;
    /// Notes that a key was used.
    async fn note_key_use(&mut self, id: KeyId, now: Timestamp) -> Result<(), StorageError>;
    /// Ends a key; returns whether there was one to end.
    async fn end_key(&mut self, id: KeyId, now: Timestamp) -> Result<bool, StorageError>;
    /// Spends an ID token by its `jti`; returns whether it was unspent.
    async fn spend_id_token(&mut self, jti: &str, now: Timestamp) -> Result<bool, StorageError>;
    /// Forgets at most `most` of the ID tokens that were spent before `moment`; returns how many.
    async fn forget_spent_id_tokens(&mut self, moment: Timestamp, most: u32) -> Result<u64, StorageError>;
}

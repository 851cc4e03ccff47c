//! What a database that was put back from a backup still holds, and may not count any more.

use super::StorageError;
use async_trait::async_trait;
use keyfob_oauth::Timestamp;

/// What a restored database still holds.
#[async_trait]
pub trait Restorations {
    /// Ends every live refresh family; returns how many.
    async fn end_every_session(&mut self, now: Timestamp) -> Result<u64, StorageError>;
    /// Ends every personal access token and API key that was not revoked; returns how many.
    async fn end_every_key(&mut self, now: Timestamp) -> Result<u64, StorageError>;
    /// Forgets every spent refresh token.
    async fn forget_spent_tokens(&mut self) -> Result<(), StorageError>;
    /// Forgets browser sessions, links, invitations, device grants, and grants that were not exchanged.
    async fn forget_unfinished(&mut self) -> Result<(), StorageError>;
}

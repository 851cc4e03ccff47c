//! What has ended before its time.

use super::StorageError;
use crate::revocation::{Feed, Revoked};
use async_trait::async_trait;
use keyfob_oauth::Timestamp;

/// What has ended before its time.
///
/// Sessions and keys that end are noted by the statements that end them; whatever takes a user or a member away notes it
/// with [`Revocations::note_revoked`].
#[async_trait]
pub trait Revocations {
    /// Adds an entry under the next number; whoever else adds one waits until this transaction ends.
    async fn note_revoked(&mut self, revoked: &Revoked, now: Timestamp) -> Result<(), StorageError>;
    /// Leaves out the next `count` numbers.
    async fn skip_epochs(&mut self, count: u32) -> Result<(), StorageError>;
    /// Returns at most `most` of the entries after the number `epoch`.
    async fn revocations_after(&mut self, epoch: u64, most: u32) -> Result<Feed, StorageError>;
    /// Returns the number of the last entry.
    async fn revocation_epoch(&mut self) -> Result<u64, StorageError>;
    /// Forgets at most `most` of those from before `moment`; returns how many.
    async fn forget_revocations(&mut self, moment: Timestamp, most: u32) -> Result<u64, StorageError>;
}

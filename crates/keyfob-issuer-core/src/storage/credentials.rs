//! Passwords that change, and the links that let them.

use super::StorageError;
use crate::digest::ResetDigest;
use crate::password::PasswordHash;
use async_trait::async_trait;
use keyfob_oauth::{Subject, Timestamp};

/// Passwords that change, and the links that let them.
#[async_trait]
pub trait Credentials {
    /// Gives a user another password; links that were made for the one before are worth nothing any more.
    async fn set_password(&mut self, subject: &Subject, password: &PasswordHash) -> Result<(), StorageError>;
    /// Keeps a link for a user in place of any other.
    async fn replace_reset_link(
        &mut self,
        digest: &ResetDigest,
        subject: &Subject,
        expires_at: Timestamp,
    ) -> Result<(), StorageError>;
    /// Forgets a user's link.
    async fn delete_reset_link(&mut self, subject: &Subject) -> Result<(), StorageError>;
    /// Finds whose link this is, if it has not ended by `now`.
    async fn find_reset_link(
        &mut self,
        digest: &ResetDigest,
        now: Timestamp,
    ) -> Result<Option<Subject>, StorageError>;
}

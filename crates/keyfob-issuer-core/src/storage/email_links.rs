//! Links that are sent to e-mail addresses.

use super::StorageError;
use crate::digest::EmailLinkDigest;
use crate::email_link::{EmailLink, EmailPurpose};
use async_trait::async_trait;
use keyfob_oauth::{Subject, Timestamp};

/// Links that are sent to e-mail addresses.
#[async_trait]
pub trait EmailLinks {
    /// Adds a link.
    async fn insert_email_link(&mut self, link: &EmailLink) -> Result<(), StorageError>;
    /// Finds the link with this digest if it has this purpose and has not ended by `now`.
    async fn find_email_link(
        &mut self,
        digest: &EmailLinkDigest,
        purpose: EmailPurpose,
        now: Timestamp,
    ) -> Result<Option<EmailLink>, StorageError>;
    /// Forgets the links of a user that have this purpose.
    async fn delete_email_links(
        &mut self,
        subject: &Subject,
        purpose: EmailPurpose,
    ) -> Result<(), StorageError>;
    /// Forgets at most `most` of those that ended before `moment`; returns how many.
    async fn forget_email_links(&mut self, moment: Timestamp, most: u32) -> Result<u64, StorageError>;
}

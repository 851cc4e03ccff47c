//! Signed-in browsers.

use super::StorageError;
use crate::browser_session::BrowserSession;
use crate::digest::SessionDigest;
use async_trait::async_trait;
use keyfob_oauth::{Subject, Timestamp};
use std::time::Duration;

/// Signed-in browsers.
#[async_trait]
pub trait BrowserSessions {
    /// Finds the session whose cookie has this digest, whether it still counts or not.
    async fn find_session(&mut self, digest: &SessionDigest) -> Result<Option<BrowserSession>, StorageError>;
    /// Adds a session.
    async fn insert_session(&mut self, session: &BrowserSession) -> Result<(), StorageError>;
    /// Makes a session last until `expires_at`.
    async fn prolong_session(
        &mut self,
        digest: &SessionDigest,
        expires_at: Timestamp,
    ) -> Result<(), StorageError>;
    /// Makes each session of `subject` end `idle` after its last proof, where it would last longer.
    async fn shorten_sessions(&mut self, subject: &Subject, idle: Duration) -> Result<(), StorageError>;
    /// Ends a session.
    async fn delete_session(&mut self, digest: &SessionDigest) -> Result<(), StorageError>;
    /// Forgets at most `most` of those that ended before `moment`; returns how many.
    async fn forget_sessions(&mut self, moment: Timestamp, most: u32) -> Result<u64, StorageError>;
}

//! Signed-in browsers.

use super::StorageError;
use crate::browser_session::BrowserSession;
use crate::digest::SessionDigest;
use async_trait::async_trait;
use keyfob_oauth::Timestamp;

/// Signed-in browsers.
#[async_trait]
pub trait BrowserSessions {
    /// Finds the session whose cookie has this digest, whether it still counts or not.
    async fn find_session(&mut self, digest: &SessionDigest) -> Result<Option<BrowserSession>, StorageError>;
    /// Adds a session, and drops those that ended before `now`.
    async fn insert_session(&mut self, session: &BrowserSession, now: Timestamp) -> Result<(), StorageError>;
    /// Ends a session.
    async fn delete_session(&mut self, digest: &SessionDigest) -> Result<(), StorageError>;
}

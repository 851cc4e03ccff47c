//! Refresh families as their people know them.

use super::StorageError;
use crate::FamilyId;
use crate::login_session::{LoginSession, SessionName};
use async_trait::async_trait;
use keyfob_oauth::{Subject, Timestamp, WorkspaceId};

/// Refresh families as their people know them.
#[async_trait]
pub trait LoginSessions {
    /// Finds the session of this name if it is `subject`'s, in whatever state.
    async fn find_login_session(
        &mut self,
        id: FamilyId,
        subject: &Subject,
    ) -> Result<Option<LoginSession>, StorageError>;
    /// As [`LoginSessions::find_login_session`], and nobody ends it before this transaction does.
    async fn hold_login_session(
        &mut self,
        id: FamilyId,
        subject: &Subject,
    ) -> Result<Option<LoginSession>, StorageError>;
    /// Returns the sessions of `subject` that nobody ended, the newest first.
    async fn list_login_sessions(&mut self, subject: &Subject) -> Result<Vec<LoginSession>, StorageError>;
    /// Calls a session by `name`, or by none.
    async fn name_login_session(
        &mut self,
        id: FamilyId,
        name: Option<&SessionName>,
    ) -> Result<(), StorageError>;
    /// Ends everything that `subject` is signed in with, but for the family `spared`; returns how many families ended.
    ///
    /// Signed-in browsers end too, and so does what was approved and not yet redeemed: each would be a way back in (I-33).
    async fn end_everything_of(
        &mut self,
        subject: &Subject,
        spared: Option<FamilyId>,
        now: Timestamp,
    ) -> Result<u64, StorageError>;
    /// Ends everything that `subject` has in a workspace: sessions, what was approved and not yet redeemed, and keys
    /// (I-72).
    async fn end_everything_in(
        &mut self,
        workspace: &WorkspaceId,
        subject: &Subject,
        now: Timestamp,
    ) -> Result<(), StorageError>;
}

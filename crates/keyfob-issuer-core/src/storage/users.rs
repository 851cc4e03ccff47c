//! People and their workspaces.

use super::StorageError;
use crate::sign_in::MfaPolicy;
use crate::user::{DeviceCodes, Email, User, Workspace};
use async_trait::async_trait;
use keyfob_oauth::{Subject, Timestamp, WorkspaceId};

/// People.
#[async_trait]
pub trait Users {
    /// Finds the user with this identifier.
    async fn find_user(&mut self, subject: &Subject) -> Result<Option<User>, StorageError>;
    /// Finds the user with this address.
    async fn find_user_by_email(&mut self, email: &Email) -> Result<Option<User>, StorageError>;
    /// Adds a user; the address must be new.
    async fn insert_user(&mut self, user: &User) -> Result<(), StorageError>;
    /// Remembers whether this user signs devices in with codes.
    async fn set_device_codes(
        &mut self,
        subject: &Subject,
        device_codes: DeviceCodes,
    ) -> Result<(), StorageError>;
    /// Returns everybody, by address.
    async fn list_users(&mut self) -> Result<Vec<User>, StorageError>;
}

/// Workspaces.
#[async_trait]
pub trait Workspaces {
    /// Finds the workspace with this identifier.
    async fn find_workspace(&mut self, id: &WorkspaceId) -> Result<Option<Workspace>, StorageError>;
    /// Finds the personal workspace of a user.
    async fn find_personal_workspace(&mut self, owner: &Subject) -> Result<Option<Workspace>, StorageError>;
    /// Says when a workspace wants a second factor.
    async fn set_mfa_policy(&mut self, id: &WorkspaceId, mfa: MfaPolicy) -> Result<(), StorageError>;
    /// Adds a workspace.
    async fn insert_workspace(&mut self, workspace: &Workspace, now: Timestamp) -> Result<(), StorageError>;
}

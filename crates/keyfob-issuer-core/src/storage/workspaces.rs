//! Workspaces, who is in them, and who is asked into them.

use super::StorageError;
use crate::InvitationId;
use crate::digest::InvitationDigest;
use crate::workspace::{Invitation, Member, Membership, Role, Workspace};
use async_trait::async_trait;
use keyfob_oauth::{Subject, Timestamp, WorkspaceId};

/// Workspaces.
#[async_trait]
pub trait Workspaces {
    /// Finds the workspace with this identifier.
    async fn find_workspace(&mut self, id: &WorkspaceId) -> Result<Option<Workspace>, StorageError>;
    /// Finds the workspace, which nobody else changes before the transaction ends, nor its members.
    ///
    /// Whoever changes a workspace or its members calls this first: so they take turns.
    async fn lock_workspace(&mut self, id: &WorkspaceId) -> Result<Option<Workspace>, StorageError>;
    /// Finds the personal workspace of a user.
    async fn find_personal_workspace(&mut self, subject: &Subject)
    -> Result<Option<Workspace>, StorageError>;
    /// Adds a workspace.
    async fn insert_workspace(&mut self, workspace: &Workspace, now: Timestamp) -> Result<(), StorageError>;
    /// Stores name, policy and organisation of a workspace anew.
    async fn update_workspace(&mut self, workspace: &Workspace) -> Result<(), StorageError>;
    /// Returns every workspace, the oldest first.
    async fn list_workspaces(&mut self) -> Result<Vec<Workspace>, StorageError>;
}

/// Who is in a workspace.
#[async_trait]
pub trait Members {
    /// Finds what somebody is in a workspace; nothing if they are not in it.
    async fn find_membership(
        &mut self,
        id: &WorkspaceId,
        subject: &Subject,
    ) -> Result<Option<Membership>, StorageError>;
    /// Returns every workspace that somebody is in: their own first, then by name.
    async fn list_memberships(&mut self, subject: &Subject) -> Result<Vec<Membership>, StorageError>;
    /// Returns everybody in a workspace, by address.
    async fn list_members(&mut self, id: &WorkspaceId) -> Result<Vec<Member>, StorageError>;
    /// Adds somebody to a workspace they are not in.
    async fn insert_member(
        &mut self,
        id: &WorkspaceId,
        subject: &Subject,
        role: Role,
        now: Timestamp,
    ) -> Result<(), StorageError>;
    /// Makes somebody a `role`.
    async fn set_role(&mut self, id: &WorkspaceId, subject: &Subject, role: Role)
    -> Result<(), StorageError>;
    /// Removes somebody from a workspace.
    async fn delete_member(&mut self, id: &WorkspaceId, subject: &Subject) -> Result<(), StorageError>;
}

/// Who is asked into a workspace.
#[async_trait]
pub trait Invitations {
    /// Adds an invitation in the place of any other of this address to this workspace.
    async fn replace_invitation(&mut self, invitation: &Invitation) -> Result<(), StorageError>;
    /// Finds the invitation whose link has this digest, whether it still counts or not.
    async fn find_invitation(
        &mut self,
        digest: &InvitationDigest,
    ) -> Result<Option<Invitation>, StorageError>;
    /// Returns the invitations to a workspace that count after `moment`, by address.
    async fn list_invitations(
        &mut self,
        id: &WorkspaceId,
        moment: Timestamp,
    ) -> Result<Vec<Invitation>, StorageError>;
    /// Removes an invitation to this workspace; returns whether there was one.
    async fn delete_invitation(
        &mut self,
        id: &WorkspaceId,
        invitation: InvitationId,
    ) -> Result<bool, StorageError>;
    /// Forgets at most `most` of those that ended before `moment`; returns how many.
    async fn forget_invitations(&mut self, moment: Timestamp, most: u32) -> Result<u64, StorageError>;
}

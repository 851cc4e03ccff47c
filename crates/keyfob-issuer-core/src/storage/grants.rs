//! Authorization grants.

use super::StorageError;
use crate::GrantId;
use crate::digest::CodeDigest;
use crate::grant::AuthorizationGrant;
use async_trait::async_trait;
use keyfob_oauth::{Timestamp, WorkspaceId};

/// Authorization grants.
#[async_trait]
pub trait Grants {
    /// Finds the grant with this name.
    async fn find_grant(&mut self, id: GrantId) -> Result<Option<AuthorizationGrant>, StorageError>;
    /// Finds the grant whose code has this digest, redeemed or not.
    async fn find_grant_by_code(
        &mut self,
        code: &CodeDigest,
    ) -> Result<Option<AuthorizationGrant>, StorageError>;
    /// Adds a grant.
    async fn insert_grant(&mut self, grant: &AuthorizationGrant) -> Result<(), StorageError>;
    /// Stores a step that a grant has taken; [`StorageError::Conflict`] if it is not where that step begins (I-05).
    async fn update_grant(&mut self, grant: &AuthorizationGrant) -> Result<(), StorageError>;
    /// Remembers which workspace the person chose for a grant about which nobody has decided.
    async fn choose_workspace(&mut self, id: GrantId, workspace: &WorkspaceId) -> Result<(), StorageError>;
    /// Takes back an approval whose code nobody redeemed yet.
    async fn withdraw_grant(&mut self, id: GrantId) -> Result<(), StorageError>;
    /// Forgets the code of a grant that was redeemed: from here on it is as unknown as one that nobody made.
    async fn forget_code(&mut self, id: GrantId) -> Result<(), StorageError>;
    /// Forgets at most `most` of those that ended before `moment`; returns how many.
    async fn forget_grants(&mut self, moment: Timestamp, most: u32) -> Result<u64, StorageError>;
}

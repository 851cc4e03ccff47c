//! Whether somebody may be granted anything: the one check at every redemption (I-32).

use crate::storage::{StorageError, Transaction};
use crate::user::User;
use crate::workspace::{Membership, Role, Workspace};
use keyfob_oauth::{Subject, WorkspaceId};

/// A user and the workspace that tokens are bound to, found to be in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grantee {
    /// Who.
    pub user: User,
    /// For which workspace.
    pub workspace: Workspace,
    /// As what they are in it.
    pub role: Role,
}

/// Returns the user and the workspace if both exist and the one is in the other.
pub(crate) async fn find_grantee(
    transaction: &mut dyn Transaction,
    subject: &Subject,
    workspace_id: &WorkspaceId,
) -> Result<Option<Grantee>, StorageError> {
    let user = transaction.find_user(subject).await?;
    let membership = transaction.find_membership(workspace_id, subject).await?;
    Ok(user.zip(membership).map(|(user, Membership { workspace, role })| Grantee { user, workspace, role }))
}

/// Returns the user with their personal workspace.
pub(crate) async fn find_personal(
    transaction: &mut dyn Transaction,
    subject: &Subject,
) -> Result<Option<Grantee>, StorageError> {
    let user = transaction.find_user(subject).await?;
    let workspace = transaction.find_personal_workspace(subject).await?;
    Ok(user.zip(workspace).map(|(user, workspace)| Grantee { user, workspace, role: Role::Owner }))
}

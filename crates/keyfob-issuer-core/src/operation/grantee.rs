//! Whether somebody may be granted anything: the one check at every redemption (I-32).

use crate::storage::{StorageError, Transaction};
use crate::user::{User, Workspace};
use keyfob_oauth::{Subject, WorkspaceId};

/// A user and the workspace that tokens are bound to, found to be in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grantee {
    /// Who.
    pub user: User,
    /// For which workspace.
    pub workspace: Workspace,
}

/// Returns the user and the workspace if both exist and belong together.
pub(crate) async fn find_grantee(
    transaction: &mut dyn Transaction,
    subject: &Subject,
    workspace_id: &WorkspaceId,
) -> Result<Option<Grantee>, StorageError> {
    let user = transaction.find_user(subject).await?;
    let workspace = transaction.find_workspace(workspace_id).await?;
    Ok(user.zip(workspace).and_then(|(user, workspace)| {
        (workspace.owner == user.subject).then_some(Grantee { user, workspace })
    }))
}

/// Returns the user with their personal workspace.
pub(crate) async fn find_personal(
    transaction: &mut dyn Transaction,
    subject: &Subject,
) -> Result<Option<Grantee>, StorageError> {
    let user = transaction.find_user(subject).await?;
    let workspace = transaction.find_personal_workspace(subject).await?;
    Ok(user.zip(workspace).map(|(user, workspace)| Grantee { user, workspace }))
}

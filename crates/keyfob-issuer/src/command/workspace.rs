//! `workspace`: workspaces are made, looked at and changed on the host, by whoever has the issuer's files.

use crate::command::opened::{OpenDataError, open};
use keyfob_issuer_core::operation::{
    self, Actor, By, Invited, WorkspaceError, WorkspaceView, add_workspace, change_settings, enrol_member,
    remove_member, view_workspace,
};
use keyfob_issuer_core::storage::{Storage as _, StorageError};
use keyfob_issuer_core::user::Email;
use keyfob_issuer_core::workspace::{Role, Setting, Workspace, WorkspaceName};
use keyfob_issuer_sql::{Effect, SqlStorage};
use keyfob_oauth::{Clock, Entropy, Secret, WorkspaceId};
use std::path::Path;

/// A workspace cannot be made, shown or changed.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceCommandError {
    /// The issuer cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenDataError),
    /// There is no such workspace.
    #[error("there is no workspace {0}")]
    NoSuchWorkspace(WorkspaceId),
    /// Somebody is not in the workspace.
    #[error("{email} is not a member of the workspace {id}")]
    NotAMember {
        /// Who.
        email: Email,
        /// Of which.
        id: WorkspaceId,
    },
    /// The workspace does not allow it.
    #[error(transparent)]
    Refused(WorkspaceError),
    /// The database.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl WorkspaceCommandError {
    fn of(id: &WorkspaceId) -> impl Fn(WorkspaceError) -> Self + '_ {
        move |error| match error {
            WorkspaceError::NotFound => Self::NoSuchWorkspace(id.clone()),
            WorkspaceError::Forbidden
            | WorkspaceError::LastOwner
            | WorkspaceError::Personal
            | WorkspaceError::AlreadyAMember(_)
            | WorkspaceError::NobodyCouldSignIn
            | WorkspaceError::UnknownUser(_)
            | WorkspaceError::Fault(_) => Self::Refused(error),
        }
    }
}

/// An invitation whose link the operator hands over.
#[derive(Clone, Debug)]
pub struct HandedInvitation {
    /// The invitation.
    pub invited: Invited,
    /// The address at which it is accepted.
    pub link: Secret,
}

async fn opened(data: &Path, effect: Effect) -> Result<SqlStorage, OpenDataError> {
    Ok(open(data).await?.1.with_effect(effect))
}

/// Makes a shared workspace.
pub async fn add(
    data: &Path,
    name: WorkspaceName,
    owner: &Email,
    effect: Effect,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<Workspace, WorkspaceCommandError> {
    let storage = opened(data, effect).await?;
    let made = add_workspace(&storage, entropy, &By::operator(clock.now()), name, owner).await;
    storage.close().await;
    made.map_err(WorkspaceCommandError::Refused)
}

/// Returns every workspace, the oldest first.
pub async fn list(data: &Path) -> Result<Vec<Workspace>, WorkspaceCommandError> {
    let storage = opened(data, Effect::Kept).await?;
    let workspaces = storage.begin().await?.list_workspaces().await?;
    storage.close().await;
    Ok(workspaces)
}

/// Returns a workspace with its members and open invitations.
pub async fn show(
    data: &Path,
    id: &WorkspaceId,
    clock: &dyn Clock,
) -> Result<WorkspaceView, WorkspaceCommandError> {
    let storage = opened(data, Effect::Kept).await?;
    let view = view_workspace(&storage, Actor::Operator, clock.now(), id).await;
    storage.close().await;
    view.map_err(WorkspaceCommandError::of(id))
}

/// Makes somebody who has an account a `role` in a workspace, whether they were in it or not.
pub async fn set_member(
    data: &Path,
    id: &WorkspaceId,
    email: &Email,
    role: Role,
    effect: Effect,
    clock: &dyn Clock,
) -> Result<(), WorkspaceCommandError> {
    let storage = opened(data, effect).await?;
    let enrolled = enrol_member(&storage, clock.now(), id, email, role).await;
    storage.close().await;
    enrolled.map_err(WorkspaceCommandError::of(id))
}

/// Removes somebody from a workspace, with everything that they have in it.
pub async fn drop_member(
    data: &Path,
    id: &WorkspaceId,
    email: &Email,
    effect: Effect,
    clock: &dyn Clock,
) -> Result<(), WorkspaceCommandError> {
    let storage = opened(data, effect).await?;
    let view = view_workspace(&storage, Actor::Operator, clock.now(), id).await;
    let view = view.map_err(WorkspaceCommandError::of(id))?;
    let member = view.members.into_iter().find(|member| member.email == *email);
    let member =
        member.ok_or_else(|| WorkspaceCommandError::NotAMember { email: email.clone(), id: id.clone() })?;
    let removed = remove_member(&storage, &By::operator(clock.now()), id, &member.subject).await;
    storage.close().await;
    removed.map_err(WorkspaceCommandError::of(id))
}

/// Asks `email` into a workspace, in the place of any earlier invitation of that address.
pub async fn invite(
    data: &Path,
    id: &WorkspaceId,
    email: &Email,
    role: Role,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<HandedInvitation, WorkspaceCommandError> {
    let (config, storage) = open(data).await?;
    let invited = operation::invite(&storage, entropy, &By::operator(clock.now()), id, email, role).await;
    storage.close().await;
    let invited = invited.map_err(WorkspaceCommandError::of(id))?;
    let link = config.url.join(&format!("/invite/{}", invited.token.expose()));
    Ok(HandedInvitation { invited, link: Secret::new(link) })
}

/// Changes settings of a workspace, all of them or none; without any, returns it as it is.
pub async fn set_policy(
    data: &Path,
    id: &WorkspaceId,
    settings: &[Setting],
    effect: Effect,
    clock: &dyn Clock,
) -> Result<Workspace, WorkspaceCommandError> {
    let storage = opened(data, effect).await?;
    let changed = change_settings(&storage, &By::operator(clock.now()), id, settings).await;
    storage.close().await;
    changed.map_err(WorkspaceCommandError::of(id))
}

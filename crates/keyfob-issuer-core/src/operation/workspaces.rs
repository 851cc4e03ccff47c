//! Workspaces are made, and their members, invitations and settings changed (I-69, I-70).
//!
//! Whoever changes one is an [`Actor`]: the operator at the host, who may everything, or somebody in the workspace, who
//! may what their role lets them. To everybody else a workspace is as unknown as one that never was.

use crate::audit::{Action, AuditEvent};
use crate::browser_session::Standing;
use crate::digest::{InvitationDigest, InvitationToken};
use crate::issuer::Fault;
use crate::operation::by::{Actor, By};
use crate::operation::retry::retried;
use crate::storage::{Storage, Transaction};
use crate::user::{Email, UserStatus};
use crate::workspace::{
    Invitation, Member, Permission, Role, Setting, SettingKey, SignInMethod, Word as _, Workspace,
    WorkspaceKind, WorkspaceName,
};
use crate::{InvitationId, id, lifetime};
use keyfob_oauth::{Entropy, Subject, Timestamp, WorkspaceId};

/// A workspace is not changed.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// No such workspace of the actor exists, or no such member or invitation of it.
    #[error("there is no such workspace, member or invitation")]
    NotFound,
    /// The actor's role does not let them.
    #[error("the role does not allow that")]
    Forbidden,
    /// Nobody would be left who owns the workspace.
    #[error("the workspace needs another owner first")]
    LastOwner,
    /// It is somebody's own: nobody joins it or leaves it.
    #[error("a personal workspace has no other members")]
    Personal,
    /// The address is a member's already.
    #[error("{0} is a member already")]
    AlreadyAMember(Email),
    /// No way to sign in would be left that is set up here.
    #[error("nobody could sign in: this issuer knows passwords alone, and the workspace would not take them")]
    NobodyCouldSignIn,
    /// Nobody has this address.
    #[error("nobody has the address {0}")]
    UnknownUser(Email),
    /// Something broke inside.
    #[error(transparent)]
    Fault(#[from] Fault),
}

super::faults!(WorkspaceError);

/// A workspace as those see it who look after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkspaceView {
    /// It.
    pub workspace: Workspace,
    /// As what the actor looks at it.
    pub role: Role,
    /// Everybody in it, by address.
    pub members: Vec<Member>,
    /// Who is asked into it, by address.
    pub invitations: Vec<Invitation>,
}

/// An open invitation, and what its link carries.
#[derive(Clone, Debug)]
pub struct Invited {
    /// What rests.
    pub invitation: Invitation,
    /// What is sent, this once.
    pub token: InvitationToken,
    /// Where to.
    pub workspace: WorkspaceName,
}

/// Makes a shared workspace whose owner has the address `owner`.
pub async fn add_workspace(
    storage: &dyn Storage,
    entropy: &dyn Entropy,
    by: &By<'_>,
    name: WorkspaceName,
    owner: &Email,
) -> Result<Workspace, WorkspaceError> {
    let now = by.at;
    let id = WorkspaceId::new(id::generate(now, entropy)?.to_string());
    let workspace = Workspace::new(id, name, WorkspaceKind::Shared);
    let mut transaction = storage.begin().await?;
    let user = transaction.find_user_by_email(owner).await?;
    let user = user.ok_or_else(|| WorkspaceError::UnknownUser(owner.clone()))?;
    transaction.insert_workspace(&workspace, now).await?;
    hold_to_role(&mut *transaction, &user.subject, Role::Owner).await?;
    transaction.insert_member(&workspace.id, &user.subject, Role::Owner, now).await?;
    let event = AuditEvent::done(Action::AddWorkspace).of(&user.subject).about(&workspace.id);
    by.commit(transaction, event).await?;
    Ok(workspace)
}

/// Shows a workspace to somebody who may see its settings.
pub async fn view_workspace(
    storage: &dyn Storage,
    actor: Actor<'_>,
    now: Timestamp,
    id: &WorkspaceId,
) -> Result<WorkspaceView, WorkspaceError> {
    let mut transaction = storage.begin().await?;
    let (workspace, role) = admitted(&mut *transaction, actor, id, Permission::SeeSettings).await?;
    let members = transaction.list_members(id).await?;
    let invitations = transaction.list_invitations(id, now).await?;
    Ok(WorkspaceView { workspace, role, members, invitations })
}

/// Asks `email` into a workspace as `role`, in the place of any earlier invitation of that address.
pub async fn invite(
    storage: &dyn Storage,
    entropy: &dyn Entropy,
    by: &By<'_>,
    id: &WorkspaceId,
    email: &Email,
    role: Role,
) -> Result<Invited, WorkspaceError> {
    let now = by.at;
    let token = InvitationToken::from(entropy.token()?);
    let invitation = Invitation {
        id: InvitationId::generate(now, entropy)?,
        workspace_id: id.clone(),
        email: email.clone(),
        role,
        digest: InvitationDigest::of(&token),
        expires_at: now.plus(lifetime::INVITATION),
    };
    let mut transaction = storage.begin().await?;
    let (workspace, own) = admitted(&mut *transaction, by.actor, id, Permission::Invite).await?;
    if !own.may_invite_as(role) {
        return Err(WorkspaceError::Forbidden);
    }
    shared(&workspace)?;
    if transaction.list_members(id).await?.iter().any(|member| member.email == *email) {
        return Err(WorkspaceError::AlreadyAMember(email.clone()));
    }
    transaction.replace_invitation(&invitation).await?;
    let event = AuditEvent::done(Action::Invite).about(id);
    by.commit(transaction, event.saying(format!("{} as {}", invitation.id, role.as_str()))).await?;
    Ok(Invited { invitation, token, workspace: workspace.name })
}

/// Takes an invitation back.
pub async fn take_back(
    storage: &dyn Storage,
    by: &By<'_>,
    id: &WorkspaceId,
    invitation: InvitationId,
) -> Result<(), WorkspaceError> {
    let mut transaction = storage.begin().await?;
    admitted(&mut *transaction, by.actor, id, Permission::Invite).await?;
    if !transaction.delete_invitation(id, invitation).await? {
        return Err(WorkspaceError::NotFound);
    }
    let event = AuditEvent::done(Action::TakeBackInvitation).about(id);
    Ok(by.commit(transaction, event.saying(invitation.to_string())).await?)
}

/// Makes somebody of a workspace a `role`.
pub async fn change_role(
    storage: &dyn Storage,
    by: &By<'_>,
    id: &WorkspaceId,
    subject: &Subject,
    role: Role,
) -> Result<(), WorkspaceError> {
    retried(|| try_change_role(storage, by, id, subject, role)).await
}

async fn try_change_role(
    storage: &dyn Storage,
    by: &By<'_>,
    id: &WorkspaceId,
    subject: &Subject,
    role: Role,
) -> Result<(), WorkspaceError> {
    let mut transaction = storage.begin().await?;
    let (workspace, own) = admitted(&mut *transaction, by.actor, id, Permission::ChangeMembers).await?;
    shared(&workspace)?;
    let members = transaction.list_members(id).await?;
    let before = find(&members, subject)?.role;
    if !own.may_change(before, role) {
        return Err(WorkspaceError::Forbidden);
    }
    if role != Role::Owner {
        leaves_an_owner(&members, subject)?;
    }
    hold_to_role(&mut *transaction, subject, role).await?;
    transaction.set_role(id, subject, role).await?;
    Ok(by.commit(transaction, role_changed(id, subject, role)).await?)
}

/// Makes somebody who has an account a `role` in a workspace, whether they were in it or not, on the operator's word.
pub async fn enrol_member(
    storage: &dyn Storage,
    now: Timestamp,
    id: &WorkspaceId,
    email: &Email,
    role: Role,
) -> Result<(), WorkspaceError> {
    let by = By::operator(now);
    let mut transaction = storage.begin().await?;
    let (workspace, _) = seen(&mut *transaction, by.actor, id).await?;
    shared(&workspace)?;
    let user = transaction.find_user_by_email(email).await?;
    let user = user.ok_or_else(|| WorkspaceError::UnknownUser(email.clone()))?;
    let members = transaction.list_members(id).await?;
    hold_to_role(&mut *transaction, &user.subject, role).await?;
    let event = if find(&members, &user.subject).is_ok() {
        if role != Role::Owner {
            leaves_an_owner(&members, &user.subject)?;
        }
        transaction.set_role(id, &user.subject, role).await?;
        role_changed(id, &user.subject, role)
    } else {
        transaction.insert_member(id, &user.subject, role, now).await?;
        AuditEvent::done(Action::EnrolMember).of(&user.subject).about(id).saying(role.as_str())
    };
    Ok(by.commit(transaction, event).await?)
}

/// Holds the browsers of `subject`, who is about to be a `role` of a workspace of several people, to the time of those who
/// look after one, from their last proof on: a page that is opened afterwards does not begin it (I-62, I-71).
///
/// Whoever looks after one already is held to it. Where the settings make that time shorter, the next page does the rest.
pub(super) async fn hold_to_role(
    transaction: &mut dyn Transaction,
    subject: &Subject,
    role: Role,
) -> Result<(), Fault> {
    let before = Standing::of(&transaction.list_memberships(subject).await?);
    match (before, role) {
        (Standing::Administrator, _) | (Standing::Person, Role::Member) => Ok(()),
        (Standing::Person, Role::Admin | Role::Owner) => {
            Ok(transaction.shorten_sessions(subject, lifetime::ADMINISTRATOR_IDLE).await?)
        }
    }
}

fn role_changed(id: &WorkspaceId, subject: &Subject, role: Role) -> AuditEvent {
    AuditEvent::done(Action::ChangeRole).of(subject).about(id).saying(role.as_str())
}

/// Removes somebody from a workspace, with everything that they have in it; whoever removes themselves leaves it.
pub async fn remove_member(
    storage: &dyn Storage,
    by: &By<'_>,
    id: &WorkspaceId,
    subject: &Subject,
) -> Result<(), WorkspaceError> {
    retried(|| try_remove_member(storage, by, id, subject)).await
}

async fn try_remove_member(
    storage: &dyn Storage,
    by: &By<'_>,
    id: &WorkspaceId,
    subject: &Subject,
) -> Result<(), WorkspaceError> {
    let mut transaction = storage.begin().await?;
    let (workspace, own) = seen(&mut *transaction, by.actor, id).await?;
    shared(&workspace)?;
    let members = transaction.list_members(id).await?;
    // Who may not look after members learns of none but themselves.
    let leaves = matches!(by.actor, Actor::Member(actor) if actor == subject);
    if !leaves && !own.may(Permission::ChangeMembers) {
        return Err(WorkspaceError::Forbidden);
    }
    let role = find(&members, subject)?.role;
    if !leaves && !own.may_remove(role) {
        return Err(WorkspaceError::Forbidden);
    }
    leaves_an_owner(&members, subject)?;
    transaction.delete_member(id, subject).await?;
    transaction.end_everything_in(id, subject, by.at).await?;
    let event = AuditEvent::done(Action::RemoveMember).of(subject).about(id);
    Ok(by.commit(transaction, event).await?)
}

/// Changes settings of a workspace, all of them or none; returns it as it is then.
pub async fn change_settings(
    storage: &dyn Storage,
    by: &By<'_>,
    id: &WorkspaceId,
    settings: &[Setting],
) -> Result<Workspace, WorkspaceError> {
    let mut transaction = storage.begin().await?;
    let (mut workspace, role) = seen(&mut *transaction, by.actor, id).await?;
    if !settings.iter().all(|setting| role.may(setting.key().permission())) {
        return Err(WorkspaceError::Forbidden);
    }
    if settings.is_empty() {
        return Ok(workspace);
    }
    for setting in settings {
        setting.clone().apply(&mut workspace);
    }
    if !workspace.policy.methods.contains(SignInMethod::Password) {
        return Err(WorkspaceError::NobodyCouldSignIn);
    }
    transaction.update_workspace(&workspace).await?;
    let told: Vec<String> = settings.iter().map(|setting| told(setting.key(), &workspace)).collect();
    by.commit(transaction, AuditEvent::done(Action::ChangeSettings).about(id).saying(told.join(", ")))
        .await?;
    Ok(workspace)
}

/// Returns what the audit trail tells of a setting: what people call a workspace is theirs.
fn told(key: SettingKey, workspace: &Workspace) -> String {
    match key {
        SettingKey::Name => key.as_str().to_owned(),
        other => format!("{}={}", other.as_str(), other.value_in(workspace)),
    }
}

/// Locks the workspace and says as what the actor comes to it.
async fn seen(
    transaction: &mut dyn Transaction,
    actor: Actor<'_>,
    id: &WorkspaceId,
) -> Result<(Workspace, Role), WorkspaceError> {
    let workspace = transaction.lock_workspace(id).await?.ok_or(WorkspaceError::NotFound)?;
    let role = match actor {
        Actor::Operator => Role::Owner,
        Actor::Member(subject) => {
            let membership = transaction.find_membership(id, subject).await?;
            membership.ok_or(WorkspaceError::NotFound)?.role
        }
    };
    Ok((workspace, role))
}

async fn admitted(
    transaction: &mut dyn Transaction,
    actor: Actor<'_>,
    id: &WorkspaceId,
    permission: Permission,
) -> Result<(Workspace, Role), WorkspaceError> {
    let (workspace, role) = seen(transaction, actor, id).await?;
    if role.may(permission) { Ok((workspace, role)) } else { Err(WorkspaceError::Forbidden) }
}

fn shared(workspace: &Workspace) -> Result<(), WorkspaceError> {
    match workspace.kind {
        WorkspaceKind::Shared => Ok(()),
        WorkspaceKind::Personal(_) => Err(WorkspaceError::Personal),
    }
}

fn find<'a>(members: &'a [Member], subject: &Subject) -> Result<&'a Member, WorkspaceError> {
    members.iter().find(|member| member.subject == *subject).ok_or(WorkspaceError::NotFound)
}

/// Whether somebody other than `subject` owns the workspace, and may sign in to do so.
fn leaves_an_owner(members: &[Member], subject: &Subject) -> Result<(), WorkspaceError> {
    let owns = |member: &&Member| member.role == Role::Owner && member.status == UserStatus::Active;
    let is_owner = members.iter().filter(owns).any(|member| member.subject == *subject);
    let has_others = members.iter().filter(owns).any(|member| member.subject != *subject);
    if is_owner && !has_others { Err(WorkspaceError::LastOwner) } else { Ok(()) }
}

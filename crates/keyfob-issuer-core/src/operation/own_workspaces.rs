//! Members look after their workspaces through the issuer; each of these is one of [`super::workspaces`].

use crate::InvitationId;
use crate::issuer::Issuer;
use crate::operation::by::Actor;
use crate::operation::workspaces::{
    Invited, WorkspaceError, WorkspaceView, change_role, change_settings, invite, remove_member, take_back,
    view_workspace,
};
use crate::user::Email;
use crate::workspace::{Role, Setting, Workspace};
use keyfob_oauth::{Secret, Subject, WorkspaceId};

impl Issuer {
    /// Shows a workspace to somebody who may see its settings.
    pub async fn view_workspace(
        &self,
        actor: Actor<'_>,
        id: &WorkspaceId,
    ) -> Result<WorkspaceView, WorkspaceError> {
        view_workspace(&*self.storage, actor, self.now(), id).await
    }

    /// Asks `email` into a workspace as `role`; returns the address at which they accept, for them alone.
    pub async fn invite(
        &self,
        actor: Actor<'_>,
        id: &WorkspaceId,
        email: &Email,
        role: Role,
    ) -> Result<(Invited, Secret), WorkspaceError> {
        let (storage, entropy) = (&*self.storage, &*self.entropy);
        let invited = invite(storage, entropy, &self.by(actor), id, email, role).await?;
        let link = self.url.join(&format!("/invite/{}", invited.token.expose()));
        Ok((invited, Secret::new(link)))
    }

    /// Takes an invitation back.
    pub async fn take_back(
        &self,
        actor: Actor<'_>,
        id: &WorkspaceId,
        invitation: InvitationId,
    ) -> Result<(), WorkspaceError> {
        take_back(&*self.storage, &self.by(actor), id, invitation).await
    }

    /// Makes somebody of a workspace a `role`.
    pub async fn change_role(
        &self,
        actor: Actor<'_>,
        id: &WorkspaceId,
        subject: &Subject,
        role: Role,
    ) -> Result<(), WorkspaceError> {
        change_role(&*self.storage, &self.by(actor), id, subject, role).await
    }

    /// Removes somebody from a workspace, with everything that they have in it.
    pub async fn remove_member(
        &self,
        actor: Actor<'_>,
        id: &WorkspaceId,
        subject: &Subject,
    ) -> Result<(), WorkspaceError> {
        remove_member(&*self.storage, &self.by(actor), id, subject).await
    }

    /// Changes settings of a workspace, all of them or none.
    pub async fn change_settings(
        &self,
        actor: Actor<'_>,
        id: &WorkspaceId,
        settings: &[Setting],
    ) -> Result<Workspace, WorkspaceError> {
        change_settings(&*self.storage, &self.by(actor), id, settings).await
    }
}

//! Somebody follows an invitation: it counts once, for the address that it was sent to and for no other (I-61, I-70).

use crate::audit::{Action, AuditEvent};
use crate::digest::{InvitationDigest, InvitationToken, SessionCookie};
use crate::id;
use crate::issuer::{Fault, Issuer};
use crate::operation::add_user::insert_person;
use crate::operation::retry::retried;
use crate::operation::workspaces::hold_to_role;
use crate::password::PasswordHash;
use crate::sign_in::{Demand, State};
use crate::storage::{StorageError, Transaction};
use crate::user::{DeviceCodes, Email, User, UserStatus};
use crate::workspace::{Invitation, Role, Workspace};
use keyfob_oauth::Subject;

/// An invitation as whoever follows it sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenInvitation {
    /// Where to.
    pub workspace: Workspace,
    /// Who is asked.
    pub email: Email,
    /// As what.
    pub role: Role,
    /// What they have to do.
    pub next: InvitationStep,
}

/// What somebody who follows an invitation has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvitationStep {
    /// Choose a password: nobody has the address yet.
    SignUp,
    /// Sign in as whoever has the address.
    SignIn,
    /// Sign in as whoever has the address, and not as somebody else, who sits here.
    OtherPerson(Email),
    /// Say yes.
    Accept,
}

/// An invitation is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// It was accepted, taken back or replaced, ran out, or never was.
    #[error("the invitation does not count")]
    Over,
    /// Something else comes first: its page says what.
    #[error("another step comes first")]
    NotNow,
    /// Something broke inside.
    #[error(transparent)]
    Fault(#[from] Fault),
}

super::faults!(AcceptError);

impl Issuer {
    /// Finds the invitation that a link carries, for whoever sits at the browser.
    pub async fn invitation(
        &self,
        token: &InvitationToken,
        session: Option<&SessionCookie>,
    ) -> Result<Option<SeenInvitation>, Fault> {
        let mut transaction = self.begin().await?;
        let Some(invitation) = self.open_invitation(&mut *transaction, token).await? else { return Ok(None) };
        let workspace = transaction.find_workspace(&invitation.workspace_id).await?;
        let workspace = workspace.ok_or(Fault::Dangling("an invitation"))?;
        let invited = transaction.find_user_by_email(&invitation.email).await?;
        let person = self.person(&mut *transaction, session).await?;
        let next = match (invited, person) {
            (None, None) => InvitationStep::SignUp,
            (Some(_), None) => InvitationStep::SignIn,
            (_, Some(person)) if person.user.email == invitation.email => InvitationStep::Accept,
            (_, Some(person)) => InvitationStep::OtherPerson(person.user.email),
        };
        Ok(Some(SeenInvitation { workspace, email: invitation.email, role: invitation.role, next }))
    }

    /// The invited person, who has just signed in, becomes a member.
    pub async fn accept_invitation(
        &self,
        token: &InvitationToken,
        session: &SessionCookie,
    ) -> Result<(), AcceptError> {
        retried(|| self.try_accept_invitation(token, session)).await
    }

    async fn try_accept_invitation(
        &self,
        token: &InvitationToken,
        session: &SessionCookie,
    ) -> Result<(), AcceptError> {
        let mut transaction = self.begin().await?;
        let invitation = self.open_invitation(&mut *transaction, token).await?.ok_or(AcceptError::Over)?;
        let person = self.person(&mut *transaction, Some(session)).await?.ok_or(AcceptError::NotNow)?;
        let state = person.sign_in().state(Demand::of_account(), self.now());
        if state != State::Proven || person.user.email != invitation.email {
            return Err(AcceptError::NotNow);
        }
        if person.user.email_verified_at.is_none() {
            // Whoever has the link has read the letter to this address (I-61).
            transaction.set_email(&person.user.subject, &invitation.email, self.now()).await?;
        }
        self.join(&mut *transaction, &invitation, &person.user.subject).await?;
        let event = AuditEvent::done(Action::JoinWorkspace).by_owner(&person.user.subject);
        Ok(self.commit(transaction, event.about(&invitation.workspace_id)).await?)
    }

    /// Adds the invited person, who has no account yet, with this password; the link shows that the address is theirs.
    pub async fn sign_up(&self, token: &InvitationToken, password: &PasswordHash) -> Result<(), AcceptError> {
        retried(|| self.try_sign_up(token, password)).await
    }

    async fn try_sign_up(&self, token: &InvitationToken, password: &PasswordHash) -> Result<(), AcceptError> {
        let now = self.now();
        let mut transaction = self.begin().await?;
        let invitation = self.open_invitation(&mut *transaction, token).await?.ok_or(AcceptError::Over)?;
        let user = User {
            subject: Subject::new(id::generate(now, &*self.entropy)?.to_string()),
            name: invitation.email.local_part().to_owned(),
            email: invitation.email.clone(),
            email_verified_at: Some(now),
            password: password.clone(),
            device_codes: DeviceCodes::Off,
            status: UserStatus::Active,
            created_at: now,
        };
        match insert_person(&mut *transaction, &*self.entropy, &user).await {
            Ok(()) => {}
            // Somebody has the address by now: they sign in.
            Err(Fault::Storage(StorageError::Exists)) => return Err(AcceptError::NotNow),
            Err(fault) => return Err(fault.into()),
        }
        self.join(&mut *transaction, &invitation, &user.subject).await?;
        let event = AuditEvent::done(Action::JoinWorkspace).of(&user.subject);
        Ok(self.commit(transaction, event.about(&invitation.workspace_id).saying("a new account")).await?)
    }

    async fn open_invitation(
        &self,
        transaction: &mut dyn Transaction,
        token: &InvitationToken,
    ) -> Result<Option<Invitation>, Fault> {
        let found = transaction.find_invitation(&InvitationDigest::of(token)).await?;
        Ok(found.filter(|invitation| invitation.is_open(self.now())))
    }

    /// Makes somebody a member, as the invitation says, and spends it; who is one already stays what they are.
    async fn join(
        &self,
        transaction: &mut dyn Transaction,
        invitation: &Invitation,
        subject: &Subject,
    ) -> Result<(), AcceptError> {
        let id = &invitation.workspace_id;
        transaction.lock_workspace(id).await?.ok_or(AcceptError::Over)?;
        // Of two who follow one link at once, the second finds it spent.
        if !transaction.delete_invitation(id, invitation.id).await? {
            return Err(AcceptError::Over);
        }
        if transaction.find_membership(id, subject).await?.is_none() {
            hold_to_role(transaction, subject, invitation.role).await?;
            transaction.insert_member(id, subject, invitation.role, self.now()).await?;
        }
        Ok(())
    }
}

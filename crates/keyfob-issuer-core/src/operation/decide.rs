//! The decision: yes makes a code, no is told to the client.

use crate::audit::{Action, AuditEvent};
use crate::digest::{CodeDigest, InteractionCookie, SessionCookie, SessionDigest};
use crate::grant::{Approval, Progress, WrongState};
use crate::interaction::Interaction;
use crate::issuer::{Fault, Issuer};
use crate::operation::authorize::Redirect;
use crate::operation::grantee::{Asked, Way, find_grantee};
use crate::operation::retry::retried;
use crate::{GrantId, lifetime};
use keyfob_oauth::{AuthorizationCode, ErrorCode, WorkspaceId};

/// What a person decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Yes, for this workspace: the one that they were shown.
    Approve(WorkspaceId),
    /// No.
    Deny,
}

/// A decision does not count.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// There is no such grant, or it belongs to another browser.
    #[error("the grant is unknown, or belongs to another browser")]
    NotFound,
    /// Something else comes first, or it was decided: the interaction's page says what.
    #[error("the grant does not wait for a decision")]
    NotNow,
    /// Something broke inside.
    #[error(transparent)]
    Fault(#[from] Fault),
}

super::faults!(DecideError);

impl From<WrongState> for DecideError {
    fn from(_: WrongState) -> Self {
        Self::NotNow
    }
}

impl Issuer {
    /// Decides `grant` for the user of `session`, once.
    pub async fn decide(
        &self,
        grant: GrantId,
        browser: &InteractionCookie,
        session: &SessionCookie,
        decision: &Decision,
    ) -> Result<Redirect, DecideError> {
        retried(|| self.try_decide(grant, browser, session, decision)).await
    }

    async fn try_decide(
        &self,
        grant: GrantId,
        browser: &InteractionCookie,
        session: &SessionCookie,
        decision: &Decision,
    ) -> Result<Redirect, DecideError> {
        let mut transaction = self.begin().await?;
        let seen =
            self.see(&mut *transaction, grant, browser, Some(session)).await?.ok_or(DecideError::NotFound)?;
        let now = self.now();
        let may_deny = seen.may_choose();
        let subject = seen.person.as_ref().map(|person| person.user.subject.clone());
        let (grant, redirect) = match (decision, seen.next, seen.person, seen.workspace) {
            (Decision::Deny, _, Some(_), _) if may_deny => {
                let redirect = self.destination(&seen.grant).refuse(ErrorCode::AccessDenied);
                (seen.grant.deny()?, redirect)
            }
            (Decision::Approve(shown), Interaction::Consent, Some(person), Some(workspace))
                if *shown == workspace.id =>
            {
                let proof = person.session.proof;
                let grantee = find_grantee(&mut *transaction, &person.user.subject, &workspace.id).await?;
                let (scope, allowed) = (&seen.grant.scope, &seen.grant.allowed);
                let asked = Asked { amr: proof.amr(), scope, allowed };
                // What was shown a moment ago may not hold any more.
                let checked = grantee.and_then(|grantee| grantee.check(Way::Browser(asked), now));
                checked.map_err(|_| DecideError::NotNow)?;
                let code = AuthorizationCode::from(self.entropy.token()?);
                let redirect = self.destination(&seen.grant).deliver(&code);
                let approval = Approval {
                    subject: person.user.subject,
                    workspace_id: workspace.id,
                    auth_time: proof.password_at,
                    amr: proof.amr(),
                };
                (seen.grant.approve(approval, CodeDigest::of(&code), now.plus(lifetime::CODE))?, redirect)
            }
            (Decision::Approve(_) | Decision::Deny, _, _, _) => return Err(DecideError::NotNow),
        };
        transaction.update_grant(&grant).await?;
        if let Progress::Approved { .. } = grant.progress {
            self.note_approval(&mut *transaction, &grant, &SessionDigest::of(session)).await?;
        }
        let event = match decision {
            Decision::Approve(_) => AuditEvent::done(Action::DecideGrant),
            Decision::Deny => AuditEvent::refused(Action::DecideGrant),
        };
        let event = subject.iter().fold(event, AuditEvent::by_owner);
        self.commit(transaction, event.through(&grant.client_id).about(&grant.id)).await?;
        Ok(redirect)
    }
}

//! The decision: yes makes a code, no is told to the client.

use crate::digest::{CodeDigest, InteractionCookie, SessionCookie};
use crate::grant::{Approval, WrongState};
use crate::interaction::Interaction;
use crate::issuer::{Fault, Issuer};
use crate::operation::authorize::Redirect;
use crate::operation::retry::retried;
use crate::{GrantId, lifetime};
use keyfob_oauth::{AuthorizationCode, ErrorCode};

/// What a person decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Approve,
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
        decision: Decision,
    ) -> Result<Redirect, DecideError> {
        retried(|| self.try_decide(grant, browser, session, decision)).await
    }

    async fn try_decide(
        &self,
        grant: GrantId,
        browser: &InteractionCookie,
        session: &SessionCookie,
        decision: Decision,
    ) -> Result<Redirect, DecideError> {
        let mut transaction = self.begin().await?;
        let seen =
            self.see(&mut *transaction, grant, browser, Some(session)).await?.ok_or(DecideError::NotFound)?;
        let (Interaction::Consent, Some(person)) = (seen.next, seen.person) else {
            return Err(DecideError::NotNow);
        };
        let (grant, redirect) = match decision {
            Decision::Deny => {
                let redirect = self.destination(&seen.grant).refuse(ErrorCode::AccessDenied);
                (seen.grant.deny()?, redirect)
            }
            Decision::Approve => {
                let code = AuthorizationCode::from(self.entropy.token()?);
                let redirect = self.destination(&seen.grant).deliver(&code);
                let approval = Approval {
                    subject: person.grantee.user.subject,
                    workspace_id: person.grantee.workspace.id,
                    auth_time: person.session.proof.password_at,
                    amr: person.session.proof.amr(),
                };
                let ends = self.now().plus(lifetime::CODE);
                (seen.grant.approve(approval, CodeDigest::of(&code), ends)?, redirect)
            }
        };
        transaction.update_grant(&grant).await?;
        transaction.commit().await?;
        Ok(redirect)
    }
}

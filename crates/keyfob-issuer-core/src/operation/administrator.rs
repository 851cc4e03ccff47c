//! Whoever looks after a workspace by a program (I-71): with a token for that alone, soon after a whole sign-in.

use crate::issuer::{Fault, Issuer};
use crate::lifetime;
use crate::operation::by::Actor;
use crate::operation::presented::{Presented, PresentedSession};
use keyfob_oauth::{AccessToken, Audience, Subject, Timestamp, WorkspaceId};

/// Somebody who has proven a second factor a short while ago, and the workspace of their session; made by
/// [`Issuer::administrator`] alone. What they may do there, their role says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Administrator {
    subject: Subject,
    workspace: WorkspaceId,
}

/// A token does not let its bearer look after anything.
#[derive(Debug, thiserror::Error)]
pub enum AdministratorError {
    /// It is no token for this, its time is over, or its session has ended.
    #[error("the access token is not valid")]
    Invalid,
    /// Its person signed in too long ago, or without a second factor.
    #[error("the sign-in is too long ago, or was without a second factor")]
    NotFresh,
    /// Something broke inside.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Administrator {
    /// Returns who changes something.
    pub const fn actor(&self) -> Actor<'_> {
        Actor::Member(&self.subject)
    }

    /// Returns the workspace: that of the session, whatever a request says (I-69).
    pub const fn workspace(&self) -> &WorkspaceId {
        &self.workspace
    }
}

impl Issuer {
    /// Returns the audience of the tokens that let people look after their workspaces.
    pub fn administration(&self) -> Audience {
        Audience::new(self.url.join("/api/admin"))
    }

    /// Finds out who brings `token`.
    pub async fn administrator(&self, token: &AccessToken) -> Result<Administrator, AdministratorError> {
        match self.presented(token, self.administration().as_str()).await? {
            Some(Presented::Session(session)) if is_fresh(&session, self.now()) => {
                Ok(Administrator { subject: session.family.subject, workspace: session.family.workspace_id })
            }
            Some(Presented::Session(_)) => Err(AdministratorError::NotFresh),
            Some(Presented::Key(..) | Presented::Workload(..)) | None => Err(AdministratorError::Invalid),
        }
    }
}

/// Whether the session began a short while ago, with a second factor.
pub(super) fn is_fresh(session: &PresentedSession, now: Timestamp) -> bool {
    let family = &session.family;
    family.amr.has_second_factor() && now.since(family.auth_time) <= lifetime::FRESH_SIGN_IN
}

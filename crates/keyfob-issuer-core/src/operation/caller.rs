//! Whoever brings one of our access tokens to the issuer itself (RFC 6750, RFC 9068 §4).

use crate::FamilyId;
use crate::issuer::{Fault, Issuer};
use crate::operation::Grantee;
use crate::operation::presented::{Presented, PresentedSession};
use crate::user::{User, Workspace};
use keyfob_oauth::{AccessToken, Scope, Timestamp};

/// A signed-in person, and the session through which they ask; made by [`Issuer::caller`] alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub(crate) grantee: Grantee,
    pub(crate) session: FamilyId,
    pub(crate) scope: Scope,
    pub(crate) auth_time: Timestamp,
}

/// A token does not let its bearer in.
#[derive(Debug, thiserror::Error)]
pub enum CallerError {
    /// It is no access token of ours, its time is over, or its session has ended.
    #[error("the access token is not valid")]
    Invalid,
    /// It is one of a client, or was handed on to a program, that may not ask this.
    #[error("a token of this client does not open this")]
    WrongClient,
    /// Something broke inside.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Caller {
    /// Returns who asks.
    pub fn user(&self) -> &User {
        &self.grantee.user
    }

    /// Returns in which workspace.
    pub fn workspace(&self) -> &Workspace {
        &self.grantee.workspace
    }

    /// Returns what the session may be used for.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }
}

impl Issuer {
    /// Finds out who brings `token`: an access token for the issuer, of a live session (I-39).
    ///
    /// No key opens this, nor a token that was exchanged for another: neither can make itself permanent.
    pub async fn caller(&self, token: &AccessToken) -> Result<Caller, CallerError> {
        let Some(Presented::Session(presented)) = self.presented(token, self.url.as_str()).await? else {
            return Err(CallerError::Invalid);
        };
        let PresentedSession { claims, family, client, grantee } = presented;
        if client.kind.may_manage_sessions() && claims.get("act").is_none() {
            Ok(Caller { grantee, session: family.id, scope: family.scope, auth_time: family.auth_time })
        } else {
            Err(CallerError::WrongClient)
        }
    }
}

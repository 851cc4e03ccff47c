//! Whoever asks the issuer itself for something of their own: with one of our access tokens (RFC 6750, RFC 9068 §4), or
//! at a signed-in browser.

use crate::FamilyId;
use crate::digest::SessionCookie;
use crate::issuer::{Fault, Issuer};
use crate::operation::grantee::{Asked, GrantRefusal, Way};
use crate::operation::presented::{Presented, PresentedSession};
use crate::operation::{Grantee, StepError, known_scope};
use crate::sign_in::{CLOUD, Demand, State};
use crate::user::User;
use crate::workspace::{AllowedWorkspaces, Membership, Workspace};
use keyfob_oauth::{AccessToken, Scope, Timestamp};

/// A signed-in person, and the session through which they ask; made by [`Issuer::caller`] and
/// [`Issuer::caller_at_browser`] alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub(crate) grantee: Grantee,
    /// The session of a program; none of a browser.
    pub(crate) session: Option<FamilyId>,
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
            Ok(Caller { grantee, session: Some(family.id), scope: family.scope, auth_time: family.auth_time })
        } else {
            Err(CallerError::WrongClient)
        }
    }

    /// Finds out who sits at the browser with this cookie, if they have proven what `demand` asks.
    ///
    /// They act in their personal workspace, and may hand on what they could be granted there now: not the cloud without a
    /// second factor (design S9).
    pub async fn caller_at_browser(
        &self,
        cookie: &SessionCookie,
        demand: impl FnOnce(&[Membership]) -> Demand,
    ) -> Result<Caller, StepError> {
        let mut transaction = self.begin().await?;
        let person = self.person(&mut *transaction, Some(cookie)).await?.ok_or(StepError::OutOfTurn)?;
        let memberships = transaction.list_memberships(&person.user.subject).await?;
        let now = self.now();
        if person.sign_in().state(demand(&memberships), now) != State::Proven {
            return Err(StepError::OutOfTurn);
        }
        let personal = memberships.into_iter().find(|membership| membership.workspace.is_personal());
        let Membership { workspace, role } = personal.ok_or(Fault::Dangling("a user"))?;
        let proof = person.session.proof;
        let grantee = Grantee { user: person.user, workspace, role };
        let check = |scope: &Scope| {
            let asked = Asked { amr: proof.amr(), scope, allowed: &AllowedWorkspaces::Any };
            grantee.check(Way::Browser(asked), now)
        };
        let widest = known_scope();
        let checked = match check(&widest) {
            Err(GrantRefusal::SecondFactorMissing) => check(&widest.without(&[CLOUD])),
            other => other,
        };
        let scope = checked.map_err(|_| StepError::OutOfTurn)?;
        let auth_time = proof.second_factor_at.unwrap_or(proof.password_at);
        Ok(Caller { grantee, session: None, scope, auth_time })
    }
}

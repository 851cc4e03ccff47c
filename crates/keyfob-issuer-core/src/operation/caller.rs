//! Whoever brings one of our access tokens to the issuer itself (RFC 6750, RFC 9068 §4).

use crate::FamilyId;
use crate::issuer::{Fault, Issuer};
use crate::operation::grantee::find_grantee;
use keyfob_jose::{Expected, TokenType};
use keyfob_oauth::{AccessToken, Subject};

/// A signed-in person, and the session through which they ask; made by [`Issuer::caller`] alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub(crate) subject: Subject,
    pub(crate) session: FamilyId,
}

/// A token does not let its bearer in.
#[derive(Debug, thiserror::Error)]
pub enum CallerError {
    /// It is no access token of ours, its time is over, or its session has ended.
    #[error("the access token is not valid")]
    Invalid,
    /// It is one of a client that may not ask this.
    #[error("a token of this client does not open this")]
    WrongClient,
    /// Something broke inside.
    #[error(transparent)]
    Fault(#[from] Fault),
}

super::faults!(CallerError);

impl Issuer {
    /// Finds out who brings `token`: an access token for the issuer, of a live session (I-39).
    pub async fn caller(&self, token: &AccessToken) -> Result<Caller, CallerError> {
        let now = self.now();
        let expected = Expected {
            token_type: TokenType::AccessToken,
            issuer: self.url.as_str(),
            audience: self.url.as_str(),
        };
        let claims = self.key_set.verify(token.expose(), &expected, now).map_err(|_| CallerError::Invalid)?;
        let named = claims.text("sub").map(Subject::new).zip(claims.text("sid").and_then(FamilyId::parse));
        let (subject, session) = named.ok_or(CallerError::Invalid)?;
        let mut transaction = self.begin().await?;
        let found = transaction
            .find_login_session(session, &subject)
            .await?
            .filter(|found| found.is_alive(now))
            .ok_or(CallerError::Invalid)?;
        find_grantee(&mut *transaction, &subject, &found.family.workspace_id)
            .await?
            .ok_or(CallerError::Invalid)?;
        let client =
            transaction.find_client(&found.family.client_id).await?.ok_or(Fault::Dangling("a session"))?;
        if client.kind.may_manage_sessions() {
            Ok(Caller { subject, session })
        } else {
            Err(CallerError::WrongClient)
        }
    }
}

//! Signing out of a browser: by its person on a page, or because a program asks (OpenID Connect RP-Initiated Logout 1.0).

use crate::audit::{Action, AuditEvent};
use crate::client::Client;
use crate::digest::{SessionCookie, SessionDigest};
use crate::issuer::{Fault, Issuer};
use crate::user::User;
use keyfob_jose::{Expected, TokenType, read_unverified};
use keyfob_oauth::{ClientId, IdToken, Subject};

/// What an ID token says that a program brings along when it asks to sign somebody out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutHint {
    /// Which program got it.
    pub client: Client,
    /// Whom it is about.
    pub subject: Subject,
}

impl Issuer {
    /// Ends the browser's session: "not you?".
    pub async fn sign_out(&self, session: &SessionCookie) -> Result<(), Fault> {
        let mut transaction = self.begin().await?;
        let digest = SessionDigest::of(session);
        let Some(found) = transaction.find_session(&digest).await? else { return Ok(()) };
        transaction.delete_session(&digest).await?;
        self.tell_of_browser(&mut *transaction, &digest).await?;
        Ok(self.commit(transaction, AuditEvent::done(Action::SignOut).by_owner(&found.subject)).await?)
    }

    /// Returns whose session the browser has, whatever they have proven, and though they may be locked: the session waits
    /// for them then, and there is something to sign out of. Nobody's whose session is over.
    pub async fn signed_in(&self, session: Option<&SessionCookie>) -> Result<Option<User>, Fault> {
        let Some(cookie) = session else { return Ok(None) };
        let mut transaction = self.begin().await?;
        let session = transaction.find_session(&SessionDigest::of(cookie)).await?;
        let Some(session) = session.filter(|session| session.is_live(self.now())) else { return Ok(None) };
        Ok(transaction.find_user(&session.subject).await?)
    }

    /// Verifies an `id_token_hint` (§2): an ID token of ours, for a client that is known here, however old it is.
    ///
    /// One that a key signed which is gone, or was dropped, is none any more.
    pub async fn logout_hint(&self, token: &IdToken) -> Result<Option<LogoutHint>, Fault> {
        let Some(unverified) = read_unverified(token.expose()) else { return Ok(None) };
        let (Some(audience), Some(issued_at)) = (unverified.text("aud"), unverified.time("iat")) else {
            return Ok(None);
        };
        let expected = Expected { token_type: TokenType::IdToken, issuer: self.url.as_str(), audience };
        // Its time is not judged: at the moment at which it was made, it counted.
        let Ok(claims) = self.ring().key_set().verify(token.expose(), &expected, issued_at) else {
            return Ok(None);
        };
        let Some(subject) = claims.text("sub").map(Subject::new) else { return Ok(None) };
        let client = self.begin().await?.find_client(&ClientId::new(audience)).await?;
        Ok(client.map(|client| LogoutHint { client, subject }))
    }
}

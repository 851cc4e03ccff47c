//! The pages of a grant: what to show to this browser.

use crate::client::Client;
use crate::digest::{InteractionCookie, InteractionDigest, SessionCookie, SessionDigest};
use crate::grant::AuthorizationGrant;
use crate::interaction::{Interaction, next_interaction};
use crate::issuer::{Fault, Issuer};
use crate::operation::grantee::{Grantee, find_personal};
use crate::storage::Transaction;
use crate::{GrantId, browser_session::BrowserSession};

/// A page to show.
#[derive(Clone, Debug)]
pub enum Page {
    /// Ask who it is.
    SignIn {
        /// Who asks.
        client: Client,
        /// Fills the address in.
        login_hint: Option<String>,
    },
    /// Ask for a yes or a no.
    Consent {
        /// Who asks.
        client: Client,
        /// For what; the address of the answer is part of it.
        grant: Box<AuthorizationGrant>,
        /// Who answers, and for which workspace.
        grantee: Grantee,
    },
    /// Say that nothing is left to do.
    Finished,
}

/// A grant's pages are not shown.
#[derive(Debug, thiserror::Error)]
pub enum InteractError {
    /// There is no such grant, or it belongs to another browser.
    #[error("the grant is unknown, or belongs to another browser")]
    NotFound,
    /// Something broke inside.
    #[error(transparent)]
    Fault(#[from] Fault),
}

super::faults!(InteractError);

/// A grant as one browser sees it.
pub(crate) struct Seen {
    pub(crate) grant: AuthorizationGrant,
    pub(crate) signed_in: Option<(BrowserSession, Grantee)>,
    pub(crate) next: Interaction,
}

impl Issuer {
    /// Returns the page to show for `grant` to the browser with these cookies; changes nothing.
    pub async fn page(
        &self,
        grant: GrantId,
        browser: &InteractionCookie,
        session: Option<&SessionCookie>,
    ) -> Result<Page, InteractError> {
        let mut transaction = self.begin().await?;
        let seen =
            self.see(&mut *transaction, grant, browser, session).await?.ok_or(InteractError::NotFound)?;
        let client = transaction
            .find_client(&seen.grant.client_id)
            .await?
            .ok_or(Fault::Dangling("an authorization grant"))?;
        Ok(match (seen.next, seen.signed_in) {
            (Interaction::Finished, _) => Page::Finished,
            (Interaction::Consent, Some((_, grantee))) => {
                Page::Consent { client, grant: Box::new(seen.grant), grantee }
            }
            (Interaction::SignIn | Interaction::Consent, _) => {
                Page::SignIn { client, login_hint: seen.grant.login_hint }
            }
        })
    }

    /// Ends the browser's session: "not you?".
    pub async fn sign_out(&self, session: &SessionCookie) -> Result<(), Fault> {
        let mut transaction = self.begin().await?;
        transaction.delete_session(&SessionDigest::of(session)).await?;
        Ok(transaction.commit().await?)
    }

    pub(crate) async fn see(
        &self,
        transaction: &mut dyn Transaction,
        grant: GrantId,
        browser: &InteractionCookie,
        session: Option<&SessionCookie>,
    ) -> Result<Option<Seen>, Fault> {
        let Some(grant) = transaction.find_grant(grant).await? else { return Ok(None) };
        if grant.browser != Some(InteractionDigest::of(browser)) {
            return Ok(None);
        }
        let signed_in = match session {
            Some(cookie) => self.signed_in(transaction, cookie).await?,
            None => None,
        };
        let next = next_interaction(&grant, signed_in.as_ref().map(|(session, _)| session), self.now());
        Ok(Some(Seen { grant, signed_in, next }))
    }

    async fn signed_in(
        &self,
        transaction: &mut dyn Transaction,
        cookie: &SessionCookie,
    ) -> Result<Option<(BrowserSession, Grantee)>, Fault> {
        let session = transaction.find_session(&SessionDigest::of(cookie)).await?;
        let Some(session) = session.filter(|session| session.is_live(self.now())) else { return Ok(None) };
        let grantee = find_personal(transaction, &session.subject).await?;
        Ok(grantee.map(|grantee| (session, grantee)))
    }
}

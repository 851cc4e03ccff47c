//! The pages of a grant: what to show to this browser.

use crate::GrantId;
use crate::client::Client;
use crate::digest::{InteractionCookie, InteractionDigest, SessionCookie, SessionDigest};
use crate::grant::AuthorizationGrant;
use crate::interaction::{Interaction, next_interaction};
use crate::issuer::{Fault, Issuer};
use crate::operation::grantee::Grantee;
use crate::operation::person::{Person, Prompt};
use crate::sign_in::{Demand, State};
use crate::storage::Transaction;

/// A page to show.
#[derive(Clone, Debug)]
pub enum Page {
    /// Ask for a step of the sign-in.
    Prompt {
        /// Who asks.
        client: Client,
        /// For what.
        prompt: Prompt,
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
        grantee: Box<Grantee>,
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
    pub(crate) person: Option<Person>,
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
        let login_hint = seen.grant.login_hint.clone();
        let prompt = |prompt| Page::Prompt { client: client.clone(), prompt, login_hint };
        Ok(match (seen.next, seen.person) {
            (Interaction::Finished, _) => Page::Finished,
            (Interaction::Consent, Some(Person { grantee, .. })) => {
                Page::Consent { client, grant: Box::new(seen.grant), grantee: Box::new(grantee) }
            }
            (Interaction::SecondFactor, Some(person)) => {
                prompt(Prompt::SecondFactor { email: person.grantee.user.email })
            }
            (Interaction::SetUp, Some(person)) => prompt(Prompt::SetUp {
                offer: self.offer(&person.session)?,
                email: person.grantee.user.email,
            }),
            (
                Interaction::SignIn | Interaction::Consent | Interaction::SecondFactor | Interaction::SetUp,
                _,
            ) => prompt(Prompt::SignIn),
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
        let person = self.person(transaction, session).await?;
        let state = person.as_ref().map_or(State::Anonymous, |person| {
            person
                .sign_in()
                .state(Demand::of_grant(&grant.scope, person.grantee.workspace.policy.mfa), self.now())
        });
        let next = next_interaction(&grant, state, self.now());
        Ok(Some(Seen { grant, person, next }))
    }
}

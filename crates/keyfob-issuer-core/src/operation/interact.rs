//! The pages of a grant: what to show to this browser.

use crate::GrantId;
use crate::browser_session::Standing;
use crate::client::Client;
use crate::digest::{InteractionCookie, InteractionDigest, SessionCookie};
use crate::grant::AuthorizationGrant;
use crate::interaction::{Interaction, next_interaction};
use crate::issuer::{Fault, Issuer};
use crate::operation::offer::{Asker, Choice, Offer, offers, selected};
use crate::operation::person::{Person, Prompt};
use crate::sign_in::{Demand, State};
use crate::storage::Transaction;
use crate::user::Email;
use crate::workspace::Workspace;
use keyfob_oauth::Scope;

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
    /// Ask for which workspace, or say that there is none.
    Choose {
        /// Who asks.
        client: Client,
        /// Whose they are.
        email: Email,
        /// From which; a refusal stands beside what cannot be chosen.
        offers: Vec<Offer>,
    },
    /// Ask for a yes or a no.
    Consent(Box<Consent>),
    /// Say that nothing is left to do.
    Finished,
}

/// What somebody says yes or no to.
#[derive(Clone, Debug)]
pub struct Consent {
    /// Who asks.
    pub client: Client,
    /// Who answers.
    pub email: Email,
    /// For which workspace.
    pub workspace: Workspace,
    /// Whether there are others to choose from.
    pub has_others: bool,
    /// What is granted there.
    pub scope: Scope,
    /// Where the answer goes.
    pub redirect_uri: String,
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
    pub(crate) offers: Vec<Offer>,
    /// The one that is meant.
    pub(crate) workspace: Option<Workspace>,
    pub(crate) next: Interaction,
    pub(crate) standing: Standing,
}

impl Issuer {
    /// Returns the page to show for `grant` to the browser with these cookies; changes nothing but how long the session lasts.
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
        if let Some(person) = &seen.person {
            self.note_use(transaction, person, seen.standing).await?;
        }
        let Seen { grant, person, offers, workspace, next, standing: _ } = seen;
        let prompt =
            |prompt| Page::Prompt { client: client.clone(), prompt, login_hint: grant.login_hint.clone() };
        Ok(match (next, person, workspace) {
            (Interaction::Finished, _, _) => Page::Finished,
            (Interaction::Consent, Some(person), Some(workspace)) => Page::Consent(Box::new(Consent {
                client,
                email: person.user.email,
                has_others: offers.iter().filter(|offer| offer.refusal.is_none()).count() > 1,
                scope: workspace.policy.narrow(&grant.scope),
                workspace,
                redirect_uri: grant.redirect_uri,
            })),
            (Interaction::Choose | Interaction::NoWorkspace, Some(person), _) => {
                Page::Choose { client, email: person.user.email, offers }
            }
            (Interaction::SecondFactor, Some(person), _) => {
                prompt(Prompt::SecondFactor { email: person.user.email })
            }
            (Interaction::SetUp, Some(person), _) => {
                prompt(Prompt::SetUp { offer: self.offer(&person.session)?, email: person.user.email })
            }
            (
                Interaction::SignIn
                | Interaction::Choose
                | Interaction::NoWorkspace
                | Interaction::Consent
                | Interaction::SecondFactor
                | Interaction::SetUp,
                _,
                _,
            ) => prompt(Prompt::SignIn),
        })
    }

    /// Returns the workspaces to choose from for `grant`, whether one is chosen or not; none for somebody who has not
    /// proven who they are.
    pub async fn workspaces_of(
        &self,
        grant: GrantId,
        browser: &InteractionCookie,
        session: &SessionCookie,
    ) -> Result<Option<Page>, InteractError> {
        let mut transaction = self.begin().await?;
        let seen = self.see(&mut *transaction, grant, browser, Some(session)).await?;
        let seen = seen.ok_or(InteractError::NotFound)?;
        let client = transaction.find_client(&seen.grant.client_id).await?;
        let client = client.ok_or(Fault::Dangling("an authorization grant"))?;
        Ok(match (seen.may_choose(), seen.person) {
            (true, Some(person)) => {
                Some(Page::Choose { client, email: person.user.email, offers: seen.offers })
            }
            (true | false, _) => None,
        })
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
        let now = self.now();
        let Some(person) = self.person(transaction, session).await? else {
            let next = next_interaction(&grant, State::Anonymous, Choice::Open, now);
            return Ok(Some(Seen {
                grant,
                person: None,
                offers: Vec::new(),
                workspace: None,
                next,
                standing: Standing::Person,
            }));
        };
        let memberships = transaction.list_memberships(&person.user.subject).await?;
        let standing = Standing::of(&memberships);
        let offers = offers(&person, memberships, Asker::Program, &grant.scope, &grant.allowed, now);
        let (choice, offer) = selected(&offers, grant.workspace.as_ref());
        let workspace = offer.map(|offer| offer.workspace.clone());
        let demand = match &workspace {
            Some(Workspace { policy, .. }) => Demand::of_grant(&policy.narrow(&grant.scope), policy.mfa),
            None => Demand::of_account(),
        };
        let state = person.sign_in().state(demand.since(grant.signed_in_since), now);
        let next = next_interaction(&grant, state, choice, now);
        Ok(Some(Seen { grant, person: Some(person), offers, workspace, next, standing }))
    }
}

impl Seen {
    /// Whether the person may say for which workspace: once they have proven what they can, until they have decided.
    pub(crate) fn may_choose(&self) -> bool {
        match self.next {
            Interaction::Choose | Interaction::NoWorkspace | Interaction::Consent | Interaction::SetUp => {
                true
            }
            Interaction::SignIn | Interaction::SecondFactor | Interaction::Finished => false,
        }
    }
}

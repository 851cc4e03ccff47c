//! A code becomes tokens, once (RFC 6749 §4.1.3, RFC 7636 §4.6).

use crate::FamilyId;
use crate::audit::{self, Action, AuditEvent};
use crate::claims::IssuedTokens;
use crate::client::Client;
use crate::digest::{CodeDigest, RefreshDigest};
use crate::failpoint::Failpoint;
use crate::grant::{Approval, AuthorizationGrant, Progress};
use crate::issuer::{Fault, Issuer};
use crate::login_session::Origin;
use crate::misuse::Misused;
use crate::operation::grantee::{Asked, GrantRefusal, Grantee, Way, find_grantee};
use crate::operation::refresh::new_refresh_token;
use crate::operation::retry::retried;
use crate::refresh_family::{FamilyStatus, RefreshFamily};
use crate::storage::Transaction;
use keyfob_oauth::token::Nonce;
use keyfob_oauth::{AuthorizationCode, ClientId, CodeVerifier, RefreshToken, Scope};

/// What a client brings along.
#[derive(Clone, Debug)]
pub struct CodeExchange {
    /// Who asks.
    pub client_id: ClientId,
    /// The one-time value.
    pub code: AuthorizationCode,
    /// The address of the authorization request.
    pub redirect_uri: String,
    /// The proof of the challenge; nothing when what came is no verifier at all.
    pub code_verifier: Option<CodeVerifier>,
    /// The resource, when one is named.
    pub resource: Option<String>,
    /// Where the request came from.
    pub origin: Origin,
}

/// A code is not redeemed.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// No such client.
    #[error("the client is not registered here")]
    UnknownClient,
    /// The resource is not the one of the grant (RFC 8707 §2.2).
    #[error("the resource is not the audience")]
    WrongResource,
    /// The code does not count; the client is not told why (I-37).
    #[error("the code is refused: {0}")]
    Refused(CodeRefusal),
    /// Something broke inside.
    #[error(transparent)]
    Fault(#[from] Fault),
}

super::faults!(ExchangeError);

/// Why a code does not count; for the log alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeRefusal {
    /// Nobody made it.
    #[error("unknown")]
    Unknown,
    /// It was made for another client.
    #[error("another client's")]
    OtherClient,
    /// It was redeemed before.
    #[error("used before")]
    Used,
    /// Its time is over.
    #[error("expired")]
    Expired,
    /// The request went to another address.
    #[error("another redirect address")]
    OtherRedirect,
    /// The verifier is missing or does not answer the challenge.
    #[error("wrong verifier")]
    WrongVerifier,
    /// Nothing may be granted to the user any more, there.
    #[error(transparent)]
    NotGranted(#[from] GrantRefusal),
}

impl From<CodeRefusal> for ExchangeError {
    fn from(refusal: CodeRefusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What a presented code comes to, once that is durable.
enum Outcome {
    /// The first tokens of a session.
    Redeemed(Box<Redeemed>),
    /// The end of what it began when it was redeemed before.
    Replayed(AuditEvent),
}

/// What tokens are made of.
struct Redeemed {
    client: Client,
    family: RefreshFamily,
    grantee: Grantee,
    refresh_token: RefreshToken,
    nonce: Option<Nonce>,
}

/// A session that an approval allows.
pub(crate) struct NewSession<'a> {
    pub(crate) client_id: &'a ClientId,
    pub(crate) approval: Approval,
    pub(crate) scope: Scope,
    pub(crate) origin: &'a Origin,
    pub(crate) refresh_token: &'a RefreshToken,
}

impl Issuer {
    /// Redeems a code for the first tokens of a new family.
    pub async fn exchange_code(&self, request: CodeExchange) -> Result<IssuedTokens, ExchangeError> {
        retried(|| self.try_exchange_code(&request)).await
    }

    async fn try_exchange_code(&self, request: &CodeExchange) -> Result<IssuedTokens, ExchangeError> {
        let mut transaction = self.storage.begin_shared().await?;
        Failpoint::Begun.reach();
        let outcome = match self.redeem_code(&mut *transaction, request).await {
            Ok(outcome) => outcome,
            Err(refusal) => {
                transaction.roll_back().await?;
                return Err(refusal);
            }
        };
        let redeemed = match outcome {
            Outcome::Redeemed(redeemed) => redeemed,
            Outcome::Replayed(event) => {
                self.commit(transaction, event).await?;
                return Err(CodeRefusal::Used.into());
            }
        };
        let Redeemed { client, family, grantee, refresh_token, nonce } = *redeemed;
        let event = AuditEvent::done(Action::BeginSession).of(&family.subject).through(&client.id);
        self.commit(transaction, event.about(&family.id)).await?;
        Failpoint::Committed.reach();
        let tokens = self.sign_tokens(&client, &family, &grantee, refresh_token, nonce.as_ref())?;
        Failpoint::Signed.reach();
        Ok(tokens)
    }

    /// Writes what follows from the code; an error is to be followed by nothing at all.
    async fn redeem_code(
        &self,
        transaction: &mut dyn Transaction,
        request: &CodeExchange,
    ) -> Result<Outcome, ExchangeError> {
        let client =
            transaction.find_client(&request.client_id).await?.ok_or(ExchangeError::UnknownClient)?;
        if request.resource.as_deref().is_some_and(|resource| resource != self.audience.as_str()) {
            return Err(ExchangeError::WrongResource);
        }
        let now = self.now();
        let grant = transaction
            .find_grant_by_code(&CodeDigest::of(&request.code))
            .await?
            .ok_or(CodeRefusal::Unknown)?;
        let approval = match &grant.progress {
            Progress::Approved { approval, .. } => approval.clone(),
            Progress::Exchanged { family, .. } => {
                // RFC 6749 §4.1.2: of two holders of a code, one is a thief, and nobody knows which.
                transaction.end_family(*family, FamilyStatus::Reused, now).await?;
                // Recognised this once: nothing more could follow from another time.
                transaction.forget_code(grant.id).await?;
                let event = AuditEvent::refused(Action::BeginSession).through(&client.id).about(family);
                return Ok(Outcome::Replayed(event.saying("code used before")));
            }
            Progress::Pending | Progress::Denied => return Err(CodeRefusal::Unknown.into()),
        };
        if grant.is_expired(now) {
            return Err(CodeRefusal::Expired.into());
        }
        if let Some(refusal) = misused(&grant, &client, request) {
            let event = AuditEvent::refused(Action::BeginSession).through(&client.id).about(&grant.id);
            let event = event.saying(told(refusal, &grant));
            self.misuses.note(Misused::Grant(grant.id), now, self.circumstances.present(), event);
            return Err(refusal.into());
        }
        let grantee = find_grantee(transaction, &approval.subject, &approval.workspace_id)
            .await?
            .map_err(CodeRefusal::from)?;
        let asked = Asked { amr: approval.amr, scope: &grant.scope, allowed: &grant.allowed };
        let way = if grant.browser.is_some() { Way::Browser(asked) } else { Way::Device(asked) };
        let scope = grantee.check(way, now).map_err(CodeRefusal::from)?;
        Failpoint::Judged.reach();
        let refresh_token = new_refresh_token(&*self.entropy)?;
        let session = NewSession {
            client_id: &client.id,
            approval,
            scope,
            origin: &request.origin,
            refresh_token: &refresh_token,
        };
        let family = self.begin_session_of(transaction, session).await?;
        if self.told_of_logouts.contains(&client.id) {
            transaction.note_begun(grant.id, family.id).await?;
        }
        let nonce = grant.nonce.clone();
        transaction.update_grant(&grant.exchange(family.id).map_err(|_| CodeRefusal::Used)?).await?;
        Failpoint::Written.reach();
        Ok(Outcome::Redeemed(Box::new(Redeemed { client, family, grantee, refresh_token, nonce })))
    }

    /// Records who brought codes that were not theirs.
    pub async fn tell_misuses(&self) -> Result<(), Fault> {
        for (code, misuse) in self.misuses.untold(self.now()) {
            let event = misuse.event();
            audit::commit(self.begin().await?, misuse.at, &misuse.circumstance, &event).await?;
            self.misuses.note_told(&code);
        }
        Ok(())
    }

    /// Begins the session that an approval allows, with its first refresh token.
    ///
    /// Whoever calls has found nothing against it, and changed nothing yet: all is decided by now.
    pub(crate) async fn begin_session_of(
        &self,
        transaction: &mut dyn Transaction,
        session: NewSession<'_>,
    ) -> Result<RefreshFamily, Fault> {
        let now = self.now();
        let family = RefreshFamily {
            id: FamilyId::generate(now, &*self.entropy)?,
            client_id: session.client_id.clone(),
            subject: session.approval.subject,
            workspace_id: session.approval.workspace_id,
            scope: session.scope,
            auth_time: session.approval.auth_time,
            amr: session.approval.amr,
            created_at: now,
            generation: 0,
            last_anonymous: None,
            status: FamilyStatus::Live,
        };
        transaction.decided();
        self.begin_family(transaction, &family, session.refresh_token, session.origin).await?;
        Ok(family)
    }

    /// Adds a session with its first refresh token.
    pub(crate) async fn begin_family(
        &self,
        transaction: &mut dyn Transaction,
        family: &RefreshFamily,
        refresh_token: &RefreshToken,
        origin: &Origin,
    ) -> Result<(), Fault> {
        transaction.insert_family(family, origin, &RefreshDigest::of(refresh_token), self.now()).await?;
        self.watch_login(transaction, &family.subject).await
    }
}

/// Returns why a code that counts does not for this request.
fn misused(grant: &AuthorizationGrant, client: &Client, request: &CodeExchange) -> Option<CodeRefusal> {
    let verifier = request.code_verifier.as_ref();
    if grant.client_id != client.id {
        // Whoever brings it has taken it from another client, or planted it there (I-48).
        Some(CodeRefusal::OtherClient)
    } else if grant.redirect_uri != request.redirect_uri {
        Some(CodeRefusal::OtherRedirect)
    } else if !verifier.is_some_and(|verifier| grant.code_challenge.is_answered_by(verifier)) {
        Some(CodeRefusal::WrongVerifier)
    } else {
        None
    }
}

/// Returns what the audit trail says of it.
fn told(refusal: CodeRefusal, grant: &AuthorizationGrant) -> String {
    match refusal {
        CodeRefusal::OtherClient => format!("code of another client, {}", grant.client_id.as_str()),
        CodeRefusal::OtherRedirect => "code with another redirect address".to_owned(),
        CodeRefusal::WrongVerifier => "code with another verifier".to_owned(),
        CodeRefusal::Unknown | CodeRefusal::Used | CodeRefusal::Expired | CodeRefusal::NotGranted(_) => {
            refusal.to_string()
        }
    }
}

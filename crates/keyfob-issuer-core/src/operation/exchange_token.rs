//! A token becomes another one that may do less (RFC 8693).
//!
//! An *access token* becomes the access token of a child: of another program for which the session vouches. It does less,
//! for a shorter time, says so in `act`, and ends with the session. An *ID token* becomes an API key: what the Codex CLI
//! asks for at the end of a sign-in, where the issuer's settings allow it (I-36).

use super::access_keys::{insert, make};
use crate::access_key::{KeyKind, KeyLabel, Models};
use crate::audit::{Action, AuditEvent};
use crate::issuer::{Fault, Issuer};
use crate::operation::administrator::is_fresh;
use crate::operation::grantee::{GrantRefusal, Way, find_grantee};
use crate::operation::presented::Presented;
use crate::operation::{MadeKey, MakeKeyError, NewKey};
use crate::storage::Transaction;
use crate::workspace::AllowedWorkspaces;
use crate::{FamilyId, lifetime};
use keyfob_jose::{Expected, TokenType};
use keyfob_oauth::{AccessToken, Audience, ClientId, IdToken, Scope, Subject};
use std::time::Duration;

/// What a client brings along for a child.
#[derive(Clone, Debug)]
pub struct ChildExchange {
    /// Who asks.
    pub client_id: ClientId,
    /// The session's own.
    pub subject_token: AccessToken,
    /// What the child may do; all that a child could, if nothing is named.
    pub scope: Option<Scope>,
    /// Which server it is for; the issuer's usual one, if none is named (RFC 8707).
    pub resource: Option<String>,
    /// How long the child's token is to live; no longer than a session's own may.
    pub life: Option<Duration>,
    /// For which workspaces the client takes tokens.
    pub allowed: AllowedWorkspaces,
}

/// What a child gets.
#[derive(Clone, Debug)]
pub struct ChildToken {
    /// Attached to requests.
    pub access_token: AccessToken,
    /// How long it lives.
    pub expires_in: Duration,
    /// What was granted.
    pub scope: Scope,
}

/// What a client brings along for an API key.
#[derive(Clone, Debug)]
pub struct ApiKeyExchange {
    /// Who asks.
    pub client_id: ClientId,
    /// A fresh one of this client.
    pub subject_token: IdToken,
    /// For which workspaces the client takes keys.
    pub allowed: AllowedWorkspaces,
}

/// No token is exchanged.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeTokenError {
    /// No such client.
    #[error("the client is not registered here")]
    UnknownClient,
    /// No server that is known here.
    #[error("the resource is not known here")]
    WrongResource,
    /// The session began too long ago, or without a second factor, to look after a workspace (I-71).
    #[error("the sign-in is too long ago, or was without a second factor")]
    NotFresh,
    /// More than the subject token may.
    #[error("the scope is wider than that of the subject token")]
    ScopeTooWide,
    /// The subject token does not count; the client is not told why (I-37).
    #[error("the subject token is refused: {0}")]
    Refused(SubjectRefusal),
    /// Nothing may be granted to the user any more, there.
    #[error(transparent)]
    NotGranted(#[from] GrantRefusal),
    /// The person has as many keys as anybody may.
    #[error("the person has too many keys")]
    TooManyKeys,
    /// Something broke inside.
    #[error(transparent)]
    Fault(#[from] Fault),
}

super::faults!(ExchangeTokenError);

/// Why a subject token does not count; for the log alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubjectRefusal {
    /// It is no token of ours of this kind, its time is over, or what it stands for ended.
    #[error("invalid")]
    Invalid,
    /// It was handed out to another client, or to one that hands nothing on.
    #[error("another client's")]
    OtherClient,
    /// It is a child's: a child makes no children.
    #[error("a child's")]
    Child,
    /// It is too old.
    #[error("too old")]
    TooOld,
    /// It was exchanged before.
    #[error("used before")]
    Used,
    /// It is signed with a key of its issuer that is not known.
    #[error("an unknown key")]
    UnknownKey,
    /// No rule lets this workload act for anybody.
    #[error("no rule for it")]
    NoRule,
}

impl From<SubjectRefusal> for ExchangeTokenError {
    fn from(refusal: SubjectRefusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<MakeKeyError> for ExchangeTokenError {
    fn from(error: MakeKeyError) -> Self {
        match error {
            MakeKeyError::TooMany => Self::TooManyKeys,
            MakeKeyError::Fault(fault) => Self::Fault(fault),
            MakeKeyError::NotGranted(refusal) => Self::NotGranted(refusal),
            MakeKeyError::SignInTooOld => Self::Refused(SubjectRefusal::TooOld),
            MakeKeyError::ScopeTooWide | MakeKeyError::LifeTooLong(_) => Self::ScopeTooWide,
        }
    }
}

/// What a child never gets: it begins no session, and is told of no person by an ID token.
const NOT_FOR_CHILDREN: [&str; 2] = ["openid", "offline_access"];

/// What the key is called that the Codex CLI asks for.
const KEY_LABEL: &str = "made by a sign-in";

impl Issuer {
    /// Hands a session's access token on: for less, and for a shorter time.
    ///
    /// The subject token must be one that opens the issuer itself: a server that got a token, or a child, cannot turn it
    /// into one for another server.
    pub async fn exchange_for_child(&self, request: ChildExchange) -> Result<ChildToken, ExchangeTokenError> {
        let mut transaction = self.begin().await?;
        transaction.find_client(&request.client_id).await?.ok_or(ExchangeTokenError::UnknownClient)?;
        let administration = self.administration();
        let audience = match request.resource.as_deref() {
            Some(named) if named == administration.as_str() => administration.clone(),
            resource => self.known_audience(&mut *transaction, resource).await?,
        };
        drop(transaction);
        let presented = self.presented(&request.subject_token, self.url.as_str()).await?;
        let Some(Presented::Session(session)) = presented else {
            return Err(SubjectRefusal::Invalid.into());
        };
        if session.claims.get("act").is_some() {
            return Err(SubjectRefusal::Child.into());
        }
        if session.client.id != request.client_id || !session.client.kind.may_manage_sessions() {
            return Err(SubjectRefusal::OtherClient.into());
        }
        let now = self.now();
        if audience == administration && !is_fresh(&session, now) {
            return Err(ExchangeTokenError::NotFresh);
        }
        let granted = session.grantee.check(Way::Session(&session.family, &request.allowed), now)?;
        let widest = granted.without(&NOT_FOR_CHILDREN);
        let scope = request.scope.unwrap_or_else(|| widest.clone());
        if !scope.is_within(&widest) {
            return Err(ExchangeTokenError::ScopeTooWide);
        }
        let parents_end = session.claims.time("exp").ok_or(SubjectRefusal::Invalid)?;
        let life = request.life.unwrap_or(lifetime::CHILD_ACCESS_TOKEN).min(lifetime::ACCESS_TOKEN);
        let end = now.plus(life).min(parents_end);
        let access_token = self.sign_child(&session, &scope, &audience, end)?;
        let event = AuditEvent::done(Action::HandOn).of(&session.family.subject).through(&request.client_id);
        let event = event.about(&session.family.id).saying(format!("for {}", audience.as_str()));
        self.commit(self.begin().await?, event).await?;
        Ok(ChildToken { access_token, expires_in: end.since(now), scope })
    }

    /// Returns which server a token is for that names `resource`, or none; never that of administration, which takes more.
    pub(crate) async fn known_audience(
        &self,
        transaction: &mut dyn Transaction,
        resource: Option<&str>,
    ) -> Result<Audience, ExchangeTokenError> {
        let servers = transaction.list_resource_servers().await?;
        match resource.map(Audience::new) {
            None => Ok(self.audience.clone()),
            Some(named) if named == self.audience => Ok(named),
            Some(named) if servers.iter().any(|server| server.audience == named) => Ok(named),
            Some(_) => Err(ExchangeTokenError::WrongResource),
        }
    }

    /// Exchanges a fresh ID token for an API key of its person, once (I-36).
    pub async fn exchange_for_api_key(&self, request: ApiKeyExchange) -> Result<MadeKey, ExchangeTokenError> {
        let now = self.now();
        let expected = Expected {
            token_type: TokenType::IdToken,
            issuer: self.url.as_str(),
            audience: request.client_id.as_str(),
        };
        let claims = self
            .ring()
            .key_set()
            .verify(request.subject_token.expose(), &expected, now)
            .map_err(|_| SubjectRefusal::Invalid)?;
        let (Some(subject), Some(id), Some(jti), Some(issued_at)) = (
            claims.text("sub").map(Subject::new),
            claims.text("sid").and_then(FamilyId::parse),
            claims.text("jti"),
            claims.time("iat"),
        ) else {
            return Err(SubjectRefusal::Invalid.into());
        };
        if now.since(issued_at) >= lifetime::EXCHANGED_ID_TOKEN {
            return Err(SubjectRefusal::TooOld.into());
        }
        let mut transaction = self.begin().await?;
        transaction.find_client(&request.client_id).await?.ok_or(ExchangeTokenError::UnknownClient)?;
        let session = transaction.find_login_session(id, &subject).await?;
        let session = session.filter(|session| session.is_alive(now)).ok_or(SubjectRefusal::Invalid)?;
        let grantee = find_grantee(&mut *transaction, &subject, &session.family.workspace_id).await?;
        let grantee = grantee.map_err(ExchangeTokenError::from)?;
        let scope = grantee.check(Way::Session(&session.family, &request.allowed), now)?;
        if !transaction.spend_id_token(jti, now).await? {
            let event = AuditEvent::refused(Action::ExchangeForKey).of(&subject).through(&request.client_id);
            self.commit(transaction, event.about(&id).saying("ID token used before")).await?;
            return Err(SubjectRefusal::Used.into());
        }
        let wish = NewKey {
            kind: KeyKind::Api,
            label: KeyLabel::parse(KEY_LABEL).ok_or(Fault::Dangling("a label"))?,
            scope: None,
            models: Models::All,
            life: Some(lifetime::EXCHANGED_API_KEY),
        };
        let made = make(&grantee, &scope, wish, now, &*self.entropy)?;
        insert(&mut *transaction, &made.key).await?;
        let event = AuditEvent::done(Action::ExchangeForKey).by_owner(&subject).through(&request.client_id);
        self.commit(transaction, event.about(&made.key.id)).await?;
        Ok(made)
    }
}

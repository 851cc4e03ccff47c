//! A session hands over to another machine, which gets a session of its own (RFC 8693; security C-65).
//!
//! Two holders of one family of refresh tokens end each other, so nothing of it is copied. The session that hands over
//! gets a code, once, and is not rotated by that; whoever redeems the code begins another family. What the new session may
//! do and how long it may last follows from the sign-in of the first: it is not a way to stay signed in for longer.

use super::exchange_token::{ExchangeTokenError, SubjectRefusal};
use crate::FamilyId;
use crate::audit::{Action, AuditEvent};
use crate::claims::IssuedTokens;
use crate::client::Client;
use crate::digest::RefreshDigest;
use crate::handoff::Handoff;
use crate::issuer::Issuer;
use crate::lifetime;
use crate::login_session::{Origin, SessionName};
use crate::operation::grantee::{Way, find_grantee};
use crate::operation::refresh::new_refresh_token;
use crate::operation::retry::retried;
use crate::refresh_family::{FamilyStatus, RefreshFamily, Verdict};
use crate::storage::Transaction;
use crate::workspace::AllowedWorkspaces;
use keyfob_oauth::{ClientId, HandoffCode, RefreshToken, Scope};
use std::time::Duration;

/// What a client brings along whose session hands over.
#[derive(Clone, Debug)]
pub struct HandOver {
    /// Who asks.
    pub client_id: ClientId,
    /// The session's current one, which stays so. An access token is not enough: it is sent to other servers too.
    pub refresh_token: RefreshToken,
    /// What the new session is to be called.
    pub name: Option<SessionName>,
    /// For which workspaces the client takes tokens.
    pub allowed: AllowedWorkspaces,
}

/// What is carried to the other machine.
#[derive(Clone, Debug)]
pub struct HandedOver {
    /// Redeemed there, once.
    pub code: HandoffCode,
    /// For how long it can be.
    pub expires_in: Duration,
    /// What the new session will be granted at most.
    pub scope: Scope,
}

/// What a client brings along that begins the new session.
#[derive(Clone, Debug)]
pub struct TakeOver {
    /// Who asks.
    pub client_id: ClientId,
    /// What was carried.
    pub code: HandoffCode,
    /// For which workspaces the client takes tokens.
    pub allowed: AllowedWorkspaces,
    /// Where the request came from.
    pub origin: Origin,
}

impl Issuer {
    /// Makes a code for which another machine gets a session of its own.
    pub async fn hand_over(&self, request: HandOver) -> Result<HandedOver, ExchangeTokenError> {
        retried(|| self.try_hand_over(&request)).await
    }

    async fn try_hand_over(&self, request: &HandOver) -> Result<HandedOver, ExchangeTokenError> {
        let now = self.now();
        let mut transaction = self.begin().await?;
        let client = handing_client(&mut *transaction, &request.client_id).await?;
        let (token, family) = transaction
            .find_refresh_token(&RefreshDigest::of(&request.refresh_token))
            .await?
            .filter(|(_, family)| family.client_id == client.id)
            .ok_or(SubjectRefusal::Invalid)?;
        match family.judge(&token, None, self.grace, now) {
            Verdict::Rotate => {}
            // As when it is redeemed: of two holders, one is a thief (RFC 9700 §4.14.2).
            Verdict::Reuse => {
                transaction.end_family(family.id, FamilyStatus::Reused, now).await?;
                let event = AuditEvent::refused(Action::ReuseToken).of(&family.subject).through(&client.id);
                self.commit(transaction, event.about(&family.id)).await?;
                return Err(SubjectRefusal::Used.into());
            }
            Verdict::Repeat(_) | Verdict::SlowDown => return Err(SubjectRefusal::Used.into()),
            Verdict::Refuse(_) => return Err(SubjectRefusal::Invalid.into()),
        }
        let grantee = find_grantee(&mut *transaction, &family.subject, &family.workspace_id).await??;
        let scope = grantee.check(Way::Session(&family, &request.allowed), now)?;
        let handoff = Handoff {
            subject: family.subject,
            source: family.id,
            target: FamilyId::generate(now, &*self.entropy)?,
            name: request.name.clone(),
            expires_at: now.plus(lifetime::HANDOFF),
        };
        let event = AuditEvent::done(Action::HandOver).of(&handoff.subject).through(&client.id);
        let event = event.about(&handoff.source).saying(format!("to {}", handoff.target));
        self.commit(transaction, event).await?;
        Ok(HandedOver { code: handoff.seal(&self.keys.handoff), expires_in: lifetime::HANDOFF, scope })
    }

    /// Begins the session that a code stands for, while the one that handed over goes on.
    ///
    /// Whoever brings the code a second time is refused and ends what the first began, as with any other code
    /// (RFC 6749 §4.1.2), however late.
    pub async fn take_over(&self, request: TakeOver) -> Result<IssuedTokens, ExchangeTokenError> {
        retried(|| self.try_take_over(&request)).await
    }

    async fn try_take_over(&self, request: &TakeOver) -> Result<IssuedTokens, ExchangeTokenError> {
        let now = self.now();
        let handoff = Handoff::open(&request.code, &self.keys.handoff).ok_or(SubjectRefusal::Invalid)?;
        let mut transaction = self.begin().await?;
        let client = handing_client(&mut *transaction, &request.client_id).await?;
        // Held, so that of two who bring the code one is second, and that nobody ends everything in between.
        let source = transaction.hold_login_session(handoff.source, &handoff.subject).await?;
        if transaction.find_login_session(handoff.target, &handoff.subject).await?.is_some() {
            transaction.end_family(handoff.target, FamilyStatus::Reused, now).await?;
            let event = AuditEvent::refused(Action::BeginSession).of(&handoff.subject).through(&client.id);
            let event = event.about(&handoff.target).saying("handoff code used before");
            self.commit(transaction, event).await?;
            return Err(SubjectRefusal::Used.into());
        }
        if now >= handoff.expires_at {
            return Err(SubjectRefusal::TooOld.into());
        }
        let source = source.filter(|source| source.is_alive(now)).ok_or(SubjectRefusal::Invalid)?.family;
        if source.client_id != client.id {
            return Err(SubjectRefusal::OtherClient.into());
        }
        let grantee = find_grantee(&mut *transaction, &source.subject, &source.workspace_id).await??;
        let scope = grantee.check(Way::Session(&source, &request.allowed), now)?;
        let source_id = source.id;
        let family = RefreshFamily {
            id: handoff.target,
            scope,
            generation: 0,
            last_anonymous: None,
            status: FamilyStatus::Live,
            ..source
        };
        let refresh_token = new_refresh_token(&*self.entropy)?;
        self.begin_family(&mut *transaction, &family, &refresh_token, &request.origin).await?;
        transaction.note_handed_over(family.id, source_id).await?;
        transaction.name_login_session(family.id, handoff.name.as_ref()).await?;
        let event = AuditEvent::done(Action::BeginSession).of(&family.subject).through(&client.id);
        let event = event.about(&family.id).saying(format!("handed over by {source_id}"));
        self.commit(transaction, event).await?;
        Ok(self.sign_tokens(&client, &family, &grantee, refresh_token, None)?)
    }
}

/// Finds a client that may hand over, or take over; the tokens of others are sent to servers that other people run.
async fn handing_client(
    transaction: &mut dyn Transaction,
    id: &ClientId,
) -> Result<Client, ExchangeTokenError> {
    let client = transaction.find_client(id).await?.ok_or(ExchangeTokenError::UnknownClient)?;
    if client.kind.may_manage_sessions() { Ok(client) } else { Err(SubjectRefusal::OtherClient.into()) }
}

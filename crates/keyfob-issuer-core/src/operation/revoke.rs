//! A client ends its login, or whoever holds a key ends the key (RFC 7009).

use crate::access_key::KeySecret;
use crate::audit::{Action, AuditEvent};
use crate::digest::{KeyDigest, RefreshDigest};
use crate::issuer::{Fault, Issuer};
use crate::operation::presented::Presented;
use crate::operation::retry::retried;
use crate::refresh_family::{FamilyStatus, RefreshFamily};
use keyfob_oauth::{AccessToken, ClientId, RefreshToken, Secret};

/// What a client brings along.
#[derive(Clone, Debug)]
pub struct Revocation {
    /// Who asks.
    pub client_id: ClientId,
    /// A refresh token of any generation, an access token, or a key; anything else is unknown.
    pub token: Secret,
}

/// Nothing is revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevokeError {
    /// No such client.
    #[error("the client is not registered here")]
    UnknownClient,
    /// The token was handed on by a session, and ends only with it or by its time.
    #[error("an exchanged token cannot be revoked alone")]
    Unsupported,
    /// Something broke inside.
    #[error(transparent)]
    Fault(#[from] Fault),
}

super::faults!(RevokeError);

impl Issuer {
    /// Ends what the token stands for: the session of a refresh or access token of this client, or a key.
    ///
    /// That there is nothing to end is no error (RFC 7009 §2.2). A key belongs to no client: who finds a leaked one may
    /// end it.
    pub async fn revoke(&self, request: &Revocation) -> Result<(), RevokeError> {
        retried(|| self.try_revoke(request)).await
    }

    async fn try_revoke(&self, request: &Revocation) -> Result<(), RevokeError> {
        let mut transaction = self.begin().await?;
        let client = transaction.find_client(&request.client_id).await?.ok_or(RevokeError::UnknownClient)?;
        let now = self.now();
        if let Some((_, secret)) = KeySecret::parse(request.token.expose()) {
            let found = transaction.find_key(&KeyDigest::of(&secret)).await?;
            let Some(key) = found.filter(|key| key.is_alive(now)) else { return Ok(()) };
            transaction.end_key(key.id, now).await?;
            let event = AuditEvent::done(Action::EndKey).of(&key.subject).through(&client.id).about(&key.id);
            return Ok(self.commit(transaction, event).await?);
        }
        drop(transaction);
        let family = self.session_of(&request.token).await?;
        let is_its =
            |family: &RefreshFamily| family.client_id == client.id && family.status == FamilyStatus::Live;
        let Some(family) = family.filter(is_its) else { return Ok(()) };
        let mut transaction = self.begin().await?;
        transaction.end_family(family.id, FamilyStatus::Revoked, now).await?;
        let event = AuditEvent::done(Action::EndSession).of(&family.subject).through(&client.id);
        Ok(self.commit(transaction, event.about(&family.id)).await?)
    }

    /// Returns the session that a refresh token, or an access token that counts, belongs to.
    async fn session_of(&self, token: &Secret) -> Result<Option<RefreshFamily>, RevokeError> {
        let refresh_token = RefreshDigest::of(&RefreshToken::from(token.clone()));
        if let Some((_, family)) = self.begin().await?.find_refresh_token(&refresh_token).await? {
            return Ok(Some(family));
        }
        let access_token = AccessToken::from(token.clone());
        match self.presented(&access_token, self.audience.as_str()).await? {
            Some(Presented::Session(session)) if session.claims.get("act").is_some() => {
                Err(RevokeError::Unsupported)
            }
            Some(Presented::Workload(_)) => Err(RevokeError::Unsupported),
            Some(Presented::Session(session)) => Ok(Some(session.family)),
            Some(Presented::Key(..)) | None => Ok(None),
        }
    }
}

//! A client ends its login (RFC 7009).

use crate::digest::RefreshDigest;
use crate::issuer::{Fault, Issuer};
use crate::operation::retry::retried;
use crate::refresh_family::FamilyStatus;
use keyfob_oauth::{ClientId, RefreshToken};

/// What a client brings along.
#[derive(Clone, Debug)]
pub struct Revocation {
    /// Who asks.
    pub client_id: ClientId,
    /// A refresh token of any generation; anything else is unknown.
    pub token: RefreshToken,
}

/// Nothing is revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevokeError {
    /// No such client.
    #[error("the client is not registered here")]
    UnknownClient,
    /// Something broke inside.
    #[error(transparent)]
    Fault(#[from] Fault),
}

super::faults!(RevokeError);

impl Issuer {
    /// Ends the family of the token, if it is one of this client's; that it is not is no error (RFC 7009 §2.2).
    pub async fn revoke(&self, request: &Revocation) -> Result<(), RevokeError> {
        retried(|| self.try_revoke(request)).await
    }

    async fn try_revoke(&self, request: &Revocation) -> Result<(), RevokeError> {
        let mut transaction = self.begin().await?;
        let client = transaction.find_client(&request.client_id).await?.ok_or(RevokeError::UnknownClient)?;
        let found = transaction.find_refresh_token(&RefreshDigest::of(&request.token)).await?;
        let Some((_, family)) = found.filter(|(_, family)| family.client_id == client.id) else {
            return Ok(());
        };
        transaction.end_family(family.id, FamilyStatus::Revoked, self.now()).await?;
        transaction.commit().await?;
        Ok(())
    }
}

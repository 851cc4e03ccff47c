//! A client says that the refresh token it got is stored (security §7.2).

use crate::digest::RefreshDigest;
use crate::issuer::{Fault, Issuer};
use crate::operation::retry::retried;
use crate::refresh_family::FamilyStatus;
use keyfob_oauth::{ClientId, RefreshToken};

/// What a client brings along.
#[derive(Clone, Debug)]
pub struct Acknowledgement {
    /// Who asks.
    pub client_id: ClientId,
    /// The token that is stored: the new one.
    pub refresh_token: RefreshToken,
}

/// Nothing is acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum AcknowledgeError {
    /// No such client.
    #[error("the client is not registered here")]
    UnknownClient,
    /// Something broke inside.
    #[error(transparent)]
    Fault(#[from] Fault),
}

super::faults!(AcknowledgeError);

impl Issuer {
    /// Notes that the token arrived, if it is this client's current one; that it is not is no error, and changes nothing.
    pub async fn acknowledge(&self, request: &Acknowledgement) -> Result<(), AcknowledgeError> {
        retried(|| self.try_acknowledge(request)).await
    }

    async fn try_acknowledge(&self, request: &Acknowledgement) -> Result<(), AcknowledgeError> {
        let mut transaction = self.begin().await?;
        let client =
            transaction.find_client(&request.client_id).await?.ok_or(AcknowledgeError::UnknownClient)?;
        let found = transaction.find_refresh_token(&RefreshDigest::of(&request.refresh_token)).await?;
        let current = found.filter(|(token, family)| {
            family.client_id == client.id && family.status == FamilyStatus::Live && token.successor.is_none()
        });
        if let Some((token, family)) = current {
            transaction.acknowledge(family.id, token.generation, self.now()).await?;
            transaction.commit().await?;
        }
        Ok(())
    }
}

//! The administrator says which servers may ask what a token means.

use crate::Fault;
use crate::digest::ServerSecretDigest;
use crate::resource_server::{ResourceServer, ServerId, ServerSecret};
use crate::storage::{Storage, StorageError};
use keyfob_oauth::{Audience, Clock, Entropy};

/// A resource server is not registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterServerError {
    /// The name is taken.
    #[error("a resource server with this name exists already")]
    Exists,
    /// Something broke inside.
    #[error(transparent)]
    Fault(#[from] Fault),
}

super::faults!(RegisterServerError);

/// Registers a resource server and returns its secret, which is seen this once.
pub async fn register_resource_server(
    storage: &dyn Storage,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    id: ServerId,
    audience: Audience,
) -> Result<ServerSecret, RegisterServerError> {
    let secret = ServerSecret::generate(entropy)?;
    let server = ResourceServer { id, secret: ServerSecretDigest::of(&secret), audience };
    let mut transaction = storage.begin().await?;
    match transaction.insert_resource_server(&server, clock.now()).await {
        Ok(()) => {}
        Err(StorageError::Exists) => return Err(RegisterServerError::Exists),
        Err(other) => return Err(other.into()),
    }
    transaction.commit().await?;
    Ok(secret)
}

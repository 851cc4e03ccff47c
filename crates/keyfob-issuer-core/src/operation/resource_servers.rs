//! The administrator says which servers may ask what a token means.

use crate::Fault;
use crate::audit::{self, Action, AuditEvent};
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
    let now = clock.now();
    match transaction.insert_resource_server(&server, now).await {
        Ok(()) => {}
        Err(StorageError::Exists) => return Err(RegisterServerError::Exists),
        Err(other) => return Err(other.into()),
    }
    let event = AuditEvent::done(Action::RegisterServer).about(&server.id.as_str());
    audit::commit_on_host(transaction, now, event).await?;
    Ok(secret)
}

/// Removes a resource server; returns whether it was there.
pub async fn remove_resource_server(
    storage: &dyn Storage,
    clock: &dyn Clock,
    id: &ServerId,
) -> Result<bool, Fault> {
    let mut transaction = storage.begin().await?;
    let removed = transaction.delete_resource_server(id).await?;
    if removed {
        let event = AuditEvent::done(Action::RemoveServer).about(&id.as_str());
        audit::commit_on_host(transaction, clock.now(), event).await?;
    }
    Ok(removed)
}

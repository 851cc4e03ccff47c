//! `resource-server`: the servers that may ask what a token means are added, listed and removed.

use crate::command::opened::{OpenDataError, open};
use keyfob_issuer_core::Fault;
use keyfob_issuer_core::operation::{RegisterServerError, register_resource_server, remove_resource_server};
use keyfob_issuer_core::resource_server::{ResourceServer, ServerId, ServerSecret};
use keyfob_issuer_core::storage::{Storage as _, StorageError};
use keyfob_oauth::{Audience, Clock, Entropy};
use std::path::Path;

/// Resource servers cannot be added, listed or removed.
#[derive(Debug, thiserror::Error)]
pub enum ResourceServerError {
    /// The issuer cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenDataError),
    /// What should be a name is none.
    #[error("{0:?} is no name of a resource server: lower-case letters, digits, dots and dashes, at most 64")]
    NotAName(String),
    /// There is none of this name.
    #[error("there is no resource server {0}")]
    NotFound(String),
    /// The name is taken.
    #[error(transparent)]
    Register(#[from] RegisterServerError),
    /// Something else.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StorageError> for ResourceServerError {
    fn from(error: StorageError) -> Self {
        Self::Fault(error.into())
    }
}

/// Adds a resource server for the tokens of `audience`, or of the issuer's own; returns its secret.
pub async fn add(
    data: &Path,
    name: &str,
    audience: Option<String>,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<ServerSecret, ResourceServerError> {
    let id = ServerId::parse(name).ok_or_else(|| ResourceServerError::NotAName(name.to_owned()))?;
    let (config, storage) = open(data).await?;
    let audience = audience.map_or(config.audience, Audience::new);
    let secret = register_resource_server(&storage, clock, entropy, id, audience).await?;
    storage.close().await;
    Ok(secret)
}

/// Returns all of them, by name.
pub async fn list(data: &Path) -> Result<Vec<ResourceServer>, ResourceServerError> {
    let (_, storage) = open(data).await?;
    let servers = storage.begin().await?.list_resource_servers().await?;
    storage.close().await;
    Ok(servers)
}

/// Removes one: its secret opens nothing from now on.
pub async fn remove(data: &Path, name: &str, clock: &dyn Clock) -> Result<(), ResourceServerError> {
    let (_, storage) = open(data).await?;
    let removed = match ServerId::parse(name) {
        Some(id) => remove_resource_server(&storage, clock, &id).await?,
        None => false,
    };
    storage.close().await;
    if removed { Ok(()) } else { Err(ResourceServerError::NotFound(name.to_owned())) }
}

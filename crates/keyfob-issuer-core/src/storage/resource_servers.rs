//! Registered resource servers.

use super::StorageError;
use crate::resource_server::{ResourceServer, ServerId};
use async_trait::async_trait;
use keyfob_oauth::Timestamp;

/// Registered resource servers.
#[async_trait]
pub trait ResourceServers {
    /// Finds the resource server of this name.
    async fn find_resource_server(&mut self, id: &ServerId) -> Result<Option<ResourceServer>, StorageError>;
    /// Registers a resource server; the name must be new.
    async fn insert_resource_server(
        &mut self,
        server: &ResourceServer,
        now: Timestamp,
    ) -> Result<(), StorageError>;
    /// Returns all of them, by name.
    async fn list_resource_servers(&mut self) -> Result<Vec<ResourceServer>, StorageError>;
    /// Forgets one; returns whether it was there.
    async fn delete_resource_server(&mut self, id: &ServerId) -> Result<bool, StorageError>;
}

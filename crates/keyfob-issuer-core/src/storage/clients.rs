//! Registered clients.

use super::StorageError;
use crate::client::Client;
use async_trait::async_trait;
use keyfob_oauth::{ClientId, Timestamp};

/// Registered clients.
#[async_trait]
pub trait Clients {
    /// Finds the client with this id.
    async fn find_client(&mut self, id: &ClientId) -> Result<Option<Client>, StorageError>;
    /// Registers a client.
    async fn insert_client(&mut self, client: &Client, now: Timestamp) -> Result<(), StorageError>;
}

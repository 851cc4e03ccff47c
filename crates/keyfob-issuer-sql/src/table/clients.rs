//! Registered clients.

use crate::row::TableRow;
use crate::transaction::SqlTransaction;
use async_trait::async_trait;
use keyfob_issuer_core::client::{Client, ClientKind};
use keyfob_issuer_core::storage::{Clients, StorageError};
use keyfob_oauth::{ClientId, Timestamp};

#[async_trait]
impl Clients for SqlTransaction {
    async fn find_client(&mut self, id: &ClientId) -> Result<Option<Client>, StorageError> {
        self.sql("SELECT id, name, kind FROM clients WHERE id = $1")
            .bind(id.as_str())
            .optional("clients")
            .await?
            .map(|row| client(&row))
            .transpose()
    }

    async fn insert_client(&mut self, client: &Client, now: Timestamp) -> Result<(), StorageError> {
        self.sql("INSERT INTO clients (id, name, kind, created_at) VALUES ($1, $2, $3, $4)")
            .bind(client.id.as_str())
            .bind(&client.name)
            .bind(client.kind.as_str())
            .bind(now.as_unix())
            .execute()
            .await?;
        Ok(())
    }
}

fn client(row: &TableRow) -> Result<Client, StorageError> {
    Ok(Client {
        id: row.read::<String>("id").map(ClientId::new)?,
        name: row.read("name")?,
        kind: row.parse("kind", ClientKind::from_word)?,
    })
}

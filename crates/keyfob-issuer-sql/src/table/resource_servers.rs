//! Registered resource servers.

use crate::row::TableRow;
use crate::transaction::SqlTransaction;
use async_trait::async_trait;
use keyfob_issuer_core::digest::ServerSecretDigest;
use keyfob_issuer_core::resource_server::{ResourceServer, ServerId};
use keyfob_issuer_core::storage::{ResourceServers, StorageError};
use keyfob_oauth::{Audience, Timestamp};

#[async_trait]
impl ResourceServers for SqlTransaction {
    async fn find_resource_server(&mut self, id: &ServerId) -> Result<Option<ResourceServer>, StorageError> {
        self.sql("SELECT * FROM resource_servers WHERE id = $1")
            .bind(id.as_str())
            .optional("resource_servers")
            .await?
            .map(|row| server(&row))
            .transpose()
    }

    async fn insert_resource_server(
        &mut self,
        server: &ResourceServer,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        self.sql(
            "INSERT INTO resource_servers (id, secret_digest, audience, created_at) VALUES ($1, $2, $3, $4)",
        )
        .bind(server.id.as_str())
        .bind(server.secret.as_bytes())
        .bind(server.audience.as_str())
        .bind(now.as_unix())
        .execute()
        .await?;
        Ok(())
    }

    async fn list_resource_servers(&mut self) -> Result<Vec<ResourceServer>, StorageError> {
        self.sql("SELECT * FROM resource_servers ORDER BY id")
            .all("resource_servers")
            .await?
            .iter()
            .map(server)
            .collect()
    }

    async fn delete_resource_server(&mut self, id: &ServerId) -> Result<bool, StorageError> {
        let deleted =
            self.sql("DELETE FROM resource_servers WHERE id = $1").bind(id.as_str()).execute().await?;
        Ok(deleted > 0)
    }
}

fn server(row: &TableRow) -> Result<ResourceServer, StorageError> {
    Ok(ResourceServer {
        id: row.parse("id", ServerId::parse)?,
        secret: row.parse("secret_digest", ServerSecretDigest::from_bytes)?,
        audience: row.read::<String>("audience").map(Audience::new)?,
    })
}

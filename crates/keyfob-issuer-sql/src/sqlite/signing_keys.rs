//! Sealed signing keys.

use super::SqliteTransaction;
use crate::error::storage_error;
use crate::row::TableRow;
use async_trait::async_trait;
use keyfob_issuer_core::storage::{SealedSigningKey, SigningKeys, StorageError};
use keyfob_oauth::Timestamp;

#[async_trait]
impl SigningKeys for SqliteTransaction {
    async fn newest_signing_key(&mut self) -> Result<Option<SealedSigningKey>, StorageError> {
        sqlx::query("SELECT id, sealed FROM signing_keys ORDER BY created_at DESC LIMIT 1")
            .fetch_optional(self.connection())
            .await
            .map_err(storage_error)?
            .map(|row| {
                let row = TableRow::new("signing_keys", row);
                Ok(SealedSigningKey { id: row.read("id")?, sealed: row.read("sealed")? })
            })
            .transpose()
    }

    async fn insert_signing_key(
        &mut self,
        key: &SealedSigningKey,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        sqlx::query("INSERT INTO signing_keys (id, sealed, created_at) VALUES ($1, $2, $3)")
            .bind(&key.id)
            .bind(&key.sealed)
            .bind(now.as_unix())
            .execute(self.connection())
            .await
            .map_err(storage_error)?;
        Ok(())
    }
}

//! Sealed signing keys.

use crate::row::TableRow;
use crate::transaction::SqlTransaction;
use async_trait::async_trait;
use keyfob_issuer_core::storage::{SealedSigningKey, SigningKeys, StorageError};
use keyfob_oauth::Timestamp;

#[async_trait]
impl SigningKeys for SqlTransaction {
    async fn newest_signing_key(&mut self) -> Result<Option<SealedSigningKey>, StorageError> {
        self.sql("SELECT id, sealed FROM signing_keys ORDER BY created_at DESC LIMIT 1")
            .optional("signing_keys")
            .await?
            .map(|row| signing_key(&row))
            .transpose()
    }

    async fn insert_signing_key(
        &mut self,
        key: &SealedSigningKey,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        self.sql("INSERT INTO signing_keys (id, sealed, created_at) VALUES ($1, $2, $3)")
            .bind(&key.id)
            .bind(&key.sealed)
            .bind(now.as_unix())
            .execute()
            .await?;
        Ok(())
    }
}

fn signing_key(row: &TableRow) -> Result<SealedSigningKey, StorageError> {
    Ok(SealedSigningKey { id: row.read("id")?, sealed: row.read("sealed")? })
}

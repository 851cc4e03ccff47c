//! Sealed signing keys.

use crate::row::TableRow;
use crate::transaction::SqlTransaction;
use async_trait::async_trait;
use keyfob_issuer_core::storage::{SealedSigningKey, SigningKeys, StorageError, StoredSigningKey};

#[async_trait]
impl SigningKeys for SqlTransaction {
    async fn list_signing_keys(&mut self) -> Result<Vec<StoredSigningKey>, StorageError> {
        self.sql("SELECT * FROM signing_keys ORDER BY signs_from, id")
            .all("signing_keys")
            .await?
            .iter()
            .map(signing_key)
            .collect()
    }

    async fn insert_signing_key(&mut self, key: &StoredSigningKey) -> Result<(), StorageError> {
        self.sql("INSERT INTO signing_keys (id, sealed, created_at, signs_from) VALUES ($1, $2, $3, $4)")
            .bind(&key.key.id)
            .bind(&key.key.sealed)
            .bind(key.created_at.as_unix())
            .bind(key.signs_from.as_unix())
            .execute()
            .await?;
        Ok(())
    }

    async fn delete_signing_key(&mut self, id: &str) -> Result<bool, StorageError> {
        let deleted = self.sql("DELETE FROM signing_keys WHERE id = $1").bind(id).execute().await?;
        Ok(deleted > 0)
    }
}

fn signing_key(row: &TableRow) -> Result<StoredSigningKey, StorageError> {
    Ok(StoredSigningKey {
        key: SealedSigningKey { id: row.read("id")?, sealed: row.read("sealed")? },
        created_at: row.time("created_at")?,
        signs_from: row.time("signs_from")?,
    })
}

//! What a database that was put back from a backup still holds.

use crate::transaction::SqlTransaction;
use async_trait::async_trait;
use keyfob_issuer_core::storage::{Restorations, StorageError};
use keyfob_oauth::Timestamp;

const UNFINISHED: [&str; 5] = [
    "DELETE FROM browser_sessions",
    "DELETE FROM reset_links",
    "DELETE FROM invitations",
    "DELETE FROM device_grants",
    "DELETE FROM authorization_grants WHERE progress <> 'exchanged'",
];

#[async_trait]
impl Restorations for SqlTransaction {
    async fn end_every_session(&mut self, now: Timestamp) -> Result<u64, StorageError> {
        self.sql("UPDATE refresh_families SET status = 'revoked', ended_at = $1 WHERE status = 'live'")
            .bind(now.as_unix())
            .execute()
            .await
    }

    async fn end_every_key(&mut self, now: Timestamp) -> Result<u64, StorageError> {
        self.sql("UPDATE access_keys SET revoked_at = $1 WHERE revoked_at IS NULL")
            .bind(now.as_unix())
            .execute()
            .await
    }

    async fn forget_spent_tokens(&mut self) -> Result<(), StorageError> {
        self.sql("DELETE FROM refresh_tokens WHERE superseded_at IS NOT NULL").execute().await?;
        Ok(())
    }

    async fn forget_unfinished(&mut self) -> Result<(), StorageError> {
        for statement in UNFINISHED {
            self.sql(statement).execute().await?;
        }
        Ok(())
    }
}

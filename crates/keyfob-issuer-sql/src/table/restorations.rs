//! What a database that was put back from a backup still holds.

use crate::row::TableRow;
use crate::transaction::SqlTransaction;
use async_trait::async_trait;
use keyfob_issuer_core::revocation::Revoked;
use keyfob_issuer_core::storage::{Restorations, Revocations as _, StorageError};
use keyfob_issuer_core::{FamilyId, KeyId};
use keyfob_oauth::Timestamp;

const UNFINISHED: [&str; 6] = [
    "DELETE FROM browser_sessions",
    "DELETE FROM reset_links",
    "DELETE FROM email_links",
    "DELETE FROM invitations",
    "DELETE FROM device_grants",
    "DELETE FROM authorization_grants WHERE progress <> 'exchanged'",
];

#[async_trait]
impl Restorations for SqlTransaction {
    async fn end_every_session(&mut self, now: Timestamp) -> Result<u64, StorageError> {
        let ended = self
            .sql(
                "UPDATE refresh_families SET status = 'revoked', ended_at = $1 WHERE status = 'live'
             RETURNING id",
            )
            .bind(now.as_unix())
            .all("refresh_families")
            .await?;
        let session = |row: &TableRow| row.parse("id", FamilyId::parse).map(Revoked::Session);
        self.note_ended(&ended, session, now).await
    }

    async fn end_every_key(&mut self, now: Timestamp) -> Result<u64, StorageError> {
        let ended = self
            .sql("UPDATE access_keys SET revoked_at = $1 WHERE revoked_at IS NULL RETURNING id")
            .bind(now.as_unix())
            .all("access_keys")
            .await?;
        self.note_ended(&ended, |row| row.parse("id", KeyId::parse).map(Revoked::Key), now).await
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

impl SqlTransaction {
    /// Notes what ended with each of `rows`; returns how many there are.
    async fn note_ended(
        &mut self,
        rows: &[TableRow],
        ended: impl Fn(&TableRow) -> Result<Revoked, StorageError>,
        now: Timestamp,
    ) -> Result<u64, StorageError> {
        for row in rows {
            self.note_revoked(&ended(row)?, now).await?;
        }
        Ok(u64::try_from(rows.len()).unwrap_or(u64::MAX))
    }
}

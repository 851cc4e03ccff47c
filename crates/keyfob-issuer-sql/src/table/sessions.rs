//! Signed-in browsers.

use crate::row::TableRow;
use crate::statement::{forgetting, locking};
use crate::transaction::SqlTransaction;
use async_trait::async_trait;
use keyfob_issuer_core::browser_session::BrowserSession;
use keyfob_issuer_core::digest::SessionDigest;
use keyfob_issuer_core::sign_in::Proof;
use keyfob_issuer_core::storage::{BrowserSessions, StorageError};
use keyfob_oauth::{Subject, Timestamp};
use std::time::Duration;

#[async_trait]
impl BrowserSessions for SqlTransaction {
    async fn find_session(&mut self, digest: &SessionDigest) -> Result<Option<BrowserSession>, StorageError> {
        self.sql(locking!("SELECT * FROM browser_sessions WHERE digest = $1"))
            .bind(digest.as_bytes())
            .optional("browser_sessions")
            .await?
            .map(|row| session(&row))
            .transpose()
    }

    async fn insert_session(&mut self, session: &BrowserSession) -> Result<(), StorageError> {
        self.sql(
            "INSERT INTO browser_sessions (digest, subject, signed_in_at, second_factor_at, began_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(session.digest.as_bytes())
        .bind(session.subject.as_str())
        .bind(session.proof.password_at.as_unix())
        .bind(session.proof.second_factor_at.map(Timestamp::as_unix))
        .bind(session.began_at.as_unix())
        .bind(session.expires_at.as_unix())
        .execute()
        .await?;
        Ok(())
    }

    async fn forget_sessions(&mut self, moment: Timestamp, most: u32) -> Result<u64, StorageError> {
        self.sql(forgetting!("browser_sessions", "digest", "expires_at < $1 ORDER BY expires_at"))
            .bind(moment.as_unix())
            .bind(i64::from(most))
            .execute()
            .await
    }

    async fn prolong_session(
        &mut self,
        digest: &SessionDigest,
        expires_at: Timestamp,
    ) -> Result<(), StorageError> {
        self.sql("UPDATE browser_sessions SET expires_at = $2 WHERE digest = $1")
            .bind(digest.as_bytes())
            .bind(expires_at.as_unix())
            .execute()
            .await?;
        Ok(())
    }

    async fn shorten_sessions(&mut self, subject: &Subject, idle: Duration) -> Result<(), StorageError> {
        self.sql(
            "UPDATE browser_sessions SET expires_at = COALESCE(second_factor_at, signed_in_at) + $2
             WHERE subject = $1 AND expires_at > COALESCE(second_factor_at, signed_in_at) + $2",
        )
        .bind(subject.as_str())
        .bind(i64::try_from(idle.as_secs()).unwrap_or(i64::MAX))
        .execute()
        .await?;
        Ok(())
    }

    async fn delete_session(&mut self, digest: &SessionDigest) -> Result<(), StorageError> {
        self.sql("DELETE FROM browser_sessions WHERE digest = $1").bind(digest.as_bytes()).execute().await?;
        Ok(())
    }
}

fn session(row: &TableRow) -> Result<BrowserSession, StorageError> {
    Ok(BrowserSession {
        digest: row.parse("digest", SessionDigest::from_bytes)?,
        subject: row.read::<String>("subject").map(Subject::new)?,
        proof: Proof {
            password_at: row.time("signed_in_at")?,
            second_factor_at: row.read::<Option<i64>>("second_factor_at")?.map(Timestamp::from_unix),
        },
        began_at: row.time("began_at")?,
        expires_at: row.time("expires_at")?,
    })
}

//! Signed-in browsers.

use crate::row::TableRow;
use crate::transaction::SqlTransaction;
use async_trait::async_trait;
use keyfob_issuer_core::browser_session::BrowserSession;
use keyfob_issuer_core::digest::SessionDigest;
use keyfob_issuer_core::storage::{BrowserSessions, StorageError};
use keyfob_oauth::{Subject, Timestamp};

#[async_trait]
impl BrowserSessions for SqlTransaction {
    async fn find_session(&mut self, digest: &SessionDigest) -> Result<Option<BrowserSession>, StorageError> {
        self.sql("SELECT * FROM browser_sessions WHERE digest = $1")
            .bind(digest.as_bytes())
            .optional("browser_sessions")
            .await?
            .map(|row| session(&row))
            .transpose()
    }

    async fn insert_session(&mut self, session: &BrowserSession, now: Timestamp) -> Result<(), StorageError> {
        self.sql("DELETE FROM browser_sessions WHERE expires_at < $1").bind(now.as_unix()).execute().await?;
        self.sql(
            "INSERT INTO browser_sessions (digest, subject, signed_in_at, expires_at) VALUES ($1, $2, $3, $4)",
        )
        .bind(session.digest.as_bytes())
        .bind(session.subject.as_str())
        .bind(session.signed_in_at.as_unix())
        .bind(session.expires_at.as_unix())
        .execute().await?;
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
        signed_in_at: row.time("signed_in_at")?,
        expires_at: row.time("expires_at")?,
    })
}

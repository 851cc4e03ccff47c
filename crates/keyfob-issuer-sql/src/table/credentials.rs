//! Passwords that change, and the links that let them.

use crate::statement::locking;
use crate::transaction::SqlTransaction;
use async_trait::async_trait;
use keyfob_issuer_core::digest::ResetDigest;
use keyfob_issuer_core::password::PasswordHash;
use keyfob_issuer_core::storage::{Credentials, StorageError};
use keyfob_oauth::{Subject, Timestamp};

#[async_trait]
impl Credentials for SqlTransaction {
    async fn set_password(&mut self, subject: &Subject, password: &PasswordHash) -> Result<(), StorageError> {
        self.sql("UPDATE users SET password_hash = $2 WHERE subject = $1")
            .bind(subject.as_str())
            .bind(password.as_stored())
            .execute()
            .await?;
        self.sql("DELETE FROM reset_links WHERE subject = $1").bind(subject.as_str()).execute().await?;
        Ok(())
    }

    async fn replace_reset_link(
        &mut self,
        digest: &ResetDigest,
        subject: &Subject,
        expires_at: Timestamp,
    ) -> Result<(), StorageError> {
        self.sql(
            "INSERT INTO reset_links (subject, digest, expires_at) VALUES ($1, $2, $3)
             ON CONFLICT (subject) DO UPDATE SET digest = excluded.digest, expires_at = excluded.expires_at",
        )
        .bind(subject.as_str())
        .bind(digest.as_bytes())
        .bind(expires_at.as_unix())
        .execute()
        .await?;
        Ok(())
    }

    async fn delete_reset_link(&mut self, subject: &Subject) -> Result<(), StorageError> {
        self.sql("DELETE FROM reset_links WHERE subject = $1").bind(subject.as_str()).execute().await?;
        Ok(())
    }

    async fn find_reset_link(
        &mut self,
        digest: &ResetDigest,
        now: Timestamp,
    ) -> Result<Option<Subject>, StorageError> {
        self.sql(locking!("SELECT subject FROM reset_links WHERE digest = $1 AND expires_at > $2"))
            .bind(digest.as_bytes())
            .bind(now.as_unix())
            .optional("reset_links")
            .await?
            .map(|row| row.read::<String>("subject").map(Subject::new))
            .transpose()
    }
}

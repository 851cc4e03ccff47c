//! Links that are sent to e-mail addresses.

use crate::row::TableRow;
use crate::statement::{forgetting, locking};
use crate::transaction::SqlTransaction;
use async_trait::async_trait;
use keyfob_issuer_core::digest::EmailLinkDigest;
use keyfob_issuer_core::email_link::{EmailLink, EmailPurpose};
use keyfob_issuer_core::storage::{EmailLinks, StorageError};
use keyfob_issuer_core::user::Email;
use keyfob_oauth::{Subject, Timestamp};

#[async_trait]
impl EmailLinks for SqlTransaction {
    async fn insert_email_link(&mut self, link: &EmailLink) -> Result<(), StorageError> {
        self.sql(
            "INSERT INTO email_links (digest, purpose, subject, email, expires_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(link.digest.as_bytes())
        .bind(link.purpose.as_str())
        .bind(link.subject.as_str())
        .bind(link.email.as_str())
        .bind(link.expires_at.as_unix())
        .execute()
        .await?;
        Ok(())
    }

    async fn find_email_link(
        &mut self,
        digest: &EmailLinkDigest,
        purpose: EmailPurpose,
        now: Timestamp,
    ) -> Result<Option<EmailLink>, StorageError> {
        self.sql(locking!("SELECT * FROM email_links WHERE digest = $1 AND purpose = $2 AND expires_at > $3"))
            .bind(digest.as_bytes())
            .bind(purpose.as_str())
            .bind(now.as_unix())
            .optional("email_links")
            .await?
            .map(|row| link(&row))
            .transpose()
    }

    async fn delete_email_links(
        &mut self,
        subject: &Subject,
        purpose: EmailPurpose,
    ) -> Result<(), StorageError> {
        self.sql("DELETE FROM email_links WHERE subject = $1 AND purpose = $2")
            .bind(subject.as_str())
            .bind(purpose.as_str())
            .execute()
            .await?;
        Ok(())
    }

    async fn forget_email_links(&mut self, moment: Timestamp, most: u32) -> Result<u64, StorageError> {
        self.sql(forgetting!("email_links", "digest", "expires_at < $1 ORDER BY expires_at"))
            .bind(moment.as_unix())
            .bind(i64::from(most))
            .execute()
            .await
    }
}

fn link(row: &TableRow) -> Result<EmailLink, StorageError> {
    Ok(EmailLink {
        digest: row.parse("digest", EmailLinkDigest::from_bytes)?,
        purpose: row.parse("purpose", EmailPurpose::from_word)?,
        subject: row.read::<String>("subject").map(Subject::new)?,
        email: row.parse("email", |text| Email::parse(text).ok())?,
        expires_at: row.time("expires_at")?,
    })
}

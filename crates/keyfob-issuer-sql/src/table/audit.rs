//! The audit trail.

use crate::row::TableRow;
use crate::statement::locking;
use crate::transaction::SqlTransaction;
use async_trait::async_trait;
use keyfob_issuer_core::audit::{Entry, Head, SignedHead};
use keyfob_issuer_core::storage::{AuditTrail, StorageError};

#[async_trait]
impl AuditTrail for SqlTransaction {
    async fn lock_audit_head(&mut self) -> Result<Head, StorageError> {
        head(&self.sql(locking!("SELECT * FROM audit_head WHERE id = 1")).one("audit_head").await?)
    }

    async fn audit_head(&mut self) -> Result<Head, StorageError> {
        head(&self.sql("SELECT * FROM audit_head WHERE id = 1").one("audit_head").await?)
    }

    async fn append_audit_entry(&mut self, entry: &Entry) -> Result<(), StorageError> {
        let moved = self
            .sql("UPDATE audit_head SET sequence = $1, hash = $2 WHERE id = 1 AND sequence = $1 - 1")
            .bind(entry.sequence)
            .bind(&entry.hash)
            .execute()
            .await?;
        if moved == 0 {
            return Err(StorageError::Conflict);
        }
        self.sql("INSERT INTO audit_entries (sequence, entry, hash) VALUES ($1, $2, $3)")
            .bind(entry.sequence)
            .bind(&entry.text)
            .bind(&entry.hash)
            .execute()
            .await?;
        Ok(())
    }

    async fn list_audit_entries(&mut self, after: i64, most: u32) -> Result<Vec<Entry>, StorageError> {
        self.sql("SELECT * FROM audit_entries WHERE sequence > $1 ORDER BY sequence LIMIT $2")
            .bind(after)
            .bind(i64::from(most))
            .all("audit_entries")
            .await?
            .iter()
            .map(entry)
            .collect()
    }

    async fn insert_signed_head(&mut self, signed: &SignedHead) -> Result<(), StorageError> {
        self.sql(
            "INSERT INTO audit_signed_heads (sequence, hash, signed_at, signature) VALUES ($1, $2, $3, $4)
             ON CONFLICT (sequence) DO NOTHING",
        )
        .bind(signed.head.sequence)
        .bind(&signed.head.hash)
        .bind(signed.signed_at.as_unix())
        .bind(&signed.signature)
        .execute()
        .await?;
        Ok(())
    }

    async fn newest_signed_head(&mut self) -> Result<Option<SignedHead>, StorageError> {
        self.sql("SELECT * FROM audit_signed_heads ORDER BY sequence DESC LIMIT 1")
            .optional("audit_signed_heads")
            .await?
            .map(|row| signed_head(&row))
            .transpose()
    }

    async fn list_signed_heads(&mut self) -> Result<Vec<SignedHead>, StorageError> {
        self.sql("SELECT * FROM audit_signed_heads ORDER BY sequence")
            .all("audit_signed_heads")
            .await?
            .iter()
            .map(signed_head)
            .collect()
    }
}

fn head(row: &TableRow) -> Result<Head, StorageError> {
    Ok(Head { sequence: row.read("sequence")?, hash: row.read("hash")? })
}

fn entry(row: &TableRow) -> Result<Entry, StorageError> {
    Ok(Entry { sequence: row.read("sequence")?, text: row.read("entry")?, hash: row.read("hash")? })
}

fn signed_head(row: &TableRow) -> Result<SignedHead, StorageError> {
    Ok(SignedHead { head: head(row)?, signed_at: row.time("signed_at")?, signature: row.read("signature")? })
}

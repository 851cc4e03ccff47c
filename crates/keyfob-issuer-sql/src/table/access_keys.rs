//! Personal access tokens and API keys.

use crate::row::TableRow;
use crate::statement::forgetting;
use crate::transaction::SqlTransaction;
use async_trait::async_trait;
use keyfob_issuer_core::KeyId;
use keyfob_issuer_core::access_key::{AccessKey, KeyKind, KeyLabel, Models};
use keyfob_issuer_core::digest::KeyDigest;
use keyfob_issuer_core::revocation::Revoked;
use keyfob_issuer_core::storage::{AccessKeys, Revocations as _, StorageError};
use keyfob_oauth::{Scope, Subject, Timestamp, WorkspaceId};

#[async_trait]
impl AccessKeys for SqlTransaction {
    async fn insert_key(&mut self, key: &AccessKey) -> Result<(), StorageError> {
        self.sql(
            "INSERT INTO access_keys (id, kind, digest, ending, label, subject, workspace_id, scope, models,
             created_at, expires_at, last_used_at, revoked_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        )
        .bind(key.id.to_string())
        .bind(key.kind.as_str())
        .bind(key.digest.as_bytes())
        .bind(&key.ending)
        .bind(key.label.as_str())
        .bind(key.subject.as_str())
        .bind(key.workspace_id.as_str())
        .bind(key.scope.to_string())
        .bind(key.models.names().unwrap_or_default().join(" "))
        .bind(key.created_at.as_unix())
        .bind(key.expires_at.map(Timestamp::as_unix))
        .bind(key.last_used_at.map(Timestamp::as_unix))
        .bind(key.revoked_at.map(Timestamp::as_unix))
        .execute()
        .await?;
        Ok(())
    }

    async fn find_key(&mut self, digest: &KeyDigest) -> Result<Option<AccessKey>, StorageError> {
        self.sql("SELECT * FROM access_keys WHERE digest = $1")
            .bind(digest.as_bytes())
            .optional("access_keys")
            .await?
            .map(|row| key(&row))
            .transpose()
    }

    async fn list_keys_of(
        &mut self,
        subject: &Subject,
        workspace: &WorkspaceId,
    ) -> Result<Vec<AccessKey>, StorageError> {
        self.sql(
            "SELECT * FROM access_keys WHERE subject = $1 AND workspace_id = $2 AND revoked_at IS NULL
             ORDER BY created_at DESC, id DESC",
        )
        .bind(subject.as_str())
        .bind(workspace.as_str())
        .all("access_keys")
        .await?
        .iter()
        .map(key)
        .collect()
    }

    async fn list_keys(&mut self) -> Result<Vec<AccessKey>, StorageError> {
        self.sql("SELECT * FROM access_keys WHERE revoked_at IS NULL ORDER BY created_at DESC, id DESC")
            .all("access_keys")
            .await?
            .iter()
            .map(key)
            .collect()
    }

    async fn note_key_use(&mut self, id: KeyId, now: Timestamp) -> Result<(), StorageError> {
        self.sql("UPDATE access_keys SET last_used_at = $2 WHERE id = $1")
            .bind(id.to_string())
            .bind(now.as_unix())
            .execute()
            .await?;
        Ok(())
    }

    async fn end_key(&mut self, id: KeyId, now: Timestamp) -> Result<bool, StorageError> {
        let ended = self
            .sql("UPDATE access_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL")
            .bind(id.to_string())
            .bind(now.as_unix())
            .execute()
            .await?;
        if ended > 0 {
            self.note_revoked(&Revoked::Key(id), now).await?;
        }
        Ok(ended > 0)
    }

    async fn spend_id_token(&mut self, jti: &str, now: Timestamp) -> Result<bool, StorageError> {
        let spent = self
            .sql("INSERT INTO spent_id_tokens (jti, spent_at) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(jti)
            .bind(now.as_unix())
            .execute()
            .await?;
        Ok(spent > 0)
    }

    async fn forget_spent_id_tokens(&mut self, moment: Timestamp, most: u32) -> Result<u64, StorageError> {
        self.sql(forgetting!("spent_id_tokens", "jti", "spent_at < $1"))
            .bind(moment.as_unix())
            .bind(i64::from(most))
            .execute()
            .await
    }
}

fn key(row: &TableRow) -> Result<AccessKey, StorageError> {
    let time = |column| row.read::<Option<i64>>(column).map(|seconds| seconds.map(Timestamp::from_unix));
    Ok(AccessKey {
        id: row.parse("id", KeyId::parse)?,
        kind: row.parse("kind", KeyKind::from_word)?,
        digest: row.parse("digest", KeyDigest::from_bytes)?,
        ending: row.read("ending")?,
        label: row.parse("label", KeyLabel::parse)?,
        subject: row.read::<String>("subject").map(Subject::new)?,
        workspace_id: row.read::<String>("workspace_id").map(WorkspaceId::new)?,
        scope: row.parse("scope", |text| Scope::parse(text).ok())?,
        models: row.parse("models", Models::parse)?,
        created_at: row.time("created_at")?,
        expires_at: time("expires_at")?,
        last_used_at: time("last_used_at")?,
        revoked_at: time("revoked_at")?,
    })
}

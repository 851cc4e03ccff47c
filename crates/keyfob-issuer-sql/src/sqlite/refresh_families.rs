//! Refresh families and their tokens.

use super::SqliteTransaction;
use crate::error::storage_error;
use crate::row::TableRow;
use async_trait::async_trait;
use keyfob_issuer_core::FamilyId;
use keyfob_issuer_core::digest::RefreshDigest;
use keyfob_issuer_core::refresh_family::{FamilyStatus, RefreshFamily, StoredToken, Successor};
use keyfob_issuer_core::storage::{RefreshFamilies, Rotated, Rotation, StorageError};
use keyfob_oauth::{ClientId, Scope, Subject, Timestamp, WorkspaceId};

#[async_trait]
impl RefreshFamilies for SqliteTransaction {
    async fn insert_family(
        &mut self,
        family: &RefreshFamily,
        first: &RefreshDigest,
    ) -> Result<(), StorageError> {
        sqlx::query(
            "INSERT INTO refresh_families (id, client_id, subject, workspace_id, scope, auth_time, created_at,
             generation, status) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(family.id.to_string())
        .bind(family.client_id.as_str())
        .bind(family.subject.as_str())
        .bind(family.workspace_id.as_str())
        .bind(family.scope.to_string())
        .bind(family.auth_time.as_unix())
        .bind(family.created_at.as_unix())
        .bind(i64::from(family.generation))
        .bind(family.status.as_str())
        .execute(self.connection())
        .await
        .map_err(storage_error)?;
        self.insert_token(family.id, family.generation, first, family.created_at).await
    }

    async fn find_refresh_token(
        &mut self,
        digest: &RefreshDigest,
    ) -> Result<Option<(StoredToken, RefreshFamily)>, StorageError> {
        sqlx::query(
            "SELECT t.digest, t.generation AS token_generation, t.issued_at, t.superseded_at,
             t.sealed_successor, f.* FROM refresh_tokens t JOIN refresh_families f ON f.id = t.family_id
             WHERE t.digest = $1",
        )
        .bind(digest.as_bytes())
        .fetch_optional(self.connection())
        .await
        .map_err(storage_error)?
        .map(|row| {
            let row = TableRow::new("refresh_tokens", row);
            Ok((token(&row)?, family(&row)?))
        })
        .transpose()
    }

    async fn rotate(&mut self, rotation: &Rotation<'_>) -> Result<Rotated, StorageError> {
        let next = rotation.generation.saturating_add(1);
        let moved = sqlx::query(
            "UPDATE refresh_families SET generation = $3
             WHERE id = $1 AND generation = $2 AND status = 'live'",
        )
        .bind(rotation.family.to_string())
        .bind(i64::from(rotation.generation))
        .bind(i64::from(next))
        .execute(self.connection())
        .await
        .map_err(storage_error)?;
        if moved.rows_affected() == 0 {
            return Ok(Rotated::TooLate);
        }
        sqlx::query(
            "UPDATE refresh_tokens SET superseded_at = $3, sealed_successor = $4
             WHERE family_id = $1 AND generation = $2",
        )
        .bind(rotation.family.to_string())
        .bind(i64::from(rotation.generation))
        .bind(rotation.now.as_unix())
        .bind(rotation.sealed)
        .execute(self.connection())
        .await
        .map_err(storage_error)?;
        self.insert_token(rotation.family, next, rotation.next, rotation.now).await?;
        Ok(Rotated::Done)
    }

    async fn end_family(
        &mut self,
        id: FamilyId,
        status: FamilyStatus,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        sqlx::query(
            "UPDATE refresh_families SET status = $2, ended_at = $3 WHERE id = $1 AND status = 'live'",
        )
        .bind(id.to_string())
        .bind(status.as_str())
        .bind(now.as_unix())
        .execute(self.connection())
        .await
        .map_err(storage_error)?;
        Ok(())
    }
}

impl SqliteTransaction {
    async fn insert_token(
        &mut self,
        family: FamilyId,
        generation: u32,
        digest: &RefreshDigest,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        sqlx::query(
            "INSERT INTO refresh_tokens (digest, family_id, generation, issued_at) VALUES ($1, $2, $3, $4)",
        )
        .bind(digest.as_bytes())
        .bind(family.to_string())
        .bind(i64::from(generation))
        .bind(now.as_unix())
        .execute(self.connection())
        .await
        .map_err(storage_error)?;
        Ok(())
    }
}

fn token(row: &TableRow) -> Result<StoredToken, StorageError> {
    let superseded_at: Option<i64> = row.read("superseded_at")?;
    let successor = match superseded_at {
        Some(at) => {
            Some(Successor { superseded_at: Timestamp::from_unix(at), sealed: row.read("sealed_successor")? })
        }
        None => None,
    };
    Ok(StoredToken {
        digest: row.parse("digest", RefreshDigest::from_bytes)?,
        generation: row.parse("token_generation", |number: i64| u32::try_from(number).ok())?,
        issued_at: row.time("issued_at")?,
        successor,
    })
}

fn family(row: &TableRow) -> Result<RefreshFamily, StorageError> {
    Ok(RefreshFamily {
        id: row.parse("id", FamilyId::parse)?,
        client_id: row.read::<String>("client_id").map(ClientId::new)?,
        subject: row.read::<String>("subject").map(Subject::new)?,
        workspace_id: row.read::<String>("workspace_id").map(WorkspaceId::new)?,
        scope: row.parse("scope", |text| Scope::parse(text).ok())?,
        auth_time: row.time("auth_time")?,
        created_at: row.time("created_at")?,
        generation: row.parse("generation", |number: i64| u32::try_from(number).ok())?,
        status: row.parse("status", FamilyStatus::from_word)?,
    })
}

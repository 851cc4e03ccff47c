//! Refresh families and their tokens.

use crate::row::TableRow;
use crate::statement::{forgetting, locking};
use crate::transaction::SqlTransaction;
use async_trait::async_trait;
use keyfob_issuer_core::FamilyId;
use keyfob_issuer_core::amr::Amr;
use keyfob_issuer_core::digest::{AttemptDigest, RefreshDigest};
use keyfob_issuer_core::login_session::Origin;
use keyfob_issuer_core::refresh_family::{
    Delivery, FamilyStatus, RefreshFamily, SealedCopy, StoredToken, Successor,
};
use keyfob_issuer_core::revocation::Revoked;
use keyfob_issuer_core::storage::{RefreshFamilies, Revocations as _, Rotated, Rotation, StorageError};
use keyfob_issuer_core::workspace::Word as _;
use keyfob_oauth::{ClientId, Scope, Subject, Timestamp, WorkspaceId};
use std::net::IpAddr;

#[async_trait]
impl RefreshFamilies for SqlTransaction {
    async fn insert_family(
        &mut self,
        family: &RefreshFamily,
        origin: &Origin,
        first: &RefreshDigest,
        issued_at: Timestamp,
    ) -> Result<(), StorageError> {
        self.sql(
            "INSERT INTO refresh_families (id, client_id, subject, workspace_id, scope, auth_time, created_at,
             generation, last_anonymous, status, amr, tool, machine, place)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        )
        .bind(family.id.to_string())
        .bind(family.client_id.as_str())
        .bind(family.subject.as_str())
        .bind(family.workspace_id.as_str())
        .bind(family.scope.to_string())
        .bind(family.auth_time.as_unix())
        .bind(family.created_at.as_unix())
        .bind(i64::from(family.generation))
        .bind(family.last_anonymous.map(i64::from))
        .bind(family.status.as_str())
        .bind(family.amr.as_str())
        .bind(&origin.tool)
        .bind(&origin.machine)
        .bind(origin.place.as_ref().map(IpAddr::to_string))
        .execute()
        .await?;
        self.insert_token(family.id, family.generation, first, issued_at).await
    }

    async fn find_refresh_token(
        &mut self,
        digest: &RefreshDigest,
    ) -> Result<Option<(StoredToken, RefreshFamily)>, StorageError> {
        // The family first: whoever changes one of its tokens has locked it, so the token cannot be out of date, and
        // everybody locks in the same order.
        let family = self
            .sql(locking!(
                "SELECT * FROM refresh_families
                 WHERE id = (SELECT family_id FROM refresh_tokens WHERE digest = $1)"
            ))
            .bind(digest.as_bytes())
            .optional("refresh_families")
            .await?;
        let Some(family) = family else { return Ok(None) };
        let token = self
            .sql("SELECT * FROM refresh_tokens WHERE digest = $1")
            .bind(digest.as_bytes())
            .one("refresh_tokens")
            .await?;
        Ok(Some((stored_token(&token)?, refresh_family(&family)?)))
    }

    async fn rotate(&mut self, rotation: &Rotation<'_>) -> Result<Rotated, StorageError> {
        let next = rotation.generation.saturating_add(1);
        let moved = self
            .sql(
                "UPDATE refresh_families SET generation = $3, last_anonymous = COALESCE($4, last_anonymous)
             WHERE id = $1 AND generation = $2 AND status = 'live'",
            )
            .bind(rotation.family.to_string())
            .bind(i64::from(rotation.generation))
            .bind(i64::from(next))
            .bind(rotation.attempt.is_none().then_some(i64::from(next)))
            .execute()
            .await?;
        if moved == 0 {
            return Ok(Rotated::TooLate);
        }
        // The spent token, and the one before it, whose successor has arrived by that.
        self.sql(
            "UPDATE refresh_tokens SET
             superseded_at = CASE WHEN generation = $2 THEN $3 ELSE superseded_at END,
             sealed_successor = CASE WHEN generation = $2 THEN $4 END,
             attempt = CASE WHEN generation = $2 THEN $5 ELSE attempt END,
             confirmed_at = CASE WHEN generation = $2 THEN confirmed_at ELSE $3 END
             WHERE family_id = $1 AND generation >= $2 - 1",
        )
        .bind(rotation.family.to_string())
        .bind(i64::from(rotation.generation))
        .bind(rotation.now.as_unix())
        .bind(rotation.sealed)
        .bind(rotation.attempt.map(AttemptDigest::as_bytes))
        .execute()
        .await?;
        self.insert_token(rotation.family, next, rotation.next, rotation.now).await?;
        Ok(Rotated::Done)
    }

    async fn count_replay(&mut self, spent: &RefreshDigest) -> Result<(), StorageError> {
        self.sql("UPDATE refresh_tokens SET replays = replays + 1 WHERE digest = $1")
            .bind(spent.as_bytes())
            .execute()
            .await?;
        Ok(())
    }

    async fn acknowledge(
        &mut self,
        family: FamilyId,
        generation: u32,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        self.sql(
            "UPDATE refresh_tokens SET confirmed_at = $3
             WHERE family_id = $1 AND generation = $2 AND confirmed_at IS NULL",
        )
        .bind(family.to_string())
        .bind(i64::from(generation) - 1)
        .bind(now.as_unix())
        .execute()
        .await?;
        Ok(())
    }

    async fn note_handed_over(&mut self, family: FamilyId, source: FamilyId) -> Result<(), StorageError> {
        self.sql("UPDATE refresh_families SET handed_over_by = $2 WHERE id = $1")
            .bind(family.to_string())
            .bind(source.to_string())
            .execute()
            .await?;
        Ok(())
    }

    async fn end_family(
        &mut self,
        id: FamilyId,
        status: FamilyStatus,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let mut ending = vec![id];
        while let Some(id) = ending.pop() {
            let ended = self
                .sql("UPDATE refresh_families SET status = $2, ended_at = $3 WHERE id = $1 AND status = 'live'")
                .bind(id.to_string())
                .bind(status.as_str())
                .bind(now.as_unix())
                .execute()
                .await?;
            if ended > 0 {
                self.note_revoked(&Revoked::Session(id), now).await?;
            }
            if status == FamilyStatus::Reused {
                ending.extend(self.handed_over_by(id).await?);
            }
        }
        Ok(())
    }

    async fn forget_families(&mut self, moment: Timestamp, most: u32) -> Result<u64, StorageError> {
        // Names sort by time, so the primary key finds the oldest; the tokens go with their family.
        self.sql(forgetting!("refresh_families", "id", "id < $3 AND created_at < $1 ORDER BY id"))
            .bind(moment.as_unix())
            .bind(i64::from(most))
            .bind(FamilyId::lowest_at(moment).to_string())
            .execute()
            .await
    }
}

impl SqlTransaction {
    /// Finds the sessions that `source` handed over; no session hands itself over, so they end.
    async fn handed_over_by(&mut self, source: FamilyId) -> Result<Vec<FamilyId>, StorageError> {
        let found = self
            .sql("SELECT id FROM refresh_families WHERE handed_over_by = $1")
            .bind(source.to_string())
            .all("refresh_families")
            .await?;
        found.iter().map(|row| row.parse("id", FamilyId::parse)).collect()
    }

    async fn insert_token(
        &mut self,
        family: FamilyId,
        generation: u32,
        digest: &RefreshDigest,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        self.sql(
            "INSERT INTO refresh_tokens (digest, family_id, generation, issued_at) VALUES ($1, $2, $3, $4)",
        )
        .bind(digest.as_bytes())
        .bind(family.to_string())
        .bind(i64::from(generation))
        .bind(now.as_unix())
        .execute()
        .await?;
        Ok(())
    }
}

fn stored_token(row: &TableRow) -> Result<StoredToken, StorageError> {
    let superseded_at: Option<i64> = row.read("superseded_at")?;
    let successor = match superseded_at {
        Some(at) => Some(Successor {
            superseded_at: Timestamp::from_unix(at),
            attempt: row.parse("attempt", |bytes: Option<Vec<u8>>| match bytes {
                Some(bytes) => AttemptDigest::from_bytes(&bytes).map(Some),
                None => Some(None),
            })?,
            delivery: delivery(row)?,
        }),
        None => None,
    };
    Ok(StoredToken {
        digest: row.parse("digest", RefreshDigest::from_bytes)?,
        generation: row.parse("generation", |number: i64| u32::try_from(number).ok())?,
        issued_at: row.time("issued_at")?,
        successor,
    })
}

fn delivery(row: &TableRow) -> Result<Delivery, StorageError> {
    let sealed: Option<Vec<u8>> = row.read("sealed_successor")?;
    let confirmed_at: Option<i64> = row.read("confirmed_at")?;
    let replays = row.parse("replays", |number: i64| u32::try_from(number).ok())?;
    let copy = sealed.map(|sealed| SealedCopy { sealed, replays });
    match (copy, confirmed_at.map(Timestamp::from_unix)) {
        (Some(copy), None) => Ok(Delivery::Unknown(copy)),
        (Some(copy), Some(at)) => Ok(Delivery::Acknowledged(copy, at)),
        (None, Some(at)) => Ok(Delivery::Presented(at)),
        (None, None) => Err(row.inconsistent("sealed_successor")),
    }
}

pub(super) fn refresh_family(row: &TableRow) -> Result<RefreshFamily, StorageError> {
    Ok(RefreshFamily {
        id: row.parse("id", FamilyId::parse)?,
        client_id: row.read::<String>("client_id").map(ClientId::new)?,
        subject: row.read::<String>("subject").map(Subject::new)?,
        workspace_id: row.read::<String>("workspace_id").map(WorkspaceId::new)?,
        scope: row.parse("scope", |text| Scope::parse(text).ok())?,
        auth_time: row.time("auth_time")?,
        amr: row.parse("amr", Amr::from_word)?,
        created_at: row.time("created_at")?,
        generation: row.parse("generation", |number: i64| u32::try_from(number).ok())?,
        last_anonymous: row
            .parse("last_anonymous", |number: Option<i64>| number.map(u32::try_from).transpose().ok())?,
        status: row.parse("status", FamilyStatus::from_word)?,
    })
}

//! Device grants.

use super::grants::{allowed, approval};
use super::login_sessions::origin;
use crate::row::TableRow;
use crate::statement::{forgetting, locking};
use crate::transaction::SqlTransaction;
use async_trait::async_trait;
use keyfob_issuer_core::device_grant::{
    Began, Delivered, DeviceDialect, DeviceGrant, DeviceProgress, UserCodeDigest, Waiting,
};
use keyfob_issuer_core::digest::{DeviceAuthDigest, UndoDigest};
use keyfob_issuer_core::grant::Approval;
use keyfob_issuer_core::storage::{DeviceGrants, StorageError};
use keyfob_issuer_core::workspace::Word as _;
use keyfob_issuer_core::{FamilyId, GrantId};
use keyfob_oauth::{ClientId, Scope, Timestamp};
use std::net::IpAddr;

#[async_trait]
impl DeviceGrants for SqlTransaction {
    async fn find_device_grant(
        &mut self,
        digest: &DeviceAuthDigest,
    ) -> Result<Option<DeviceGrant>, StorageError> {
        self.sql(locking!("SELECT * FROM device_grants WHERE digest = $1"))
            .bind(digest.as_bytes())
            .optional("device_grants")
            .await?
            .map(|row| device_grant(&row))
            .transpose()
    }

    async fn find_device_grant_by_user_code(
        &mut self,
        code: &UserCodeDigest,
    ) -> Result<Option<DeviceGrant>, StorageError> {
        self.sql(locking!("SELECT * FROM device_grants WHERE user_code_digest = $1"))
            .bind(code.as_bytes())
            .optional("device_grants")
            .await?
            .map(|row| device_grant(&row))
            .transpose()
    }

    async fn find_device_grant_by_undo(
        &mut self,
        undo: &UndoDigest,
    ) -> Result<Option<DeviceGrant>, StorageError> {
        self.sql(locking!("SELECT * FROM device_grants WHERE undo_digest = $1"))
            .bind(undo.as_bytes())
            .optional("device_grants")
            .await?
            .map(|row| device_grant(&row))
            .transpose()
    }

    async fn insert_device_grant(&mut self, grant: &DeviceGrant) -> Result<(), StorageError> {
        self.sql(
            "INSERT INTO device_grants (digest, user_code_digest, client_id, dialect, scope, tool, machine, place,
             network, requested_at, expires_at, progress, allowed_workspaces)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        )
        .bind(grant.digest.as_bytes())
        .bind(grant.user_code.as_bytes())
        .bind(grant.client_id.as_str())
        .bind(grant.dialect.as_str())
        .bind(grant.scope.to_string())
        .bind(&grant.origin.tool)
        .bind(&grant.origin.machine)
        .bind(grant.origin.place.as_ref().map(IpAddr::to_string))
        .bind(&grant.network)
        .bind(grant.requested_at.as_unix())
        .bind(grant.expires_at.as_unix())
        .bind(PENDING)
        .bind(grant.allowed.to_text())
        .execute()
        .await?;
        Ok(())
    }

    async fn update_device_grant(&mut self, grant: &DeviceGrant) -> Result<(), StorageError> {
        let step = Step::of(&grant.progress);
        let taken = self
            .sql(
                "UPDATE device_grants SET progress = $2, subject = $3, workspace_id = $4, auth_time = $5,
                 undo_digest = $6, delivered_at = $7, begun_grant = $8, begun_session = $9,
                 amr = $10, approved_by = COALESCE($3, approved_by) WHERE digest = $1 AND progress = $11",
            )
            .bind(grant.digest.as_bytes())
            .bind(step.to)
            .bind(step.approval.map(|approval| approval.subject.as_str()))
            .bind(step.approval.map(|approval| approval.workspace_id.as_str()))
            .bind(step.approval.map(|approval| approval.auth_time.as_unix()))
            .bind(grant.undo.as_ref().map(UndoDigest::as_bytes))
            .bind(step.delivered.map(|delivered| delivered.at.as_unix()))
            .bind(step.delivered.and_then(Delivered::grant).map(|id| id.to_string()))
            .bind(step.delivered.and_then(Delivered::session).map(|id| id.to_string()))
            .bind(step.approval.map(|approval| approval.amr.as_str()))
            .bind(step.from)
            .execute()
            .await?;
        if taken == 1 { Ok(()) } else { Err(StorageError::Conflict) }
    }

    async fn withdraw_device_grant(&mut self, digest: &DeviceAuthDigest) -> Result<(), StorageError> {
        self.sql("UPDATE device_grants SET progress = 'denied' WHERE digest = $1 AND progress = 'approved'")
            .bind(digest.as_bytes())
            .execute()
            .await?;
        Ok(())
    }

    async fn forget_device_grants(&mut self, moment: Timestamp, most: u32) -> Result<u64, StorageError> {
        self.sql(forgetting!("device_grants", "digest", "expires_at < $1 ORDER BY expires_at"))
            .bind(moment.as_unix())
            .bind(i64::from(most))
            .execute()
            .await
    }

    async fn count_device_grants(
        &mut self,
        client: &ClientId,
        network: Option<&str>,
        now: Timestamp,
    ) -> Result<Waiting, StorageError> {
        let row = self
            .sql(
                "SELECT count(*) AS of_all, count(CASE WHEN client_id = $1 THEN 1 END) AS of_client,
                 count(CASE WHEN network = $2 THEN 1 END) AS of_network
                 FROM device_grants WHERE progress = 'pending' AND expires_at > $3",
            )
            .bind(client.as_str())
            .bind(network)
            .bind(now.as_unix())
            .one("device_grants")
            .await?;
        let count = |column| row.parse(column, |count: i64| u32::try_from(count).ok());
        Ok(Waiting { network: count("of_network")?, client: count("of_client")?, all: count("of_all")? })
    }
}

const PENDING: &str = "pending";
const APPROVED: &str = "approved";
const DENIED: &str = "denied";
const DELIVERED: &str = "delivered";

/// How far a grant has come, in columns, and where the last step to there began.
struct Step<'a> {
    from: &'static str,
    to: &'static str,
    approval: Option<&'a Approval>,
    delivered: Option<Delivered>,
}

impl<'a> Step<'a> {
    fn of(progress: &'a DeviceProgress) -> Self {
        let (from, to, approval, delivered) = match progress {
            DeviceProgress::Pending => (PENDING, PENDING, None, None),
            DeviceProgress::Approved(approval) => (PENDING, APPROVED, Some(approval), None),
            DeviceProgress::Denied => (PENDING, DENIED, None, None),
            DeviceProgress::Delivered(delivered) => (APPROVED, DELIVERED, None, Some(*delivered)),
        };
        Self { from, to, approval, delivered }
    }
}

fn device_grant(row: &TableRow) -> Result<DeviceGrant, StorageError> {
    let undo: Option<&[u8]> = row.read("undo_digest")?;
    Ok(DeviceGrant {
        digest: row.parse("digest", DeviceAuthDigest::from_bytes)?,
        user_code: row.parse("user_code_digest", UserCodeDigest::from_bytes)?,
        client_id: row.read::<String>("client_id").map(ClientId::new)?,
        dialect: row.parse("dialect", DeviceDialect::from_word)?,
        scope: row.parse("scope", |text| Scope::parse(text).ok())?,
        allowed: allowed(row)?,
        origin: origin(row)?,
        network: row.read("network")?,
        requested_at: row.time("requested_at")?,
        expires_at: row.time("expires_at")?,
        undo: undo
            .map(|bytes| UndoDigest::from_bytes(bytes).ok_or_else(|| row.inconsistent("undo_digest")))
            .transpose()?,
        progress: match row.read("progress")? {
            PENDING => DeviceProgress::Pending,
            APPROVED => DeviceProgress::Approved(approval(row)?),
            DENIED => DeviceProgress::Denied,
            DELIVERED => {
                DeviceProgress::Delivered(Delivered { at: row.time("delivered_at")?, began: began(row)? })
            }
            _ => return Err(row.inconsistent("progress")),
        },
    })
}

fn began(row: &TableRow) -> Result<Began, StorageError> {
    match row.read::<Option<&str>>("begun_grant")? {
        Some(id) => GrantId::parse(id).map(Began::Grant).ok_or_else(|| row.inconsistent("begun_grant")),
        None => row.parse("begun_session", FamilyId::parse).map(Began::Session),
    }
}

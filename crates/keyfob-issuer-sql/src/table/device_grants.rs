//! Device grants.

use super::grants::{allowed, approval};
use crate::row::TableRow;
use crate::statement::{forgetting, locking};
use crate::transaction::SqlTransaction;
use async_trait::async_trait;
use keyfob_issuer_core::device_grant::{DeviceGrant, DeviceProgress, UserCodeDigest};
use keyfob_issuer_core::digest::DeviceAuthDigest;
use keyfob_issuer_core::grant::Approval;
use keyfob_issuer_core::storage::{DeviceGrants, StorageError};
use keyfob_issuer_core::workspace::Word as _;
use keyfob_oauth::{ClientId, Timestamp};

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

    async fn insert_device_grant(&mut self, grant: &DeviceGrant) -> Result<(), StorageError> {
        let step = Step::of(&grant.progress);
        self.sql(
            "INSERT INTO device_grants (digest, user_code_digest, client_id, expires_at, progress, subject,
             workspace_id, auth_time, amr, allowed_workspaces)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(grant.digest.as_bytes())
        .bind(grant.user_code.as_bytes())
        .bind(grant.client_id.as_str())
        .bind(grant.expires_at.as_unix())
        .bind(step.to)
        .bind(step.approval.map(|approval| approval.subject.as_str()))
        .bind(step.approval.map(|approval| approval.workspace_id.as_str()))
        .bind(step.approval.map(|approval| approval.auth_time.as_unix()))
        .bind(step.approval.map(|approval| approval.amr.as_str()))
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
                 amr = $6 WHERE digest = $1 AND progress = $7",
            )
            .bind(grant.digest.as_bytes())
            .bind(step.to)
            .bind(step.approval.map(|approval| approval.subject.as_str()))
            .bind(step.approval.map(|approval| approval.workspace_id.as_str()))
            .bind(step.approval.map(|approval| approval.auth_time.as_unix()))
            .bind(step.approval.map(|approval| approval.amr.as_str()))
            .bind(step.from)
            .execute()
            .await?;
        if taken == 1 { Ok(()) } else { Err(StorageError::Conflict) }
    }

    async fn forget_device_grants(&mut self, moment: Timestamp, most: u32) -> Result<u64, StorageError> {
        self.sql(forgetting!("device_grants", "digest", "expires_at < $1 ORDER BY expires_at"))
            .bind(moment.as_unix())
            .bind(i64::from(most))
            .execute()
            .await
    }

    async fn count_device_grants(&mut self, now: Timestamp) -> Result<u32, StorageError> {
        let row = self
            .sql("SELECT count(*) AS waiting FROM device_grants WHERE expires_at > $1")
            .bind(now.as_unix())
            .one("device_grants")
            .await?;
        row.parse("waiting", |count: i64| u32::try_from(count).ok())
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
}

impl<'a> Step<'a> {
    fn of(progress: &'a DeviceProgress) -> Self {
        match progress {
            DeviceProgress::Pending => Self { from: PENDING, to: PENDING, approval: None },
            DeviceProgress::Approved(approval) => {
                Self { from: PENDING, to: APPROVED, approval: Some(approval) }
            }
            DeviceProgress::Denied => Self { from: PENDING, to: DENIED, approval: None },
            DeviceProgress::Delivered => Self { from: APPROVED, to: DELIVERED, approval: None },
        }
    }
}

fn device_grant(row: &TableRow) -> Result<DeviceGrant, StorageError> {
    Ok(DeviceGrant {
        digest: row.parse("digest", DeviceAuthDigest::from_bytes)?,
        user_code: row.parse("user_code_digest", UserCodeDigest::from_bytes)?,
        client_id: row.read::<String>("client_id").map(ClientId::new)?,
        allowed: allowed(row)?,
        expires_at: row.time("expires_at")?,
        progress: match row.read("progress")? {
            PENDING => DeviceProgress::Pending,
            APPROVED => DeviceProgress::Approved(approval(row)?),
            DENIED => DeviceProgress::Denied,
            DELIVERED => DeviceProgress::Delivered,
            _ => return Err(row.inconsistent("progress")),
        },
    })
}

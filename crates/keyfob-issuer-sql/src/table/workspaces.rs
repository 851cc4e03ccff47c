//! Workspaces, who is in them, and who is asked into them.

use crate::row::TableRow;
use crate::statement::{forgetting, locking};
use crate::transaction::SqlTransaction;
use async_trait::async_trait;
use keyfob_issuer_core::InvitationId;
use keyfob_issuer_core::digest::InvitationDigest;
use keyfob_issuer_core::sign_in::MfaPolicy;
use keyfob_issuer_core::storage::{Invitations, Members, StorageError, Workspaces};
use keyfob_issuer_core::user::{Email, UserStatus};
use keyfob_issuer_core::workspace::{
    ApiKeyPolicy, ApiOrganisation, DataSharing, DevicePolicy, Invitation, Member, Membership, Policy, Role,
    SessionLength, Tag, Word, WordSet, Workspace, WorkspaceKind, WorkspaceName,
};
use keyfob_oauth::{Subject, Timestamp, WorkspaceId};
use std::time::Duration;

#[async_trait]
impl Workspaces for SqlTransaction {
    async fn find_workspace(&mut self, id: &WorkspaceId) -> Result<Option<Workspace>, StorageError> {
        self.sql("SELECT * FROM workspaces WHERE id = $1")
            .bind(id.as_str())
            .optional("workspaces")
            .await?
            .map(|row| workspace(&row))
            .transpose()
    }

    async fn lock_workspace(&mut self, id: &WorkspaceId) -> Result<Option<Workspace>, StorageError> {
        self.sql(locking!("SELECT * FROM workspaces WHERE id = $1"))
            .bind(id.as_str())
            .optional("workspaces")
            .await?
            .map(|row| workspace(&row))
            .transpose()
    }

    async fn find_personal_workspace(
        &mut self,
        subject: &Subject,
    ) -> Result<Option<Workspace>, StorageError> {
        self.sql("SELECT * FROM workspaces WHERE personal_of = $1")
            .bind(subject.as_str())
            .optional("workspaces")
            .await?
            .map(|row| workspace(&row))
            .transpose()
    }

    async fn insert_workspace(&mut self, workspace: &Workspace, now: Timestamp) -> Result<(), StorageError> {
        let personal_of = match &workspace.kind {
            WorkspaceKind::Personal(subject) => Some(subject.as_str()),
            WorkspaceKind::Shared => None,
        };
        self.sql("INSERT INTO workspaces (id, name, personal_of, created_at) VALUES ($1, $2, $3, $4)")
            .bind(workspace.id.as_str())
            .bind(workspace.name.as_str())
            .bind(personal_of)
            .bind(now.as_unix())
            .execute()
            .await?;
        self.update_workspace(workspace).await
    }

    async fn update_workspace(&mut self, workspace: &Workspace) -> Result<(), StorageError> {
        let Policy {
            methods,
            mfa,
            device_codes,
            session_length,
            api_keys,
            capabilities,
            retention,
            residency,
        } = &workspace.policy;
        let seconds = session_length.map(|length| length.duration().as_secs());
        self.sql(
            "UPDATE workspaces SET name = $2, methods = $3, mfa = $4, device_codes = $5, session_seconds = $6,
             api_keys = $7, capabilities = $8, retention = $9, residency = $10, organisation_retention = $11,
             data_sharing = $12 WHERE id = $1",
        )
        .bind(workspace.id.as_str())
        .bind(workspace.name.as_str())
        .bind(methods.to_text())
        .bind(mfa.as_str())
        .bind(device_codes.as_str())
        .bind(seconds.and_then(|seconds| i64::try_from(seconds).ok()))
        .bind(api_keys.as_str())
        .bind(capabilities.to_text())
        .bind(retention.as_ref().map(Tag::as_str))
        .bind(residency.as_ref().map(Tag::as_str))
        .bind(workspace.organisation.retention.as_ref().map(Tag::as_str))
        .bind(workspace.organisation.data_sharing.as_str())
        .execute()
        .await?;
        Ok(())
    }

    async fn list_workspaces(&mut self) -> Result<Vec<Workspace>, StorageError> {
        self.sql("SELECT * FROM workspaces ORDER BY created_at, id")
            .all("workspaces")
            .await?
            .iter()
            .map(workspace)
            .collect()
    }
}

#[async_trait]
impl Members for SqlTransaction {
    async fn find_membership(
        &mut self,
        id: &WorkspaceId,
        subject: &Subject,
    ) -> Result<Option<Membership>, StorageError> {
        self.sql(
            "SELECT w.*, m.role FROM workspaces w JOIN members m ON m.workspace_id = w.id
             WHERE w.id = $1 AND m.subject = $2",
        )
        .bind(id.as_str())
        .bind(subject.as_str())
        .optional("workspaces")
        .await?
        .map(|row| membership(&row))
        .transpose()
    }

    async fn list_memberships(&mut self, subject: &Subject) -> Result<Vec<Membership>, StorageError> {
        self.sql(
            "SELECT w.*, m.role FROM workspaces w JOIN members m ON m.workspace_id = w.id
             WHERE m.subject = $1
             ORDER BY CASE WHEN w.personal_of IS NULL THEN 1 ELSE 0 END, w.name, w.id",
        )
        .bind(subject.as_str())
        .all("workspaces")
        .await?
        .iter()
        .map(membership)
        .collect()
    }

    async fn list_members(&mut self, id: &WorkspaceId) -> Result<Vec<Member>, StorageError> {
        self.sql(
            "SELECT m.subject, m.role, m.joined_at, u.email, u.name, u.status
             FROM members m JOIN users u ON u.subject = m.subject WHERE m.workspace_id = $1 ORDER BY u.email",
        )
        .bind(id.as_str())
        .all("members")
        .await?
        .iter()
        .map(member)
        .collect()
    }

    async fn insert_member(
        &mut self,
        id: &WorkspaceId,
        subject: &Subject,
        role: Role,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        self.sql("INSERT INTO members (workspace_id, subject, role, joined_at) VALUES ($1, $2, $3, $4)")
            .bind(id.as_str())
            .bind(subject.as_str())
            .bind(role.as_str())
            .bind(now.as_unix())
            .execute()
            .await?;
        Ok(())
    }

    async fn set_role(
        &mut self,
        id: &WorkspaceId,
        subject: &Subject,
        role: Role,
    ) -> Result<(), StorageError> {
        self.sql("UPDATE members SET role = $3 WHERE workspace_id = $1 AND subject = $2")
            .bind(id.as_str())
            .bind(subject.as_str())
            .bind(role.as_str())
            .execute()
            .await?;
        Ok(())
    }

    async fn delete_member(&mut self, id: &WorkspaceId, subject: &Subject) -> Result<(), StorageError> {
        self.sql("DELETE FROM members WHERE workspace_id = $1 AND subject = $2")
            .bind(id.as_str())
            .bind(subject.as_str())
            .execute()
            .await?;
        Ok(())
    }
}

#[async_trait]
impl Invitations for SqlTransaction {
    async fn replace_invitation(&mut self, invitation: &Invitation) -> Result<(), StorageError> {
        self.sql(
            "INSERT INTO invitations (id, workspace_id, email, role, digest, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (workspace_id, email) DO UPDATE SET id = excluded.id, role = excluded.role,
             digest = excluded.digest, expires_at = excluded.expires_at",
        )
        .bind(invitation.id.to_string())
        .bind(invitation.workspace_id.as_str())
        .bind(invitation.email.as_str())
        .bind(invitation.role.as_str())
        .bind(invitation.digest.as_bytes())
        .bind(invitation.expires_at.as_unix())
        .execute()
        .await?;
        Ok(())
    }

    async fn find_invitation(
        &mut self,
        digest: &InvitationDigest,
    ) -> Result<Option<Invitation>, StorageError> {
        self.sql(locking!("SELECT * FROM invitations WHERE digest = $1"))
            .bind(digest.as_bytes())
            .optional("invitations")
            .await?
            .map(|row| invitation(&row))
            .transpose()
    }

    async fn list_invitations(
        &mut self,
        id: &WorkspaceId,
        moment: Timestamp,
    ) -> Result<Vec<Invitation>, StorageError> {
        self.sql("SELECT * FROM invitations WHERE workspace_id = $1 AND expires_at > $2 ORDER BY email")
            .bind(id.as_str())
            .bind(moment.as_unix())
            .all("invitations")
            .await?
            .iter()
            .map(invitation)
            .collect()
    }

    async fn delete_invitation(
        &mut self,
        id: &WorkspaceId,
        invitation: InvitationId,
    ) -> Result<bool, StorageError> {
        let deleted = self
            .sql("DELETE FROM invitations WHERE workspace_id = $1 AND id = $2")
            .bind(id.as_str())
            .bind(invitation.to_string())
            .execute()
            .await?;
        Ok(deleted > 0)
    }

    async fn forget_invitations(&mut self, moment: Timestamp, most: u32) -> Result<u64, StorageError> {
        self.sql(forgetting!("invitations", "id", "expires_at < $1 ORDER BY expires_at"))
            .bind(moment.as_unix())
            .bind(i64::from(most))
            .execute()
            .await
    }
}

fn membership(row: &TableRow) -> Result<Membership, StorageError> {
    Ok(Membership { workspace: workspace(row)?, role: row.parse("role", Role::from_word)? })
}

fn member(row: &TableRow) -> Result<Member, StorageError> {
    Ok(Member {
        subject: row.read::<String>("subject").map(Subject::new)?,
        email: row.parse("email", |text| Email::parse(text).ok())?,
        name: row.read("name")?,
        status: row.parse("status", UserStatus::from_word)?,
        role: row.parse("role", Role::from_word)?,
        joined_at: row.time("joined_at")?,
    })
}

fn invitation(row: &TableRow) -> Result<Invitation, StorageError> {
    Ok(Invitation {
        id: row.parse("id", InvitationId::parse)?,
        workspace_id: row.read::<String>("workspace_id").map(WorkspaceId::new)?,
        email: row.parse("email", |text| Email::parse(text).ok())?,
        role: row.parse("role", Role::from_word)?,
        digest: row.parse("digest", InvitationDigest::from_bytes)?,
        expires_at: row.time("expires_at")?,
    })
}

fn workspace(row: &TableRow) -> Result<Workspace, StorageError> {
    let personal_of: Option<String> = row.read("personal_of")?;
    Ok(Workspace {
        id: row.read::<String>("id").map(WorkspaceId::new)?,
        name: row.read("name").map(WorkspaceName::from_stored)?,
        kind: personal_of
            .map_or(WorkspaceKind::Shared, |subject| WorkspaceKind::Personal(Subject::new(subject))),
        policy: Policy {
            methods: row.parse("methods", WordSet::parse)?,
            mfa: row.parse("mfa", MfaPolicy::from_word)?,
            device_codes: row.parse("device_codes", DevicePolicy::from_word)?,
            session_length: row.parse_optional("session_seconds", |seconds: i64| {
                let length = u64::try_from(seconds).ok().map(Duration::from_secs);
                length.and_then(SessionLength::new)
            })?,
            api_keys: row.parse("api_keys", ApiKeyPolicy::from_word)?,
            capabilities: row.parse("capabilities", WordSet::parse)?,
            retention: tag(row, "retention")?,
            residency: tag(row, "residency")?,
        },
        organisation: ApiOrganisation {
            retention: tag(row, "organisation_retention")?,
            data_sharing: row.parse("data_sharing", DataSharing::from_word)?,
        },
    })
}

fn tag(row: &TableRow, column: &'static str) -> Result<Option<Tag>, StorageError> {
    row.parse_optional(column, |text: String| Tag::parse(&text))
}

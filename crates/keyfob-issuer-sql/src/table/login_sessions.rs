//! Refresh families as their people know them.

use super::refresh_families::refresh_family;
use crate::row::TableRow;
use crate::statement::locking;
use crate::transaction::SqlTransaction;
use async_trait::async_trait;
use keyfob_issuer_core::FamilyId;
use keyfob_issuer_core::login_session::{LoginSession, Origin, SessionName};
use keyfob_issuer_core::revocation::Revoked;
use keyfob_issuer_core::storage::{LoginSessions, Revocations as _, StorageError};
use keyfob_oauth::{Subject, Timestamp, WorkspaceId};
use std::net::IpAddr;

#[async_trait]
impl LoginSessions for SqlTransaction {
    async fn find_login_session(
        &mut self,
        id: FamilyId,
        subject: &Subject,
    ) -> Result<Option<LoginSession>, StorageError> {
        self.sql(
            "SELECT f.*, t.issued_at FROM refresh_families f
             JOIN refresh_tokens t ON t.family_id = f.id AND t.generation = f.generation
             WHERE f.id = $1 AND f.subject = $2",
        )
        .bind(id.to_string())
        .bind(subject.as_str())
        .optional("refresh_families")
        .await?
        .map(|row| session(&row))
        .transpose()
    }

    async fn hold_login_session(
        &mut self,
        id: FamilyId,
        subject: &Subject,
    ) -> Result<Option<LoginSession>, StorageError> {
        self.sql(locking!("SELECT id FROM refresh_families WHERE id = $1"))
            .bind(id.to_string())
            .optional("refresh_families")
            .await?;
        self.find_login_session(id, subject).await
    }

    async fn list_login_sessions(&mut self, subject: &Subject) -> Result<Vec<LoginSession>, StorageError> {
        self.sql(
            "SELECT f.*, t.issued_at FROM refresh_families f
             JOIN refresh_tokens t ON t.family_id = f.id AND t.generation = f.generation
             WHERE f.subject = $1 AND f.status = 'live' ORDER BY f.created_at DESC, f.id DESC",
        )
        .bind(subject.as_str())
        .all("refresh_families")
        .await?
        .iter()
        .map(session)
        .collect()
    }

    async fn name_login_session(
        &mut self,
        id: FamilyId,
        name: Option<&SessionName>,
    ) -> Result<(), StorageError> {
        self.sql("UPDATE refresh_families SET name = $2 WHERE id = $1")
            .bind(id.to_string())
            .bind(name.map(SessionName::as_str))
            .execute()
            .await?;
        Ok(())
    }

    async fn end_everything_of(
        &mut self,
        subject: &Subject,
        spared: Option<FamilyId>,
        now: Timestamp,
    ) -> Result<u64, StorageError> {
        for statement in [
            "DELETE FROM browser_sessions WHERE subject = $1",
            "UPDATE authorization_grants SET progress = 'denied', code_digest = NULL
             WHERE subject = $1 AND progress = 'approved'",
            "UPDATE device_grants SET progress = 'denied' WHERE subject = $1 AND progress = 'approved'",
        ] {
            self.sql(statement).bind(subject.as_str()).execute().await?;
        }
        // A session that one of these is handing over at this moment is seen by the next statement.
        self.sql(locking!("SELECT id FROM refresh_families WHERE subject = $1 AND status = 'live'"))
            .bind(subject.as_str())
            .all("refresh_families")
            .await?;
        let ended = self
            .sql(
                "UPDATE refresh_families SET status = 'revoked', ended_at = $3
             WHERE subject = $1 AND status = 'live' AND id <> COALESCE($2, '') RETURNING id",
            )
            .bind(subject.as_str())
            .bind(spared.map(|id| id.to_string()))
            .bind(now.as_unix())
            .all("refresh_families")
            .await?;
        let ended = ended.iter().map(|row| row.parse("id", FamilyId::parse));
        let ended = ended.collect::<Result<Vec<_>, _>>()?;
        for id in &ended {
            self.note_revoked(&Revoked::Session(*id), now).await?;
        }
        Ok(u64::try_from(ended.len()).unwrap_or(u64::MAX))
    }

    async fn end_everything_in(
        &mut self,
        workspace: &WorkspaceId,
        subject: &Subject,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        for statement in [
            "UPDATE authorization_grants SET progress = 'denied', code_digest = NULL
             WHERE subject = $1 AND workspace_id = $2 AND progress = 'approved'",
            "UPDATE device_grants SET progress = 'denied'
             WHERE subject = $1 AND workspace_id = $2 AND progress = 'approved'",
        ] {
            self.sql(statement).bind(subject.as_str()).bind(workspace.as_str()).execute().await?;
        }
        self.sql(locking!(
            "SELECT id FROM refresh_families WHERE subject = $1 AND workspace_id = $2 AND status = 'live'"
        ))
        .bind(subject.as_str())
        .bind(workspace.as_str())
        .all("refresh_families")
        .await?;
        for statement in [
            "UPDATE refresh_families SET status = 'revoked', ended_at = $3
             WHERE subject = $1 AND workspace_id = $2 AND status = 'live'",
            "UPDATE access_keys SET revoked_at = $3
             WHERE subject = $1 AND workspace_id = $2 AND revoked_at IS NULL",
        ] {
            let statement = self.sql(statement).bind(subject.as_str()).bind(workspace.as_str());
            statement.bind(now.as_unix()).execute().await?;
        }
        // One entry for all of these: of whatever kind a token is, it names both.
        self.note_revoked(&Revoked::Member(subject.clone(), workspace.clone()), now).await
    }
}

fn session(row: &TableRow) -> Result<LoginSession, StorageError> {
    Ok(LoginSession {
        family: refresh_family(row)?,
        name: row.parse("name", |text: Option<String>| match text {
            Some(text) => SessionName::parse(&text).map(Some),
            None => Some(None),
        })?,
        origin: origin(row)?,
        last_used_at: row.time("issued_at")?,
    })
}

/// Reads where a request came from; the same columns in the table of devices.
pub(super) fn origin(row: &TableRow) -> Result<Origin, StorageError> {
    Ok(Origin {
        tool: row.read("tool")?,
        machine: row.read("machine")?,
        place: row.parse("place", |text: Option<String>| {
            text.map(|text| text.parse::<IpAddr>()).transpose().ok()
        })?,
    })
}

//! What programs are still to be told of sessions that ended.

use crate::row::TableRow;
use crate::statement::{Text, forgetting, locking};
use crate::transaction::SqlTransaction;
use async_trait::async_trait;
use keyfob_issuer_core::back_channel::{LogoutNotice, ProgramSession};
use keyfob_issuer_core::delivery::Fate;
use keyfob_issuer_core::digest::SessionDigest;
use keyfob_issuer_core::revocation::{Revocation, Revoked};
use keyfob_issuer_core::storage::{LogoutNotices, StorageError};
use keyfob_issuer_core::{FamilyId, GrantId};
use keyfob_oauth::{ClientId, Subject, Timestamp};

/// On a server, what another node takes at this moment is left to it.
const CLAIM: Text = Text::forked(
    "UPDATE logout_notices SET tries = tries + 1, due_at = $2 WHERE session_id IN
     (SELECT session_id FROM logout_notices WHERE due_at <= $1 AND client_id = $4
      ORDER BY due_at, session_id LIMIT $3) RETURNING *",
    "UPDATE logout_notices SET tries = tries + 1, due_at = $2 WHERE session_id IN
     (SELECT session_id FROM logout_notices WHERE due_at <= $1 AND client_id = $4
      ORDER BY due_at, session_id LIMIT $3 FOR UPDATE SKIP LOCKED) RETURNING *",
);

#[async_trait]
impl LogoutNotices for SqlTransaction {
    async fn note_approval(
        &mut self,
        grant: GrantId,
        browser: &SessionDigest,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        self.sql("INSERT INTO browser_logins (grant_id, browser, approved_at) VALUES ($1, $2, $3)")
            .bind(grant.to_string())
            .bind(browser.as_bytes())
            .bind(now.as_unix())
            .execute()
            .await?;
        Ok(())
    }

    async fn note_begun(&mut self, grant: GrantId, session: FamilyId) -> Result<(), StorageError> {
        let note = self.sql("UPDATE browser_logins SET session_id = $2 WHERE grant_id = $1");
        note.bind(grant.to_string()).bind(session.to_string()).execute().await?;
        Ok(())
    }

    async fn move_browser(&mut self, from: &SessionDigest, to: &SessionDigest) -> Result<(), StorageError> {
        let moved = self.sql("UPDATE browser_logins SET browser = $2 WHERE browser = $1");
        moved.bind(from.as_bytes()).bind(to.as_bytes()).execute().await?;
        Ok(())
    }

    async fn sessions_of_browser(
        &mut self,
        browser: &SessionDigest,
    ) -> Result<Vec<ProgramSession>, StorageError> {
        self.sql(
            "SELECT id AS session_id, client_id, subject FROM refresh_families
             WHERE id IN (SELECT session_id FROM browser_logins WHERE browser = $1)",
        )
        .bind(browser.as_bytes())
        .all("refresh_families")
        .await?
        .iter()
        .map(program_session)
        .collect()
    }

    async fn sessions_ended_by(
        &mut self,
        revocation: &Revocation,
    ) -> Result<Vec<ProgramSession>, StorageError> {
        let at = revocation.at.as_unix();
        let found = match &revocation.revoked {
            Revoked::Key(_) => return Ok(Vec::new()),
            Revoked::Session(id) => self
                .sql("SELECT id AS session_id, client_id, subject FROM refresh_families WHERE id = $1")
                .bind(id.to_string()),
            Revoked::Member(subject, workspace) => self
                .sql(
                    "SELECT id AS session_id, client_id, subject FROM refresh_families
                     WHERE subject = $1 AND workspace_id = $2 AND ended_at = $3",
                )
                .bind(subject.as_str())
                .bind(workspace.as_str())
                .bind(at),
            // The sessions of somebody who is locked wait for them; their programs are not to.
            Revoked::User(subject) => self
                .sql(
                    "SELECT id AS session_id, client_id, subject FROM refresh_families
                     WHERE subject = $1 AND created_at <= $2 AND (status = 'live' OR ended_at = $2)",
                )
                .bind(subject.as_str())
                .bind(at),
        };
        found.all("refresh_families").await?.iter().map(program_session).collect()
    }

    async fn logout_cursor(&mut self) -> Result<u64, StorageError> {
        let row =
            self.sql(locking!("SELECT epoch FROM logout_cursor WHERE id = 1")).one("logout_cursor").await?;
        row.parse("epoch", |epoch: i64| u64::try_from(epoch).ok())
    }

    async fn move_logout_cursor(&mut self, epoch: u64) -> Result<(), StorageError> {
        self.sql("UPDATE logout_cursor SET epoch = $1 WHERE id = 1")
            .bind(i64::try_from(epoch).unwrap_or(i64::MAX))
            .execute()
            .await?;
        Ok(())
    }

    async fn insert_logout_notice(&mut self, notice: &LogoutNotice) -> Result<(), StorageError> {
        self.sql(
            "INSERT INTO logout_notices (session_id, client_id, subject, at, due_at, tries)
             VALUES ($1, $2, $3, $4, $4, 0) ON CONFLICT (session_id) DO NOTHING",
        )
        .bind(notice.session.id.to_string())
        .bind(notice.session.client_id.as_str())
        .bind(notice.session.subject.as_str())
        .bind(notice.at.as_unix())
        .execute()
        .await?;
        Ok(())
    }

    async fn claim_logout_notices(
        &mut self,
        client: &ClientId,
        now: Timestamp,
        until: Timestamp,
        most: u32,
    ) -> Result<Vec<LogoutNotice>, StorageError> {
        self.sql(CLAIM)
            .bind(now.as_unix())
            .bind(until.as_unix())
            .bind(i64::from(most))
            .bind(client.as_str())
            .all("logout_notices")
            .await?
            .iter()
            .map(logout_notice)
            .collect()
    }

    async fn settle_logout_notice(&mut self, session: FamilyId, fate: Fate) -> Result<(), StorageError> {
        let due_at = match fate {
            Fate::Over => None,
            Fate::Again(at) => Some(at.as_unix()),
        };
        let settle = self.sql("UPDATE logout_notices SET due_at = $2 WHERE session_id = $1");
        settle.bind(session.to_string()).bind(due_at).execute().await?;
        Ok(())
    }

    async fn forget_logout_notices(&mut self, moment: Timestamp, most: u32) -> Result<u64, StorageError> {
        self.sql(forgetting!("logout_notices", "session_id", "at < $1 ORDER BY at"))
            .bind(moment.as_unix())
            .bind(i64::from(most))
            .execute()
            .await
    }

    async fn forget_browser_logins(&mut self, moment: Timestamp, most: u32) -> Result<u64, StorageError> {
        self.sql(forgetting!("browser_logins", "grant_id", "approved_at < $1 ORDER BY approved_at"))
            .bind(moment.as_unix())
            .bind(i64::from(most))
            .execute()
            .await
    }
}

fn program_session(row: &TableRow) -> Result<ProgramSession, StorageError> {
    Ok(ProgramSession {
        id: row.parse("session_id", FamilyId::parse)?,
        client_id: row.read::<String>("client_id").map(ClientId::new)?,
        subject: row.read::<String>("subject").map(Subject::new)?,
    })
}

fn logout_notice(row: &TableRow) -> Result<LogoutNotice, StorageError> {
    Ok(LogoutNotice {
        session: program_session(row)?,
        at: row.time("at")?,
        tries: row.parse("tries", |number: i64| u32::try_from(number).ok())?,
    })
}

//! What a webhook is still to be told.

use super::login_sessions::origin;
use crate::row::TableRow;
use crate::statement::{Text, forgetting};
use crate::transaction::SqlTransaction;
use async_trait::async_trait;
use keyfob_issuer_core::anomaly::{Notice, Pattern};
use keyfob_issuer_core::delivery::Fate;
use keyfob_issuer_core::storage::{Notices, StorageError};
use keyfob_issuer_core::{FamilyId, NoticeId};
use keyfob_oauth::{Subject, Timestamp};
use std::net::IpAddr;

/// On a server, what another node takes at this moment is left to it.
const CLAIM: Text = Text::forked(
    "UPDATE notices SET tries = tries + 1, due_at = $2 WHERE id IN
     (SELECT id FROM notices WHERE due_at <= $1 ORDER BY due_at, id LIMIT $3) RETURNING *",
    "UPDATE notices SET tries = tries + 1, due_at = $2 WHERE id IN
     (SELECT id FROM notices WHERE due_at <= $1 ORDER BY due_at, id LIMIT $3 FOR UPDATE SKIP LOCKED) RETURNING *",
);

#[async_trait]
impl Notices for SqlTransaction {
    async fn places_of_logins(
        &mut self,
        subject: &Subject,
        moment: Timestamp,
        most: u32,
    ) -> Result<Vec<Option<IpAddr>>, StorageError> {
        self.sql(
            // By its name, which says when it was made: one that was handed over lasts from the sign-in of the first.
            "SELECT tool, machine, place FROM refresh_families WHERE subject = $1 AND id >= $2
             ORDER BY id DESC LIMIT $3",
        )
        .bind(subject.as_str())
        .bind(FamilyId::lowest_at(moment).to_string())
        .bind(i64::from(most))
        .all("refresh_families")
        .await?
        .iter()
        .map(|row| Ok(origin(row)?.place))
        .collect()
    }

    async fn count_devices_let_in(
        &mut self,
        subject: &Subject,
        moment: Timestamp,
    ) -> Result<u32, StorageError> {
        let row = self
            .sql(
                "SELECT count(*) AS let_in FROM device_grants
                 WHERE approved_by = $1 AND requested_at >= $2",
            )
            .bind(subject.as_str())
            .bind(moment.as_unix())
            .one("device_grants")
            .await?;
        row.parse("let_in", |count: i64| u32::try_from(count).ok())
    }

    async fn insert_notice(&mut self, notice: &Notice) -> Result<(), StorageError> {
        let session = notice.session.map(|id| id.to_string());
        self.sql(
            "INSERT INTO notices (id, pattern, about, period, subject, session_id, counted, at, due_at, tries)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, 0) ON CONFLICT (pattern, about, period) DO NOTHING",
        )
        .bind(notice.id.to_string())
        .bind(notice.pattern.as_str())
        .bind(session.as_deref().unwrap_or(notice.subject.as_str()))
        .bind(notice.period())
        .bind(notice.subject.as_str())
        .bind(session.as_deref())
        .bind(i64::from(notice.count))
        .bind(notice.at.as_unix())
        .execute()
        .await?;
        Ok(())
    }

    async fn claim_notices(
        &mut self,
        now: Timestamp,
        until: Timestamp,
        most: u32,
    ) -> Result<Vec<Notice>, StorageError> {
        self.sql(CLAIM)
            .bind(now.as_unix())
            .bind(until.as_unix())
            .bind(i64::from(most))
            .all("notices")
            .await?
            .iter()
            .map(notice)
            .collect()
    }

    async fn settle_notice(&mut self, id: NoticeId, fate: Fate) -> Result<(), StorageError> {
        let due_at = match fate {
            Fate::Over => None,
            Fate::Again(at) => Some(at.as_unix()),
        };
        let settle = self.sql("UPDATE notices SET due_at = $2 WHERE id = $1");
        settle.bind(id.to_string()).bind(due_at).execute().await?;
        Ok(())
    }

    async fn forget_notices(&mut self, moment: Timestamp, most: u32) -> Result<u64, StorageError> {
        self.sql(forgetting!("notices", "id", "at < $1 ORDER BY at"))
            .bind(moment.as_unix())
            .bind(i64::from(most))
            .execute()
            .await
    }
}

fn notice(row: &TableRow) -> Result<Notice, StorageError> {
    let count = |number: i64| u32::try_from(number).ok();
    Ok(Notice {
        id: row.parse("id", NoticeId::parse)?,
        pattern: row.parse("pattern", Pattern::from_word)?,
        subject: row.read::<String>("subject").map(Subject::new)?,
        session: row.parse("session_id", |text: Option<String>| match text {
            Some(text) => FamilyId::parse(&text).map(Some),
            None => Some(None),
        })?,
        count: row.parse("counted", count)?,
        at: row.time("at")?,
        tries: row.parse("tries", count)?,
    })
}

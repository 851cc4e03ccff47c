//! What second factors keep about accounts.

use crate::row::TableRow;
use crate::transaction::SqlTransaction;
use async_trait::async_trait;
use keyfob_issuer_core::factor::{Enrolment, FactorKind};
use keyfob_issuer_core::storage::{Changed, Enrolments, StorageError};
use keyfob_oauth::Subject;

#[async_trait]
impl Enrolments for SqlTransaction {
    async fn find_enrolments(&mut self, subject: &Subject) -> Result<Vec<Enrolment>, StorageError> {
        self.sql("SELECT * FROM enrolments WHERE subject = $1 ORDER BY kind")
            .bind(subject.as_str())
            .all("enrolments")
            .await?
            .iter()
            .map(enrolment)
            .collect()
    }

    async fn replace_enrolment(&mut self, enrolment: &Enrolment) -> Result<(), StorageError> {
        self.sql(
            "INSERT INTO enrolments (subject, kind, sealed, version, enrolled_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (subject, kind) DO UPDATE SET
             sealed = excluded.sealed, version = enrolments.version + 1, enrolled_at = excluded.enrolled_at",
        )
        .bind(enrolment.subject.as_str())
        .bind(enrolment.kind.as_str())
        .bind(&enrolment.sealed)
        .bind(enrolment.version)
        .bind(enrolment.enrolled_at.as_unix())
        .execute()
        .await?;
        Ok(())
    }

    async fn update_enrolment(
        &mut self,
        enrolment: &Enrolment,
        sealed: &[u8],
    ) -> Result<Changed, StorageError> {
        let updated = self
            .sql(
                "UPDATE enrolments SET sealed = $4, version = version + 1
                 WHERE subject = $1 AND kind = $2 AND version = $3",
            )
            .bind(enrolment.subject.as_str())
            .bind(enrolment.kind.as_str())
            .bind(enrolment.version)
            .bind(sealed)
            .execute()
            .await?;
        Ok(if updated == 1 { Changed::Yes } else { Changed::No })
    }

    async fn delete_enrolments(&mut self, subject: &Subject) -> Result<(), StorageError> {
        self.sql("DELETE FROM enrolments WHERE subject = $1").bind(subject.as_str()).execute().await?;
        Ok(())
    }
}

fn enrolment(row: &TableRow) -> Result<Enrolment, StorageError> {
    Ok(Enrolment {
        subject: row.read::<String>("subject").map(Subject::new)?,
        kind: row.parse("kind", FactorKind::from_word)?,
        sealed: row.read("sealed")?,
        version: row.read("version")?,
        enrolled_at: row.time("enrolled_at")?,
    })
}

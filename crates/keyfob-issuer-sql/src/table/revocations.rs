//! What has ended before its time.

use crate::row::TableRow;
use crate::statement::forgetting;
use crate::transaction::SqlTransaction;
use async_trait::async_trait;
use keyfob_issuer_core::revocation::{Feed, Revocation, Revoked};
use keyfob_issuer_core::storage::{Revocations, StorageError};
use keyfob_issuer_core::{FamilyId, KeyId};
use keyfob_oauth::{Subject, Timestamp, WorkspaceId};

#[async_trait]
impl Revocations for SqlTransaction {
    async fn note_revoked(&mut self, revoked: &Revoked, now: Timestamp) -> Result<(), StorageError> {
        // Until this transaction ends, nobody else has the next number: so numbers become visible in their order.
        let row = self
            .sql("UPDATE revocation_epoch SET epoch = epoch + 1 WHERE id = 1 RETURNING epoch")
            .one("revocation_epoch")
            .await?;
        let epoch: i64 = row.read("epoch")?;
        let (kind, name, workspace) = columns(revoked);
        self.sql("INSERT INTO revocations (epoch, kind, name, workspace_id, at) VALUES ($1, $2, $3, $4, $5)")
            .bind(epoch)
            .bind(kind)
            .bind(name)
            .bind(workspace)
            .bind(now.as_unix())
            .execute()
            .await?;
        Ok(())
    }

    async fn skip_epochs(&mut self, count: u32) -> Result<(), StorageError> {
        let skip = self.sql("UPDATE revocation_epoch SET epoch = epoch + $1 WHERE id = 1");
        skip.bind(i64::from(count)).execute().await?;
        Ok(())
    }

    async fn revocations_after(&mut self, epoch: u64, most: u32) -> Result<Feed, StorageError> {
        let last = self.revocation_epoch().await?;
        let rows = self
            .sql("SELECT * FROM revocations WHERE epoch > $1 ORDER BY epoch LIMIT $2")
            .bind(i64::try_from(epoch).unwrap_or(i64::MAX))
            .bind(i64::from(most))
            .all("revocations")
            .await?;
        let entries = rows.iter().map(revocation).collect::<Result<Vec<_>, _>>()?;
        Ok(Feed { epoch: entries.last().map_or(last, |entry| entry.epoch), entries })
    }

    async fn revocation_epoch(&mut self) -> Result<u64, StorageError> {
        let row = self.sql("SELECT epoch FROM revocation_epoch WHERE id = 1").one("revocation_epoch").await?;
        row.parse("epoch", |epoch: i64| u64::try_from(epoch).ok())
    }

    async fn forget_revocations(&mut self, moment: Timestamp, most: u32) -> Result<u64, StorageError> {
        self.sql(forgetting!("revocations", "epoch", "at < $1 ORDER BY epoch"))
            .bind(moment.as_unix())
            .bind(i64::from(most))
            .execute()
            .await
    }
}

const SESSION: &str = "session";
const KEY: &str = "key";
const USER: &str = "user";
const MEMBER: &str = "member";

fn columns(revoked: &Revoked) -> (&'static str, String, Option<String>) {
    match revoked {
        Revoked::Session(id) => (SESSION, id.to_string(), None),
        Revoked::Key(id) => (KEY, id.to_string(), None),
        Revoked::User(subject) => (USER, subject.as_str().to_owned(), None),
        Revoked::Member(subject, workspace) => {
            (MEMBER, subject.as_str().to_owned(), Some(workspace.as_str().to_owned()))
        }
    }
}

fn revocation(row: &TableRow) -> Result<Revocation, StorageError> {
    let subject = || row.read::<String>("name").map(Subject::new);
    Ok(Revocation {
        epoch: row.parse("epoch", |epoch: i64| u64::try_from(epoch).ok())?,
        at: row.time("at")?,
        revoked: match row.read("kind")? {
            SESSION => Revoked::Session(row.parse("name", FamilyId::parse)?),
            KEY => Revoked::Key(row.parse("name", KeyId::parse)?),
            USER => Revoked::User(subject()?),
            MEMBER => Revoked::Member(subject()?, row.read::<String>("workspace_id").map(WorkspaceId::new)?),
            _ => return Err(row.inconsistent("kind")),
        },
    })
}

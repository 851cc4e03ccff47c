//! How often something was tried.

use crate::row::TableRow;
use crate::statement::{forgetting, locking};
use crate::transaction::SqlTransaction;
use async_trait::async_trait;
use keyfob_issuer_core::storage::{StorageError, Throttles};
use keyfob_issuer_core::throttle::{Counter, ThrottleKey};
use keyfob_oauth::Timestamp;

#[async_trait]
impl Throttles for SqlTransaction {
    async fn find_counter(&mut self, key: &ThrottleKey) -> Result<Option<Counter>, StorageError> {
        self.sql(locking!("SELECT * FROM throttles WHERE key = $1"))
            .bind(key.as_bytes())
            .optional("throttles")
            .await?
            .map(|row| counter(&row))
            .transpose()
    }

    async fn insert_counter(&mut self, key: &ThrottleKey, counter: Counter) -> Result<(), StorageError> {
        let inserted = self
            .sql(
                "INSERT INTO throttles (key, failures, last_at) VALUES ($1, $2, $3)
                 ON CONFLICT (key) DO NOTHING",
            )
            .bind(key.as_bytes())
            .bind(i64::from(counter.failures))
            .bind(counter.last.as_unix())
            .execute()
            .await?;
        if inserted == 1 { Ok(()) } else { Err(StorageError::Conflict) }
    }

    async fn update_counter(&mut self, key: &ThrottleKey, counter: Counter) -> Result<(), StorageError> {
        self.sql("UPDATE throttles SET failures = $2, last_at = $3 WHERE key = $1")
            .bind(key.as_bytes())
            .bind(i64::from(counter.failures))
            .bind(counter.last.as_unix())
            .execute()
            .await?;
        Ok(())
    }

    async fn delete_counter(&mut self, key: &ThrottleKey) -> Result<(), StorageError> {
        self.sql("DELETE FROM throttles WHERE key = $1").bind(key.as_bytes()).execute().await?;
        Ok(())
    }

    async fn forget_counters(&mut self, moment: Timestamp, most: u32) -> Result<u64, StorageError> {
        self.sql(forgetting!("throttles", "key", "last_at < $1 ORDER BY last_at"))
            .bind(moment.as_unix())
            .bind(i64::from(most))
            .execute()
            .await
    }
}

fn counter(row: &TableRow) -> Result<Counter, StorageError> {
    Ok(Counter {
        failures: row.parse("failures", |number: i64| u32::try_from(number).ok())?,
        last: row.time("last_at")?,
    })
}

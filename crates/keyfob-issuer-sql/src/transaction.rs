//! One transaction; its repositories are the files of [`crate::table`].

use crate::error::{StatementFailed, storage_error};
use crate::statement::{Driver, Statement, Text};
use async_trait::async_trait;
use keyfob_issuer_core::storage::{StorageError, Transaction};
use sqlx::{Postgres, Sqlite};

/// A transaction.
pub(crate) struct SqlTransaction {
    begun: Begun,
    failed: bool,
    effect: Effect,
}

/// What becomes of a transaction that is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Its changes.
    Kept,
    /// Nothing, though everything was tried: a rehearsal.
    Rehearsed,
}

/// A driver's transaction.
pub(crate) enum Begun {
    /// Of the one writer of a file.
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    /// On one of the connections to a server.
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl SqlTransaction {
    pub(crate) fn new(begun: Begun, effect: Effect) -> Self {
        Self { begun, failed: false, effect }
    }

    /// Begins a statement.
    pub(crate) fn sql(&mut self, text: impl Into<Text>) -> Statement<'_> {
        let driver = match &mut self.begun {
            Begun::Sqlite(transaction) => Driver::sqlite(text.into(), transaction),
            Begun::Postgres(transaction) => Driver::postgres(text.into(), transaction),
        };
        Statement::new(driver, &mut self.failed)
    }
}

#[async_trait]
impl Transaction for SqlTransaction {
    async fn commit(self: Box<Self>) -> Result<(), StorageError> {
        // PostgreSQL answers the COMMIT of a transaction in which a statement failed with success, and rolls it back.
        if self.failed {
            return Err(StorageError::Unavailable(Box::new(StatementFailed)));
        }
        match (self.begun, self.effect) {
            (Begun::Sqlite(transaction), Effect::Kept) => transaction.commit().await,
            (Begun::Postgres(transaction), Effect::Kept) => transaction.commit().await,
            (Begun::Sqlite(transaction), Effect::Rehearsed) => transaction.rollback().await,
            (Begun::Postgres(transaction), Effect::Rehearsed) => transaction.rollback().await,
        }
        .map_err(storage_error)
    }

    async fn roll_back(self: Box<Self>) -> Result<(), StorageError> {
        match self.begun {
            Begun::Sqlite(transaction) => transaction.rollback().await,
            Begun::Postgres(transaction) => transaction.rollback().await,
        }
        .map_err(storage_error)
    }
}

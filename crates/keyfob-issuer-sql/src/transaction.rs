//! One transaction; its repositories are the files of [`crate::table`].

use crate::error::{StatementFailed, storage_error};
use crate::file::FileTransaction;
use crate::server::ServerTransaction;
use crate::statement::{Driver, Statement, Text};
use async_trait::async_trait;
use keyfob_issuer_core::storage::{StorageError, Transaction};

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
    File(FileTransaction),
    /// On one of the connections to a server.
    Postgres(ServerTransaction),
}

impl SqlTransaction {
    pub(crate) fn new(begun: Begun, effect: Effect) -> Self {
        Self { begun, failed: false, effect }
    }

    /// Begins a statement.
    pub(crate) fn sql(&mut self, text: impl Into<Text>) -> Statement<'_> {
        let driver = match &mut self.begun {
            Begun::File(transaction) => Driver::file(text.into(), transaction),
            Begun::Postgres(transaction) => Driver::postgres(text.into(), transaction.connection()),
        };
        Statement::new(driver, &mut self.failed)
    }
}

#[async_trait]
impl Transaction for SqlTransaction {
    fn decided(&mut self) {
        match &mut self.begun {
            Begun::File(transaction) => transaction.decided(),
            // Each has a connection of its own there.
            Begun::Postgres(_) => {}
        }
    }

    async fn commit(self: Box<Self>) -> Result<(), StorageError> {
        // PostgreSQL answers the COMMIT of a transaction in which a statement failed with success, and rolls it back.
        if self.failed {
            return Err(StorageError::Unavailable(Box::new(StatementFailed)));
        }
        match (self.begun, self.effect) {
            (Begun::File(transaction), Effect::Kept) => transaction.commit().await,
            (Begun::File(transaction), Effect::Rehearsed) => transaction.roll_back().await,
            (Begun::Postgres(transaction), Effect::Kept) => transaction.commit().await.map_err(storage_error),
            (Begun::Postgres(transaction), Effect::Rehearsed) => {
                transaction.roll_back().await.map_err(storage_error)
            }
        }
    }

    async fn roll_back(self: Box<Self>) -> Result<(), StorageError> {
        match self.begun {
            Begun::File(transaction) => transaction.roll_back().await,
            Begun::Postgres(transaction) => transaction.roll_back().await.map_err(storage_error),
        }
    }
}

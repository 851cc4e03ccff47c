//! One transaction; its repositories are the files of [`crate::table`].

use crate::error::storage_error;
use crate::statement::Statement;
use async_trait::async_trait;
use keyfob_issuer_core::storage::{StorageError, Transaction};
use sqlx::Sqlite;

/// A transaction.
pub(crate) struct SqlTransaction(sqlx::Transaction<'static, Sqlite>);

impl SqlTransaction {
    pub(crate) fn new(transaction: sqlx::Transaction<'static, Sqlite>) -> Self {
        Self(transaction)
    }

    /// Begins a statement.
    pub(crate) fn sql(&mut self, text: &'static str) -> Statement<'_> {
        Statement::new(text, &mut self.0)
    }
}

#[async_trait]
impl Transaction for SqlTransaction {
    async fn commit(self: Box<Self>) -> Result<(), StorageError> {
        self.0.commit().await.map_err(storage_error)
    }
}

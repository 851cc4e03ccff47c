//! A statement on its way to the database: the one place that talks to the driver.

use crate::error::storage_error;
use crate::row::TableRow;
use keyfob_issuer_core::storage::StorageError;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{Encode, Sqlite, Type};

/// A statement and the values it gets.
pub(crate) struct Statement<'t> {
    query: Query<'static, Sqlite, SqliteArguments>,
    connection: &'t mut SqliteConnection,
}

impl<'t> Statement<'t> {
    pub(crate) fn new(text: &'static str, connection: &'t mut SqliteConnection) -> Self {
        Self { query: sqlx::query(text), connection }
    }

    /// Gives the next parameter its value.
    pub(crate) fn bind<'v, T: Encode<'v, Sqlite> + Type<Sqlite>>(self, value: T) -> Self {
        Self { query: self.query.bind(value), ..self }
    }

    /// Runs it; returns how many rows it changed.
    pub(crate) async fn execute(self) -> Result<u64, StorageError> {
        let done = self.query.execute(self.connection).await.map_err(storage_error)?;
        Ok(done.rows_affected())
    }

    /// Returns the row it finds in `table`, if any.
    pub(crate) async fn optional(self, table: &'static str) -> Result<Option<TableRow>, StorageError> {
        let row = self.query.fetch_optional(self.connection).await.map_err(storage_error)?;
        Ok(row.map(|row| TableRow::new(table, row)))
    }

    /// Returns the one row that it always finds.
    pub(crate) async fn one(self, table: &'static str) -> Result<TableRow, StorageError> {
        let row = self.query.fetch_one(self.connection).await.map_err(storage_error)?;
        Ok(TableRow::new(table, row))
    }

    /// Returns all rows that it finds in `table`.
    pub(crate) async fn all(self, table: &'static str) -> Result<Vec<TableRow>, StorageError> {
        let rows = self.query.fetch_all(self.connection).await.map_err(storage_error)?;
        Ok(rows.into_iter().map(|row| TableRow::new(table, row)).collect())
    }
}

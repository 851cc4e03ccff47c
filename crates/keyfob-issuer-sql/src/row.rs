//! Rows and columns become entities' parts, or [`StorageError::Inconsistent`].

use keyfob_issuer_core::storage::StorageError;
use keyfob_oauth::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row as _, Sqlite, Type};

/// A row of one table.
pub(crate) struct TableRow {
    table: &'static str,
    row: SqliteRow,
}

impl TableRow {
    pub(crate) fn new(table: &'static str, row: SqliteRow) -> Self {
        Self { table, row }
    }

    /// Reads a column as the driver understands it.
    pub(crate) fn read<'r, T>(&'r self, column: &'static str) -> Result<T, StorageError>
    where
        T: Decode<'r, Sqlite> + Type<Sqlite>,
    {
        self.row.try_get(column).map_err(|_| self.inconsistent(column))
    }

    /// Reads a column through `parse`.
    pub(crate) fn parse<'r, T, U>(
        &'r self,
        column: &'static str,
        parse: impl FnOnce(T) -> Option<U>,
    ) -> Result<U, StorageError>
    where
        T: Decode<'r, Sqlite> + Type<Sqlite>,
    {
        parse(self.read(column)?).ok_or_else(|| self.inconsistent(column))
    }

    /// Reads seconds since 1970.
    pub(crate) fn time(&self, column: &'static str) -> Result<Timestamp, StorageError> {
        self.read(column).map(Timestamp::from_unix)
    }

    pub(crate) fn inconsistent(&self, column: &'static str) -> StorageError {
        StorageError::Inconsistent { table: self.table, column }
    }
}

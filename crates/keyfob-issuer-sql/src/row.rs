//! Rows and columns become entities' parts, or [`StorageError::Inconsistent`].

use keyfob_issuer_core::storage::StorageError;
use keyfob_oauth::Timestamp;
use sqlx::postgres::{PgRow, Postgres};
use sqlx::sqlite::{Sqlite, SqliteRow};
use sqlx::{Decode, Row as _, Type};

/// A row of one table.
pub(crate) struct TableRow {
    table: &'static str,
    row: Row,
}

/// A driver's row.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// What both databases can hold in a column.
pub(crate) trait Column<'r>:
    Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>
{
}

impl<'r, T> Column<'r> for T where T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>
{}

impl TableRow {
    pub(crate) fn new(table: &'static str, row: Row) -> Self {
        Self { table, row }
    }

    /// Reads a column as the driver understands it.
    pub(crate) fn read<'r, T: Column<'r>>(&'r self, column: &'static str) -> Result<T, StorageError> {
        match &self.row {
            Row::Sqlite(row) => row.try_get(column),
            Row::Postgres(row) => row.try_get(column),
        }
        .map_err(|_| self.inconsistent(column))
    }

    /// Reads a column through `parse`.
    pub(crate) fn parse<'r, T: Column<'r>, U>(
        &'r self,
        column: &'static str,
        parse: impl FnOnce(T) -> Option<U>,
    ) -> Result<U, StorageError> {
        parse(self.read(column)?).ok_or_else(|| self.inconsistent(column))
    }

    /// Reads a column that may be empty through `parse`; what is there and cannot be read does not count as nothing.
    pub(crate) fn parse_optional<'r, T, U>(
        &'r self,
        column: &'static str,
        parse: impl FnOnce(T) -> Option<U>,
    ) -> Result<Option<U>, StorageError>
    where
        Option<T>: Column<'r>,
    {
        match self.read::<Option<T>>(column)? {
            Some(value) => parse(value).map(Some).ok_or_else(|| self.inconsistent(column)),
            None => Ok(None),
        }
    }

    /// Reads seconds since 1970.
    pub(crate) fn time(&self, column: &'static str) -> Result<Timestamp, StorageError> {
        self.read(column).map(Timestamp::from_unix)
    }

    pub(crate) fn inconsistent(&self, column: &'static str) -> StorageError {
        StorageError::Inconsistent { table: self.table, column }
    }
}

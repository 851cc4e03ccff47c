//! Rows and columns become entities' parts, or [`StorageError::Inconsistent`].

use crate::cells::Cells;
use keyfob_issuer_core::storage::StorageError;
use keyfob_oauth::Timestamp;
use rusqlite::types::ValueRef;
use sqlx::postgres::{PgRow, Postgres};
use sqlx::{Decode, Row as _, Type};
use std::sync::Arc;

/// A row of one table.
pub(crate) struct TableRow {
    table: &'static str,
    row: Row,
}

/// A driver's row.
pub(crate) enum Row {
    File(FileRow),
    Postgres(PgRow),
}

/// A row of a file.
pub(crate) struct FileRow {
    names: Arc<[String]>,
    values: Cells,
}

/// What both databases can hold in a column.
pub(crate) trait Column<'r>: Decode<'r, Postgres> + Type<Postgres> + FileColumn<'r> {}

impl<'r, T> Column<'r> for T where T: Decode<'r, Postgres> + Type<Postgres> + FileColumn<'r> {}

/// What a column of a file is read as; nothing if it holds something else.
pub(crate) trait FileColumn<'r>: Sized {
    fn from_file(value: ValueRef<'r>) -> Option<Self>;
}

impl FileColumn<'_> for i64 {
    fn from_file(value: ValueRef<'_>) -> Option<Self> {
        if let ValueRef::Integer(number) = value { Some(number) } else { None }
    }
}

impl<'r> FileColumn<'r> for &'r str {
    fn from_file(value: ValueRef<'r>) -> Option<Self> {
        if let ValueRef::Text(text) = value { std::str::from_utf8(text).ok() } else { None }
    }
}

impl<'r> FileColumn<'r> for &'r [u8] {
    fn from_file(value: ValueRef<'r>) -> Option<Self> {
        if let ValueRef::Blob(bytes) = value { Some(bytes) } else { None }
    }
}

impl FileColumn<'_> for String {
    fn from_file(value: ValueRef<'_>) -> Option<Self> {
        <&str>::from_file(value).map(str::to_owned)
    }
}

impl FileColumn<'_> for Vec<u8> {
    fn from_file(value: ValueRef<'_>) -> Option<Self> {
        <&[u8]>::from_file(value).map(<[u8]>::to_vec)
    }
}

impl<'r, T: FileColumn<'r>> FileColumn<'r> for Option<T> {
    fn from_file(value: ValueRef<'r>) -> Option<Self> {
        if value == ValueRef::Null { Some(None) } else { T::from_file(value).map(Some) }
    }
}

impl FileRow {
    pub(crate) fn new(names: Arc<[String]>, values: Cells) -> Self {
        Self { names, values }
    }

    pub(crate) fn read<'r, T: FileColumn<'r>>(&'r self, column: &str) -> Option<T> {
        let at = self.names.iter().position(|name| name == column)?;
        T::from_file(self.values.get(at)?)
    }
}

impl TableRow {
    pub(crate) fn new(table: &'static str, row: Row) -> Self {
        Self { table, row }
    }

    /// Reads a column as the driver understands it.
    pub(crate) fn read<'r, T: Column<'r>>(&'r self, column: &'static str) -> Result<T, StorageError> {
        match &self.row {
            Row::File(row) => row.read(column),
            Row::Postgres(row) => row.try_get(column).ok(),
        }
        .ok_or_else(|| self.inconsistent(column))
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

//! A statement on its way to the database: the one place that talks to the drivers.

use crate::cells::Cells;
use crate::error::{file_error, storage_error};
use crate::file::FileTransaction;
use crate::row::{Row, TableRow};
use keyfob_issuer_core::storage::StorageError;
use rusqlite::ToSql;
use sqlx::postgres::{PgArguments, PgConnection, Postgres};
use sqlx::query::Query;
use sqlx::{Encode, Type};

/// What a statement says: one text for both databases, unless it locks what it reads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text {
    sqlite: &'static str,
    postgres: &'static str,
}

impl From<&'static str> for Text {
    fn from(both: &'static str) -> Self {
        Self { sqlite: both, postgres: both }
    }
}

impl Text {
    pub(crate) const fn forked(sqlite: &'static str, postgres: &'static str) -> Self {
        Self { sqlite, postgres }
    }
}

/// A `SELECT` of one table whose rows nobody else changes before the transaction ends.
///
/// On SQLite there is no other writer in the meantime: the transaction began `IMMEDIATE`.
macro_rules! locking {
    ($select:literal) => {
        $crate::statement::Text::forked($select, concat!($select, " FOR UPDATE"))
    };
}
pub(crate) use locking;

/// A `DELETE` of at most `$2` rows of `$table` for which `$which` holds.
///
/// On a server, rows that somebody is about to change are left for another time instead of being waited for.
macro_rules! forgetting {
    ($table:literal, $key:literal, $which:literal) => {
        $crate::statement::Text::forked(
            concat!(
                "DELETE FROM ",
                $table,
                " WHERE ",
                $key,
                " IN (SELECT ",
                $key,
                " FROM ",
                $table,
                " WHERE ",
                $which,
                " LIMIT $2)"
            ),
            concat!(
                "DELETE FROM ",
                $table,
                " WHERE ",
                $key,
                " IN (SELECT ",
                $key,
                " FROM ",
                $table,
                " WHERE ",
                $which,
                " LIMIT $2 FOR UPDATE SKIP LOCKED)"
            ),
        )
    };
}
pub(crate) use forgetting;

/// A value that both databases take.
pub(crate) trait Value<'v>: Encode<'v, Postgres> + Type<Postgres> + ToSql {}

impl<'v, T> Value<'v> for T where T: Encode<'v, Postgres> + Type<Postgres> + ToSql {}

/// Most statements get fewer.
const USUAL_VALUES: usize = 12;

/// A statement, the values it gets, and where it goes.
pub(crate) struct Statement<'c> {
    driver: Driver<'c>,
    failed: &'c mut bool,
}

pub(crate) enum Driver<'c> {
    File(&'static str, Result<Cells, rusqlite::Error>, &'c mut FileTransaction),
    /// Over nothing once the transaction is over.
    Postgres(Query<'static, Postgres, PgArguments>, Option<&'c mut PgConnection>),
}

impl<'c> Driver<'c> {
    pub(crate) fn file(text: Text, transaction: &'c mut FileTransaction) -> Self {
        Self::File(text.sqlite, Ok(Cells::with_capacity(USUAL_VALUES)), transaction)
    }

    pub(crate) fn postgres(text: Text, connection: Option<&'c mut PgConnection>) -> Self {
        Self::Postgres(sqlx::query(text.postgres), connection)
    }
}

impl<'c> Statement<'c> {
    /// Begins one that sets `failed` if it fails.
    pub(crate) fn new(driver: Driver<'c>, failed: &'c mut bool) -> Self {
        Self { driver, failed }
    }

    /// Gives the next parameter its value.
    pub(crate) fn bind<'v>(self, value: impl Value<'v>) -> Self {
        let driver = match self.driver {
            Driver::File(text, values, transaction) => {
                let values = values.and_then(|mut values| {
                    values.push_sql(&value)?;
                    Ok(values)
                });
                Driver::File(text, values, transaction)
            }
            Driver::Postgres(query, connection) => Driver::Postgres(query.bind(value), connection),
        };
        Self { driver, ..self }
    }

    /// Runs it; returns how many rows it changed.
    pub(crate) async fn execute(self) -> Result<u64, StorageError> {
        let done = match self.driver {
            Driver::File(text, values, transaction) => {
                values.map_err(file_error).and_then(|values| transaction.execute(text, &values))
            }
            Driver::Postgres(query, connection) => {
                let done = match connection {
                    Some(connection) => query.execute(connection).await,
                    None => Err(sqlx::Error::PoolClosed),
                };
                done.map(|done| done.rows_affected()).map_err(storage_error)
            }
        };
        done.inspect_err(|_| *self.failed = true)
    }

    /// Returns the row it finds in `table`, if any.
    pub(crate) async fn optional(self, table: &'static str) -> Result<Option<TableRow>, StorageError> {
        let found = match self.driver {
            Driver::File(text, values, transaction) => {
                let rows = values.map_err(file_error).and_then(|values| transaction.query(text, &values, 1));
                rows.map(|rows| rows.into_iter().next().map(Row::File))
            }
            Driver::Postgres(query, connection) => {
                let row = match connection {
                    Some(connection) => query.fetch_optional(connection).await,
                    None => Err(sqlx::Error::PoolClosed),
                };
                row.map(|row| row.map(Row::Postgres)).map_err(storage_error)
            }
        };
        let found = found.inspect_err(|_| *self.failed = true)?;
        Ok(found.map(|row| TableRow::new(table, row)))
    }

    /// Returns the one row that it always finds.
    pub(crate) async fn one(self, table: &'static str) -> Result<TableRow, StorageError> {
        self.optional(table).await?.ok_or_else(|| storage_error(sqlx::Error::RowNotFound))
    }

    /// Returns all rows that it finds in `table`.
    pub(crate) async fn all(self, table: &'static str) -> Result<Vec<TableRow>, StorageError> {
        let found: Result<Vec<Row>, StorageError> = match self.driver {
            Driver::File(text, values, transaction) => {
                let rows = values.map_err(file_error);
                let rows = rows.and_then(|values| transaction.query(text, &values, usize::MAX));
                rows.map(|rows| rows.into_iter().map(Row::File).collect())
            }
            Driver::Postgres(query, connection) => {
                let rows = match connection {
                    Some(connection) => query.fetch_all(connection).await,
                    None => Err(sqlx::Error::PoolClosed),
                };
                rows.map(|rows| rows.into_iter().map(Row::Postgres).collect()).map_err(storage_error)
            }
        };
        let rows = found.inspect_err(|_| *self.failed = true)?;
        Ok(rows.into_iter().map(|row| TableRow::new(table, row)).collect())
    }
}

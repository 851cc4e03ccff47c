//! Everything that a database holds, as rows: read at one moment while others write, and put into an empty database of
//! either kind.

use crate::database::{Database, OpenError, Reached};
use crate::error::storage_error;
use crate::schema;
use futures_util::TryStreamExt as _;
use keyfob_issuer_core::storage::StorageError;
use sqlx::postgres::{PgConnection, PgRow, Postgres};
use sqlx::sqlite::{Sqlite, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Executor as _, Row as _, TypeInfo as _, ValueRef as _};
use std::collections::BTreeMap;
use std::io;

/// A value of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A number.
    Integer(i64),
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// A part of a backup, in the order in which it is put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// The rows that follow are of this table.
    Table {
        /// Its name.
        name: String,
        /// What each row holds.
        columns: Vec<String>,
    },
    /// A row.
    Row(Vec<Value>),
}

/// Rows cannot be read or put back; a database that was to be filled is as it was.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Where the rows go to, or come from.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The tables are of a version that this program does not know.
    #[error(
        "the backup has tables of step {found}, and this program knows {known}: use a newer keyfob-issuer"
    )]
    Newer {
        /// The step of the backup.
        found: i64,
        /// The newest one that is known.
        known: i64,
    },
    /// The rows are none that [`Database::read_out`] gave.
    #[error("the backup names a table or column that cannot be one")]
    NotAName,
    /// A column holds what no column of ours does.
    #[error("a column of {0} holds a value of an unknown kind")]
    UnknownKind(String),
}

impl From<sqlx::Error> for BackupError {
    fn from(error: sqlx::Error) -> Self {
        Self::Storage(storage_error(error))
    }
}

/// Takes one record after the other.
pub type Take<'a> = &'a mut (dyn FnMut(Record) -> io::Result<()> + Send);

const FILE_TABLES: &str = "SELECT m.name AS name, f.\"table\" AS needs FROM sqlite_schema m
    LEFT JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' ORDER BY 1, 2";
const SERVER_TABLES: &str = "SELECT c.relname::text AS name, n.relname::text AS needs FROM pg_class c
    LEFT JOIN pg_constraint f ON f.conrelid = c.oid AND f.contype = 'f' LEFT JOIN pg_class n ON n.oid = f.confrelid
    WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace ORDER BY 1, 2";
const STEP: &str = "SELECT max(version) FROM _sqlx_migrations WHERE success";
/// The notes of which steps were taken: they are made anew where the rows are put.
const NOTES: &str = "_sqlx_migrations";

impl Database {
    /// Returns the step that the tables are at.
    pub async fn step(&mut self) -> Result<i64, BackupError> {
        let step: Option<i64> = match &mut self.reached {
            Reached::File { pool, .. } => sqlx::query_scalar(STEP).fetch_one(&*pool).await?,
            Reached::Server { connection, .. } => sqlx::query_scalar(STEP).fetch_one(connection).await?,
        };
        Ok(step.unwrap_or_default())
    }

    /// Gives every row to `take`, as all were at one moment; nobody waits for it.
    pub async fn read_out(&mut self, take: Take<'_>) -> Result<(), BackupError> {
        match &mut self.reached {
            Reached::File { pool, .. } => {
                let mut connection = pool.acquire().await?;
                connection.execute("BEGIN").await?;
                let read = read_file(&mut connection, take).await;
                connection.execute("ROLLBACK").await?;
                read
            }
            Reached::Server { connection, .. } => {
                connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
                let read = read_server(connection, take).await;
                connection.execute("ROLLBACK").await?;
                read
            }
        }
    }

    /// Makes the tables of `step`, puts the rows that `records` gives into them, and brings the tables up to date.
    pub async fn fill(
        &mut self,
        step: i64,
        records: &mut (dyn Iterator<Item = io::Result<Record>> + Send),
    ) -> Result<(), BackupError> {
        let known = schema::newest();
        if step > known {
            return Err(BackupError::Newer { found: step, known });
        }
        match &mut self.reached {
            Reached::File { pool, .. } => {
                schema::for_file_until(step).run(&*pool).await.map_err(OpenError::Migrate)?;
                let mut transaction = pool.begin().await?;
                transaction.execute("PRAGMA defer_foreign_keys = ON").await?;
                let mut filling = Filling::default();
                for record in records {
                    if let Some((text, values)) = filling.next(record?)? {
                        let mut query = sqlx::query::<Sqlite>(AssertSqlSafe(text));
                        for value in values {
                            query = match value {
                                Value::Null => query,
                                Value::Integer(number) => query.bind(number),
                                Value::Text(text) => query.bind(text),
                                Value::Bytes(bytes) => query.bind(bytes),
                            };
                        }
                        query.execute(&mut *transaction).await?;
                    }
                }
                transaction.commit().await?;
            }
            Reached::Server { connection, .. } => {
                let migrated = schema::for_server_until(step).run_direct(None, connection, false).await;
                migrated.map_err(OpenError::Migrate)?;
                connection.execute("BEGIN").await?;
                let mut filling = Filling::default();
                for record in records {
                    if let Some((text, values)) = filling.next(record?)? {
                        let mut query = sqlx::query::<Postgres>(AssertSqlSafe(text));
                        for value in values {
                            query = match value {
                                Value::Null => query,
                                Value::Integer(number) => query.bind(number),
                                Value::Text(text) => query.bind(text),
                                Value::Bytes(bytes) => query.bind(bytes),
                            };
                        }
                        query.execute(&mut *connection).await?;
                    }
                }
                connection.execute("COMMIT").await?;
            }
        }
        Ok(())
    }
}

/// Which table is being filled.
#[derive(Default)]
struct Filling {
    table: Option<(String, Vec<String>)>,
}

impl Filling {
    /// Returns the statement that a record asks for. A value that is nothing stands in the text: a parameter has a type,
    /// and nothing has none.
    fn next(&mut self, record: Record) -> Result<Option<(String, Vec<Value>)>, BackupError> {
        match record {
            Record::Table { name, columns } => {
                if !std::iter::once(&name).chain(&columns).all(|name| is_name(name)) {
                    return Err(BackupError::NotAName);
                }
                // What the steps themselves have put there comes with the rows.
                let clear = format!("DELETE FROM {name}");
                self.table = Some((name, columns));
                Ok(Some((clear, Vec::new())))
            }
            Record::Row(values) => {
                let (name, columns) = self.table.as_ref().ok_or(BackupError::NotAName)?;
                if values.len() != columns.len() {
                    return Err(BackupError::NotAName);
                }
                let mut number = 0;
                let places: Vec<String> = values
                    .iter()
                    .map(|value| match value {
                        Value::Null => "NULL".to_owned(),
                        Value::Integer(_) | Value::Text(_) | Value::Bytes(_) => {
                            number += 1;
                            format!("${number}")
                        }
                    })
                    .collect();
                let (columns, places) = (columns.join(", "), places.join(", "));
                Ok(Some((format!("INSERT INTO {name} ({columns}) VALUES ({places})"), values)))
            }
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

async fn read_file(connection: &mut SqliteConnection, take: Take<'_>) -> Result<(), BackupError> {
    let tables = sqlx::query_as(FILE_TABLES).fetch_all(&mut *connection).await?;
    for name in in_order(tables) {
        let mut is_first = true;
        let select = AssertSqlSafe(format!("SELECT * FROM {name}"));
        let mut rows = sqlx::query::<Sqlite>(select).fetch(&mut *connection);
        while let Some(row) = rows.try_next().await? {
            if std::mem::take(&mut is_first) {
                take(table(&name, row.columns().iter().map(sqlx::Column::name)))?;
            }
            let values = (0..row.len()).map(|at| file_value(&name, &row, at)).collect::<Result<_, _>>()?;
            take(Record::Row(values))?;
        }
    }
    Ok(())
}

async fn read_server(connection: &mut PgConnection, take: Take<'_>) -> Result<(), BackupError> {
    let tables = sqlx::query_as(SERVER_TABLES).fetch_all(&mut *connection).await?;
    for name in in_order(tables) {
        let mut is_first = true;
        let select = AssertSqlSafe(format!("SELECT * FROM {name}"));
        let mut rows = sqlx::query::<Postgres>(select).fetch(&mut *connection);
        while let Some(row) = rows.try_next().await? {
            if std::mem::take(&mut is_first) {
                take(table(&name, row.columns().iter().map(sqlx::Column::name)))?;
            }
            let values = (0..row.len()).map(|at| server_value(&name, &row, at)).collect::<Result<_, _>>()?;
            take(Record::Row(values))?;
        }
    }
    Ok(())
}

fn table<'a>(name: &str, columns: impl Iterator<Item = &'a str>) -> Record {
    Record::Table { name: name.to_owned(), columns: columns.map(str::to_owned).collect() }
}

fn file_value(table: &str, row: &SqliteRow, at: usize) -> Result<Value, BackupError> {
    let raw = row.try_get_raw(at)?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    match raw.type_info().name() {
        "INTEGER" => Ok(Value::Integer(row.try_get(at)?)),
        "TEXT" => Ok(Value::Text(row.try_get(at)?)),
        "BLOB" => Ok(Value::Bytes(row.try_get(at)?)),
        _ => Err(BackupError::UnknownKind(table.to_owned())),
    }
}

fn server_value(table: &str, row: &PgRow, at: usize) -> Result<Value, BackupError> {
    let raw = row.try_get_raw(at)?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    match raw.type_info().name() {
        "INT8" => Ok(Value::Integer(row.try_get(at)?)),
        "TEXT" => Ok(Value::Text(row.try_get(at)?)),
        "BYTEA" => Ok(Value::Bytes(row.try_get(at)?)),
        _ => Err(BackupError::UnknownKind(table.to_owned())),
    }
}

/// Puts tables behind those that their rows refer to.
fn in_order(named: Vec<(String, Option<String>)>) -> Vec<String> {
    let mut waiting: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, needs) in named {
        let needed = waiting.entry(name.clone()).or_default();
        needed.extend(needs.filter(|needs| *needs != name));
    }
    waiting.remove(NOTES);
    let mut ordered = Vec::new();
    while !waiting.is_empty() {
        let is_free = |needs: &Vec<String>| needs.iter().all(|needed| ordered.contains(needed));
        let free: Vec<String> =
            waiting.iter().filter(|(_, needs)| is_free(needs)).map(|(name, _)| name.clone()).collect();
        if free.is_empty() {
            // Rows that refer to each other in a circle; a file takes them in any order.
            ordered.extend(std::mem::take(&mut waiting).into_keys());
        }
        for name in free {
            waiting.remove(&name);
            ordered.push(name);
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_comes_after_those_that_its_rows_refer_to() {
        let named =
            [("a", Some("c")), ("b", None), ("c", Some("b")), ("_sqlx_migrations", None), ("d", Some("d"))];
        let named = named.map(|(name, needs)| (name.to_owned(), needs.map(str::to_owned))).to_vec();

        assert_eq!(in_order(named), ["b", "d", "c", "a"]);
    }

    #[test]
    fn what_is_no_name_never_becomes_part_of_a_statement() {
        for name in ["", "users; DROP TABLE users", "a b", "A", "\"a\""] {
            let record = Record::Table { name: name.into(), columns: vec!["id".into()] };
            let refused = Filling::default().next(record);
            assert!(matches!(refused, Err(BackupError::NotAName)), "{name}");
        }
        let record = Record::Table { name: "users".into(), columns: vec!["id, (SELECT 1)".into()] };
        assert!(matches!(Filling::default().next(record), Err(BackupError::NotAName)));
        assert!(matches!(Filling::default().next(Record::Row(vec![])), Err(BackupError::NotAName)));
    }

    #[test]
    fn nothing_stands_in_the_text_and_everything_else_is_a_parameter() {
        let mut filling = Filling::default();
        let columns = ["a", "b", "c"].map(str::to_owned).to_vec();
        let clear = filling.next(Record::Table { name: "t".into(), columns }).unwrap();
        let values = vec![Value::Integer(1), Value::Null, Value::Text("x'); --".into())];
        let insert = filling.next(Record::Row(values.clone())).unwrap();

        assert_eq!(clear, Some(("DELETE FROM t".into(), vec![])));
        assert_eq!(insert, Some(("INSERT INTO t (a, b, c) VALUES ($1, NULL, $2)".into(), values)));
    }
}

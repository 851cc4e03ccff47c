//! The tables, and how a database gets to those of this version.

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

/// Every step, in order; one that was released never changes.
///
/// Each is written once, in SQLite's words: [`for_postgres`] says which of them PostgreSQL calls differently.
const STEPS: [(&str, &str); 8] = [
    ("first", include_str!("../migrations/0001_first.sql")),
    ("recoverable rotation", include_str!("../migrations/0002_recoverable_rotation.sql")),
    ("session labels", include_str!("../migrations/0003_session_labels.sql")),
    ("accounts", include_str!("../migrations/0004_accounts.sql")),
    ("keys", include_str!("../migrations/0005_keys.sql")),
    ("workspaces", include_str!("../migrations/0006_workspaces.sql")),
    ("pages", include_str!("../migrations/0009_pages.sql")),
    ("operation", include_str!("../migrations/0007_operation.sql")),
];

/// Returns what brings a file up to date.
pub(crate) fn for_file() -> Migrator {
    migrator(SqlSafeStr::into_sql_str)
}

/// Returns what brings a server's database up to date.
///
/// It holds an advisory lock meanwhile: of several nodes that start at once, one does it and the others find it done.
pub(crate) fn for_server() -> Migrator {
    migrator(|text| AssertSqlSafe(for_postgres(text)).into_sql_str())
}

fn migrator(text: impl Fn(&'static str) -> SqlStr) -> Migrator {
    let migration = |(version, (name, sql)): (i64, (&'static str, &'static str))| {
        Migration::new(version, name.into(), MigrationType::Simple, text(sql), false)
    };
    Migrator::with_migrations((1..).zip(STEPS).map(migration).collect())
}

/// Returns a step in PostgreSQL's words: its types, and texts that are ordered by their bytes, as in SQLite.
fn for_postgres(step: &str) -> String {
    [(" INTEGER", " BIGINT"), (" BLOB", " BYTEA"), (" TEXT", " TEXT COLLATE \"C\""), (") STRICT;", ");")]
        .iter()
        .fold(step.to_owned(), |text, (sqlite, postgres)| text.replace(sqlite, postgres))
}

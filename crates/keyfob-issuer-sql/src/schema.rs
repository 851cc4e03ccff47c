//! The tables, and how a database gets to those of this version.

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

/// Every step, in order; one that was released never changes.
///
/// Each is written once, in SQLite's words: [`for_postgres`] says which of them PostgreSQL calls differently.
const STEPS: [(&str, &str); 12] = [
    ("first", include_str!("../migrations/0001_first.sql")),
    ("recoverable rotation", include_str!("../migrations/0002_recoverable_rotation.sql")),
    ("session labels", include_str!("../migrations/0003_session_labels.sql")),
    ("accounts", include_str!("../migrations/0004_accounts.sql")),
    ("keys", include_str!("../migrations/0005_keys.sql")),
    ("workspaces", include_str!("../migrations/0006_workspaces.sql")),
    ("pages", include_str!("../migrations/0007_pages.sql")),
    ("operation", include_str!("../migrations/0008_operation.sql")),
    ("devices", include_str!("../migrations/0009_devices.sql")),
    ("notices", include_str!("../migrations/0010_notices.sql")),
    ("back channel", include_str!("../migrations/0011_back_channel.sql")),
    ("handed over", include_str!("../migrations/0012_handed_over.sql")),
];

/// Returns the number of the last step.
pub(crate) fn newest() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}

/// Returns the names of the steps after that of the number `step`.
pub(crate) fn after(step: i64) -> Vec<&'static str> {
    (1..).zip(STEPS).filter(|(number, _)| *number > step).map(|(_, (name, _))| name).collect()
}

/// Returns what brings a file up to date.
pub(crate) fn for_file() -> Migrator {
    for_file_until(newest())
}

/// Returns what brings a file to the tables of `step`.
pub(crate) fn for_file_until(step: i64) -> Migrator {
    migrator(step, SqlSafeStr::into_sql_str)
}

/// Returns what brings a server's database up to date.
///
/// It holds an advisory lock meanwhile: of several nodes that start at once, one does it and the others find it done.
pub(crate) fn for_server() -> Migrator {
    for_server_until(newest())
}

/// Returns what brings a server's database to the tables of `step`.
pub(crate) fn for_server_until(step: i64) -> Migrator {
    migrator(step, |text| AssertSqlSafe(for_postgres(text)).into_sql_str())
}

fn migrator(until: i64, text: impl Fn(&'static str) -> SqlStr) -> Migrator {
    let migration = |(version, (name, sql)): (i64, (&'static str, &'static str))| {
        Migration::new(version, name.into(), MigrationType::Simple, text(sql), false)
    };
    Migrator::with_migrations((1..=until).zip(STEPS).map(migration).collect())
}

/// Returns a step in PostgreSQL's words: its types, and texts that are ordered by their bytes, as in SQLite.
fn for_postgres(step: &str) -> String {
    [(" INTEGER", " BIGINT"), (" BLOB", " BYTEA"), (" TEXT", " TEXT COLLATE \"C\""), (") STRICT;", ");")]
        .iter()
        .fold(step.to_owned(), |text, (sqlite, postgres)| text.replace(sqlite, postgres))
}

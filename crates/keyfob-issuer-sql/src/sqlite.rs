//! The database file: opened, brought to the current schema, written through one connection.

use crate::error::storage_error;
use crate::transaction::SqlTransaction;
use async_trait::async_trait;
use keyfob_issuer_core::storage::{Storage, StorageError, Transaction};
use sqlx::SqlSafeStr as _;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

/// The issuer's database in one file.
#[derive(Clone, Debug)]
pub struct SqliteStorage {
    pool: SqlitePool,
}

/// The database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be made.
    #[error("cannot create {path}")]
    Create {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is no database, or cannot be used as one.
    #[error("cannot open {path}")]
    Open {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The schema cannot be brought up to date.
    #[error("cannot bring the database's tables up to date")]
    Migrate(#[source] MigrateError),
}

/// How long a transaction waits for the one before it.
const WRITER_PATIENCE: Duration = Duration::from_secs(10);

impl SqliteStorage {
    /// Creates the database `path`, readable by its owner alone; the file must not exist.
    pub async fn create(path: &Path) -> Result<Self, OpenError> {
        // SQLite gives its side files the mode of the database, so only this one has to be made with care.
        std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(|source| OpenError::Create { path: path.display().to_string(), source })?;
        Self::open(path).await
    }

    /// Opens the database `path`, which must exist.
    pub async fn open(path: &Path) -> Result<Self, OpenError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(WRITER_PATIENCE)
            // What is deleted is overwritten, so that an old digest or seal does not linger in the file.
            .pragma("secure_delete", "ON");
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(WRITER_PATIENCE)
            .connect_with(options)
            .await
            .map_err(|source| OpenError::Open { path: path.display().to_string(), source })?;
        migrator().run(&pool).await.map_err(OpenError::Migrate)?;
        Ok(Self { pool })
    }

    /// Writes everything back into the one file and closes it.
    pub async fn close(self) {
        self.pool.close().await;
    }
}

/// Every step of the schema, in order; one that was released never changes.
const STEPS: [(&str, &str); 3] = [
    ("first", include_str!("../migrations/sqlite/0001_first.sql")),
    ("recoverable rotation", include_str!("../migrations/sqlite/0002_recoverable_rotation.sql")),
    ("session labels", include_str!("../migrations/sqlite/0003_session_labels.sql")),
];

fn migrator() -> Migrator {
    let step = |(version, (name, sql)): (i64, (&'static str, &'static str))| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations((1..).zip(STEPS).map(step).collect())
}

#[async_trait]
impl Storage for SqliteStorage {
    async fn begin(&self) -> Result<Box<dyn Transaction>, StorageError> {
        let transaction = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(storage_error)?;
        Ok(Box::new(SqlTransaction::new(transaction)))
    }
}

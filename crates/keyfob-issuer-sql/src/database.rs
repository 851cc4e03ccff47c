//! The database: reached, brought to the current schema, written through a file's one connection or a server's many.

use crate::backup::BackupError;
use crate::file::{Company, File};
use crate::schema;
use crate::server::Server;
use crate::transaction::{Begun, Effect, SqlTransaction};
use crate::urgency::{LONGEST, Urgency};
use crate::url::DatabaseUrl;
use async_trait::async_trait;
use keyfob_issuer_core::storage::{SealedSigningKey, Storage, StorageError, Transaction};
use keyfob_oauth::Secret;
use sqlx::Connection as _;
use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use std::fmt;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::timeout;

/// How to get to a database.
#[derive(Clone, Debug)]
pub struct Access<'a> {
    /// Which.
    pub url: &'a DatabaseUrl,
    /// Where the issuer's files are, and so a database that is a file.
    pub directory: &'a Path,
    /// The password at a server; without one, that of `PGPASSFILE`.
    pub password: Option<&'a Secret>,
    /// How many connections to a server there may be; a file has one.
    pub connections: u32,
}

/// The database cannot be used.
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
    /// The file is no database or cannot be used as one, or the server does not let us in.
    #[error("cannot open the database {database}")]
    Open {
        /// Which.
        database: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The file does not open once its tables are up to date.
    #[error("cannot open the database {database}")]
    Statements {
        /// Which.
        database: String,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// The server did not answer in time.
    #[error("the server of the database {database} does not answer")]
    Silent {
        /// Which.
        database: String,
    },
    /// The database is in use by an issuer already.
    #[error("the database {database} holds an issuer already")]
    Occupied {
        /// Which.
        database: String,
    },
    /// The schema cannot be brought up to date.
    #[error("cannot bring the database's tables up to date")]
    Migrate(#[source] MigrateError),
}

/// A database that was reached and is still as it was found.
pub struct Database {
    name: String,
    pub(crate) reached: Reached,
}

impl fmt::Debug for Database {
    /// The driver's own would show the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("name", &self.name).finish_non_exhaustive()
    }
}

/// How it was reached.
pub(crate) enum Reached {
    File { pool: SqlitePool, path: PathBuf },
    Server { connection: PgConnection, options: Box<PgConnectOptions>, connections: u32 },
}

/// How long a server may take to let us in.
const GREETING: Duration = Duration::from_secs(10);
/// How long a node waits for the one that brings the tables up to date, in milliseconds.
const MIGRATION_LIMITS: [(&str, &str); 1] = [("lock_timeout", "60000")];

impl Database {
    /// Takes a database for a new issuer: a file that must not exist, or a server's that holds none.
    ///
    /// The file is readable by its owner alone.
    pub async fn create(access: &Access<'_>) -> Result<Self, OpenError> {
        if let Some(path) = access.url.file(access.directory) {
            // SQLite gives its side files the mode of the database, so only this one has to be made with care.
            std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)
                .map_err(|source| OpenError::Create { path: path.display().to_string(), source })?;
        }
        let mut database = Self::reach(access).await?;
        match database.sealed_signing_key().await? {
            Some(_) => Err(OpenError::Occupied { database: database.name }),
            None => Ok(database),
        }
    }

    /// Reaches a database, which must exist, and changes nothing.
    pub async fn reach(access: &Access<'_>) -> Result<Self, OpenError> {
        let name = access.url.to_string();
        let reached = match (access.url.server(), access.url.file(access.directory)) {
            (Some(options), _) => reach_server(options, access, &name).await?,
            (None, path) => {
                let path = path.unwrap_or_default();
                let opened = open_file(&path).await;
                let pool = opened.map_err(|source| OpenError::Open { database: name.clone(), source })?;
                Reached::File { pool, path }
            }
        };
        Ok(Self { name, reached })
    }

    /// Returns the newest signing key, if an issuer is here; in columns that are the same in every version's tables.
    ///
    /// For a look at whose database it is, before [`Database::into_storage`] changes its tables.
    pub async fn sealed_signing_key(&mut self) -> Result<Option<SealedSigningKey>, OpenError> {
        const NEWEST: &str = "SELECT id, sealed FROM signing_keys ORDER BY created_at DESC LIMIT 1";
        const IN_FILE: &str = "SELECT count(*) FROM sqlite_schema WHERE name = 'signing_keys'";
        const ON_SERVER: &str = "SELECT count(to_regclass('signing_keys'))";
        let found = match &mut self.reached {
            Reached::File { pool, .. } => match sqlx::query_scalar(IN_FILE).fetch_one(&*pool).await {
                Ok(0_i64) => Ok(None),
                Ok(_) => sqlx::query_as(NEWEST).fetch_optional(&*pool).await,
                Err(error) => Err(error),
            },
            Reached::Server { connection, .. } => {
                match sqlx::query_scalar(ON_SERVER).fetch_one(&mut *connection).await {
                    Ok(0_i64) => Ok(None),
                    Ok(_) => sqlx::query_as(NEWEST).fetch_optional(connection).await,
                    Err(error) => Err(error),
                }
            }
        };
        match found {
            Ok(key) => Ok(key.map(|(id, sealed)| SealedSigningKey { id, sealed })),
            Err(source) => Err(OpenError::Open { database: self.name.clone(), source }),
        }
    }

    /// Returns the steps that the tables have before them, by name.
    pub async fn pending(&mut self) -> Result<Vec<&'static str>, BackupError> {
        Ok(schema::after(self.step().await?))
    }

    /// Brings the tables up to date, for those who wait with this urgency.
    pub async fn into_storage(self, urgency: Urgency) -> Result<SqlStorage, OpenError> {
        let pool = match self.reached {
            Reached::File { pool, path } => {
                schema::for_file().run(&pool).await.map_err(OpenError::Migrate)?;
                pool.close().await;
                let source = |source| OpenError::Statements { database: self.name, source };
                Pool::File(File::open(&path, urgency).map_err(source)?)
            }
            Reached::Server { mut connection, options, connections } => {
                let migrated = schema::for_server().run_direct(None, &mut connection, false).await;
                migrated.map_err(OpenError::Migrate)?;
                let source = |source| OpenError::Open { database: self.name.clone(), source };
                connection.close().await.map_err(source)?;
                Pool::Server(Server::connect(*options, connections, urgency).await.map_err(source)?)
            }
        };
        Ok(SqlStorage { pool, effect: Effect::Kept })
    }
}

async fn open_file(path: &Path) -> Result<SqlitePool, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(LONGEST)
        // What is deleted is overwritten, so that an old digest or seal does not linger in the file.
        .pragma("secure_delete", "ON");
    SqlitePoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(LONGEST)
        .connect_with(options)
        .await
}

/// Reaches a server by one connection: a pool would go on trying, and keep to itself why it did not get in.
async fn reach_server(
    options: PgConnectOptions,
    access: &Access<'_>,
    name: &str,
) -> Result<Reached, OpenError> {
    let options = match access.password {
        Some(password) => options.password(password.expose()),
        None => options,
    };
    let patient = options.clone().options(MIGRATION_LIMITS);
    match timeout(GREETING, PgConnection::connect_with(&patient)).await {
        Ok(Ok(connection)) => {
            Ok(Reached::Server { connection, options: Box::new(options), connections: access.connections })
        }
        Ok(Err(source)) => Err(OpenError::Open { database: name.to_owned(), source }),
        Err(_elapsed) => Err(OpenError::Silent { database: name.to_owned() }),
    }
}

/// A database with the tables of this version.
#[derive(Clone, Debug)]
pub struct SqlStorage {
    pool: Pool,
    effect: Effect,
}

#[derive(Clone, Debug)]
enum Pool {
    File(File),
    Server(Server),
}

impl SqlStorage {
    /// Returns the same database, whose transactions have this effect.
    #[must_use]
    pub fn with_effect(self, effect: Effect) -> Self {
        Self { effect, ..self }
    }

    /// Ends every connection, those that a rolled back transaction still holds a moment later; a file is whole then without
    /// its side files.
    pub async fn close(self) {
        match self.pool {
            Pool::File(file) => file.close().await,
            Pool::Server(server) => server.close().await,
        }
    }
}

#[async_trait]
impl Storage for SqlStorage {
    async fn begin(&self) -> Result<Box<dyn Transaction>, StorageError> {
        self.begin_in(Company::Alone).await
    }

    async fn begin_shared(&self) -> Result<Box<dyn Transaction>, StorageError> {
        self.begin_in(Company::Shared).await
    }
}

impl SqlStorage {
    async fn begin_in(&self, company: Company) -> Result<Box<dyn Transaction>, StorageError> {
        let begun = match &self.pool {
            Pool::File(file) => Begun::File(file.begin(company).await?),
            // A server has the commits of all its connections in one file, and so shares them by itself.
            // Boxed, since it is large: a file would else move it about for nothing.
            Pool::Server(server) => Begun::Postgres(Box::pin(server.begin()).await?),
        };
        Ok(Box::new(SqlTransaction::new(begun, self.effect)))
    }
}

//! `restore`: a backup becomes an issuer again, on a machine that holds none.

use crate::command::backup_file::{self, InvalidBackup};
use crate::command::files::{self, FileError};
use crate::command::staging::{self, StagingError};
use crate::config::{Config, ConfigError, DatabaseSettings};
use crate::database::{self, DatabaseError};
use keyfob_issuer_core::Fault;
use keyfob_issuer_core::operation::{Fate, Settled, settle_restored};
use keyfob_issuer_sql::{BackupError, OpenError, Urgency};
use keyfob_oauth::{Clock, Timestamp};
use std::path::{Path, PathBuf};

/// What is to be restored, and where to.
#[derive(Debug)]
pub struct Wish {
    /// The backup.
    pub backup: PathBuf,
    /// The file that holds the seal key of the issuer that made it.
    pub seal_key: PathBuf,
    /// Which database to put it in, instead of one like that it came from.
    pub database: Option<DatabaseSettings>,
    /// What becomes of the sessions.
    pub sessions: Fate,
    /// What becomes of personal access tokens and API keys.
    pub keys: Fate,
}

/// There is no restored issuer.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The seal key.
    #[error(transparent)]
    File(#[from] FileError),
    /// The backup.
    #[error("{path} cannot be restored")]
    Invalid {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: InvalidBackup,
    },
    /// Its settings.
    #[error("the settings in the backup cannot be used")]
    Config(#[from] ConfigError),
    /// The directory.
    #[error(transparent)]
    Staging(#[from] StagingError),
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The rows.
    #[error("cannot put the rows back")]
    Fill(#[from] BackupError),
    /// Something else.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<OpenError> for RestoreError {
    fn from(error: OpenError) -> Self {
        Self::Database(error.into())
    }
}

/// What a backup is found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// When it was made.
    pub created_at: Timestamp,
    /// How many rows it holds.
    pub rows: u64,
}

/// Says what `wish` would restore, and whether it can be; changes nothing.
pub fn look(data: &Path, wish: &Wish) -> Result<Found, RestoreError> {
    let seal_key = files::read_seal_key_file(&wish.seal_key)?;
    let invalid = |source| RestoreError::Invalid { path: wish.backup.display().to_string(), source };
    let verified = backup_file::verify(&wish.backup, &seal_key).map_err(invalid)?;
    staging::check(data, &config(&verified.header.settings, wish)?)?;
    Ok(Found { created_at: verified.header.created_at, rows: verified.rows })
}

/// Makes the issuer of a backup in the directory `data`.
///
/// An interruption leaves the staging directory, which the next run replaces, and on a server tables, which it fills anew.
pub async fn restore(data: &Path, wish: &Wish, clock: &dyn Clock) -> Result<(Found, Settled), RestoreError> {
    let found = look(data, wish)?;
    let seal_key = files::read_seal_key_file(&wish.seal_key)?;
    let invalid = |source| RestoreError::Invalid { path: wish.backup.display().to_string(), source };
    let verified = backup_file::verify(&wish.backup, &seal_key).map_err(invalid)?;
    let config = config(&verified.header.settings, wish)?;
    let staging = staging::begin(data)?;
    files::write_seal_key(&staging, &seal_key)?;
    let mut database = database::create_empty(data, &staging, &config).await?;
    let mut records = backup_file::records(&wish.backup).map_err(|error| invalid(error.into()))?;
    database.fill(verified.header.step, &mut records).await?;
    let storage = database.into_storage(Urgency::Commands).await?;
    let settled = settle_restored(&storage, clock, wish.sessions, wish.keys).await?;
    storage.close().await;
    staging::finish(data, &staging, &config)?;
    Ok((found, settled))
}

fn config(settings: &str, wish: &Wish) -> Result<Config, ConfigError> {
    let config = Config::from_text(settings, "the backup's issuer.toml")?;
    Ok(match &wish.database {
        Some(database) => Config { database: database.clone(), ..config },
        None => config,
    })
}

//! The issuer of a directory, opened on its host by a command; it may be serving meanwhile.

use crate::command::files::{self, FileError};
use crate::config::{Config, ConfigError};
use crate::database::{self, DatabaseError};
use keyfob_issuer_core::seal::SealKey;
use keyfob_issuer_sql::{Database, SqlStorage, Urgency};
use std::path::Path;

/// The directory holds no issuer that can be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenDataError {
    /// There is no issuer.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The seal key.
    #[error(transparent)]
    File(#[from] FileError),
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// An opened issuer.
pub(super) struct Opened {
    pub(super) config: Config,
    pub(super) seal_key: SealKey,
    pub(super) storage: SqlStorage,
}

/// An issuer whose database was reached and is as it was found.
pub(super) struct Reached {
    pub(super) config: Config,
    pub(super) seal_key: SealKey,
    pub(super) database: Database,
}

/// Reaches the issuer in `data`, and leaves its tables as they are.
pub(super) async fn reach(data: &Path) -> Result<Reached, OpenDataError> {
    let config = Config::load(data)?;
    let seal_key = files::read_seal_key(data)?;
    let database = database::reach(data, &config, &seal_key).await?;
    Ok(Reached { config, seal_key, database })
}

/// Opens the issuer in `data`; without settings it is no issuer's directory.
pub(super) async fn open(data: &Path) -> Result<(Config, SqlStorage), OpenDataError> {
    let Opened { config, storage, .. } = open_with_key(data).await?;
    Ok((config, storage))
}

/// Opens the issuer in `data`, for what needs its seal key too.
pub(super) async fn open_with_key(data: &Path) -> Result<Opened, OpenDataError> {
    let config = Config::load(data)?;
    let seal_key = files::read_seal_key(data)?;
    let storage = database::open(data, &config, &seal_key, Urgency::Commands).await?;
    Ok(Opened { config, seal_key, storage })
}

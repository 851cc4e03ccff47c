//! The issuer's database: reached as the settings say, and changed only if it is the one that the seal key belongs to.

use crate::command::files::{self, FileError};
use crate::config::Config;
use keyfob_issuer_core::Fault;
use keyfob_issuer_core::seal::SealKey;
use keyfob_issuer_sql::{Access, Database, OpenError, SqlStorage, Urgency};
use keyfob_oauth::Secret;
use std::path::Path;

/// The database cannot be used; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The file that holds its password.
    #[error(transparent)]
    Password(#[from] FileError),
    /// The database itself.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It holds no issuer, or one whose seal key is another.
    #[error("the database {database} is not this issuer's")]
    Foreign {
        /// Which.
        database: String,
        /// Why.
        #[source]
        source: Fault,
    },
}

/// Opens the database of the issuer in the directory `data`, and brings its tables up to date.
pub(crate) async fn open(
    data: &Path,
    config: &Config,
    seal_key: &SealKey,
    urgency: Urgency,
) -> Result<SqlStorage, DatabaseError> {
    Ok(reach(data, config, seal_key).await?.into_storage(urgency).await?)
}

/// Reaches the database of the issuer in the directory `data`, and leaves it as it is.
pub(crate) async fn reach(
    data: &Path,
    config: &Config,
    seal_key: &SealKey,
) -> Result<Database, DatabaseError> {
    let password = password(data, config)?;
    let mut database = Database::reach(&access(data, config, password.as_ref())).await?;
    let foreign = |source| DatabaseError::Foreign { database: config.database.url.to_string(), source };
    let key = database.sealed_signing_key().await?.ok_or_else(|| foreign(Fault::NoSigningKey))?;
    let opened = seal_key.signing_key_seal(&key.id).and_then(|seal| seal.open(&key.sealed));
    opened.map_err(|error| foreign(error.into()))?;
    Ok(database)
}

/// Makes the tables of a new issuer; a file is made in `files`, and moved to `data` by the caller.
pub(crate) async fn create(data: &Path, files: &Path, config: &Config) -> Result<SqlStorage, DatabaseError> {
    Ok(create_empty(data, files, config).await?.into_storage(Urgency::Commands).await?)
}

/// Takes a database for an issuer, and makes no tables.
pub(crate) async fn create_empty(
    data: &Path,
    files: &Path,
    config: &Config,
) -> Result<Database, DatabaseError> {
    let password = password(data, config)?;
    Ok(Database::create(&access(files, config, password.as_ref())).await?)
}

fn access<'a>(directory: &'a Path, config: &'a Config, password: Option<&'a Secret>) -> Access<'a> {
    Access { url: &config.database.url, directory, password, connections: config.database.connections }
}

fn password(data: &Path, config: &Config) -> Result<Option<Secret>, FileError> {
    config.database.password_file.as_ref().map(|file| files::read_secret(&data.join(file))).transpose()
}

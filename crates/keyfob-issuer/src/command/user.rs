//! `user`: people are added and listed.

use crate::command::files::{self, FileError};
use crate::config::{Config, ConfigError};
use crate::database::{self, DatabaseError};
use keyfob_issuer_core::Fault;
use keyfob_issuer_core::operation::{AddUserError, add_user};
use keyfob_issuer_core::password::{HashError, Password, PasswordHash};
use keyfob_issuer_core::storage::{Storage as _, StorageError};
use keyfob_issuer_core::user::{Email, User};
use keyfob_issuer_sql::SqlStorage;
use keyfob_oauth::{Clock, Entropy};
use std::path::Path;

/// People cannot be added or listed.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// There is no issuer.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The seal key.
    #[error(transparent)]
    File(#[from] FileError),
    /// The password.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The user.
    #[error(transparent)]
    AddUser(#[from] AddUserError),
    /// Something else.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StorageError> for UserError {
    fn from(error: StorageError) -> Self {
        Self::Fault(error.into())
    }
}

/// Adds a user to the issuer in the directory `data`, which may be serving.
pub async fn add(
    data: &Path,
    email: Email,
    password: &Password,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<(), UserError> {
    let storage = open(data).await?;
    let password = PasswordHash::of(password, entropy)?;
    add_user(&storage, clock, entropy, email, password).await?;
    storage.close().await;
    Ok(())
}

/// Returns everybody, by address.
pub async fn list(data: &Path) -> Result<Vec<User>, UserError> {
    let storage = open(data).await?;
    let users = storage.begin().await?.list_users().await?;
    storage.close().await;
    Ok(users)
}

async fn open(data: &Path) -> Result<SqlStorage, UserError> {
    // Without settings this is no issuer's directory.
    let config = Config::load(data)?;
    let seal_key = files::read_seal_key(data)?;
    Ok(database::open(data, &config, &seal_key).await?)
}

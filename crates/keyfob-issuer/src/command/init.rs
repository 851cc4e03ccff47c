//! `init`: a directory becomes an issuer's, or stays as it was.

use crate::command::files::{self, FileError};
use crate::command::staging::{self, StagingError};
use crate::config::Config;
use crate::database::{self, DatabaseError};
use keyfob_issuer_core::Fault;
use keyfob_issuer_core::operation::{AddUserError, Initial, add_user, initialize};
use keyfob_issuer_core::password::{HashError, Password, PasswordHash};
use keyfob_issuer_core::seal::SealKey;
use keyfob_issuer_core::user::{Email, EmailWord};
use keyfob_jose::SigningKey;
use keyfob_oauth::{Clock, Entropy};
use std::path::Path;

/// What a new issuer is made of.
#[derive(Debug)]
pub struct NewIssuer {
    /// Its settings.
    pub config: Config,
    /// The first user.
    pub owner: Email,
    /// The first user's password.
    pub password: Password,
    /// What it signs with.
    pub signing_key: SigningKey,
}

/// There is no new issuer.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The directory.
    #[error(transparent)]
    Staging(#[from] StagingError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The password.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The first user.
    #[error(transparent)]
    AddUser(#[from] AddUserError),
    /// Something else.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Makes an issuer in the directory `data`.
///
/// An interruption leaves the staging directory, which the next run replaces; the settings are moved last, so that a
/// directory with settings holds all the rest.
pub async fn init(
    data: &Path,
    new: NewIssuer,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<(), InitError> {
    staging::check(data, &new.config)?;
    let staging = staging::begin(data)?;
    let seal_key = SealKey::generate(entropy).map_err(Fault::from)?;
    files::write_seal_key(&staging, &seal_key)?;
    let storage = database::create(data, &staging, &new.config).await?;
    let initial = Initial { seal_key: &seal_key, signing_key: &new.signing_key };
    initialize(&storage, clock, entropy, &initial).await?;
    let password = PasswordHash::of(&new.password, entropy)?;
    add_user(&storage, clock, entropy, new.owner, EmailWord::Administrator, password).await?;
    storage.close().await;
    Ok(staging::finish(data, &staging, &new.config)?)
}

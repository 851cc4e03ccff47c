//! `init`: a directory becomes an issuer's, or stays as it was.

use crate::command::files::{self, FileError, SEAL_KEY};
use crate::config::{Config, FILE};
use crate::database::{self, DatabaseError};
use keyfob_issuer_core::Fault;
use keyfob_issuer_core::operation::{AddUserError, Initial, add_user, initialize};
use keyfob_issuer_core::password::{HashError, Password, PasswordHash};
use keyfob_issuer_core::seal::SealKey;
use keyfob_issuer_core::user::{Email, EmailWord};
use keyfob_jose::SigningKey;
use keyfob_oauth::{Clock, Entropy};
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
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
    /// There is one already.
    #[error("{0} holds an issuer already")]
    Exists(String),
    /// There is half of one.
    #[error("{directory} holds {file} but no {FILE}: an earlier `init` was interrupted, or files were lost")]
    Unfinished {
        /// Where.
        directory: String,
        /// What.
        file: String,
    },
    /// The directory cannot be used.
    #[error("cannot use the directory {path}")]
    Directory {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
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

/// Everything is made in here first.
const STAGING: &str = "init.unfinished";

/// Refuses a directory that holds an issuer, or half of one.
pub fn check(data: &Path, config: &Config) -> Result<(), InitError> {
    let directory = data.display().to_string();
    if data.join(FILE).exists() {
        return Err(InitError::Exists(directory));
    }
    let files = [Some(data.join(SEAL_KEY)), config.database.url.file(data)];
    match files.into_iter().flatten().find(|file| file.exists()) {
        Some(file) => {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Err(InitError::Unfinished { directory, file: name })
        }
        None => Ok(()),
    }
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
    check(data, &new.config)?;
    let staging = data.join(STAGING);
    prepare(data, &staging)
        .map_err(|source| InitError::Directory { path: data.display().to_string(), source })?;
    let seal_key = SealKey::generate(entropy).map_err(Fault::from)?;
    files::write_seal_key(&staging, &seal_key)?;
    let storage = database::create(data, &staging, &new.config).await?;
    let initial = Initial { seal_key: &seal_key, signing_key: &new.signing_key };
    initialize(&storage, clock, entropy, &initial).await?;
    let password = PasswordHash::of(&new.password, entropy)?;
    add_user(&storage, clock, entropy, new.owner, EmailWord::Administrator, password).await?;
    storage.close().await;
    files::write_new(&staging.join(FILE), new.config.to_text().as_bytes())?;
    files::sync_directory(&staging)?;
    let url = &new.config.database.url;
    let made = [
        Some((staging.join(SEAL_KEY), data.join(SEAL_KEY))),
        // A file elsewhere, and what a server keeps, is where it belongs.
        url.file(&staging).zip(url.file(data)).filter(|(made, wanted)| made != wanted),
        Some((staging.join(FILE), data.join(FILE))),
    ];
    for (made, wanted) in made.into_iter().flatten() {
        std::fs::rename(made, &wanted)
            .map_err(|source| FileError::Write { path: wanted.display().to_string(), source })?;
        files::sync_directory(data)?;
    }
    std::fs::remove_dir_all(&staging)
        .map_err(|source| InitError::Directory { path: staging.display().to_string(), source })
}

fn prepare(data: &Path, staging: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(data)?;
    match std::fs::remove_dir_all(staging) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    DirBuilder::new().mode(0o700).create(staging)
}

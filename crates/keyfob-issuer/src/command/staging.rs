//! A directory becomes an issuer's, or stays as it was.

use crate::command::files::{self, FileError, SEAL_KEY};
use crate::config::{Config, FILE};
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// The directory holds an issuer, or half of one, or cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StagingError {
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
}

/// Everything is made in here first.
const STAGING: &str = "init.unfinished";

/// Refuses a directory that holds an issuer, or half of one.
pub fn check(data: &Path, config: &Config) -> Result<(), StagingError> {
    let directory = data.display().to_string();
    if data.join(FILE).exists() {
        return Err(StagingError::Exists(directory));
    }
    let files = [Some(data.join(SEAL_KEY)), config.database.url.file(data)];
    match files.into_iter().flatten().find(|file| file.exists()) {
        Some(file) => {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Err(StagingError::Unfinished { directory, file: name })
        }
        None => Ok(()),
    }
}

/// Makes the directory in which everything is made, in place of one that was left.
pub(super) fn begin(data: &Path) -> Result<PathBuf, StagingError> {
    let staging = data.join(STAGING);
    let make = || {
        DirBuilder::new().recursive(true).mode(0o700).create(data)?;
        match std::fs::remove_dir_all(&staging) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        DirBuilder::new().mode(0o700).create(&staging)
    };
    make().map_err(|source| StagingError::Directory { path: data.display().to_string(), source })?;
    Ok(staging)
}

/// Moves what was made to where it belongs. The settings are moved last, so that a directory with settings holds all the
/// rest.
pub(super) fn finish(data: &Path, staging: &Path, config: &Config) -> Result<(), StagingError> {
    files::write_new(&staging.join(FILE), config.to_text().as_bytes())?;
    files::sync_directory(staging)?;
    let url = &config.database.url;
    let made = [
        Some((staging.join(SEAL_KEY), data.join(SEAL_KEY))),
        // A file elsewhere, and what a server keeps, is where it belongs.
        url.file(staging).zip(url.file(data)).filter(|(made, wanted)| made != wanted),
        Some((staging.join(FILE), data.join(FILE))),
    ];
    for (made, wanted) in made.into_iter().flatten() {
        std::fs::rename(made, &wanted)
            .map_err(|source| FileError::Write { path: wanted.display().to_string(), source })?;
        files::sync_directory(data)?;
    }
    std::fs::remove_dir_all(staging)
        .map_err(|source| StagingError::Directory { path: staging.display().to_string(), source })
}

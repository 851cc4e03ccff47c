//! `$CODEX_HOME`: the folder that holds the login, and our own folder in it (design D15).

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The home of one login, shared with the Codex CLI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home(PathBuf);

/// A home cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// A folder cannot be made or inspected.
    #[error("cannot use the folder {path}")]
    Folder {
        /// Which folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Somebody else owns a folder that would hold secrets.
    #[error("the folder {0} belongs to another user")]
    Foreign(PathBuf),
}

/// Backup programs that honour it leave the folder out (<https://bford.info/cachedir/>).
const BACKUP_MARKER: (&str, &str) = (
    "CACHEDIR.TAG",
    "Signature: 8a477f597d28d172789f06886806bc55\n# This folder holds locks and state of keyfob; it is not worth a backup.\n",
);

impl Home {
    /// Takes the path over; nothing is made yet.
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Returns the folder.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Returns where the login is kept in a file.
    pub fn auth_file(&self) -> PathBuf {
        self.0.join("auth.json")
    }

    /// Returns our own folder.
    pub fn own_folder(&self) -> PathBuf {
        self.0.join("keyfob")
    }

    /// Returns our own configuration.
    pub fn config_file(&self) -> PathBuf {
        self.own_folder().join("config.toml")
    }

    /// Our notes about the login: where it was last seen, trouble with the issuer.
    pub(crate) fn state_file(&self) -> PathBuf {
        self.own_folder().join("state.json")
    }

    /// The key from which attempt ids are derived.
    pub(crate) fn device_key(&self) -> PathBuf {
        self.own_folder().join("device_key")
    }

    pub(crate) fn refresh_lock(&self) -> PathBuf {
        self.own_folder().join("refresh.lock")
    }

    /// The Codex CLI's locks, in the order in which it takes them (design D16).
    pub(crate) fn codex_locks(&self) -> [PathBuf; 2] {
        [self.0.join("auth.lock"), self.0.join("auth.json.lock")]
    }

    /// Makes the home and our folder where they are missing, for this user alone.
    pub(crate) fn make(&self) -> Result<(), HomeError> {
        let own = self.own_folder();
        for folder in [&self.0, &own] {
            let problem = |source| HomeError::Folder { path: folder.clone(), source };
            DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(problem)?;
            if fs::metadata(folder).map_err(problem)?.uid() != rustix::process::geteuid().as_raw() {
                return Err(HomeError::Foreign(folder.clone()));
            }
        }
        let problem = |source| HomeError::Folder { path: own.clone(), source };
        if fs::metadata(&own).map_err(problem)?.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(&own, fs::Permissions::from_mode(0o700)).map_err(problem)?;
        }
        let marker = own.join(BACKUP_MARKER.0);
        if !marker.exists() {
            let file = fs::OpenOptions::new().write(true).create(true).truncate(true).open(&marker);
            file.and_then(|mut file| io::Write::write_all(&mut file, BACKUP_MARKER.1.as_bytes()))
                .map_err(problem)?;
        }
        Ok(())
    }
}

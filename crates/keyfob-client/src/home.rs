//! `$CODEX_HOME`: the folder that holds the login, our own folder in it, and the logins kept beside it (design D15).

use keyfob_settings::logins::LoginName;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The home of one login: the folder that is shared with the Codex CLI, or one of our own beside that login.
///
/// Every login has its own lock, state and key, so two logins never wait for each other; the configuration is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
    /// Where the login is.
    folder: PathBuf,
    /// Where its lock and its state are.
    own: PathBuf,
}

/// Our folder in `$CODEX_HOME`.
const OWN: &str = "keyfob";
/// The folder in ours with a folder for each login beside the shared one (design D14).
const LOGINS: &str = "logins";
/// The folder in ours with a folder for each provider for which a key is kept.
const PROVIDERS: &str = "providers";

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
    /// Somebody else owns a folder on the way to the secrets.
    #[error("the folder {0} belongs to another user")]
    Foreign(PathBuf),
    /// Everybody can replace what is in a folder on the way to the secrets.
    #[error("every user may write to the folder {0}")]
    Exposed(PathBuf),
}

/// What the names of damaged logins begin with that a new login took the place of (security C-38).
pub(crate) const DAMAGED: &str = "auth.json.corrupt-";

/// Backup programs that honour it leave the folder out (<https://bford.info/cachedir/>).
const BACKUP_MARKER: (&str, &str) = (
    "CACHEDIR.TAG",
    "Signature: 8a477f597d28d172789f06886806bc55\n# This folder holds locks and state of keyfob; it is not worth a backup.\n",
);

impl Home {
    /// Takes the path of `$CODEX_HOME` over; nothing is made yet.
    pub fn new(path: PathBuf) -> Self {
        Self { own: path.join(OWN), folder: path.clone(), root: path }
    }

    /// Returns the home of the login `name`, which is kept beside the shared one.
    #[must_use]
    pub fn of_login(&self, name: &LoginName) -> Self {
        let folder = self.logins_folder().join(name.as_str());
        Self { root: self.root.clone(), own: folder.clone(), folder }
    }

    /// Returns the home of the key of a provider of models, which is kept like a login; nothing for an id that cannot be
    /// the name of a folder.
    pub fn of_provider(&self, id: &str) -> Option<Self> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let is_name = !id.is_empty() && id.len() <= 64 && !id.starts_with('.') && id.chars().all(is_plain);
        let folder = self.providers_folder().join(id);
        is_name.then(|| Self { root: self.root.clone(), own: folder.clone(), folder })
    }

    /// Returns the folder of the keys of providers.
    pub fn providers_folder(&self) -> PathBuf {
        self.root.join(OWN).join(PROVIDERS)
    }

    /// Returns the home of the login that is shared with the Codex CLI.
    #[must_use]
    pub fn shared(&self) -> Self {
        Self::new(self.root.clone())
    }

    /// Returns the lock of what waits after signing out, which is one for all logins.
    pub(crate) fn waiting_lock(&self) -> PathBuf {
        self.root.join(OWN).join("signed-out.lock")
    }

    /// Returns the folder of the login.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Returns where the login is kept in a file.
    pub fn auth_file(&self) -> PathBuf {
        self.folder.join("auth.json")
    }

    /// Returns our own folder for this login.
    pub fn own_folder(&self) -> PathBuf {
        self.own.clone()
    }

    /// Returns our own configuration, which is one for all logins.
    pub fn config_file(&self) -> PathBuf {
        self.root.join(OWN).join("config.toml")
    }

    /// Returns the configuration of the Codex CLI.
    pub fn codex_config_file(&self) -> PathBuf {
        self.root.join("config.toml")
    }

    /// Returns the folder of the logins beside the shared one.
    pub fn logins_folder(&self) -> PathBuf {
        self.root.join(OWN).join(LOGINS)
    }

    /// Our notes about the login: where it was last seen, trouble with the issuer.
    pub(crate) fn state_file(&self) -> PathBuf {
        self.own.join("state.json")
    }

    /// The key from which attempt ids are derived.
    pub(crate) fn device_key(&self) -> PathBuf {
        self.own.join("device_key")
    }

    /// What an `auth.json` that is written in place is to hold (security C-36).
    pub(crate) fn sidecar(&self) -> PathBuf {
        self.own.join("auth.json.sidecar")
    }

    /// What is kept beside the login under this name (`store::Keepsake`).
    pub(crate) fn keepsake(&self, name: &str) -> PathBuf {
        self.own.join(format!("{name}.json"))
    }

    /// Returns the damaged logins that new ones took the place of, by name.
    pub fn damaged_files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let damaged = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(DAMAGED));
        let mut paths: Vec<PathBuf> = damaged.map(|entry| entry.path()).collect();
        paths.sort();
        paths
    }

    /// The one path that stands for the folder, however it was named, and whether or not it is there yet.
    pub(crate) fn canonical(&self) -> PathBuf {
        match (fs::canonicalize(&self.root), self.folder.strip_prefix(&self.root)) {
            (Ok(root), Ok(rest)) if rest.as_os_str().is_empty() => root,
            (Ok(root), Ok(rest)) => root.join(rest),
            (Err(_), _) | (_, Err(_)) => self.folder.clone(),
        }
    }

    pub(crate) fn refresh_lock(&self) -> PathBuf {
        self.own.join("refresh.lock")
    }

    /// Where the processes of this home queue for the keyring.
    pub(crate) fn keyring_lock(&self) -> PathBuf {
        self.own_folder().join("keyring.lock")
    }

    /// The Codex CLI's locks, in the order in which it takes them (design D16).
    pub(crate) fn codex_locks(&self) -> [PathBuf; 2] {
        [self.folder.join("auth.lock"), self.folder.join("auth.json.lock")]
    }

    /// Makes the home and our folder where they are missing, for this user alone, and refuses unsafe ones.
    pub fn make(&self) -> Result<(), HomeError> {
        let own = self.root.join(OWN);
        make_private(&self.root)?;
        make_private(&own)?;
        if self.folder != self.root {
            make_private(self.folder.parent().unwrap_or(&own))?;
            make_private(&self.folder)?;
        }
        for ancestor in self.canonical().ancestors().skip(1) {
            admit(ancestor, &[rustix::process::geteuid().as_raw(), 0])?;
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

/// Sticky: in such a folder only the owner of a file may replace it.
const STICKY: u32 = 0o1000;

/// Makes a folder for this user alone; one that a group may write to is tightened (security C-32, C-33).
fn make_private(folder: &Path) -> Result<(), HomeError> {
    let problem = |source| HomeError::Folder { path: folder.to_owned(), source };
    if !fs::exists(folder).map_err(problem)? {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(problem)?;
        // The mode of a new folder is less the umask.
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(problem)?;
    }
    admit(folder, &[rustix::process::geteuid().as_raw()])?;
    let mode = fs::metadata(folder).map_err(problem)?.permissions().mode();
    if mode & 0o020 != 0 && mode & STICKY == 0 {
        fs::set_permissions(folder, fs::Permissions::from_mode(mode & 0o7755)).map_err(problem)?;
        tracing::warn!(folder = %folder.display(), "a group could write to the folder of the login; no longer");
    }
    Ok(())
}

/// Refuses a folder in which somebody else could replace what we trust.
fn admit(folder: &Path, owners: &[u32]) -> Result<(), HomeError> {
    let metadata =
        fs::metadata(folder).map_err(|source| HomeError::Folder { path: folder.to_owned(), source })?;
    if !owners.contains(&metadata.uid()) {
        return Err(HomeError::Foreign(folder.to_owned()));
    }
    let mode = metadata.permissions().mode();
    if mode & 0o002 != 0 && mode & STICKY == 0 {
        return Err(HomeError::Exposed(folder.to_owned()));
    }
    Ok(())
}

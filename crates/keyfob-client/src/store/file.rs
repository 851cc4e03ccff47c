//! `auth.json`: written whole or not at all.

use super::{CredentialStore, Digest, Location, Lock, Slot, StoreError};
use crate::failpoint::Failpoint;
use crate::home::Home;
use keyfob_codex::auth_file::AuthFile;
use std::fs::{self, File, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::NamedTempFile;

/// The login in `$CODEX_HOME/auth.json`.
///
/// Whoever changes it holds the refresh lock over reading, asking the issuer and saving; the Codex CLI's own locks
/// are taken only for the compare-and-rename at the end (design D16).
#[derive(Clone, Debug)]
pub struct FileStore {
    home: Home,
}

const LARGEST: u64 = 1024 * 1024;
/// Temporary files begin with this; one that a killed process left behind is removed by the next writer.
const TEMPORARY: &str = ".keyfob-auth-";
/// What the disk must take before a token is spent (security R-11).
const PREFLIGHT: u64 = 64 * 1024;
/// How long the Codex CLI may hold its locks; it holds them for milliseconds.
const CODEX_PATIENCE: Duration = Duration::from_secs(10);

impl FileStore {
    /// Uses the file in `home`.
    pub fn new(home: Home) -> Self {
        Self { home }
    }

    /// Where the bytes are: a link that the user made is followed and stays (security C-35).
    fn target(&self) -> PathBuf {
        let path = self.home.auth_file();
        fs::canonicalize(&path).unwrap_or(path)
    }

    fn codex_locks(&self) -> Result<[Lock; 2], StoreError> {
        let [outer, inner] = self.home.codex_locks();
        Ok([Lock::take_blocking(&outer, CODEX_PATIENCE)?, Lock::take_blocking(&inner, CODEX_PATIENCE)?])
    }
}

impl CredentialStore for FileStore {
    fn location(&self) -> Location {
        Location::File(self.home.auth_file())
    }

    fn load(&self) -> Result<Slot, StoreError> {
        let path = self.home.auth_file();
        let Some(bytes) = read(&path)? else { return Ok(Slot::Empty) };
        let digest = Digest::of(&bytes);
        Ok(match AuthFile::parse(&bytes) {
            Ok(record) => Slot::Holds { digest, record: Box::new(record) },
            Err(why) => Slot::Corrupt { digest, path, why },
        })
    }

    fn prepare(&self) -> Result<(), StoreError> {
        let target = self.target();
        let trial = temporary(&target)?;
        let allocated =
            rustix::fs::fallocate(trial.as_file(), rustix::fs::FallocateFlags::empty(), 0, PREFLIGHT);
        match allocated {
            // Some file systems cannot reserve; then the trial file itself has to do.
            Ok(()) | Err(rustix::io::Errno::OPNOTSUPP) => Ok(()),
            Err(errno) => Err(StoreError::Write { path: target, source: errno.into() }),
        }
    }

    fn save(&self, expected: Option<Digest>, record: &AuthFile) -> Result<Digest, StoreError> {
        let target = self.target();
        let bytes = record.to_text().into_bytes();
        let staged = stage(&target, &bytes)?;
        let _codex = self.codex_locks()?;
        compare(&target, expected)?;
        let problem = |source| StoreError::Write { path: target.clone(), source };
        staged.persist(&target).map_err(|error| problem(error.error))?;
        Failpoint::Rename.reach();
        sync_folder(&target).map_err(problem)?;
        Failpoint::FolderSync.reach();
        Ok(Digest::of(&bytes))
    }

    fn remove(&self, expected: Digest) -> Result<(), StoreError> {
        let target = self.target();
        let link = self.home.auth_file();
        let _codex = self.codex_locks()?;
        compare(&target, Some(expected))?;
        let problem = |source| StoreError::Write { path: target.clone(), source };
        fs::remove_file(&target).map_err(problem)?;
        if link != target && fs::symlink_metadata(&link).is_ok() {
            fs::remove_file(&link).map_err(problem)?;
        }
        Failpoint::DeleteFile.reach();
        sync_folder(&target).map_err(problem)
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    let problem = |source| StoreError::Read { path: path.to_owned(), source };
    // Opening a pipe would hang, so look before opening.
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(problem(error)),
        Ok(metadata) if !metadata.is_file() => return Err(StoreError::NotAFile(path.to_owned())),
        Ok(metadata) if metadata.len() > LARGEST => return Err(StoreError::TooLarge(path.to_owned())),
        Ok(_) => {}
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(LARGEST).read_to_end(&mut bytes)).map_err(problem)?;
    Ok(Some(bytes))
}

fn temporary(target: &Path) -> Result<NamedTempFile, StoreError> {
    let folder = target.parent().unwrap_or(Path::new("/"));
    tempfile::Builder::new()
        .prefix(TEMPORARY)
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(folder)
        .map_err(|source| StoreError::Write { path: target.to_owned(), source })
}

/// Writes the new document beside the old one and waits until the disk has it.
fn stage(target: &Path, bytes: &[u8]) -> Result<NamedTempFile, StoreError> {
    remove_leftovers(target);
    let problem = |source| StoreError::Write { path: target.to_owned(), source };
    let mut staged = temporary(target)?;
    let (first, second) = bytes.split_at(bytes.len() / 2);
    staged.write_all(first).map_err(problem)?;
    Failpoint::TemporaryWrite.reach();
    staged.write_all(second).map_err(problem)?;
    staged.as_file().sync_all().map_err(problem)?;
    Failpoint::TemporarySync.reach();
    Ok(staged)
}

/// Removes what killed writers left behind; the refresh lock is held, so no living one uses them.
fn remove_leftovers(target: &Path) {
    let entries = target.parent().and_then(|folder| fs::read_dir(folder).ok());
    for entry in entries.into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(TEMPORARY)
            && let Err(error) = fs::remove_file(entry.path())
        {
            tracing::warn!(%error, "a temporary file of an interrupted write could not be removed");
        }
    }
}

fn compare(target: &Path, expected: Option<Digest>) -> Result<(), StoreError> {
    let found = read(target)?.as_deref().map(Digest::of);
    Failpoint::FenceCheck.reach();
    if found == expected { Ok(()) } else { Err(StoreError::Changed) }
}

fn sync_folder(target: &Path) -> io::Result<()> {
    File::open(target.parent().unwrap_or(Path::new("/")))?.sync_all()
}

#[cfg(test)]
mod tests;

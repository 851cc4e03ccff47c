//! `auth.json`: written whole or not at all.

mod beside;
mod in_place;
mod place;
mod staged;

use super::{CredentialStore, Damaged, Digest, Keepsake, Location, Lock, Slot, StoreError};
use crate::failpoint::Failpoint;
use crate::home::Home;
use keyfob_codex::auth_file::{AuthFile, Login};
use keyfob_oauth::Timestamp;
use rustix::fs::{Access, AtFlags, CWD, accessat};
use staged::Staged;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The login in `$CODEX_HOME/auth.json`.
///
/// Whoever changes it holds the refresh lock over reading, asking the issuer and saving; the Codex CLI's own locks
/// are taken only for the compare-and-rename at the end (design D16).
#[derive(Clone, Debug)]
pub struct FileStore {
    home: Home,
}

/// What the disk must take before a token is spent (security R-11).
const PREFLIGHT: u64 = 64 * 1024;

impl FileStore {
    /// Uses the file in `home`.
    pub fn new(home: Home) -> Self {
        Self { home }
    }

    /// Completes a file that an interrupted write in place tore; what else is wrong with it stays.
    fn repair(&self, path: &Path, found: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        if in_place::intended(&self.home, &found).is_none() {
            return Ok(found);
        }
        let _codex = Lock::codex(&self.home)?;
        // A living writer may have finished while we waited.
        let found = place::read(path)?.unwrap_or_default();
        let Some(whole) = in_place::intended(&self.home, &found) else { return Ok(found) };
        if whole != found {
            in_place::overwrite(path, &whole)
                .map_err(|source| StoreError::Write { path: path.to_owned(), source })?;
        }
        Ok(whole)
    }

    /// Returns the bytes that are stored; an empty file in place of one that cannot be removed is none.
    fn stored(&self, target: &Path) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(bytes) = place::read(target)? else { return Ok(None) };
        let signed_out = bytes.is_empty() && in_place::intended(&self.home, &bytes) == Some(Vec::new());
        Ok((!signed_out).then_some(bytes))
    }

    fn compare(&self, target: &Path, expected: Option<Digest>) -> Result<(), StoreError> {
        let found = self.stored(target)?.as_deref().map(Digest::of);
        let failed = |source| StoreError::Read { path: target.to_owned(), source };
        Failpoint::FenceCheck.reach().map_err(failed)?;
        if found == expected { Ok(()) } else { Err(StoreError::Changed) }
    }
}

impl CredentialStore for FileStore {
    fn location(&self) -> Location {
        Location::File(self.home.auth_file())
    }

    fn asks_others(&self) -> bool {
        false
    }

    fn load(&self) -> Result<Slot, StoreError> {
        let path = self.home.auth_file();
        let Some(bytes) = self.stored(&path)? else { return Ok(Slot::Empty) };
        let slot = Slot::of(&bytes, self.location());
        match slot {
            Slot::Empty | Slot::Holds { .. } => Ok(slot),
            Slot::Corrupt { .. } => Ok(Slot::of(&self.repair(&path, bytes)?, self.location())),
        }
    }

    fn login(&self) -> Result<Option<Login>, StoreError> {
        let Some(bytes) = self.stored(&self.home.auth_file())? else { return Ok(None) };
        match Login::parse(&bytes) {
            Ok(login) => Ok(Some(login)),
            // It can perhaps be repaired.
            Err(_) => Ok(self.load()?.record()?.map(|(_, record)| record.login())),
        }
    }

    fn prepare(&self) -> Result<(), StoreError> {
        let target = place::resolve(&self.home.auth_file())?;
        let problem = |source| StoreError::Write { path: target.clone(), source };
        let trial = Staged::new(&target).map_err(problem)?;
        match rustix::fs::fallocate(trial.file(), rustix::fs::FallocateFlags::empty(), 0, PREFLIGHT) {
            // Some file systems cannot reserve; then the trial file itself has to do.
            Ok(()) | Err(rustix::io::Errno::OPNOTSUPP) => {}
            Err(errno) => return Err(problem(errno.into())),
        }
        // A Codex CLI that hangs would keep the new tokens out after the old one is spent (codex-wire §11.3).
        drop(Lock::codex(&self.home)?);
        Ok(())
    }

    fn prepare_removal(&self) -> Result<(), StoreError> {
        let target = place::resolve(&self.home.auth_file())?;
        let folder = target.parent().unwrap_or(Path::new("/"));
        if let Err(errno) = accessat(CWD, folder, Access::WRITE_OK, AtFlags::EACCESS) {
            return Err(StoreError::Write { path: target, source: errno.into() });
        }
        drop(Lock::codex(&self.home)?);
        Ok(())
    }

    fn save(&self, expected: Option<Digest>, record: &AuthFile) -> Result<Digest, StoreError> {
        let target = place::resolve(&self.home.auth_file())?;
        let problem = |source| StoreError::Write { path: target.clone(), source };
        let bytes = record.to_text().into_bytes();
        staged::remove_leftovers(&target);
        let staged = Staged::write(&target, &bytes).map_err(problem)?;
        let _codex = Lock::codex(&self.home)?;
        self.compare(&target, expected)?;
        if fs::metadata(&target).is_ok_and(|metadata| metadata.nlink() > 1) {
            // Security C-34: writing through it would change its twin as well.
            tracing::warn!("`auth.json` had a second name (a hard link), which keeps the old login");
        }
        match staged.publish(&target) {
            Ok(()) => in_place::forget(&self.home).map_err(problem)?,
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                in_place::write(&self.home, &target, &bytes).map_err(problem)?;
            }
            Err(error) => return Err(problem(error)),
        }
        Failpoint::Rename.reach().map_err(problem)?;
        place::sync_folder(&target).map_err(problem)?;
        Failpoint::FolderSync.reach().map_err(problem)?;
        Ok(Digest::of(&bytes))
    }

    fn remove(&self, expected: Digest) -> Result<(), StoreError> {
        let link = self.home.auth_file();
        let target = place::resolve(&link)?;
        let _codex = Lock::codex(&self.home)?;
        self.compare(&target, Some(expected))?;
        let problem = |source| StoreError::Write { path: target.clone(), source };
        match fs::remove_file(&target) {
            Ok(()) => in_place::forget(&self.home).map_err(problem)?,
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                in_place::write(&self.home, &target, b"").map_err(problem)?;
            }
            Err(error) => return Err(problem(error)),
        }
        if link != target && fs::symlink_metadata(&link).is_ok() {
            fs::remove_file(&link).map_err(problem)?;
        }
        Failpoint::DeleteFile.reach().map_err(problem)?;
        staged::remove_leftovers(&target);
        place::sync_folder(&target).map_err(problem)
    }

    fn kept(&self, what: Keepsake) -> Result<Option<Vec<u8>>, StoreError> {
        beside::read(&self.home, what)
    }

    fn keep(&self, what: Keepsake, document: Option<&[u8]>) -> Result<(), StoreError> {
        beside::write(&self.home, what, document)
    }

    fn set_aside(&self, damaged: &Damaged, now: Timestamp) -> Result<String, StoreError> {
        let path = beside::set_aside(&self.home, &damaged.0, now)?;
        Ok(path.display().to_string())
    }

    fn forget(&self) -> Result<(), StoreError> {
        beside::forget(&self.home)
    }
}

#[cfg(test)]
mod tests;

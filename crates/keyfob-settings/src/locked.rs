//! A file that no other program of ours changes meanwhile.

use crate::edit::EditError;
use std::fs::{self, File, Permissions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// A file and what it held, with the lock of its folder, which is given back when this is dropped.
#[derive(Debug)]
pub struct LockedFile {
    path: PathBuf,
    text: Option<String>,
    _folder: File,
}

/// A new file is for its owner alone.
const PRIVATE: u32 = 0o600;

impl LockedFile {
    /// Takes the lock of the folder, which is there, without waiting, and reads the file.
    pub fn open(path: &Path) -> Result<Self, EditError> {
        let write = |source| EditError::Write { path: path.to_owned(), source };
        let folder = File::open(path.parent().unwrap_or(Path::new("/"))).map_err(write)?;
        match folder.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(EditError::Busy(path.to_owned())),
            Err(TryLockError::Error(source)) => return Err(write(source)),
        }
        Ok(Self { text: read(path)?, path: path.to_owned(), _folder: folder })
    }

    /// Returns what it holds; nothing if there is no such file.
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// Puts `text` in the place of what it holds, or removes the file; its mode stays.
    ///
    /// Programs of other people do not take the lock: what one of them wrote since is kept, and the change is not made.
    pub fn replace(&mut self, text: Option<&str>) -> Result<(), EditError> {
        if self.text.as_deref() == text {
            return Ok(());
        }
        if read(&self.path)? != self.text {
            return Err(EditError::Busy(self.path.clone()));
        }
        // A link that the user made, to where their settings are kept, stays one.
        let target =
            if self.path.is_symlink() { fs::canonicalize(&self.path) } else { Ok(self.path.clone()) };
        let replaced = target.and_then(|target| match text {
            Some(text) => write(&target, text),
            None => fs::remove_file(target),
        });
        replaced.map_err(|source| EditError::Write { path: self.path.clone(), source })?;
        self.text = text.map(str::to_owned);
        Ok(())
    }
}

/// Returns what the file holds; nothing if there is none. A link that leads nowhere is an error.
pub fn read(path: &Path) -> Result<Option<String>, EditError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => Ok(None),
        Err(source) => Err(EditError::Read { path: path.to_owned(), source }),
    }
}

fn write(target: &Path, text: &str) -> io::Result<()> {
    let folder = target.parent().unwrap_or(Path::new("/"));
    let mode = fs::metadata(target).map_or(PRIVATE, |found| found.permissions().mode() & 0o777);
    let mut file = tempfile::Builder::new()
        .prefix(".config-")
        .permissions(Permissions::from_mode(PRIVATE))
        .tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    file.persist(target)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::on_disk::put;

    #[test]
    fn a_file_keeps_its_mode_and_a_new_one_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old.toml"), folder.path().join("new.toml"));
        put(&old, "a = 1\n");
        fs::set_permissions(&old, Permissions::from_mode(0o640)).unwrap();

        LockedFile::open(&old).unwrap().replace(Some("a = 2\n")).unwrap();
        LockedFile::open(&new).unwrap().replace(Some("b = 1\n")).unwrap();

        let held = |path: &Path| {
            (fs::read_to_string(path).unwrap(), fs::metadata(path).unwrap().permissions().mode() & 0o777)
        };
        assert_eq!(held(&old), ("a = 2\n".into(), 0o640));
        assert_eq!(held(&new), ("b = 1\n".into(), 0o600));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left beside them");
    }

    #[test]
    fn what_another_program_wrote_meanwhile_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        put(&path, "a = 1\n");
        let mut locked = LockedFile::open(&path).unwrap();
        put(&path, "a = 7\n");

        assert!(matches!(locked.replace(Some("a = 2\n")), Err(EditError::Busy(_))));
        assert!(matches!(locked.replace(None), Err(EditError::Busy(_))));

        assert_eq!(fs::read_to_string(&path).unwrap(), "a = 7\n");
    }

    #[test]
    fn a_link_is_followed_and_one_that_leads_nowhere_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (link, kept) = (folder.path().join("config.toml"), folder.path().join("dotfiles/codex.toml"));
        std::os::unix::fs::symlink(&kept, &link).unwrap();

        assert!(matches!(LockedFile::open(&link), Err(EditError::Read { .. })));
        fs::create_dir(folder.path().join("dotfiles")).unwrap();
        put(&kept, "a = 1\n");
        LockedFile::open(&link).unwrap().replace(Some("a = 2\n")).unwrap();

        assert!(link.is_symlink());
        assert_eq!(fs::read_to_string(&kept).unwrap(), "a = 2\n");
    }
}

//! The folder of a sandbox, held open: whoever was in the sandbox may have put links there, which lead nowhere now.

use crate::error::SandboxFailure;
use keyfob_client::SystemEntropy;
use keyfob_oauth::Entropy;
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// A folder that nobody else enters.
pub(super) struct Folder {
    path: PathBuf,
    open: OwnedFd,
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const NEW_FILE: OFlags =
    OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::EXCL).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl Folder {
    /// Makes the folder, or takes the one that is there, for this user alone from now on.
    pub(super) fn of_the_person(path: &Path) -> Result<Self, SandboxFailure> {
        Self::open(rustix::fs::CWD, path, path.to_owned())
    }

    /// The same of a folder in this one.
    pub(super) fn within(&self, name: &str) -> Result<Self, SandboxFailure> {
        Self::open(&self.open, Path::new(name), self.path.join(name))
    }

    fn open(parent: impl std::os::fd::AsFd, name: &Path, path: PathBuf) -> Result<Self, SandboxFailure> {
        let open = || {
            match rustix::fs::mkdirat(&parent, name, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error),
            }
            let open = rustix::fs::openat(&parent, name, FOLDER, Mode::empty())?;
            // The mode of a new folder is less the umask, that of another is anything.
            rustix::fs::fchmod(&open, Mode::RWXU)?;
            Ok(open)
        };
        match open() {
            Ok(open) => Ok(Self { path, open }),
            Err(error) => Err(SandboxFailure::Folder { path, source: error.into() }),
        }
    }

    /// Puts a file for this user alone in the place of what is called `name`.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), SandboxFailure> {
        self.replace(name, text)
            .map_err(|source| SandboxFailure::Write { path: self.path.join(name), source })
    }

    fn replace(&self, name: &str, text: &str) -> io::Result<()> {
        let random = u64::from_le_bytes((&SystemEntropy as &dyn Entropy).bytes().map_err(io::Error::other)?);
        let beside = format!(".keyfob-{random:016x}");
        let mode = Mode::RUSR | Mode::WUSR;
        let mut file = File::from(rustix::fs::openat(&self.open, &*beside, NEW_FILE, mode)?);
        let written = rustix::fs::fchmod(&file, mode)
            .map_err(io::Error::from)
            .and_then(|()| file.write_all(text.as_bytes()))
            .and_then(|()| file.sync_all())
            .and_then(|()| Ok(rustix::fs::renameat(&self.open, &*beside, &self.open, name)?));
        if written.is_err() {
            // The first failure is the one to tell.
            let _removed = rustix::fs::unlinkat(&self.open, &*beside, AtFlags::empty());
        }
        written.and_then(|()| Ok(rustix::fs::fsync(&self.open)?))
    }
}

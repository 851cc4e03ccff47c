//! A new document beside the old one: without a name until it is whole.

use super::place::folder;
use crate::failpoint::Failpoint;
use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tempfile::NamedTempFile;

/// Temporary files begin with this; one that a killed process left behind is removed by the next writer.
const PREFIX: &str = ".keyfob-auth-";

/// A file on the disk of its target.
pub(super) enum Staged {
    /// The kernel frees it when the process ends, however it ends.
    Unnamed(File),
    /// For file systems without the other.
    Named(NamedTempFile),
}

impl Staged {
    /// Makes an empty file.
    pub(super) fn new(target: &Path) -> io::Result<Self> {
        let unnamed = rustix::fs::openat(
            CWD,
            folder(target),
            OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC,
            Mode::RUSR | Mode::WUSR,
        );
        match unnamed.map(File::from) {
            Ok(file) if link_source(&file).exists() => {
                // The mode of a new file is less the umask.
                file.set_permissions(Permissions::from_mode(0o600))?;
                Ok(Self::Unnamed(file))
            }
            Ok(_) | Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::ISDIR) => Self::named(target),
            Err(errno) => Err(errno.into()),
        }
    }

    fn named(target: &Path) -> io::Result<Self> {
        let private = Permissions::from_mode(0o600);
        let file = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(private.clone())
            .tempfile_in(folder(target))?;
        file.as_file().set_permissions(private)?;
        Ok(Self::Named(file))
    }

    /// Writes the whole document and waits until the disk has it.
    pub(super) fn write(target: &Path, bytes: &[u8]) -> io::Result<Self> {
        let staged = Self::new(target)?;
        let mut file = staged.file();
        let (first, second) = bytes.split_at(bytes.len() / 2);
        file.write_all(first)?;
        Failpoint::TemporaryWrite.reach()?;
        file.write_all(second)?;
        file.sync_all()?;
        Failpoint::TemporarySync.reach()?;
        Ok(staged)
    }

    /// Puts the file in the place of its target.
    pub(super) fn publish(self, target: &Path) -> io::Result<()> {
        match self {
            Self::Named(file) => file.persist(target).map(drop).map_err(|error| error.error),
            Self::Unnamed(file) => {
                let source = link_source(&file);
                let link =
                    |name: &Path| Ok(rustix::fs::linkat(CWD, &source, CWD, name, AtFlags::SYMLINK_FOLLOW)?);
                let named = tempfile::Builder::new().prefix(PREFIX).make_in(folder(target), link)?;
                named.persist(target).map_err(|error| error.error)
            }
        }
    }

    pub(super) fn file(&self) -> &File {
        match self {
            Self::Unnamed(file) => file,
            Self::Named(file) => file.as_file(),
        }
    }
}

/// The path under which the kernel lets an open file be linked.
fn link_source(file: &File) -> std::path::PathBuf {
    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
}

/// Removes what killed writers left behind; the refresh lock is held, so no living one uses them.
pub(super) fn remove_leftovers(target: &Path) {
    for entry in fs::read_dir(folder(target)).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX)
            && let Err(error) = fs::remove_file(entry.path())
        {
            tracing::warn!(%error, "a temporary file of an interrupted write could not be removed");
        }
    }
}

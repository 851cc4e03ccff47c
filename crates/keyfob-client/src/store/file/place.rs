//! The place of the document: what is there, and where its bytes are.

use crate::store::StoreError;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

const LARGEST: u64 = 1024 * 1024;
/// The kernel's own limit.
const MOST_LINKS: usize = 40;

/// Follows links that the user made to where the bytes are, or are to be (security C-35).
pub(super) fn resolve(path: &Path) -> Result<PathBuf, StoreError> {
    let refused = |why| StoreError::Link { path: path.to_owned(), why };
    let user = rustix::process::geteuid().as_raw();
    let mut place = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::symlink_metadata(&place) {
            Ok(metadata) if metadata.is_symlink() => {
                if ![user, 0].contains(&metadata.uid()) {
                    return Err(refused("it belongs to another user"));
                }
                let target = fs::read_link(&place)
                    .map_err(|source| StoreError::Read { path: place.clone(), source })?;
                place = folder(&place).join(target);
            }
            Ok(_) => return Ok(place),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let there = folder(&place).is_dir();
                return if there { Ok(place) } else { Err(refused("its folder does not exist")) };
            }
            Err(source) => return Err(StoreError::Read { path: place, source }),
        }
    }
    Err(refused("it leads in a circle"))
}

/// Reads the document; what is no ordinary file is an error at once (security C-37).
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    let problem = |source| StoreError::Read { path: path.to_owned(), source };
    // Opening a device may have an effect, so look before opening.
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(problem(error)),
        Ok(metadata) if !metadata.is_file() => return Err(StoreError::NotAFile(path.to_owned())),
        Ok(_) => {}
    }
    // Something else may be there by now: opening a pipe would hang.
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = OpenOptions::new().read(true).custom_flags(nonblocking).open(path).map_err(problem)?;
    let metadata = file.metadata().map_err(problem)?;
    if !metadata.is_file() {
        return Err(StoreError::NotAFile(path.to_owned()));
    }
    // With room for what it says it holds, and a byte more by which its end is seen.
    let room = usize::try_from(metadata.len().min(LARGEST)).unwrap_or_default() + 1;
    let mut bytes = Vec::with_capacity(room);
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(problem)?;
    if bytes.len() as u64 > LARGEST {
        return Err(StoreError::TooLarge(path.to_owned()));
    }
    Ok(Some(bytes))
}

/// Returns the folder that holds `path`.
pub(super) fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}

//! Files beside `auth.json` that are as secret as it is.

use super::place;
use super::staged::{self, Staged};
use crate::home::{DAMAGED, Home};
use crate::store::{Keepsake, StoreError};
use keyfob_oauth::Timestamp;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

pub(super) fn read(home: &Home, what: Keepsake) -> Result<Option<Vec<u8>>, StoreError> {
    place::read(&home.keepsake(what.name()))
}

/// Replaces or removes what is kept, durably.
pub(super) fn write(home: &Home, what: Keepsake, bytes: Option<&[u8]>) -> Result<(), StoreError> {
    let path = home.keepsake(what.name());
    match bytes {
        Some(bytes) => put(&path, bytes),
        None => remove(&path),
    }
}

/// Copies a damaged login to a name of its own, which no other file has.
pub(super) fn set_aside(home: &Home, damaged: &[u8], now: Timestamp) -> Result<PathBuf, StoreError> {
    let name = format!("{}{}", DAMAGED, now.as_unix());
    let names = std::iter::once(name.clone()).chain((2u32..).map(|number| format!("{name}-{number}")));
    for path in names.map(|name| home.path().join(name)) {
        match place::read(&path)? {
            // A sign-in that was interrupted a moment ago.
            Some(bytes) if bytes == damaged => return Ok(path),
            Some(_) => {}
            None => return put(&path, damaged).map(|()| path),
        }
    }
    Ok(home.auth_file())
}

/// Removes everything; what cannot be removed does not keep the rest.
pub(super) fn forget(home: &Home) -> Result<(), StoreError> {
    let keepsakes = Keepsake::ALL.map(|what| home.keepsake(what.name()));
    let mut result = Ok(());
    for path in keepsakes.into_iter().chain(home.damaged_files()) {
        result = result.and(remove(&path));
    }
    result
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let problem = |source| StoreError::Write { path: path.to_owned(), source };
    staged::remove_leftovers(path);
    let staged = Staged::new(path).map_err(problem)?;
    let mut file = staged.file();
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(problem)?;
    staged.publish(path).and_then(|()| place::sync_folder(path)).map_err(problem)
}

fn remove(path: &Path) -> Result<(), StoreError> {
    // On a read-only disk, removing what is not there fails too.
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        _ => fs::remove_file(path).map_err(|source| StoreError::Write { path: path.to_owned(), source }),
    }
}

//! A document that cannot be renamed over, because it is mounted by itself: `docker run -v auth.json` (security C-36).
//!
//! Then the file is written in place, and a copy of what it is to hold, the sidecar, is made durable first. A file
//! that a crash tore is the beginning of its sidecar, and is completed from it. A file that was signed out is empty, as
//! its sidecar says.

use super::staged::Staged;
use crate::home::Home;
use crate::store::Digest;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// Length of the trailer: a line break and the digest in hexadecimal.
const TRAILER: usize = 1 + 64;

/// Replaces the content of `target` by way of the sidecar.
pub(super) fn write(home: &Home, target: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut copy = bytes.to_vec();
    copy.push(b'\n');
    copy.extend(Digest::of(bytes).to_hex().into_bytes());
    let sidecar = home.sidecar();
    Staged::write(&sidecar, &copy)?.publish(&sidecar)?;
    super::place::sync_folder(&sidecar)?;
    overwrite(target, bytes)
}

/// Returns what `target` was to hold, if `found` is a part of it that an interrupted write left.
pub(super) fn intended(home: &Home, found: &[u8]) -> Option<Vec<u8>> {
    let mut copy = fs::read(home.sidecar()).ok()?;
    let trailer = copy.split_off(copy.len().checked_sub(TRAILER)?);
    let whole = trailer.strip_prefix(b"\n")? == Digest::of(&copy).to_hex().as_bytes();
    // A block that never reached the disk reads as zeros.
    let written = found.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    (whole && copy.starts_with(found.get(..written)?)).then_some(copy)
}

/// Truncates first, so that a torn file is a beginning of the new one and nothing of the old.
pub(super) fn overwrite(target: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).truncate(true).open(target)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Removes the sidecar of a document that is no longer written in place.
pub(super) fn forget(home: &Home) -> io::Result<()> {
    match fs::remove_file(home.sidecar()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

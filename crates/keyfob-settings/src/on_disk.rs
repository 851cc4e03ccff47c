//! Files for tests.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

/// Makes a file with this text.
pub(crate) fn put(path: &Path, text: &str) {
    File::create(path).unwrap().write_all(text.as_bytes()).unwrap();
}

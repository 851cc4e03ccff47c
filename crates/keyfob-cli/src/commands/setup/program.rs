//! Where programs are.

use crate::environment::variable;
use std::path::PathBuf;
use std::{env, fs, io};

const PATH: &str = "PATH";

/// Returns the first program `name` in `PATH`; a folder that is named from where one happens to be counts for nothing.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    in_path(name).find(|path| path.is_file())
}

/// Returns how the Codex CLI, wherever it is started from, finds this program.
///
/// Always with its whole path: an editor that a desktop started has another `PATH` than a terminal, and a project may put
/// folders of its own in front of it. Where `PATH` leads to this program it is the place there, which stays when a new
/// version is installed.
pub(super) fn own() -> io::Result<PathBuf> {
    let this = env::current_exe()?;
    let name = this.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let real = fs::canonicalize(&this)?;
    let same = in_path(&name).find(|path| fs::canonicalize(path).is_ok_and(|found| found == real));
    Ok(same.unwrap_or(this))
}

fn in_path(name: &str) -> impl Iterator<Item = PathBuf> {
    let path = variable(PATH).unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).filter(|folder| folder.is_absolute()).collect();
    let name = name.to_owned();
    folders.into_iter().map(move |folder| folder.join(&name))
}

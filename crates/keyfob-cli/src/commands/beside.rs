//! `keyfob NAME …` runs `keyfob-NAME` found beside this program.

use crate::error::{CommandError, Failure};
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Becomes the other program; returns only when there is none.
pub(crate) fn run(arguments: &[OsString]) -> CommandError {
    let (name, rest) = arguments
        .split_first()
        .map_or((String::new(), arguments), |(name, rest)| (name.to_string_lossy().into_owned(), rest));
    let beside = match std::env::current_exe() {
        Ok(this) => this.with_file_name(format!("keyfob-{name}")),
        Err(error) => return Failure::Setup(error).into(),
    };
    // A name with a slash in it would be a path to somewhere else.
    if name.contains('/') || !beside.is_file() {
        return Failure::NoSuchCommand(name).into();
    }
    Failure::Setup(Command::new(beside).args(rest).exec()).into()
}

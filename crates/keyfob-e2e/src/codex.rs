//! The real Codex CLI.

use crate::environment;
use anyhow::{Result, bail};
use std::path::PathBuf;

/// Looks for it at `KEYFOB_TEST_CODEX`, else where `scripts/test` installs it.
///
/// Its absence is an error in CI; elsewhere it is said on standard error, and the caller leaves its scenario out.
#[expect(clippy::print_stderr, reason = "a skipped scenario says so")]
pub fn installed() -> Result<Option<PathBuf>> {
    let told = environment::variable("KEYFOB_TEST_CODEX");
    let path = match &told {
        Some(path) => PathBuf::from(path),
        None => environment::tools_folder()?.join("codex/node_modules/.bin/codex"),
    };
    if path.is_file() {
        return Ok(Some(path));
    }
    let why = format!("{} is missing; `scripts/test` installs the Codex CLI", path.display());
    if told.is_some() || environment::variable("CI").is_some() {
        bail!(why);
    }
    eprintln!("skipped: {why}");
    Ok(None)
}

//! The one place that reads the environment and the system's randomness.

use anyhow::{Context as _, Result};
use keyfob_oauth::{Entropy, EntropyError, Secret};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Random bytes of the operating system.
#[derive(Clone, Copy, Debug)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(clippy::disallowed_methods, reason = "this is the adapter")]
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        getrandom::fill(bytes).map_err(|_| EntropyError)
    }
}

/// Returns 256 random bits as text.
pub fn random_token() -> Result<Secret> {
    Ok((&SystemEntropy as &dyn Entropy).token()?)
}

/// Returns the variable `name` if it is set, not empty, and text.
#[expect(clippy::disallowed_methods, reason = "this is the adapter")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns the search path for programs.
#[expect(clippy::disallowed_methods, reason = "this is the adapter")]
pub fn search_path() -> OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

/// Returns the folder that holds this build's programs, `target/<profile>`.
pub fn programs() -> Result<PathBuf> {
    let own = std::env::current_exe().context("cannot tell which program this is")?;
    let folder = own.parent().context("a program without a folder")?;
    let is_test = folder.file_name().is_some_and(|name| name == "deps");
    let programs = if is_test { folder.parent() } else { Some(folder) };
    Ok(programs.context("a test outside a target folder")?.to_owned())
}

/// Returns the built program `name`, or an error that says how to build it.
pub fn program(name: &str) -> Result<PathBuf> {
    let path = programs()?.join(name);
    anyhow::ensure!(
        path.is_file(),
        "{} is not built; run `cargo build --workspace --bins --features keyfob-cli/failpoints`",
        path.display()
    );
    Ok(path)
}

/// Returns the folder in which worlds are made; the system's folder for temporary files is not used, since the real
/// Codex CLI refuses a home there.
pub fn work_folder() -> Result<PathBuf> {
    let programs = programs()?;
    let folder = programs.parent().map(|target| target.join("e2e-work")).context("no target folder")?;
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// Returns the folder that holds this workspace's `target`, where tools installed for the tests are.
pub fn tools_folder() -> Result<PathBuf> {
    Ok(programs()?.parent().unwrap_or(Path::new(".")).join("tools"))
}

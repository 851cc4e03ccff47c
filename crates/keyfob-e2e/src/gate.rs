//! A gate: programs wait before it, all are let through at the same moment.

use crate::process::Program;
use anyhow::{Context as _, Result};
use rustix::fs::{CWD, FileType, Mode};
use std::fs::File;
use std::path::{Path, PathBuf};

/// A named pipe, which nobody can open for reading before somebody opens it for writing.
#[derive(Debug)]
pub struct Gate(PathBuf);

/// The gate is open until this is dropped.
#[derive(Debug)]
pub struct Opened(#[expect(dead_code, reason = "closing the file is what closes the gate")] File);

/// What a program before a gate prints on standard error.
pub const WAITING: &str = "waiting at the gate";

impl Gate {
    /// Makes a closed gate in `folder`.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        let path = folder.join("gate");
        rustix::fs::mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
            .with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }

    /// Opens it: whoever waits goes on, and so does who comes while it is open.
    pub fn open(&self) -> Result<Opened> {
        // For reading as well: opening for writing alone waits for a reader.
        Ok(Opened(File::options().read(true).write(true).open(&self.0)?))
    }

    /// Returns the program `name` at `path` in the folder `home`, which says [`WAITING`] and waits here before it runs.
    pub(crate) fn before(&self, name: &str, path: &Path, home: &Path) -> Program {
        let script = format!(r#"echo "{WAITING}" >&2; : <"$0"; exec "$@""#);
        Program::new(name, Path::new("/bin/sh"), home).args(["-c", &script]).args([&self.0, path])
    }
}

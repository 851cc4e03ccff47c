//! The system's table of processes, as far as it concerns one world.

use rustix::process::{Pid, Signal, kill_process};
use std::path::Path;

/// A running process of a world.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Entry {
    /// Its number.
    pub(crate) pid: i32,
    /// Its arguments, separated by zero bytes.
    pub(crate) arguments: Vec<u8>,
    /// Its environment, separated by zero bytes.
    pub(crate) environment: Vec<u8>,
}

impl Entry {
    /// Returns the program's name without its folder.
    pub(crate) fn program(&self) -> String {
        let first = self.arguments.split(|byte| *byte == 0).next().unwrap_or_default();
        let name = first.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        String::from_utf8_lossy(name).into_owned()
    }
}

/// Returns every process whose environment names `folder`: all that a world started, and what those started.
pub(crate) fn processes_of(folder: &Path) -> Vec<Entry> {
    let marker = folder.as_os_str().as_encoded_bytes();
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    processes
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            // A process that ended meanwhile, or one of another user, has nothing to read.
            let environment = std::fs::read(entry.path().join("environ")).ok()?;
            if !environment.windows(marker.len()).any(|window| window == marker) {
                return None;
            }
            let arguments = std::fs::read(entry.path().join("cmdline")).ok()?;
            Some(Entry { pid, arguments, environment })
        })
        .collect()
}

/// Kills every process of the world in `folder`.
pub(crate) fn kill_all(folder: &Path) {
    for entry in processes_of(folder) {
        if let Some(pid) = Pid::from_raw(entry.pid) {
            // It may have ended meanwhile.
            let _ended = kill_process(pid, Signal::KILL);
        }
    }
}

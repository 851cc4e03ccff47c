//! Locks between processes.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A held lock; the system lets it go when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "closing the file is what lets the lock go")] File);

/// A lock cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process held it during the whole wait.
    #[error("another program has held {path} for {} s", waited.as_secs())]
    Busy {
        /// Which lock.
        path: PathBuf,
        /// How long we waited.
        waited: Duration,
    },
    /// The file cannot be opened or locked.
    #[error("cannot lock {path}")]
    Failed {
        /// Which lock.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The first pause between two tries; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

impl Lock {
    /// Waits up to `patience` for the lock in `path`, a file that is made once and never removed.
    pub(crate) async fn take(path: &Path, patience: Duration) -> Result<Self, LockError> {
        let failed = |source| LockError::Failed { path: path.to_owned(), source };
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
        let file = file.map_err(failed)?;
        let deadline = tokio::time::Instant::now() + patience;
        let mut pause = FIRST_PAUSE;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::Error(source)) => return Err(failed(source)),
                Err(TryLockError::WouldBlock) if tokio::time::Instant::now() >= deadline => {
                    return Err(LockError::Busy { path: path.to_owned(), waited: patience });
                }
                Err(TryLockError::WouldBlock) => tokio::time::sleep(pause).await,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

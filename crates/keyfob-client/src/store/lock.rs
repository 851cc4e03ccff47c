//! Locks between processes.

use crate::home::Home;
use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A held lock; the system lets it go when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "closing the file is what lets the lock go")] File);

/// How a wait for a lock that may become needless ended.
#[derive(Debug)]
pub(crate) enum Waited {
    /// It was had.
    Locked(Lock),
    /// It was not needed any more.
    Needless {
        /// How much patience is left for whoever needs it after all.
        left: Duration,
    },
}

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
const LONGEST_PAUSE: Duration = Duration::from_millis(10);
/// How long the Codex CLI may hold its locks; it holds them for milliseconds.
const CODEX_PATIENCE: Duration = Duration::from_secs(10);
/// How long the outer one is held while the inner one is not to be had.
const INNER_PATIENCE: Duration = Duration::from_millis(500);

impl Lock {
    /// Waits up to `patience` for the lock in `path`, a file that is made once and never removed.
    pub(crate) async fn take(path: &Path, patience: Duration) -> Result<Self, LockError> {
        let mut attempt = Attempt::new(path, patience);
        loop {
            match attempt.again()? {
                Tried::Taken(lock) => {
                    tracing::trace!(lock = %path.display(), "taken");
                    return Ok(lock);
                }
                Tried::Pause(pause) => tokio::time::sleep(pause).await,
            }
        }
    }

    /// As [`Lock::take`], unless it is `needless` before it can be had.
    pub(super) async fn take_unless(
        path: &Path,
        patience: Duration,
        mut needless: impl FnMut() -> bool,
    ) -> Result<Waited, LockError> {
        let mut attempt = Attempt::new(path, patience);
        loop {
            match attempt.again()? {
                Tried::Taken(lock) => {
                    tracing::trace!(lock = %path.display(), "taken");
                    return Ok(Waited::Locked(lock));
                }
                Tried::Pause(_) if needless() => {
                    return Ok(Waited::Needless { left: patience.saturating_sub(attempt.waited) });
                }
                Tried::Pause(pause) => tokio::time::sleep(pause).await,
            }
        }
    }

    /// Takes the Codex CLI's own locks, for the compare-and-replace at the end of a change (design D16).
    ///
    /// The outer one is never kept for long while the inner one is waited for: a Codex CLI gives up after 5 s.
    pub(super) fn codex(home: &Home) -> Result<[Self; 2], LockError> {
        let [outer, inner] = home.codex_locks();
        let mut waited = Duration::ZERO;
        loop {
            let first = Self::take_blocking(&outer, CODEX_PATIENCE)?;
            match Self::take_blocking(&inner, INNER_PATIENCE) {
                Ok(second) => return Ok([first, second]),
                Err(LockError::Busy { path, .. }) if waited >= CODEX_PATIENCE => {
                    return Err(LockError::Busy { path, waited });
                }
                Err(LockError::Busy { .. }) => waited += INNER_PATIENCE,
                Err(error @ LockError::Failed { .. }) => return Err(error),
            }
        }
    }

    /// As [`Lock::take`], for code that may block.
    #[expect(clippy::disallowed_methods, reason = "flock has no time limit of its own, so it is polled")]
    pub(crate) fn take_blocking(path: &Path, patience: Duration) -> Result<Self, LockError> {
        let mut attempt = Attempt::new(path, patience);
        loop {
            match attempt.again()? {
                Tried::Taken(lock) => return Ok(lock),
                Tried::Pause(pause) => std::thread::sleep(pause),
            }
        }
    }
}

/// One process's tries for one lock.
struct Attempt<'a> {
    path: &'a Path,
    file: Option<File>,
    patience: Duration,
    waited: Duration,
    pause: Duration,
}

enum Tried {
    Taken(Lock),
    Pause(Duration),
}

impl<'a> Attempt<'a> {
    fn new(path: &'a Path, patience: Duration) -> Self {
        Self { path, file: None, patience, waited: Duration::ZERO, pause: FIRST_PAUSE }
    }

    /// Tries once; waiting is counted in pauses, so no clock is needed.
    fn again(&mut self) -> Result<Tried, LockError> {
        let failed = |source| LockError::Failed { path: self.path.to_owned(), source };
        let file = match self.file.take() {
            Some(file) => file,
            None => OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(self.path)
                .and_then(usable_by_its_owner)
                .map_err(failed)?,
        };
        match file.try_lock() {
            Ok(()) => return Ok(Tried::Taken(Lock(file))),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
            Err(TryLockError::WouldBlock) if self.waited >= self.patience => {
                return Err(LockError::Busy { path: self.path.to_owned(), waited: self.patience });
            }
            Err(TryLockError::WouldBlock) => self.file = Some(file),
        }
        let pause = self.pause;
        self.waited += pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        Ok(Tried::Pause(pause))
    }
}

/// A strict umask must not leave a lock that its owner cannot open again.
fn usable_by_its_owner(file: File) -> io::Result<File> {
    if file.metadata()?.permissions().mode() & 0o600 != 0o600 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

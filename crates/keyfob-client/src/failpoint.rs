//! Named points at which a test kills the process or lets it fail (security §9.2); nothing in released programs.

use std::io;

/// A moment in login, refresh or logout that matters to what survives a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failpoint {
    /// Before the refresh lock is taken.
    LockWait,
    /// The refresh lock is held.
    LockAcquired,
    /// The store was read under the lock.
    StoreRead,
    /// The disk has taken a trial file.
    PreflightTemporary,
    /// Before a code or refresh token is posted.
    HttpPost,
    /// The issuer's answer was read: it has rotated, we have stored nothing.
    HttpDone,
    /// Half of the new document is written to the temporary file.
    TemporaryWrite,
    /// The temporary file is durable.
    TemporarySync,
    /// The stored document was compared under the Codex CLI's locks.
    FenceCheck,
    /// The keyring has the new document.
    KeyringWritten,
    /// The new document is in place, and no older copy of it is left.
    Rename,
    /// The folder is durable.
    FolderSync,
    /// Before the refresh lock is let go.
    LockRelease,
    /// A callback with the right state came.
    CallbackReceived,
    /// Before the browser is told the result.
    CallbackReply,
    /// A revocation was sent.
    RevokeSent,
    /// The issuer was told that its answer is stored.
    Acknowledged,
    /// The stored document is gone.
    DeleteFile,
}

impl Failpoint {
    /// Every point there is.
    pub const ALL: [Self; 18] = [
        Self::LockWait,
        Self::LockAcquired,
        Self::StoreRead,
        Self::PreflightTemporary,
        Self::HttpPost,
        Self::HttpDone,
        Self::TemporaryWrite,
        Self::TemporarySync,
        Self::FenceCheck,
        Self::KeyringWritten,
        Self::Rename,
        Self::FolderSync,
        Self::LockRelease,
        Self::CallbackReceived,
        Self::CallbackReply,
        Self::RevokeSent,
        Self::Acknowledged,
        Self::DeleteFile,
    ];

    /// Returns the name by which a test asks for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LockWait => "lock.wait",
            Self::LockAcquired => "lock.acquired",
            Self::StoreRead => "store.read",
            Self::PreflightTemporary => "preflight.tmp",
            Self::HttpPost => "http.post",
            Self::HttpDone => "http.done",
            Self::TemporaryWrite => "tmp.write",
            Self::TemporarySync => "tmp.fsync",
            Self::FenceCheck => "fence.check",
            Self::KeyringWritten => "keyring.written",
            Self::Rename => "rename",
            Self::FolderSync => "dir.fsync",
            Self::LockRelease => "lock.release",
            Self::CallbackReceived => "callback.recv",
            Self::CallbackReply => "callback.reply",
            Self::RevokeSent => "revoke.sent",
            Self::Acknowledged => "ack.sent",
            Self::DeleteFile => "delete.file",
        }
    }

    /// Says that the program is here; an error is the one that a test asked for.
    #[cfg(feature = "failpoints")]
    pub(crate) fn reach(self) -> io::Result<()> {
        let asked = |errno: Option<String>| {
            // Who asked for it sees that it happened.
            tracing::warn!("failpoint {} was reached", self.name());
            let errno = errno.and_then(|errno| errno.parse().ok()).unwrap_or_default();
            Err(io::Error::from_raw_os_error(errno))
        };
        fail::fail_point!(self.name(), asked);
        Ok(())
    }

    /// Says that the program is here, which means nothing in this build.
    #[cfg(not(feature = "failpoints"))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "only a test build makes use of them")]
    pub(crate) fn reach(self) -> io::Result<()> {
        Ok(())
    }

    /// As [`Failpoint::reach`], where what went before cannot fail any more.
    pub(crate) fn pass(self) {
        let _asked = self.reach();
    }

    /// Runs `action` whenever the process gets here.
    #[cfg(feature = "failpoints")]
    pub fn run_here(self, action: impl Fn() + Send + Sync + 'static) -> Result<(), String> {
        fail::cfg_callback(self.name(), action)
    }

    /// Makes what the process first does here fail with the system's error of this number.
    #[cfg(feature = "failpoints")]
    pub fn fail_here(self, errno: i32) -> Result<(), String> {
        fail::cfg(self.name(), &format!("1*return({errno})"))
    }
}

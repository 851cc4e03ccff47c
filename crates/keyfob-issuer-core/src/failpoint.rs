//! Named points of the token transaction, and one of the sweeper, at which a test may end the process; nothing in released
//! programs.

#[cfg(feature = "failpoints")]
pub use rustix::process::Signal;

/// A moment that matters to what survives a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failpoint {
    /// The transaction has begun.
    Begun,
    /// What was presented was found, and judged.
    Judged,
    /// What follows is written, and not committed.
    Written,
    /// It is committed: durable, and no answer is made.
    Committed,
    /// The tokens are signed, and nothing is answered.
    Signed,
    /// What has ended is forgotten, and that is not committed.
    Swept,
}

impl Failpoint {
    /// Those of the token transaction, in order.
    pub const TOKEN: [Self; 5] = [Self::Begun, Self::Judged, Self::Written, Self::Committed, Self::Signed];

    /// Returns the name by which a test asks for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Begun => "token.begun",
            Self::Judged => "token.judged",
            Self::Written => "token.written",
            Self::Committed => "token.committed",
            Self::Signed => "token.signed",
            Self::Swept => "sweep.written",
        }
    }

    /// Says that the program is here.
    #[cfg_attr(
        not(feature = "failpoints"),
        expect(clippy::unused_self, reason = "only a test build makes use of it")
    )]
    pub(crate) fn reach(self) {
        #[cfg(feature = "failpoints")]
        fail::fail_point!(self.name());
    }

    /// Makes the process send itself `signal` when it gets here for the `time`-th time.
    #[cfg(feature = "failpoints")]
    pub fn signal_here(self, signal: Signal, time: usize) -> Result<(), String> {
        let reached = std::sync::atomic::AtomicUsize::new(0);
        fail::cfg_callback(self.name(), move || {
            if reached.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1 == time {
                let sent = rustix::process::kill_process(rustix::process::getpid(), signal);
                debug_assert!(sent.is_ok(), "a process may always signal itself");
            }
        })
    }
}

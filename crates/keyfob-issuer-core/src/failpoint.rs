//! Named points of the token transaction at which a test may kill the process; nothing in released programs.

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
}

impl Failpoint {
    /// Every point there is.
    pub const ALL: [Self; 5] = [Self::Begun, Self::Judged, Self::Written, Self::Committed, Self::Signed];

    /// Returns the name by which a test asks for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Begun => "token.begun",
            Self::Judged => "token.judged",
            Self::Written => "token.written",
            Self::Committed => "token.committed",
            Self::Signed => "token.signed",
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

    /// Makes the process kill itself with SIGKILL when it gets here for the `time`-th time.
    #[cfg(feature = "failpoints")]
    pub fn kill_here(self, time: usize) -> Result<(), String> {
        let reached = std::sync::atomic::AtomicUsize::new(0);
        fail::cfg_callback(self.name(), move || {
            if reached.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1 == time {
                let killed =
                    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
                debug_assert!(killed.is_ok(), "a process may always kill itself");
            }
        })
    }
}

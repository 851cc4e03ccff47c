//! The world outside: the one file that reads clock, randomness and environment.

use keyfob_oauth::{Clock, Entropy, EntropyError, Timestamp};
use std::time::{SystemTime, UNIX_EPOCH};

/// The system's clock.
#[derive(Debug)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the clock's one adapter")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_unix(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }
}

/// The crypto library's random bytes: its generator is seeded by the system, and costs no call of it each time.
#[derive(Debug)]
pub(crate) struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(clippy::disallowed_methods, reason = "the one adapter of randomness")]
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        aws_lc_rs::rand::fill(bytes).map_err(|_| EntropyError)
    }
}

/// Returns `KEYFOB_LOG`: what is logged, in the syntax of `tracing`'s filters.
#[expect(clippy::disallowed_methods, reason = "the one adapter of the environment")]
pub(crate) fn log_filter() -> Option<String> {
    std::env::var("KEYFOB_LOG").ok()
}

/// In a test build: `KEYFOB_KILL_AT=NAME:TIMES` makes the process kill itself when it is at that failpoint so often, and
/// `KEYFOB_TERM_AT` makes it ask itself to end.
#[cfg(feature = "failpoints")]
#[expect(clippy::disallowed_methods, clippy::expect_used, reason = "tests ask for points that exist")]
pub(crate) fn signal_as_asked() {
    use keyfob_issuer_core::failpoint::{Failpoint, Signal};

    for (variable, signal) in [("KEYFOB_KILL_AT", Signal::KILL), ("KEYFOB_TERM_AT", Signal::TERM)] {
        let Ok(asked) = std::env::var(variable) else { continue };
        let (name, times) = asked.split_once(':').expect("NAME:TIMES");
        let mut points = Failpoint::TOKEN.into_iter().chain([Failpoint::Swept]);
        let point = points.find(|point| point.name() == name).expect("a failpoint's name");
        point.signal_here(signal, times.parse().expect("a number")).expect("a callback can be set");
    }
}

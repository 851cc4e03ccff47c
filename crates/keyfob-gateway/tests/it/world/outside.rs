//! The clocks and the randomness of a test's gateway.

use super::NOW;
use keyfob_oauth::{Clock, Entropy, EntropyError, Timestamp};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

#[derive(Debug)]
pub(crate) struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(NOW)
    }
}

/// A clock that a test moves.
#[derive(Debug)]
pub(super) struct MovedClock(pub(super) Arc<AtomicI64>);

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(self.0.load(Ordering::SeqCst))
    }
}

/// One byte, again and again.
#[derive(Debug)]
pub(super) struct Repeated(u8);

impl Repeated {
    /// Zeros, or something else for each further gateway on a folder: their requests have names of their own.
    pub(super) fn of(data: Option<&Path>) -> Self {
        static NEXT: AtomicU8 = AtomicU8::new(1);
        let is_first = data.is_none_or(|data| !data.join("ledger.sqlite").exists());
        Self(if is_first { 0 } else { NEXT.fetch_add(1, Ordering::Relaxed) })
    }
}

impl Entropy for Repeated {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        bytes.fill(self.0);
        Ok(())
    }
}

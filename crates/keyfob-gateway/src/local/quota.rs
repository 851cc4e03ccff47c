//! How many requests a tool's key opens in a minute (security G-06).

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// A bucket that holds a minute's requests and fills up evenly.
#[derive(Debug)]
pub(super) struct Quota {
    per_minute: NonZeroU32,
    /// How long the bucket takes to be full again.
    missing: Duration,
    seen: Instant,
}

const MINUTE: Duration = Duration::from_mins(1);

impl Quota {
    /// Begins with a full bucket.
    pub(super) fn new(per_minute: NonZeroU32, now: Instant) -> Self {
        Self { per_minute, missing: Duration::ZERO, seen: now }
    }

    /// Takes one request out, or says how long to wait for it.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let passed = now.saturating_duration_since(self.seen);
        self.missing = self.missing.saturating_sub(passed);
        self.seen = now;
        let after = self.missing + MINUTE / self.per_minute.get();
        match after.checked_sub(MINUTE) {
            Some(wait) if !wait.is_zero() => Err(wait),
            Some(_) | None => {
                self.missing = after;
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g_06_a_minutes_requests_pass_at_once_and_then_one_at_a_time() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut quota = Quota::new(NonZeroU32::new(4).unwrap(), start);

        for _ in 0..4 {
            assert_eq!(quota.take(start), Ok(()));
        }
        assert_eq!(quota.take(start), Err(Duration::from_secs(15)));
        assert_eq!(quota.take(at(14)), Err(Duration::from_secs(1)));
        assert_eq!(quota.take(at(15)), Ok(()));
        assert_eq!(quota.take(at(15)), Err(Duration::from_secs(15)));
        for _ in 0..4 {
            assert_eq!(quota.take(at(300)), Ok(()));
        }
        assert!(quota.take(at(300)).is_err());
    }
}

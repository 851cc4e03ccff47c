//! Whether an upstream could be reached, learned from the requests to it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How an upstream is.
#[derive(Debug, Default)]
pub(super) struct Health(Mutex<Option<Rest>>);

/// Others are preferred for a while.
#[derive(Clone, Copy, Debug)]
struct Rest {
    until: Instant,
    pause: Duration,
}

/// The first and the longest pause after a connection that failed.
const PAUSES: (Duration, Duration) = (Duration::from_secs(2), Duration::from_mins(1));

impl Health {
    /// Whether others are preferred now.
    pub(super) fn rests(&self, now: Instant) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|rest| now < rest.until)
    }

    /// Notes that it could not be reached: the pause doubles each time one has passed.
    pub(super) fn failed(&self, now: Instant) {
        let mut rest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (first, longest) = PAUSES;
        let pause = match *rest {
            None => first,
            // Several that failed at once are one failure.
            Some(rest) if now < rest.until => return,
            Some(rest) => longest.min(rest.pause * 2),
        };
        *rest = Some(Rest { until: now + pause, pause });
    }

    /// Notes that it was reached.
    pub(super) fn succeeded(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_cannot_be_reached_rests_twice_as_long_each_time_up_to_a_minute() {
        let health = Health::default();
        let mut now = Instant::now();
        assert!(!health.rests(now));

        for seconds in [2, 4, 8, 16, 32, 60, 60] {
            health.failed(now);
            health.failed(now);
            let end = now + Duration::from_secs(seconds);
            assert!(health.rests(end - Duration::from_millis(1)), "{seconds}");
            assert!(!health.rests(end), "{seconds}");
            now = end;
        }
        health.failed(now);
        health.succeeded();

        assert!(!health.rests(now));
    }
}

//! Waiting for a turn at the database: for as long as those in front get on, and no longer.
//!
//! Behind many others one waits, and is served; behind a database that does nothing, one is told so at once. So a burst
//! costs nobody an answer, and an outage does not pile up requests that nobody waits for any more.

use crate::urgency::{LONGEST, Urgency};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Those who wait for one thing.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    moved_at: Arc<Mutex<Option<Instant>>>,
    patience: Duration,
}

/// Nobody gets on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nobody gets a turn at the database")]
pub(crate) struct Stalled;

impl Queue {
    pub(crate) fn of(urgency: Urgency) -> Self {
        Self { moved_at: Arc::default(), patience: urgency.patience() }
    }

    /// Says that somebody has got their turn, and a transaction.
    pub(crate) fn moved(&self) {
        self.move_at(Instant::now());
    }

    /// Waits for `turn`.
    pub(crate) async fn wait<T>(&self, turn: impl Future<Output = T>) -> Result<T, Stalled> {
        let came = Instant::now();
        let mut turn = pin!(turn);
        loop {
            let end = self.end(came);
            if let Ok(turn) = timeout_at(end, &mut turn).await {
                return Ok(turn);
            }
            // Unless somebody got on meanwhile.
            if self.end(came) <= end {
                return Err(Stalled);
            }
        }
    }

    /// Returns until when somebody who came at `came` waits if nobody gets on from here.
    fn end(&self, came: Instant) -> Instant {
        let moved_at = *self.moved_at.lock().unwrap_or_else(PoisonError::into_inner);
        let since = moved_at.map_or(came, |moved_at| moved_at.max(came));
        (since + self.patience).min(came + LONGEST)
    }

    fn move_at(&self, moment: Instant) {
        *self.moved_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(moment);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};

    const PATIENCE: Duration = Urgency::Requests.patience();

    #[tokio::test]
    async fn r_27_whoever_waits_while_nobody_gets_on_is_told_within_a_second() {
        let queue = Queue::of(Urgency::Requests);
        let came = Instant::now();

        assert_eq!(queue.end(came), came + PATIENCE);
        assert!(PATIENCE < Duration::from_secs(1));
        assert_eq!(queue.wait(pending::<()>()).await, Err(Stalled));
        assert_eq!(queue.wait(ready(7)).await, Ok(7));
    }

    #[test]
    fn r_27_whoever_waits_while_others_get_on_goes_on_waiting_but_not_without_end() {
        let queue = Queue::of(Urgency::Requests);
        let came = Instant::now();

        for (moved_after, waits) in [
            (PATIENCE / 2, PATIENCE / 2 + PATIENCE),
            (PATIENCE * 3, PATIENCE * 4),
            (LONGEST.saturating_sub(PATIENCE / 2), LONGEST),
        ] {
            queue.move_at(came + moved_after);
            assert_eq!(queue.end(came), came + waits, "{moved_after:?}");
        }
        let later = came + LONGEST;
        assert_eq!(queue.end(later), later + PATIENCE, "who got on before one came says nothing");
    }
}

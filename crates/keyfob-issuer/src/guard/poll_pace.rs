//! How often a device may ask: one that asks more often learns nothing earlier, and costs the database nothing (I-51).

use keyfob_issuer_core::digest::{DeviceAuthDigest, DeviceAuthId};
use keyfob_issuer_core::lifetime;
use keyfob_oauth::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// When each device that waits has asked last.
#[derive(Debug)]
pub(crate) struct PollPace {
    usual: Duration,
    waiting: Mutex<HashMap<[u8; 32], Pace>>,
}

#[derive(Clone, Copy, Debug)]
struct Pace {
    last: Timestamp,
    /// How often it asked in that second.
    times: u32,
    interval: Duration,
}

/// What asking too early adds to the wait between two polls (RFC 8628 §3.5).
const MORE: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_mins(1);
/// The clock counts whole seconds, and a request may come a little sooner than the one before it did.
const TOLERANCE: Duration = Duration::from_secs(1);
const TIMES_A_SECOND: u32 = 2;
/// More devices than can wait.
const MOST: usize = 100_000;

impl PollPace {
    /// Lets a device ask every `usual`.
    pub(crate) fn new(usual: Duration) -> Self {
        Self { usual, waiting: Mutex::default() }
    }

    /// Returns how long a device is asked to wait between two polls.
    pub(crate) fn usual(&self) -> Duration {
        self.usual
    }

    /// Whether the device that polls with `id` asks too early; from then on it has to wait longer.
    pub(crate) fn is_too_early(&self, id: &DeviceAuthId, now: Timestamp) -> bool {
        let mut waiting = self.waiting();
        let Some(pace) = waiting.get_mut(&key(id)) else { return false };
        let rested = now.since(pace.last);
        if rested >= pace.interval.saturating_sub(TOLERANCE)
            && (!rested.is_zero() || pace.times < TIMES_A_SECOND)
        {
            return false;
        }
        pace.interval =
            if pace.interval <= TOLERANCE { pace.interval } else { LONGEST.min(pace.interval + MORE) };
        true
    }

    /// Notes that the device asked, and goes on waiting.
    pub(crate) fn note(&self, id: &DeviceAuthId, now: Timestamp) {
        let mut waiting = self.waiting();
        if waiting.len() >= MOST {
            // Longer than that, no device waits.
            waiting.retain(|_, pace| now.since(pace.last) < lifetime::USER_CODE);
        }
        if waiting.len() >= MOST {
            // Memory stays bounded, whatever happens.
            waiting.clear();
        }
        let new = Pace { last: now, times: 0, interval: self.usual };
        let pace = waiting.entry(key(id)).or_insert(new);
        pace.times = if pace.last == now { pace.times + 1 } else { 1 };
        pace.last = now;
    }

    /// Forgets a device that waits no longer.
    pub(crate) fn forget(&self, id: &DeviceAuthId) {
        self.waiting().remove(&key(id));
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<[u8; 32], Pace>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(id: &DeviceAuthId) -> [u8; 32] {
    DeviceAuthDigest::of(id).as_bytes().try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Polls at these seconds; returns which polls were too early.
    fn early(pace: &PollPace, seconds: &[i64]) -> Vec<i64> {
        let id = DeviceAuthId::new("device");
        let at = |second: i64| Timestamp::from_unix(1_800_000_000 + second);
        let mut early = Vec::new();
        for second in seconds.iter().copied() {
            if pace.is_too_early(&id, at(second)) {
                early.push(second);
            } else {
                pace.note(&id, at(second));
            }
        }
        early
    }

    #[test]
    fn i_51_who_polls_too_early_has_to_wait_five_seconds_longer_each_time() {
        let pace = || PollPace::new(Duration::from_secs(5));

        assert_eq!(early(&pace(), &[0, 5, 9, 14, 19]), [0; 0], "a request may come a second sooner");
        assert_eq!(early(&pace(), &[0, 3, 13, 23]), [3], "ten seconds from then on");
        assert_eq!(early(&pace(), &[0, 1, 2, 13, 19]), [1, 2, 13], "fifteen by then, and twenty");
        let storm: Vec<i64> = (0..180).flat_map(|second| [second; 50]).collect();
        let heard = storm.len() - early(&pace(), &storm).len();
        assert_eq!(heard, 4, "one of three thousand in a minute");
    }

    #[test]
    fn i_51_a_device_of_the_codex_dialect_is_heard_twice_a_second() {
        let pace = PollPace::new(Duration::from_secs(1));

        assert_eq!(early(&pace, &[0, 0, 0, 0, 1, 1, 1, 2]), [0, 0, 1]);
    }
}

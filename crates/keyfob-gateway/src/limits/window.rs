//! What happened within the last minute, second by second.

use keyfob_oauth::Timestamp;
use std::collections::VecDeque;

/// How long a minute is.
pub(super) const MINUTE: i64 = 60;

/// Amounts of the last minute: at most one entry for each of its seconds, and their exact sum.
#[derive(Debug, Default)]
pub(super) struct Window {
    seconds: VecDeque<(i64, u64)>,
    sum: u64,
}

impl Window {
    /// Forgets what is a minute old; a clock that was set back does not bring it again.
    pub(super) fn forget(&mut self, now: Timestamp) {
        let oldest = now.as_unix().saturating_sub(MINUTE);
        while self.seconds.front().is_some_and(|(second, _)| *second <= oldest) {
            if let Some((_, amount)) = self.seconds.pop_front() {
                self.sum = self.sum.saturating_sub(amount);
            }
        }
    }

    /// Adds to the present second, and returns it; one that is earlier than the last is taken for the last.
    pub(super) fn add(&mut self, now: Timestamp, amount: u64) -> i64 {
        self.sum = self.sum.saturating_add(amount);
        match self.seconds.back_mut() {
            Some((second, sum)) if *second >= now.as_unix() => {
                *sum = sum.saturating_add(amount);
                *second
            }
            Some(_) | None => {
                self.seconds.push_back((now.as_unix(), amount));
                now.as_unix()
            }
        }
    }

    /// Puts another amount in the place of one that was added in this second, if that is not over for a minute.
    pub(super) fn correct(&mut self, second: i64, was: u64, is: u64) {
        let Ok(place) = self.seconds.binary_search_by_key(&second, |(second, _)| *second) else { return };
        if let Some((_, sum)) = self.seconds.get_mut(place) {
            *sum = sum.saturating_sub(was).saturating_add(is);
            self.sum = self.sum.saturating_sub(was).saturating_add(is);
        }
    }

    pub(super) const fn sum(&self) -> u64 {
        self.sum
    }

    /// Returns when `amount` more will fit under `most`, if nothing else comes; nothing if it never will.
    pub(super) fn has_room(&self, most: u64, amount: u64, now: Timestamp) -> Option<Timestamp> {
        let mut sum = self.sum;
        if amount > most {
            return None;
        }
        let mut room = now;
        for (second, amount_then) in &self.seconds {
            if sum.saturating_add(amount) <= most {
                break;
            }
            sum = sum.saturating_sub(*amount_then);
            room = Timestamp::from_unix(second.saturating_add(MINUTE));
        }
        Some(room)
    }

    /// Returns when nothing of what is counted will count any longer.
    pub(super) fn is_empty_at(&self, now: Timestamp) -> Timestamp {
        self.seconds
            .back()
            .map_or(now, |(second, _)| Timestamp::from_unix(second.saturating_add(MINUTE)).max(now))
    }
}

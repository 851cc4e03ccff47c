//! How many wrong values one party may try within a while: user codes by account (I-44), tokens by server (I-35).

use keyfob_oauth::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Wrong guesses per account, or per whoever else guesses.
#[derive(Debug)]
pub(crate) struct GuessBudget {
    most_wrong: u32,
    window: Duration,
    wrong: Mutex<HashMap<String, Guesses>>,
}

#[derive(Debug)]
struct Guesses {
    since: Timestamp,
    wrong: u32,
}

const MOST_PARTIES: usize = 10_000;

impl GuessBudget {
    /// Allows `most_wrong` guesses in each `window`.
    pub(crate) fn new(most_wrong: u32, window: Duration) -> Self {
        Self { most_wrong, window, wrong: Mutex::default() }
    }

    /// Whether `party` has used its guesses up.
    pub(crate) fn is_spent(&self, party: &str, now: Timestamp) -> bool {
        let budget = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        budget
            .get(party)
            .is_some_and(|guesses| guesses.wrong >= self.most_wrong && now.since(guesses.since) < self.window)
    }

    /// Counts a wrong guess.
    pub(crate) fn count_wrong(&self, party: String, now: Timestamp) {
        let mut budget = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        budget.retain(|_, guesses| now.since(guesses.since) < self.window);
        if budget.len() >= MOST_PARTIES {
            // Memory stays bounded, whatever happens.
            budget.clear();
        }
        budget.entry(party).or_insert(Guesses { since: now, wrong: 0 }).wrong += 1;
    }
}

//! How many wrong user codes one account may try (I-44).

use keyfob_oauth::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Wrong guesses per account.
#[derive(Debug, Default)]
pub(crate) struct GuessBudget(Mutex<HashMap<String, Guesses>>);

#[derive(Debug)]
struct Guesses {
    since: Timestamp,
    wrong: u32,
}

const MOST_WRONG: u32 = 10;
const WINDOW: Duration = Duration::from_mins(15);
const MOST_ACCOUNTS: usize = 10_000;

impl GuessBudget {
    /// Whether `account` has used its guesses up.
    pub(crate) fn is_spent(&self, account: &str, now: Timestamp) -> bool {
        let budget = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        budget
            .get(account)
            .is_some_and(|guesses| guesses.wrong >= MOST_WRONG && now.since(guesses.since) < WINDOW)
    }

    /// Counts a wrong guess.
    pub(crate) fn count_wrong(&self, account: String, now: Timestamp) {
        let mut budget = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        budget.retain(|_, guesses| now.since(guesses.since) < WINDOW);
        if budget.len() >= MOST_ACCOUNTS {
            // Memory stays bounded, whatever happens.
            budget.clear();
        }
        budget.entry(account).or_insert(Guesses { since: now, wrong: 0 }).wrong += 1;
    }
}

//! How many wrong user codes one browser may try (I-44).

use keyfob_oauth::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Wrong guesses per browser.
#[derive(Debug, Default)]
pub(crate) struct GuessBudget(Mutex<HashMap<String, Guesses>>);

#[derive(Debug)]
struct Guesses {
    since: Timestamp,
    wrong: u32,
}

const MOST_WRONG: u32 = 10;
const WINDOW: Duration = Duration::from_mins(15);
const MOST_BROWSERS: usize = 10_000;

impl GuessBudget {
    /// Whether `browser` has used its guesses up.
    pub(crate) fn is_spent(&self, browser: &str, now: Timestamp) -> bool {
        let budget = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        budget
            .get(browser)
            .is_some_and(|guesses| guesses.wrong >= MOST_WRONG && now.since(guesses.since) < WINDOW)
    }

    /// Counts a wrong guess.
    pub(crate) fn count_wrong(&self, browser: String, now: Timestamp) {
        let mut budget = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        budget.retain(|_, guesses| now.since(guesses.since) < WINDOW);
        if budget.len() >= MOST_BROWSERS {
            // Somebody makes up browsers, so counting by browser is no use; memory stays bounded.
            budget.clear();
        }
        budget.entry(browser).or_insert(Guesses { since: now, wrong: 0 }).wrong += 1;
    }
}

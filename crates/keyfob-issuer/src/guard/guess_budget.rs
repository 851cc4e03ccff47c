//! How many wrong values one party may try within a while: user codes by account (I-44), tokens by server (I-35).

use keyfob_oauth::Timestamp;
use std::cmp::Ordering;
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

/// What a wrong guess leaves of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    Some,
    /// It was the last.
    None,
    /// It ran beside the last.
    NoneBefore,
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
    pub(crate) fn count_wrong(&self, party: String, now: Timestamp) -> Left {
        let mut budget = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        budget.retain(|_, guesses| now.since(guesses.since) < self.window);
        if budget.len() >= MOST_PARTIES {
            // Memory stays bounded, whatever happens; whoever guessed most is forgotten last (I-75).
            let fewest =
                budget.iter().min_by_key(|(_, guesses)| guesses.wrong).map(|(party, _)| party.clone());
            if let Some(fewest) = fewest {
                budget.remove(&fewest);
            }
        }
        let guesses = budget.entry(party).or_insert(Guesses { since: now, wrong: 0 });
        guesses.wrong = guesses.wrong.saturating_add(1);
        match guesses.wrong.cmp(&self.most_wrong) {
            Ordering::Less => Left::Some,
            Ordering::Equal => Left::None,
            Ordering::Greater => Left::NoneBefore,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i_75_many_parties_do_not_make_anybodys_guesses_forgotten_nor_does_a_clock_that_goes_back() {
        let budget = GuessBudget::new(3, Duration::from_mins(15));
        let now = Timestamp::from_unix(1_800_000_000);
        for _ in 0..3 {
            budget.count_wrong("mia".into(), now);
        }

        for number in 0..MOST_PARTIES + 100 {
            budget.count_wrong(format!("party {number}"), now);
        }

        let parties = budget.wrong.lock().unwrap().len();
        assert_eq!((parties, budget.is_spent("mia", now)), (MOST_PARTIES, true));
        assert!(budget.is_spent("mia", Timestamp::from_unix(now.as_unix() - 3_600)));
        assert!(!budget.is_spent("mia", now.plus(Duration::from_mins(15))));
    }
}

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

#[derive(Clone, Copy, Debug)]
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
        if budget.len() >= MOST_PARTIES && !budget.contains_key(&party) {
            budget.retain(|_, guesses| now.since(guesses.since) < self.window);
            if budget.len() >= MOST_PARTIES {
                forget_half(&mut budget);
            }
        }
        let new = Guesses { since: now, wrong: 0 };
        let guesses = budget.entry(party).or_insert(new);
        if now.since(guesses.since) >= self.window {
            *guesses = new;
        }
        guesses.wrong = guesses.wrong.saturating_add(1);
        match guesses.wrong.cmp(&self.most_wrong) {
            Ordering::Less => Left::Some,
            Ordering::Equal => Left::None,
            Ordering::Greater => Left::NoneBefore,
        }
    }
}

/// Memory stays bounded, whatever happens; whoever guessed most is forgotten last (I-75). Many go at once, so that looking for
/// them costs each guess little.
fn forget_half(budget: &mut HashMap<String, Guesses>) {
    let mut counts: Vec<u32> = budget.values().map(|guesses| guesses.wrong).collect();
    let half = counts.len() / 2;
    let (_, &mut median, _) = counts.select_nth_unstable(half);
    let mut left = half;
    budget.retain(|_, guesses| {
        let goes = guesses.wrong <= median && left > 0;
        left -= usize::from(goes);
        !goes
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

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
        assert!(parties <= MOST_PARTIES && budget.is_spent("mia", now), "{parties}");
        assert!(budget.is_spent("mia", Timestamp::from_unix(now.as_unix() - 3_600)));
        assert!(!budget.is_spent("mia", now.plus(Duration::from_mins(15))));
    }
    #[test]
    fn i_75_a_million_random_names_take_little_memory_and_time_and_forget_nobody_who_guesses_more() {
        const NAMES: u64 = 1_000_000;
        let budget = GuessBudget::new(5, Duration::from_mins(15));
        let now = Timestamp::from_unix(1_800_000_000);
        let began = Instant::now();
        let before = resident();

        let mut left = Vec::new();
        let mut most = 0;
        for number in 0..NAMES {
            // As far apart as random ones, and the same in each run.
            let name = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            budget.count_wrong(format!("{name:016x}"), now);
            if number % (NAMES / 5) == 1_000 {
                // Whoever guessed twice is not among those who guessed once.
                left.push(budget.count_wrong("zoe".into(), now));
                left.push(budget.count_wrong("zoe".into(), now));
            }
            if number % 10_000 == 0 {
                most = most.max(resident().saturating_sub(before));
            }
        }

        println!("a million names: {:?}, {} KiB more", began.elapsed(), most / 1024);
        assert!(most <= 64 * 1024 * 1024, "{most} bytes");
        assert!(began.elapsed() < Duration::from_mins(1), "{:?}", began.elapsed());
        let told = [vec![Left::Some; 4], vec![Left::None], vec![Left::NoneBefore; 5]].concat();
        assert_eq!((left, budget.is_spent("zoe", now)), (told, true));
    }

    /// Returns how many bytes of this process are in memory.
    fn resident() -> usize {
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages: usize = pages.split(' ').nth(1).unwrap().parse().unwrap();
        pages * 4096
    }
}

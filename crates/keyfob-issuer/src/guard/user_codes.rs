//! How many wrong user codes may be typed: by an account, from a network, and by everybody together (I-44).
//!
//! There are 20^8 codes. The last budget bounds what many accounts in many places can do: a code lives for a quarter of an
//! hour, and the hundred guesses of that time find a certain one with a chance of 2^-28.

use crate::guard::guess_budget::GuessBudget;
use keyfob_oauth::Timestamp;
use std::time::Duration;

/// The budgets for guesses at user codes.
#[derive(Debug)]
pub(crate) struct UserCodeBudget {
    account: GuessBudget,
    network: GuessBudget,
    everybody: GuessBudget,
}

/// Whoever types a code.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guesser<'a> {
    /// The account that they are signed in to.
    pub(crate) account: &'a str,
    /// The network; nothing for this machine itself.
    pub(crate) network: Option<&'a str>,
}

/// A code's life.
const LIFE: Duration = Duration::from_mins(15);
/// Mistakes that one person makes.
const OF_ACCOUNT: (u32, Duration) = (5, LIFE);
const OF_NETWORK: (u32, Duration) = (20, Duration::from_hours(1));
const OF_EVERYBODY: (u32, Duration) = (100, LIFE);
/// There is but one of them.
const EVERYBODY: &str = "";

impl Default for UserCodeBudget {
    fn default() -> Self {
        let budget = |(most, window)| GuessBudget::new(most, window);
        Self { account: budget(OF_ACCOUNT), network: budget(OF_NETWORK), everybody: budget(OF_EVERYBODY) }
    }
}

impl UserCodeBudget {
    /// Whether no guess of `guesser` is tried at `now`.
    pub(crate) fn is_spent(&self, guesser: Guesser<'_>, now: Timestamp) -> bool {
        self.account.is_spent(guesser.account, now)
            || guesser.network.is_some_and(|network| self.network.is_spent(network, now))
            || self.everybody.is_spent(EVERYBODY, now)
    }

    /// Counts a wrong guess.
    pub(crate) fn count_wrong(&self, guesser: Guesser<'_>, now: Timestamp) {
        self.account.count_wrong(guesser.account.to_owned(), now);
        if let Some(network) = guesser.network {
            self.network.count_wrong(network.to_owned(), now);
        }
        self.everybody.count_wrong(EVERYBODY.to_owned(), now);
        if self.everybody.is_spent(EVERYBODY, now) {
            tracing::error!("so many wrong user codes were typed that no device is let in for a while");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_unix(1_800_000_000);

    /// Guesses wrong until that is refused; returns how often it was not.
    fn guesses(budget: &UserCodeBudget, guessers: impl Iterator<Item = (String, String)>) -> usize {
        let mut wrong = 0;
        for (account, network) in guessers {
            let guesser = Guesser { account: &account, network: Some(&network) };
            if !budget.is_spent(guesser, START) {
                budget.count_wrong(guesser, START);
                wrong += 1;
            }
        }
        wrong
    }

    #[test]
    fn i_44_of_ten_thousand_guesses_from_everywhere_a_hundred_are_tried() {
        let everywhere = |n: u32| (format!("account {n}"), format!("network {n}"));
        let budget = UserCodeBudget::default();

        assert_eq!(guesses(&budget, (0..10_000).map(everywhere)), 100);

        let honest = Guesser { account: "honest", network: None };
        assert!(budget.is_spent(honest, START));
        assert!(!budget.is_spent(honest, START.plus(Duration::from_mins(15))));
    }

    #[test]
    fn i_44_an_account_guesses_five_times_and_a_network_twenty_times() {
        let account = |n: u32| ("one".to_owned(), format!("network {n}"));
        let network = |n: u32| (format!("account {n}"), "one".to_owned());

        assert_eq!(guesses(&UserCodeBudget::default(), (0..1_000).map(account)), 5);
        assert_eq!(guesses(&UserCodeBudget::default(), (0..1_000).map(network)), 20);
    }
}

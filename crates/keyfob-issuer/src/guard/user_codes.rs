//! How many wrong user codes may be typed: by an account, from a network, and by everybody together (I-44).
//!
//! There are 20^8 codes. The last budget bounds what many accounts in many places can do: a code lives for a quarter of an
//! hour, and the hundred guesses of that time find a certain one with a chance of 2^-28.

use crate::guard::guess_budget::{GuessBudget, Left};
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

/// Whose budget a wrong guess has used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spent {
    Account,
    Network,
    Everybody,
}

impl Spent {
    /// Returns the word by which it is recorded.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "of the account",
            Self::Network => "of the network",
            Self::Everybody => "of everybody",
        }
    }
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

    /// Counts a wrong guess; returns the budgets of which it was the last.
    pub(crate) fn count_wrong(&self, guesser: Guesser<'_>, now: Timestamp) -> Vec<Spent> {
        let account = self.account.count_wrong(guesser.account.to_owned(), now);
        let network = guesser.network.map(|network| self.network.count_wrong(network.to_owned(), now));
        let everybody = self.everybody.count_wrong(EVERYBODY.to_owned(), now);
        if everybody == Left::None {
            tracing::error!("so many wrong user codes were typed that no device is let in for a while");
        }
        let left =
            [(Some(account), Spent::Account), (network, Spent::Network), (Some(everybody), Spent::Everybody)];
        left.into_iter().filter(|(left, _)| *left == Some(Left::None)).map(|(_, spent)| spent).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_unix(1_800_000_000);

    /// Guesses wrong until that is refused; returns how often it was not, and what was told.
    fn guesses(
        budget: &UserCodeBudget,
        guessers: impl Iterator<Item = (String, String)>,
    ) -> (usize, Vec<Spent>) {
        let (mut wrong, mut told) = (0, Vec::new());
        for (account, network) in guessers {
            let guesser = Guesser { account: &account, network: Some(&network) };
            if !budget.is_spent(guesser, START) {
                told.extend(budget.count_wrong(guesser, START));
                wrong += 1;
            }
        }
        (wrong, told)
    }

    #[test]
    fn i_44_of_ten_thousand_guesses_from_everywhere_a_hundred_are_tried_and_the_last_is_told() {
        let everywhere = |n: u32| (format!("account {n}"), format!("network {n}"));
        let budget = UserCodeBudget::default();

        assert_eq!(guesses(&budget, (0..10_000).map(everywhere)), (100, vec![Spent::Everybody]));

        let honest = Guesser { account: "honest", network: None };
        assert!(budget.is_spent(honest, START));
        assert!(!budget.is_spent(honest, START.plus(Duration::from_mins(15))));
    }

    #[test]
    fn i_44_an_account_guesses_five_times_and_a_network_twenty_times() {
        let account = |n: u32| ("one".to_owned(), format!("network {n}"));
        let network = |n: u32| (format!("account {n}"), "one".to_owned());

        assert_eq!(guesses(&UserCodeBudget::default(), (0..1_000).map(account)), (5, vec![Spent::Account]));
        assert_eq!(guesses(&UserCodeBudget::default(), (0..1_000).map(network)), (20, vec![Spent::Network]));
    }
}

//! How often somebody may try a password or a code: a few mistakes cost nothing, then each costs a wait (I-54).
//!
//! Nothing is ever locked for good. Whoever tries from elsewhere can make the owner of an account wait a minute at most
//! ([`Counted::Account`]), and not at all in a browser that has signed in to it before ([`Counted::AccountIn`]).

use aws_lc_rs::hmac;
use keyfob_oauth::Timestamp;
use std::num::NonZeroU32;
use std::time::Duration;

/// What tries are counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted<'a> {
    /// An account, by the address that was typed, whether there is one or not; from a network.
    AccountFrom(&'a str, &'a str),
    /// An account, by the address that was typed, from everywhere.
    Account(&'a str),
    /// An account, from a browser that has signed in to it before.
    AccountIn(&'a str, &'a str),
    /// A network, whichever account it tries.
    Network(&'a str),
    /// The second factor of an account, by its identifier.
    SecondFactor(&'a str),
    /// Letters to an address.
    Letters(&'a str),
    /// Devices that are let in to a workspace, by its identifier; so many an hour.
    Devices(&'a str, NonZeroU32),
    /// Every account, from browsers that have not signed in to it before.
    Everybody,
}

/// How many mistakes cost nothing, and what later ones cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    free: u32,
    first: Duration,
    longest: Duration,
    forgiven: Forgiven,
}

/// When mistakes count no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Forgiven {
    /// With a success, or when there was none for a day.
    Together,
    /// One by one, each after so many seconds.
    Every(u32),
}

/// The tries that were counted for one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    /// How many tries failed in a row; one that runs counts until it succeeds.
    pub failures: u32,
    /// When the last one began.
    pub last: Timestamp,
}

/// How the name of what is counted rests: keyed, since people type passwords where an address belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThrottleKey([u8; 32]);

/// Too many tries went wrong; nothing was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("too many tries went wrong; the next one counts in {} s", wait.as_secs())]
pub struct Throttled {
    /// How long to wait.
    pub wait: Duration,
}

/// Counters that nobody touched for this long are forgotten.
pub const FORGOTTEN_AFTER: Duration = Duration::from_hours(24);

impl Budget {
    const HERE: Self = Self {
        free: 5,
        first: Duration::from_secs(30),
        longest: Duration::from_mins(15),
        forgiven: Forgiven::Together,
    };
    /// From everywhere together. At a try a minute an attacker has fewer than the 100 an hour that ASVS allows.
    const ACCOUNT: Self = Self {
        free: 50,
        first: Duration::from_secs(15),
        longest: Duration::from_mins(1),
        forgiven: Forgiven::Together,
    };
    /// An office may sit behind one address.
    const NETWORK: Self = Self {
        free: 100,
        first: Duration::from_secs(30),
        longest: Duration::from_mins(15),
        forgiven: Forgiven::Together,
    };
    /// What many places try on many accounts: a thousand mistakes at once, and one a second in the long run. Who signs in at a
    /// browser that they have used before does not wait for it.
    const EVERYBODY: Self = Self {
        free: 1_000,
        first: Duration::from_secs(1),
        longest: Duration::from_secs(30),
        forgiven: Forgiven::Every(1),
    };

    /// So many an hour: all of them at once, and then one by one.
    const fn hourly(most: NonZeroU32) -> Self {
        let apart = 3_600_u32.div_ceil(most.get());
        let wait = Duration::from_secs(apart as u64);
        Self { free: most.get(), first: wait, longest: wait, forgiven: Forgiven::Every(apart) }
    }

    /// Returns how many mistakes are forgiven after a rest.
    fn forgiven(self, rested: Duration) -> u32 {
        match self.forgiven {
            Forgiven::Together => 0,
            Forgiven::Every(seconds) => {
                u32::try_from(rested.as_secs() / u64::from(seconds.max(1))).unwrap_or(u32::MAX)
            }
        }
    }

    /// Returns how long the next try has to wait after `failures`.
    fn wait(self, failures: u32) -> Duration {
        match failures.checked_sub(self.free) {
            None => Duration::ZERO,
            Some(beyond) => self.first.saturating_mul(2_u32.saturating_pow(beyond)).min(self.longest),
        }
    }
}

impl Counted<'_> {
    /// Returns what it may cost.
    pub const fn budget(self) -> Budget {
        match self {
            Self::AccountFrom(_, _) | Self::AccountIn(_, _) | Self::SecondFactor(_) | Self::Letters(_) => {
                Budget::HERE
            }
            Self::Account(_) => Budget::ACCOUNT,
            Self::Network(_) => Budget::NETWORK,
            Self::Everybody => Budget::EVERYBODY,
            Self::Devices(_, most) => Budget::hourly(most),
        }
    }

    /// Returns the name under which it rests.
    pub(crate) fn key(self, key: &hmac::Key) -> Option<ThrottleKey> {
        let parts = match self {
            Self::AccountFrom(account, network) => ["account-from", account, network],
            Self::Account(account) => ["account", account, ""],
            Self::AccountIn(account, browser) => ["account-in", account, browser],
            Self::Network(network) => ["network", network, ""],
            Self::SecondFactor(subject) => ["second-factor", subject, ""],
            Self::Letters(address) => ["letters", address, ""],
            Self::Devices(workspace, _) => ["devices", workspace, ""],
            Self::Everybody => ["everybody", "", ""],
        };
        let mut context = hmac::Context::with_key(key);
        for part in parts {
            context.update(part.as_bytes());
            context.update(b"\0");
        }
        ThrottleKey::from_bytes(context.sign().as_ref())
    }
}

impl Counter {
    /// Counts one more try at `now`, or says how long it has to wait.
    pub fn count(before: Option<Self>, budget: Budget, now: Timestamp) -> Result<Self, Throttled> {
        let Some(before) = before.filter(|counter| now.since(counter.last) < FORGOTTEN_AFTER) else {
            return Ok(Self { failures: 1, last: now });
        };
        let rested = now.since(before.last);
        let wait = budget.wait(before.failures).saturating_sub(rested);
        if wait.is_zero() {
            let failures = before.failures.saturating_sub(budget.forgiven(rested));
            Ok(Self { failures: failures.saturating_add(1), last: now.max(before.last) })
        } else {
            Err(Throttled { wait })
        }
    }
}

impl Counter {
    /// Returns how long the next try has to wait if this one fails.
    pub(crate) fn wait(self, budget: Budget) -> Duration {
        budget.wait(self.failures)
    }
}

impl ThrottleKey {
    /// Reads the stored form.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Returns the stored form.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i_50_so_many_devices_an_hour_are_all_at_once_and_then_one_by_one() {
        let hourly = |most| Budget::hourly(NonZeroU32::new(most).unwrap());
        assert_eq!(waits(hourly(3), 6), [0, 0, 0, 1200, 1200, 1200]);
        assert_eq!(waits(hourly(7), 9), [0, 0, 0, 0, 0, 0, 0, 515, 515]);
        assert_eq!(waits(hourly(10_000), 3), [0, 0, 0]);
        let workspaces = ["a", "b"].map(|id| Counted::Devices(id, NonZeroU32::MIN));
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
        let [one, other] = workspaces.map(|counted| counted.key(&key));
        assert_ne!(one, other);
    }

    /// Tries at every moment that is allowed; returns the waits between.
    fn waits(budget: Budget, tries: usize) -> Vec<u64> {
        let mut now = Timestamp::from_unix(1_800_000_000);
        let mut counter = None;
        let mut waits = Vec::new();
        for _ in 0..tries {
            let mut waited = Duration::ZERO;
            counter = Some(loop {
                match Counter::count(counter, budget, now) {
                    Ok(counter) => break counter,
                    Err(Throttled { wait }) => {
                        waited += wait;
                        now = now.plus(wait);
                    }
                }
            });
            waits.push(waited.as_secs());
        }
        waits
    }

    #[test]
    fn i_54_five_mistakes_are_free_then_waits_double_up_to_a_quarter_of_an_hour() {
        let budget = Counted::AccountFrom("mia@example.org", "192.0.2.1").budget();

        assert_eq!(waits(budget, 12), [0, 0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900]);
    }

    #[test]
    fn i_54_tries_from_everywhere_make_an_account_wait_a_minute_at_most() {
        let waits = waits(Counted::Account("mia@example.org").budget(), 100);

        assert_eq!(waits[..50], [0; 50]);
        assert_eq!(waits[50..54], [15, 30, 60, 60]);
        assert_eq!(waits.iter().max(), Some(&60));
    }

    #[test]
    fn i_54_of_everybodys_tries_a_thousand_are_free_and_in_the_long_run_one_a_second() {
        let budget = Counted::Everybody.budget();
        let waits = waits(budget, 10_000);

        assert_eq!(waits[..1_000], [0; 1_000]);
        assert_eq!(waits[1_000..1_003], [1, 1, 1]);
        assert_eq!(waits.iter().sum::<u64>(), 9_000);
        let spent = Counter { failures: 1_005, last: Timestamp::from_unix(1_800_000_000) };
        let soon = spent.last.plus(Duration::from_secs(2));
        let refused = Throttled { wait: Duration::from_secs(28) };
        assert_eq!(Counter::count(Some(spent), budget, soon), Err(refused), "many at once cost more");
        let rested = spent.last.plus(Duration::from_mins(20));
        assert_eq!(Counter::count(Some(spent), budget, rested), Ok(Counter { failures: 1, last: rested }));
    }

    #[test]
    fn a_counter_is_forgotten_after_a_day_and_a_clock_that_goes_back_forgets_nothing() {
        let budget = Counted::SecondFactor("u").budget();
        let now = Timestamp::from_unix(1_800_000_000);
        let spent = Counter { failures: 7, last: now };

        let later = now.plus(FORGOTTEN_AFTER);
        assert_eq!(Counter::count(Some(spent), budget, later), Ok(Counter { failures: 1, last: later }));
        let earlier = Timestamp::from_unix(1_799_000_000);
        let refused = Throttled { wait: Duration::from_mins(2) };
        assert_eq!(Counter::count(Some(spent), budget, earlier), Err(refused));
    }

    #[test]
    fn what_is_counted_apart_rests_under_different_names() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
        let names = [
            Counted::AccountFrom("a", "b"),
            Counted::AccountFrom("ab", ""),
            Counted::AccountIn("a", "b"),
            Counted::Account("a"),
            Counted::Network("a"),
            Counted::SecondFactor("a"),
            Counted::Everybody,
        ]
        .map(|counted| counted.key(&key).unwrap());

        for (at, name) in names.iter().enumerate() {
            assert_eq!(names.iter().position(|other| other == name), Some(at));
        }
    }
}

//! What one caller, or one workspace, has used of its limits.

#[cfg(test)]
use super::period::Period;
use super::period::Present;
use super::quota::{Kind, Quota, Renewal};
use super::section::{Amounts, Budget};
use super::spending::{Spell, Spending};
use super::window::{MINUTE, Window};
use super::{Cost, Reached};
use keyfob_oauth::Timestamp;
use keyfob_usage::money::Money;

/// All of one holder's counters.
#[derive(Debug, Default)]
pub(super) struct Counters {
    requests: Window,
    tokens: Window,
    running: u64,
    spent: Spending,
}

/// Where a reservation stands, to be corrected there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    second: i64,
    spell: Spell,
}

impl Counters {
    /// Forgets what does not count any longer.
    pub(super) fn forget(&mut self, present: &Present) {
        self.requests.forget(present.now);
        self.tokens.forget(present.now);
        self.spent.forget(present);
    }

    /// Notes a request that runs until [`Self::leave`].
    pub(super) fn begin(&mut self, now: Timestamp) {
        self.running = self.running.saturating_add(1);
        self.requests.add(now, 1);
    }

    /// Reserves so much; whether it fits is not asked here.
    pub(super) fn reserve(&mut self, cost: Cost, present: &Present) -> Place {
        let second = self.tokens.add(present.now, cost.tokens);
        Place { second, spell: self.spent.add(cost.price, present) }
    }

    /// Counts a request of before this program counted, as far as it counts now.
    pub(super) fn recall(&mut self, cost: Cost, at: Timestamp, present: &Present) {
        self.requests.add(at, 1);
        self.tokens.add(at, cost.tokens);
        self.recall_spending(cost.price, at, present);
    }

    /// As [`Self::recall`], of a request that is older than every window.
    pub(super) fn recall_spending(&mut self, price: Money, at: Timestamp, present: &Present) {
        self.spent.recall(price, at, present);
    }

    /// Puts what was used in the place of what was reserved.
    pub(super) fn settle(&mut self, place: Place, reserved: Cost, used: Cost) {
        self.tokens.correct(place.second, reserved.tokens, used.tokens);
        self.spent.settle(place.spell, reserved.price, used.price);
    }

    /// Notes that a request runs no longer.
    pub(super) fn leave(&mut self) {
        self.running = self.running.saturating_sub(1);
    }

    /// Whether nothing would be lost with it.
    pub(super) fn is_idle(&self) -> bool {
        self.running == 0 && self.requests.sum() == 0 && self.tokens.sum() == 0 && self.spent.is_nothing()
    }

    /// Returns the limits that the worst case does not fit into.
    pub(super) fn reached(&self, limits: &Amounts, worst: Cost, now: Timestamp) -> Vec<Reached> {
        let window = |window: &Window, most: u64, amount: u64| match window.has_room(most, amount, now) {
            Some(room) if room <= now => None,
            Some(room) => Some(Renewal::At(room)),
            None => Some(Renewal::Never),
        };
        let requests = limits
            .requests_per_minute
            .and_then(|most| Some((Kind::Requests(most), window(&self.requests, most, 1)?, Money::ZERO)));
        let tokens = limits.tokens_per_minute.and_then(|most| {
            Some((Kind::Tokens(most), window(&self.tokens, most, worst.tokens)?, Money::ZERO))
        });
        let streams = limits
            .streams
            .filter(|most| self.running >= *most)
            .map(|most| (Kind::Streams(most), Renewal::WhenOneEnds, Money::ZERO));
        let budget = limits.budget.and_then(|budget| {
            let left = self.left(&budget);
            let renewal = if worst.price > budget.most {
                Renewal::Never
            } else if worst.price > left {
                Renewal::At(budget.period.end(now))
            } else {
                return None;
            };
            Some((Kind::Budget(budget), renewal, left))
        });
        [requests, tokens, streams, budget]
            .into_iter()
            .flatten()
            .map(|(kind, renewal, left)| Reached { kind, renewal, left })
            .collect()
    }

    /// Whether so much more of tokens and money fits.
    pub(super) fn has_room(&self, limits: &Amounts, more: Cost, now: Timestamp) -> bool {
        let tokens = limits.tokens_per_minute.is_none_or(|most| {
            self.tokens.has_room(most, more.tokens, now).is_some_and(|moment| moment <= now)
        });
        tokens && limits.budget.is_none_or(|budget| more.price <= self.left(&budget))
    }

    fn left(&self, budget: &Budget) -> Money {
        budget.most.minus(self.spent.of(budget.period))
    }

    /// Returns how much of each limit is left.
    pub(super) fn quotas(&self, limits: &Amounts, now: Timestamp) -> Vec<Quota> {
        let mut quotas = Vec::new();
        let minute = |kind, most: u64, window: &Window| Quota {
            kind,
            left: most.saturating_sub(window.sum()),
            window: Some(MINUTE.unsigned_abs()),
            renews_in: Some(window.is_empty_at(now).since(now).as_secs()),
        };
        quotas.extend(
            limits.requests_per_minute.map(|most| minute(Kind::Requests(most), most, &self.requests)),
        );
        quotas.extend(limits.tokens_per_minute.map(|most| minute(Kind::Tokens(most), most, &self.tokens)));
        quotas.extend(limits.streams.map(|most| Quota {
            kind: Kind::Streams(most),
            left: most.saturating_sub(self.running),
            window: None,
            renews_in: None,
        }));
        quotas.extend(limits.budget.map(|budget| {
            let (start, end) = (budget.period.start(now), budget.period.end(now));
            Quota {
                kind: Kind::Budget(budget),
                left: self.left(&budget).as_nano(),
                window: Some(end.since(start).as_secs()),
                renews_in: Some(end.since(now).as_secs()),
            }
        }));
        quotas
    }

    #[cfg(test)]
    pub(super) fn sums(&self, period: Period) -> (u64, u64, u64, Money) {
        (self.requests.sum(), self.tokens.sum(), self.running, self.spent.of(period))
    }
}

//! What was spent in the present hour, day and month: each is counted, whichever a budget is for, since that may change.

use super::period::{PERIODS, Period, Present};
use keyfob_oauth::Timestamp;
use keyfob_usage::money::Money;

/// What one holder spent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spending([Spent; PERIODS]);

/// What was spent in one period.
#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    /// When it began, as long as anything was spent.
    period: Option<Timestamp>,
    money: Money,
}

/// The periods in which something was reserved, to be corrected there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spell([Option<Timestamp>; PERIODS]);

impl Spending {
    /// Forgets what does not count any longer.
    pub(super) fn forget(&mut self, present: &Present) {
        for (spent, start) in self.0.iter_mut().zip(present.starts) {
            // A clock that was set back does not renew a budget.
            if spent.period < Some(start) {
                *spent = Spent::default();
            }
        }
    }

    /// Spends so much now; returns where it stands.
    pub(super) fn add(&mut self, price: Money, present: &Present) -> Spell {
        for (spent, start) in self.0.iter_mut().zip(present.starts) {
            spent.add(price, start);
        }
        Spell(self.0.map(|spent| spent.period))
    }

    /// Counts what was spent at a moment that is over, as far as it counts now.
    pub(super) fn recall(&mut self, price: Money, at: Timestamp, present: &Present) {
        for (spent, start) in self.0.iter_mut().zip(present.starts) {
            if at >= start {
                spent.add(price, start);
            }
        }
    }

    /// Puts what was used in the place of what was reserved.
    pub(super) fn settle(&mut self, spell: Spell, reserved: Money, used: Money) {
        for (spent, period) in self.0.iter_mut().zip(spell.0) {
            if period.is_some() && spent.period == period {
                spent.money = spent.money.minus(reserved).plus(used);
            }
        }
    }

    /// Returns what was spent in the present period of this kind.
    pub(super) fn of(&self, period: Period) -> Money {
        let [hour, day, month] = self.0.map(|spent| spent.money);
        match period {
            Period::Hour => hour,
            Period::Day => day,
            Period::Month => month,
        }
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.0.iter().all(|spent| spent.money == Money::ZERO)
    }
}

impl Spent {
    fn add(&mut self, price: Money, start: Timestamp) {
        if self.period < Some(start) {
            *self = Self { period: Some(start), money: Money::ZERO };
        }
        self.money = self.money.plus(price);
    }
}

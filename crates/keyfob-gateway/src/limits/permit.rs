//! That one request was let through, and what is reserved for it.

use super::counters::Place;
use super::period::Present;
use super::quota::Told;
use super::{Cost, Holder, Limits};
use keyfob_oauth::Timestamp;
use std::sync::Arc;

/// That a request was let through; it runs until this is dropped.
///
/// What was reserved for it counts as used unless [`Permit::settle`] says what really was.
#[derive(Debug)]
pub(crate) struct Permit {
    limits: Arc<Limits>,
    /// Who calls, and their workspace.
    holders: [Holder; 2],
    /// The first before it was sent, each other while it ran.
    reservations: Vec<Reservation>,
    told: Told,
}

/// What was reserved at one moment.
#[derive(Debug)]
pub(super) struct Reservation {
    pub(super) cost: Cost,
    /// Where it stands with each holder.
    pub(super) places: [Place; 2],
}

impl Permit {
    pub(super) fn new(limits: Arc<Limits>, holders: [Holder; 2], first: Reservation, told: Told) -> Self {
        Self { limits, holders, reservations: vec![first], told }
    }

    /// Reserves more for a request that runs, if it fits into every limit of tokens and money; says whether it did.
    pub(crate) fn extend(&mut self, more: Cost, now: Timestamp) -> bool {
        let present = Present::at(now);
        let mut used = self.limits.lock();
        let config = used.config;
        for holder in &self.holders {
            let counters = used.holders.entry(holder.clone()).or_default();
            counters.forget(&present);
            if !counters.has_room(holder.limits(&config), more, now) {
                return false;
            }
        }
        let places = self
            .holders
            .each_ref()
            .map(|holder| used.holders.entry(holder.clone()).or_default().reserve(more, &present));
        drop(used);
        self.reservations.push(Reservation { cost: more, places });
        true
    }

    /// Puts what was used in the place of what was reserved: what was reserved first was used first.
    pub(crate) fn settle(self, used: Cost) {
        let mut all = self.limits.lock();
        let mut rest = used;
        for (place, reservation) in self.reservations.iter().enumerate() {
            let is_last = place + 1 == self.reservations.len();
            let used = if is_last { rest } else { rest.at_most(reservation.cost) };
            rest = rest.minus(used);
            for (holder, place) in self.holders.iter().zip(reservation.places) {
                if let Some(counters) = all.holders.get_mut(holder) {
                    counters.settle(place, reservation.cost, used);
                }
            }
        }
    }

    /// Returns what an answer tells of the limits.
    pub(crate) const fn told(&self) -> &Told {
        &self.told
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut all = self.limits.lock();
        for holder in &self.holders {
            if let Some(counters) = all.holders.get_mut(holder) {
                counters.leave();
            }
        }
    }
}

impl Cost {
    fn at_most(self, most: Self) -> Self {
        Self { tokens: self.tokens.min(most.tokens), price: self.price.min(most.price) }
    }

    const fn minus(self, other: Self) -> Self {
        Self { tokens: self.tokens.saturating_sub(other.tokens), price: self.price.minus(other.price) }
    }
}

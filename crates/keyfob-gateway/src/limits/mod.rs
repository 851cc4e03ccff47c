//! How much each caller and each workspace may use: decided and reserved in one step, corrected once it is known.
//!
//! ```text
//! admit    the worst case of a request must fit into every limit of its caller and of its workspace ─► Permit
//! settle   what it used takes the place of what was reserved
//! ```
//!
//! A caller is a person in a workspace, or a key by its identifier: who somebody is, and never where they call from
//! (security G-40). A minute is the last 60 seconds, at each moment. Nothing here knows the time or waits.

mod counters;
mod period;
mod permit;
mod quota;
mod reached;
mod section;
mod spending;
#[cfg(test)]
mod tests;
mod window;

pub(crate) use permit::Permit;
pub(crate) use quota::Told;
pub(crate) use reached::LimitReached;
pub(crate) use section::LimitsSection;
pub use section::{LimitsConfig, OUTPUT_TOKENS};

use crate::authenticate::{Caller, CredentialKind};
use crate::ledger::Spent;
use counters::Counters;
use keyfob_oauth::Timestamp;
use keyfob_usage::money::{Currency, Money};
use period::Present;
use permit::Reservation;
use quota::{Kind, Of, Renewal};
use section::Amounts;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a request uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    /// Input and output together.
    pub(crate) tokens: u64,
    pub(crate) price: Money,
}

/// The limits, and what was used of them.
#[derive(Debug)]
pub(crate) struct Limits {
    used: Mutex<Used>,
}

#[derive(Debug)]
struct Used {
    config: LimitsConfig,
    currency: Option<Currency>,
    holders: HashMap<Holder, Counters>,
    /// At how many holders those that use nothing are forgotten.
    crowded: usize,
    /// Since when everything that was spent is counted.
    known_since: Timestamp,
}

/// Whose counters; two callers that share one are one.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Holder {
    Person { workspace: String, subject: String },
    Key(String),
    Workspace(String),
}

/// A limit that a request does not fit into.
struct Reached {
    kind: Kind,
    renewal: Renewal,
    left: Money,
}

/// How many holders are kept before it is looked who uses nothing.
const CROWDED: usize = 1024;

impl Limits {
    /// Begins with what was used before, as far as it still counts at `now`.
    pub(crate) fn new(
        config: LimitsConfig,
        currency: Option<Currency>,
        mut spent: Vec<Spent>,
        now: Timestamp,
    ) -> Self {
        let (present, known_since) = (Present::at(now), Self::count_since(&config, now));
        let mut used = Used { config, currency, holders: HashMap::new(), crowded: CROWDED, known_since };
        spent.sort_by_key(|spent| spent.at);
        for spent in &spent {
            let cost = Cost { tokens: spent.tokens, price: spent.price };
            for holder in Holder::who_spent(spent) {
                used.holders.entry(holder).or_default().recall(cost, spent.at, &present);
            }
        }
        used.forget_idle(&present);
        Self { used: Mutex::new(used) }
    }

    /// Returns since when everything that was spent is counted.
    pub(crate) fn known_since(&self) -> Timestamp {
        self.lock().known_since
    }

    /// Holds callers to other limits from now on; what was used stays used.
    ///
    /// `earlier` is what was spent before [`Self::known_since`], as far back as the limits ask for.
    pub(crate) fn change(
        &self,
        config: LimitsConfig,
        currency: Option<Currency>,
        earlier: &[Spent],
        now: Timestamp,
    ) {
        let present = Present::at(now);
        let mut used = self.lock();
        for spent in earlier {
            for holder in Holder::who_spent(spent) {
                used.holders.entry(holder).or_default().recall_spending(spent.price, spent.at, &present);
            }
        }
        used.known_since = used.known_since.min(Self::count_since(&config, now));
        (used.config, used.currency) = (config, currency);
    }

    /// Returns since when what was used counts at `now`.
    pub(crate) fn count_since(config: &LimitsConfig, now: Timestamp) -> Timestamp {
        let minute = Timestamp::from_unix(now.as_unix().saturating_sub(window::MINUTE));
        let budgets = [config.caller.budget, config.workspace.budget];
        budgets.iter().flatten().map(|budget| budget.period.start(now)).fold(minute, Ord::min)
    }

    /// Lets a request through if `worst_case` fits into every limit, and reserves it there.
    pub(crate) fn admit(
        self: &Arc<Self>,
        caller: &Caller,
        worst_case: Cost,
        now: Timestamp,
    ) -> Result<Permit, Box<LimitReached>> {
        let (holder, of) = Holder::of(caller);
        let workspace = Holder::Workspace(caller.workspace.as_str().to_owned());
        let present = Present::at(now);
        let mut used = self.lock();
        let config = used.config;
        let holders = [(holder, of, &config.caller), (workspace, Of::Workspace, &config.workspace)];
        used.make_room(&present);
        let mut reached = Vec::new();
        for (holder, of, limits) in &holders {
            let counters = used.holders.entry(holder.clone()).or_default();
            counters.forget(&present);
            reached
                .extend(counters.reached(limits, worst_case, now).into_iter().map(|reached| (*of, reached)));
        }
        // Of several, the one that lasts longest.
        if let Some((of, reached)) = reached.into_iter().max_by_key(|(_, reached)| reached.renewal) {
            let Reached { kind, renewal, left } = reached;
            return Err(Box::new(LimitReached {
                of,
                kind,
                renewal,
                left,
                worst_case,
                currency: used.currency,
                now,
                told: used.told(&holders, now),
            }));
        }
        let places = holders.each_ref().map(|(holder, ..)| {
            let counters = used.holders.entry(holder.clone()).or_default();
            counters.begin(now);
            counters.reserve(worst_case, &present)
        });
        let told = used.told(&holders, now);
        let [(who, ..), (workspace, ..)] = holders;
        Ok(Permit::new(Arc::clone(self), [who, workspace], Reservation { cost: worst_case, places }, told))
    }

    fn lock(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Used {
    fn told(&self, holders: &[(Holder, Of, &Amounts); 2], now: Timestamp) -> Told {
        let mut told = Told::default();
        for (holder, of, limits) in holders {
            if let Some(counters) = self.holders.get(holder) {
                told.add(*of, &counters.quotas(limits, now), self.currency);
            }
        }
        told
    }

    fn make_room(&mut self, present: &Present) {
        if self.holders.len() >= self.crowded {
            self.forget_idle(present);
        }
    }

    fn forget_idle(&mut self, present: &Present) {
        self.holders.retain(|_, counters| {
            counters.forget(present);
            !counters.is_idle()
        });
        // Looked through again when there are twice as many: each admission pays for a few.
        self.crowded = self.holders.len().saturating_mul(2).max(CROWDED);
    }
}

impl Holder {
    fn of(caller: &Caller) -> (Self, Of) {
        match &caller.credential {
            CredentialKind::AccessToken { .. } => {
                let workspace = caller.workspace.as_str().to_owned();
                (Self::Person { workspace, subject: caller.subject.as_str().to_owned() }, Of::Person)
            }
            CredentialKind::PersonalAccessToken { id } => (Self::Key(id.clone()), Of::PersonalAccessToken),
            CredentialKind::ApiKey { id } => (Self::Key(id.clone()), Of::ApiKey),
        }
    }

    /// Returns who spent it, and whose money it was.
    fn who_spent(spent: &Spent) -> [Self; 2] {
        let who = spent.key_id.clone().map_or_else(
            || Self::Person { workspace: spent.workspace.clone(), subject: spent.subject.clone() },
            Self::Key,
        );
        [who, Self::Workspace(spent.workspace.clone())]
    }

    const fn limits<'a>(&self, config: &'a LimitsConfig) -> &'a Amounts {
        match self {
            Self::Person { .. } | Self::Key(_) => &config.caller,
            Self::Workspace(_) => &config.workspace,
        }
    }
}

impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Person { .. } => "Person",
            Self::Key(_) => "Key",
            Self::Workspace(_) => "Workspace",
        })
    }
}

//! Counting tries before they run, so that many at once are as few as one after the other.

use crate::audit::AuditEvent;
use crate::issuer::{Fault, Issuer};
use crate::seal::SealError;
use crate::storage::Transaction;
use crate::throttle::{Counted, Counter, ThrottleKey, Throttled};
use std::time::Duration;

/// A try that runs; it counts as failed until it is settled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Try {
    counters: Vec<(ThrottleKey, OnSuccess)>,
    /// How long the next one waits if this one fails.
    pub(crate) wait: NextWait,
    /// How often the most frequent of what is counted was tried, this time included.
    pub(crate) number: u32,
}

/// How long the next try waits.
///
/// A try that has to wait is not tried and leaves no entry in the audit trail, or whoever floods would fill it: the entry of
/// the failed try before it says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct NextWait(Duration);

impl NextWait {
    /// Says so, if it waits at all.
    pub(crate) fn told(self, event: AuditEvent) -> AuditEvent {
        if self.0.is_zero() {
            event
        } else {
            event.saying(format!("the next one waits {} s", self.0.as_secs()))
        }
    }
}

/// What a success makes of a counter.
#[derive(Clone, Copy, Debug)]
enum OnSuccess {
    /// It begins again.
    Forget,
    /// It is as if the try had not been: one's own account must not buy tries at others'.
    Uncount,
    /// Nothing: what is counted are the successes.
    Keep,
}

/// A try may not run.
#[derive(Debug, thiserror::Error)]
pub enum TryError {
    /// Too many went wrong before.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// Something broke inside.
    #[error(transparent)]
    Fault(#[from] Fault),
}

super::faults!(TryError);

impl Issuer {
    /// Counts a try for each of `counted`, or for none and says how long to wait. Commit before it runs.
    pub(crate) async fn count_try(
        &self,
        transaction: &mut dyn Transaction,
        counted: &[Counted<'_>],
    ) -> Result<Try, TryError> {
        let now = self.now();
        let mut counters = Vec::new();
        let mut longest: Option<Throttled> = None;
        let (mut wait, mut number) = (Duration::ZERO, 0);
        for one in counted {
            let key = one.key(&self.keys.throttle).ok_or(SealError::Seal)?;
            let before = transaction.find_counter(&key).await?;
            match Counter::count(before, one.budget(), now) {
                Ok(after) => {
                    wait = wait.max(after.wait(one.budget()));
                    number = number.max(after.failures);
                    counters.push((key, before, after, on_success(*one)));
                }
                Err(throttled) => longest = longest.max(Some(throttled)),
            }
        }
        if let Some(throttled) = longest {
            return Err(throttled.into());
        }
        let mut counting = Try { counters: Vec::new(), wait: NextWait(wait), number };
        for (key, before, after, on_success) in counters {
            match before {
                Some(_) => transaction.update_counter(&key, after).await?,
                None => transaction.insert_counter(&key, after).await?,
            }
            counting.counters.push((key, on_success));
        }
        Ok(counting)
    }

    /// The try succeeded.
    pub(crate) async fn settle(
        &self,
        transaction: &mut dyn Transaction,
        counting: &Try,
    ) -> Result<(), Fault> {
        for (key, on_success) in &counting.counters {
            match on_success {
                OnSuccess::Keep => {}
                OnSuccess::Forget => transaction.delete_counter(key).await?,
                OnSuccess::Uncount => {
                    if let Some(counter) = transaction.find_counter(key).await? {
                        let counter = Counter { failures: counter.failures.saturating_sub(1), ..counter };
                        transaction.update_counter(key, counter).await?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn on_success(counted: Counted<'_>) -> OnSuccess {
    match counted {
        Counted::AccountFrom(_, _)
        | Counted::Account(_)
        | Counted::AccountIn(_, _)
        | Counted::SecondFactor(_)
        | Counted::Letters(_) => OnSuccess::Forget,
        Counted::Network(_) | Counted::Everybody => OnSuccess::Uncount,
        Counted::Devices(_, _) => OnSuccess::Keep,
    }
}

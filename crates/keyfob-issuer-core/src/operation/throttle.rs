//! Counting tries before they run, so that many at once are as few as one after the other.

use crate::issuer::{Fault, Issuer};
use crate::seal::SealError;
use crate::storage::Transaction;
use crate::throttle::{Counted, Counter, ThrottleKey, Throttled};

/// A try that runs; it counts as failed until it is settled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Try(Vec<(ThrottleKey, OnSuccess)>);

/// What a success makes of a counter.
#[derive(Clone, Copy, Debug)]
enum OnSuccess {
    /// It begins again.
    Forget,
    /// It is as if the try had not been: one's own account must not buy tries at others'.
    Uncount,
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
        for one in counted {
            let key = one.key(&self.keys.throttle).ok_or(SealError::Seal)?;
            let before = transaction.find_counter(&key).await?;
            match Counter::count(before, one.budget(), now) {
                Ok(after) => counters.push((key, before, after, on_success(*one))),
                Err(throttled) => longest = longest.max(Some(throttled)),
            }
        }
        if let Some(throttled) = longest {
            return Err(throttled.into());
        }
        let mut counting = Try::default();
        for (key, before, after, on_success) in counters {
            match before {
                Some(_) => transaction.update_counter(&key, after).await?,
                None => transaction.insert_counter(&key, after).await?,
            }
            counting.0.push((key, on_success));
        }
        Ok(counting)
    }

    /// The try succeeded.
    pub(crate) async fn settle(
        &self,
        transaction: &mut dyn Transaction,
        counting: &Try,
    ) -> Result<(), Fault> {
        for (key, on_success) in &counting.0 {
            match on_success {
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
        Counted::Network(_) => OnSuccess::Uncount,
    }
}

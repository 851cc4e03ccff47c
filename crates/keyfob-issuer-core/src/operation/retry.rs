//! An operation runs again when another one was quicker, perhaps on another node of the same database.

use crate::issuer::Fault;
use crate::storage::StorageError;

/// So often it is tried; each time that it is in vain, somebody else got on.
const MOST_ATTEMPTS: usize = 8;

/// An operation's error, which may be that another one was quicker.
pub(crate) trait OperationError {
    /// Returns what broke inside, if that is what happened.
    fn fault(&self) -> Option<&Fault>;

    /// Whether the operation did nothing, and may fare better when it begins anew.
    fn is_conflict(&self) -> bool {
        matches!(self.fault(), Some(Fault::Storage(StorageError::Conflict)))
    }
}

impl OperationError for Fault {
    fn fault(&self) -> Option<&Fault> {
        Some(self)
    }
}

/// Runs `attempt`, one transaction, until nobody was quicker; a bounded number of times.
pub(crate) async fn retried<T, E, F>(attempt: impl Fn() -> F) -> Result<T, E>
where
    E: OperationError,
    F: Future<Output = Result<T, E>>,
{
    for _ in 1..MOST_ATTEMPTS {
        match attempt().await {
            Err(error) if error.is_conflict() => {}
            outcome => return outcome,
        }
    }
    attempt().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::future::{Ready, ready};
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn now<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => value,
            Poll::Pending => unreachable!("nothing here waits"),
        }
    }

    /// Conflicts `conflicts` times, then does what it is for; returns how often it was tried too.
    fn run(conflicts: usize) -> (usize, Result<&'static str, Fault>) {
        let tried = Cell::new(0);
        let attempt = || -> Ready<Result<&'static str, Fault>> {
            tried.set(tried.get() + 1);
            let is_conflict = tried.get() <= conflicts;
            ready(if is_conflict { Err(StorageError::Conflict.into()) } else { Ok("done") })
        };
        let outcome = now(retried(attempt));
        (tried.get(), outcome)
    }

    #[test]
    fn an_operation_is_tried_again_after_a_conflict_and_not_without_end() {
        assert!(matches!(run(0), (1, Ok("done"))));
        assert!(matches!(run(7), (8, Ok("done"))));
        assert!(matches!(run(8), (8, Err(Fault::Storage(StorageError::Conflict)))));
    }

    #[test]
    fn an_operation_is_not_tried_again_after_anything_else() {
        let tried = Cell::new(0);
        let attempt = || -> Ready<Result<(), Fault>> {
            tried.set(tried.get() + 1);
            ready(Err(Fault::NoSigningKey))
        };

        let outcome = now(retried(attempt));

        assert!(matches!((tried.get(), outcome), (1, Err(Fault::NoSigningKey))));
    }
}

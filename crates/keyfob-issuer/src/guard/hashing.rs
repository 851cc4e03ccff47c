//! Password hashing beside the runtime: few at a time, and no endless queue (each takes 19 MiB and a core).

use keyfob_issuer_core::operation::{Candidate, ProvenUser, WrongPassword};
use keyfob_issuer_core::password::Password;
use keyfob_oauth::Timestamp;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// The places for hashing.
#[derive(Debug)]
pub(crate) struct Hashing {
    running: Arc<Semaphore>,
    admitted: Semaphore,
}

/// A password was not tried, or did not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum VerifyError {
    #[error("too many sign-ins wait")]
    Busy,
    #[error(transparent)]
    Wrong(#[from] WrongPassword),
}

const AT_ONCE: usize = 2;
const WAITING: usize = 64;

impl Default for Hashing {
    fn default() -> Self {
        Self { running: Arc::new(Semaphore::new(AT_ONCE)), admitted: Semaphore::new(AT_ONCE + WAITING) }
    }
}

impl Hashing {
    /// Tries a password when its turn comes.
    pub(crate) async fn verify(
        &self,
        candidate: Candidate,
        password: Password,
        now: Timestamp,
    ) -> Result<ProvenUser, VerifyError> {
        let _admitted = self.admitted.try_acquire().map_err(|_| VerifyError::Busy)?;
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(|_| VerifyError::Busy)?;
        // The place goes along: a browser that hangs up does not free the core.
        let hashed = tokio::task::spawn_blocking(move || {
            let verdict = candidate.verify(&password, now);
            drop(running);
            verdict
        });
        Ok(hashed.await.map_err(|_| VerifyError::Busy)??)
    }
}

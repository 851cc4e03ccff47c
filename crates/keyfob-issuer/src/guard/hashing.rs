//! Password hashing beside the runtime: few at a time, and no endless queue (each takes 19 MiB and a core).

use crate::guard::breaches::{BreachListError, BreachLists};
use keyfob_issuer_core::operation::{Candidate, PasswordOwner, ProvenUser, WrongPassword};
use keyfob_issuer_core::password::{HashError, InvalidPassword, Password, PasswordHash};
use keyfob_oauth::{Entropy, Timestamp};
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

/// A password does not become one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HashPasswordError {
    #[error("too many sign-ins wait")]
    Busy,
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Broken(#[from] Broken),
}

/// What speaks against a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(transparent)]
    Invalid(#[from] InvalidPassword),
    #[error("the password is known from a breach of another site")]
    Breached,
}

/// What keeps a password from being judged or hashed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    #[error(transparent)]
    Hash(#[from] HashError),
    #[error(transparent)]
    List(#[from] BreachListError),
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
        let verdict = self.run(move || candidate.verify(&password, now)).await.ok_or(VerifyError::Busy)?;
        Ok(verdict?)
    }

    /// Hashes what `owner` typed if it may become their password, when its turn comes.
    pub(crate) async fn hash(
        &self,
        typed: String,
        owner: &PasswordOwner,
        breaches: &BreachLists,
        entropy: &Arc<dyn Entropy>,
    ) -> Result<PasswordHash, HashPasswordError> {
        let password = Password::chosen(typed, &owner.email, owner.enrolled).map_err(Refusal::from)?;
        let (breaches, entropy) = (breaches.clone(), Arc::clone(entropy));
        let hash = move || {
            if breaches.hold(&password).map_err(Broken::from)? {
                return Err(Refusal::Breached.into());
            }
            Ok(PasswordHash::of(&password, &*entropy).map_err(Broken::from)?)
        };
        self.run(hash).await.ok_or(HashPasswordError::Busy)?
    }

    /// Runs `work` on a thread of its own; nothing when too much waits.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let _admitted = self.admitted.try_acquire().ok()?;
        let running = Arc::clone(&self.running).acquire_owned().await.ok()?;
        // The place goes along: a browser that hangs up does not free the core.
        let working = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(running);
            done
        });
        working.await.ok()
    }
}

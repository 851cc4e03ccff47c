//! Password hashing beside the runtime: few at a time, and no endless queue (each takes 19 MiB and a core).

use crate::guard::breaches::{BreachListError, BreachLists};
use keyfob_issuer_core::operation::{Candidate, PasswordOwner, ProvenUser, WrongPassword};
use keyfob_issuer_core::password::{HashError, InvalidPassword, Password, PasswordHash};
use keyfob_oauth::{Entropy, Timestamp};
use rustix::process::setpriority_process;
use std::sync::Arc;
use tokio::sync::{Semaphore, oneshot};

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

/// How a thread that hashes stands back behind those that serve ("nice"): a third of what they get where all want the same
/// core, so that a flood of sign-ins keeps no program from its tokens. A thread of this priority cannot take it back, so each is
/// made anew, for a thousandth of what a hash takes.
const PRIORITY: i32 = 5;
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
        let (done, told) = oneshot::channel();
        // The place goes along: a browser that hangs up does not free the core.
        let thread = move || {
            // Where this is not allowed, sign-ins and programs share alike.
            setpriority_process(None, PRIORITY).ok();
            let outcome = work();
            drop(running);
            // Whoever hangs up hears nothing.
            done.send(outcome).ok();
        };
        std::thread::Builder::new().name("hash".to_owned()).spawn(thread).ok()?;
        told.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::getpriority_process;

    #[tokio::test]
    async fn a_thread_that_hashes_stands_back_behind_those_that_serve() {
        let hashing = Hashing::default();
        let priority = || getpriority_process(None).unwrap();
        let before = priority();

        let at_work = hashing.run(priority).await;

        assert_eq!((at_work, priority()), (Some(PRIORITY), before));
    }
}

//! Signing out: revoke at the issuer that issued, remove in any case, say what happened.

mod admit;
mod run;
mod waiting;

pub(crate) use admit::admit;
pub use admit::{Ends, SignOutError};
pub(crate) use run::{revoke, revoke_within, run};
pub(crate) use waiting::end_waiting;

use crate::store::{Digest, Slot, StoreError};
use crate::token_endpoint::TokenError;
use keyfob_codex::auth_file::Login;
use keyfob_oauth::IssuerUrl;
use keyfob_oauth::request::RevocationRequest;

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// The refresh lock was taken, or not.
    Locked(Result<(), StoreError>),
    /// The store was read, or not.
    Loaded(Result<Slot, StoreError>),
    /// What is stored could be removed, or not.
    Prepared(Result<(), StoreError>),
    /// The issuer confirmed, or not.
    Revoked(Result<(), TokenError>),
    /// The document is gone, or still there.
    Removed(Result<(), StoreError>),
    /// The session waits in a keyring to be ended, or there is no place for it to wait.
    Queued(bool),
    /// It does not wait any more.
    TakenBack,
}

/// What to do next.
#[derive(Debug)]
pub enum Effect {
    /// Take the refresh lock, so that no refresh brings the login back.
    Lock,
    /// Read the store.
    Load,
    /// Ask the store whether it could remove what it holds: a login that stays must not be dead.
    Prepare,
    /// Post to the revocation endpoint of this issuer.
    Revoke(IssuerUrl, RevocationRequest),
    /// Remove the document with this digest.
    Remove(Digest),
    /// Keep what ends this session, to ask its issuer again later: before the login goes, so that no crash loses it.
    Queue(IssuerUrl, RevocationRequest),
    /// Keep it no longer: the login is still there.
    TakeBack(RevocationRequest),
    /// Let the lock go; this is the result.
    Done(Result<SignedOut, SignOutError>),
}

/// What signing out did.
#[derive(Debug)]
pub enum SignedOut {
    /// Nothing was stored.
    NothingStored,
    /// The login was removed here; whether it also ended at the issuer is told apart.
    Removed(Revocation),
}

/// Whether the session ended at the issuer.
#[derive(Debug)]
pub enum Revocation {
    /// The issuer confirmed it.
    Confirmed,
    /// The issuer did not confirm it; the session may live on there until it expires.
    Unconfirmed(IssuerUrl, TokenError),
    /// The issuer did not confirm it, and is asked again with what waits in the keyring.
    Queued(IssuerUrl, TokenError),
    /// There was nothing to revoke: an API key, or a login that names no issuer or refresh token.
    NotNeeded,
}

/// The state of one logout.
#[derive(Debug)]
pub struct Logout {
    ends: Ends,
    state: State,
}

#[derive(Debug)]
enum State {
    Locking,
    Loading,
    Preparing(Digest, IssuerUrl, RevocationRequest),
    Revoking(Digest, IssuerUrl, RevocationRequest),
    Queueing(Digest, IssuerUrl, RevocationRequest, TokenError),
    /// And what is to be taken back if that fails.
    Removing(Revocation, Option<RevocationRequest>),
    TakingBack(StoreError),
    Finished,
}

impl Logout {
    /// Begins; a login that it may not end stays as it is.
    pub fn begin(ends: Ends) -> (Self, Effect) {
        (Self { ends, state: State::Locking }, Effect::Lock)
    }

    /// Takes in what happened and says what to do next.
    ///
    /// An event that does not belong to the current state ends the logout without a change.
    pub fn step(&mut self, event: Event) -> Effect {
        let state = std::mem::replace(&mut self.state, State::Finished);
        match (state, event) {
            (State::Locking, Event::Locked(Ok(())))
            // Another program stored a login meanwhile: sign that one out, as the person asked.
            | (State::Removing(..), Event::Removed(Err(StoreError::Changed))) => {
                self.go(State::Loading, Effect::Load)
            }
            (State::Removing(_, Some(request)), Event::Removed(Err(error))) => {
                self.go(State::TakingBack(error), Effect::TakeBack(request))
            }
            (State::Loading, Event::Loaded(Ok(slot))) => self.revoke(&slot),
            (State::Preparing(digest, issuer, request), Event::Prepared(Ok(()))) => {
                let revoking = State::Revoking(digest, issuer.clone(), request.clone());
                self.go(revoking, Effect::Revoke(issuer, request))
            }
            (State::Revoking(digest, ..), Event::Revoked(Ok(()))) => {
                self.remove(digest, Revocation::Confirmed)
            }
            (State::Revoking(digest, issuer, request), Event::Revoked(Err(error))) => {
                let queueing = State::Queueing(digest, issuer.clone(), request.clone(), error);
                self.go(queueing, Effect::Queue(issuer, request))
            }
            (State::Queueing(digest, issuer, request, error), Event::Queued(is_queued)) => {
                let unconfirmed = if is_queued { Revocation::Queued } else { Revocation::Unconfirmed };
                let removing = State::Removing(unconfirmed(issuer, error), is_queued.then_some(request));
                self.go(removing, Effect::Remove(digest))
            }
            (State::Removing(revocation, _), Event::Removed(Ok(()))) => {
                Effect::Done(Ok(SignedOut::Removed(revocation)))
            }
            (State::TakingBack(error), Event::TakenBack)
            | (
                _,
                Event::Locked(Err(error))
                | Event::Loaded(Err(error))
                | Event::Prepared(Err(error))
                | Event::Removed(Err(error)),
            ) => Effect::Done(Err(error.into())),
            (_, _) => Effect::Done(Ok(SignedOut::NothingStored)),
        }
    }

    fn go(&mut self, state: State, effect: Effect) -> Effect {
        self.state = state;
        effect
    }

    fn revoke(&mut self, slot: &Slot) -> Effect {
        let (digest, record) = match slot {
            Slot::Empty => return Effect::Done(Ok(SignedOut::NothingStored)),
            Slot::Corrupt { digest, .. } if self.ends == Ends::Anything => {
                return self.remove(*digest, Revocation::NotNeeded);
            }
            // A later release of the Codex CLI may understand it.
            Slot::Corrupt { location, why, .. } => {
                let corrupt = StoreError::Corrupt { location: location.clone(), why: why.clone() };
                return Effect::Done(Err(corrupt.into()));
            }
            Slot::Holds { digest, record } => (*digest, record),
        };
        let login = record.login();
        if let Err(refused) = admit(&login, digest, &self.ends) {
            return Effect::Done(Err(refused));
        }
        let Login::Account(tokens) = login else {
            return self.remove(digest, Revocation::NotNeeded);
        };
        match (tokens.provenance, tokens.refresh_token) {
            (Some(from), Some(token)) => {
                let request = RevocationRequest { client_id: from.client_id, token };
                self.go(State::Preparing(digest, from.issuer, request), Effect::Prepare)
            }
            (_, _) => self.remove(digest, Revocation::NotNeeded),
        }
    }

    fn remove(&mut self, digest: Digest, revocation: Revocation) -> Effect {
        self.go(State::Removing(revocation, None), Effect::Remove(digest))
    }
}

#[cfg(test)]
mod tests;

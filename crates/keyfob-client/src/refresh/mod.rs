//! Refreshing: when, once, and safely across processes.
//!
//! [`Refresh`] decides and does nothing; the shell in `run.rs` does what it says. Under the one lock: read again, adopt what another
//! process stored, else check the disk, spend the token, and save before anybody sees the new one.

mod run;

pub(crate) use run::run;

use crate::account::Account;
use crate::freshness::{Freshness, Jitter};
use crate::store::{Digest, Slot, StoreError};
use crate::token_endpoint::TokenError;
use keyfob_codex::auth_file::{AccountTokens, AuthFile, Login};
use keyfob_codex::errors::RefreshRejection;
use keyfob_oauth::request::TokenRequest;
use keyfob_oauth::{AccessToken, ClientId, IssuerUrl, Timestamp, TokenResponse};

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// The refresh lock was taken, or not.
    Locked(Result<(), StoreError>),
    /// The store was read, or not.
    Loaded(Result<Slot, StoreError>, Timestamp),
    /// The disk would take a new document, or not.
    Prepared(Result<(), StoreError>),
    /// The issuer answered, or not.
    Answered(Result<TokenResponse, TokenError>, Timestamp),
    /// The new document is durable, or the old one is untouched.
    Saved(Result<Digest, StoreError>),
}

/// What to do next.
#[derive(Debug)]
pub enum Effect {
    /// Take the refresh lock.
    Lock,
    /// Read the store.
    Load,
    /// See whether the disk would take a new document.
    Prepare,
    /// Post to the token endpoint of this issuer.
    Post(IssuerUrl, TokenRequest),
    /// Replace the document with this digest.
    Save(Digest, Box<AuthFile>),
    /// Let the lock go; this is the result.
    Done(Result<AccessToken, RefreshError>),
}

/// No usable access token can be had.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// Nothing is stored.
    #[error("not signed in")]
    SignedOut,
    /// The stored login is of a kind without refresh.
    #[error("the stored login ({0}) has no access token to give")]
    NotAnAccount(String),
    /// The stored login is an account that cannot be refreshed, and its access token has expired.
    #[error("the access token has expired, and the stored login has no refresh token")]
    NotRefreshable,
    /// The session has ended for good.
    #[error("the session at {issuer} has ended")]
    Ended {
        /// Where.
        issuer: IssuerUrl,
        /// Why, if the issuer said.
        reason: Option<RefreshRejection>,
        /// The answer.
        #[source]
        source: TokenError,
    },
    /// The issuer could not be asked, or had trouble; the session may well be alive.
    #[error("cannot refresh the session at {issuer}")]
    Unavailable {
        /// Where.
        issuer: IssuerUrl,
        /// Why.
        #[source]
        source: TokenError,
    },
    /// The answer was for somebody else; nothing of it was kept.
    #[error("{0} answered with tokens of another account")]
    OtherAccount(IssuerUrl),
    /// The store cannot be used; no token was spent.
    #[error("cannot refresh")]
    Store(#[source] StoreError),
    /// The token was spent and the new one could not be stored.
    #[error("the session was refreshed, but the new tokens could not be stored")]
    NotSaved(#[source] StoreError),
}

/// The state of one refresh.
#[derive(Debug)]
pub struct Refresh {
    jitter: Jitter,
    state: State,
}

#[derive(Debug)]
enum State {
    Locking,
    Loading,
    Preparing(Box<Held>),
    Posting(Box<Held>),
    Saving(AccessToken),
    /// Another program stored something while we asked the issuer: its login counts, not ours.
    Adopting,
    Finished,
}

/// The login under the lock.
#[derive(Debug)]
struct Held {
    digest: Digest,
    record: AuthFile,
    tokens: AccountTokens,
    issuer: IssuerUrl,
    client_id: ClientId,
    /// Whether the access token had time left when it was read.
    usable: bool,
}

impl Refresh {
    /// Begins; `jitter` decides what counts as fresh.
    pub fn begin(jitter: Jitter) -> (Self, Effect) {
        (Self { jitter, state: State::Locking }, Effect::Lock)
    }

    /// Takes in what happened and says what to do next.
    ///
    /// An event that does not belong to the current state ends the refresh without a change.
    pub fn step(&mut self, event: Event) -> Effect {
        let state = std::mem::replace(&mut self.state, State::Finished);
        match (state, event) {
            (State::Locking, Event::Locked(Ok(()))) => self.go(State::Loading, Effect::Load),
            (State::Locking, Event::Locked(Err(error))) => failed(RefreshError::Store(error)),
            (State::Loading, Event::Loaded(Ok(slot), now)) => self.judge(slot, now),
            (State::Loading | State::Adopting, Event::Loaded(Err(error), _)) => {
                failed(RefreshError::Store(error))
            }
            (State::Preparing(held), Event::Prepared(Ok(()))) => self.spend(held),
            (State::Preparing(held), Event::Prepared(Err(error))) => unless_usable(&held, error),
            (State::Posting(held), Event::Answered(Ok(response), now)) => self.keep(*held, &response, now),
            (State::Posting(held), Event::Answered(Err(error), _)) => refused(*held, error),
            (State::Saving(token), Event::Saved(Ok(_))) => Effect::Done(Ok(token)),
            (State::Saving(_), Event::Saved(Err(StoreError::Changed))) => {
                self.go(State::Adopting, Effect::Load)
            }
            (State::Saving(_), Event::Saved(Err(error))) => failed(RefreshError::NotSaved(error)),
            (State::Adopting, Event::Loaded(Ok(slot), now)) => adopt(slot, now),
            (_, _) => failed(RefreshError::SignedOut),
        }
    }

    fn go(&mut self, state: State, effect: Effect) -> Effect {
        self.state = state;
        effect
    }

    /// Looks at what is stored now: another process may have refreshed, signed out or signed in meanwhile.
    fn judge(&mut self, slot: Slot, now: Timestamp) -> Effect {
        let (digest, record, tokens) = match account(slot) {
            Ok(found) => found,
            Err(error) => return failed(error),
        };
        let freshness = Freshness::of(&tokens, now, self.jitter);
        match (freshness, &tokens.refresh_token, &tokens.provenance) {
            (Freshness::Fresh, _, _) => Effect::Done(Ok(tokens.access_token)),
            (_, Some(_), Some(provenance)) => {
                let (issuer, client_id) = (provenance.issuer.clone(), provenance.client_id.clone());
                let usable = freshness != Freshness::Expired;
                let held = Held { digest, record, tokens, issuer, client_id, usable };
                self.go(State::Preparing(Box::new(held)), Effect::Prepare)
            }
            (Freshness::ExpiresSoon, _, _) => Effect::Done(Ok(tokens.access_token)),
            (Freshness::Expired, _, _) => failed(RefreshError::NotRefreshable),
        }
    }

    fn spend(&mut self, held: Box<Held>) -> Effect {
        let Some(refresh_token) = held.tokens.refresh_token.clone() else {
            return failed(RefreshError::NotRefreshable);
        };
        let request = TokenRequest::Refresh { client_id: held.client_id.clone(), refresh_token };
        let issuer = held.issuer.clone();
        self.go(State::Posting(held), Effect::Post(issuer, request))
    }

    fn keep(&mut self, held: Held, response: &TokenResponse, now: Timestamp) -> Effect {
        let before = Account::of_stored(&held.tokens);
        if let Some(id_token) = &response.id_token
            && !before.is_same_as(&Account::of_unverified(id_token))
        {
            return failed(RefreshError::OtherAccount(held.issuer));
        }
        let mut record = held.record;
        record.replace_tokens(
            &response.access_token,
            response.refresh_token.as_ref(),
            response.id_token.as_ref(),
        );
        record.set_last_refresh(now);
        self.go(State::Saving(response.access_token.clone()), Effect::Save(held.digest, Box::new(record)))
    }
}

fn failed(error: RefreshError) -> Effect {
    Effect::Done(Err(error))
}

/// Whether the login can be used is decided by the token; that the disk is full matters only when it has expired.
fn unless_usable(held: &Held, error: StoreError) -> Effect {
    tracing::warn!("the session was not refreshed: the store takes no new document");
    if held.usable {
        Effect::Done(Ok(held.tokens.access_token.clone()))
    } else {
        failed(RefreshError::Store(error))
    }
}

/// The issuer gave no tokens: unless it ended the session, an access token that still has time is given out.
fn refused(held: Held, error: TokenError) -> Effect {
    let Held { issuer, usable, tokens, .. } = held;
    match error {
        TokenError::Rejected(reason) => failed(RefreshError::Ended { issuer, reason, source: error }),
        TokenError::Refused { .. } | TokenError::Unusable(_) | TokenError::Unreachable(_) if usable => {
            tracing::warn!(%issuer, "the session was not refreshed; the access token is still usable");
            Effect::Done(Ok(tokens.access_token))
        }
        TokenError::Refused { .. } | TokenError::Unusable(_) | TokenError::Unreachable(_) => {
            failed(RefreshError::Unavailable { issuer, source: error })
        }
    }
}

fn adopt(slot: Slot, now: Timestamp) -> Effect {
    match account(slot) {
        Ok((_, _, tokens)) if Freshness::of(&tokens, now, Jitter::NONE) != Freshness::Expired => {
            Effect::Done(Ok(tokens.access_token))
        }
        Ok(_) => failed(RefreshError::NotSaved(StoreError::Changed)),
        Err(error) => failed(error),
    }
}

fn account(slot: Slot) -> Result<(Digest, AuthFile, AccountTokens), RefreshError> {
    let (digest, record) = slot.record().map_err(RefreshError::Store)?.ok_or(RefreshError::SignedOut)?;
    match record.login() {
        Login::Account(tokens) => Ok((digest, record, *tokens)),
        Login::ApiKey => Err(RefreshError::NotAnAccount("API key".into())),
        Login::Foreign(kind) => Err(RefreshError::NotAnAccount(kind)),
    }
}

#[cfg(test)]
mod tests;

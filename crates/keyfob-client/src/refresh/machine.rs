//! The decisions of a refresh.

use super::{Acknowledgement, Effect, Event, RefreshError, Vouched};
use crate::account::Account;
use crate::attempt::AttemptId;
use crate::clock_skew::Moment;
use crate::freshness::{Freshness, Jitter, Need};
use crate::http::HttpError;
use crate::store::{Digest, Slot, StoreError};
use crate::token_endpoint::{Redeemed, TokenError};
use crate::trouble::Trouble;
use keyfob_codex::auth_file::{AccountTokens, AuthFile, Login};
use keyfob_codex::errors::RefreshRejection;
use keyfob_oauth::request::{RevocationRequest, TokenRequest};
use keyfob_oauth::{AccessToken, ClientId, IssuerUrl, RefreshToken, Timestamp};
use std::time::Duration;

/// The state of one refresh.
#[derive(Debug)]
pub struct Refresh {
    need: Need,
    state: State,
}

/// A lost answer is asked for again after these pauses; more would keep others waiting for the lock.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(400), Duration::from_millis(1600)];

#[derive(Debug)]
enum State {
    Locking,
    /// Somebody stored something while we waited for the lock, which may do.
    Looking,
    /// Nobody lets the lock go: what is stored may still be good.
    Barred(StoreError),
    Loading,
    Preparing(Box<Held>),
    Posting(Box<Held>, AttemptId, usize),
    Pausing(Box<Held>, AttemptId, usize),
    /// The token was refused: another program may have stored a newer one.
    Doubting(Box<Held>, TokenError),
    /// What is stored may be what this home stored last, and then it will do.
    Vouching(Slot, Option<Trouble>, Moment),
    /// The token was used by somebody else: is the login that of this home, or a copy?
    Recognising(IssuerUrl, TokenError),
    Saving(Box<Held>, Box<Redeemed>),
    /// Another program stored something while we asked the issuer: its login counts, not ours.
    Adopting(Box<Held>, Box<Redeemed>),
    /// What is left to do changes nothing in the result.
    Ending(Option<Acknowledgement>, Result<AccessToken, RefreshError>),
    Finished,
}

/// The login under the lock.
#[derive(Debug)]
struct Held {
    digest: Digest,
    record: AuthFile,
    tokens: AccountTokens,
    refresh_token: RefreshToken,
    issuer: IssuerUrl,
    client_id: ClientId,
    /// Whether the access token had time left when it was read.
    usable: bool,
    trouble: Option<Trouble>,
    /// Whether another token was refused before this one.
    second: bool,
}

impl Refresh {
    /// Begins; `need` decides what counts as fresh.
    pub fn begin(need: Need) -> (Self, Effect) {
        (Self { need, state: State::Locking }, Effect::Lock)
    }

    /// Takes in what happened and says what to do next.
    ///
    /// An event that does not belong to the current state ends the refresh without a change.
    pub fn step(&mut self, event: Event) -> Effect {
        let state = std::mem::replace(&mut self.state, State::Finished);
        match (state, event) {
            (State::Locking, Event::Locked(Ok(()))) => self.go(State::Loading, Effect::Load),
            (State::Locking, Event::Locked(Err(error))) => self.go(State::Barred(error), Effect::Load),
            (State::Locking, Event::Overtaken) => self.go(State::Looking, Effect::Look),
            (State::Looking, Event::Seen(login, moment)) => self.take_if_fresh(login, moment),
            (State::Barred(error), Event::Loaded(Ok(slot), _, moment)) => {
                self.without_the_lock(slot, error, moment)
            }
            (State::Loading, Event::Loaded(Ok(slot), trouble, moment)) => match (self.need, slot.digest()) {
                (Need::Vouched, Some(digest)) => {
                    self.go(State::Vouching(slot, trouble, moment), Effect::Recognise(digest))
                }
                (Need::Usable(_) | Need::Life(_) | Need::New | Need::Vouched | Need::InPlaceOf(_), _) => {
                    self.judge(slot, trouble, moment, false)
                }
            },
            (State::Vouching(slot, trouble, moment), Event::Recognised(is_ours)) => {
                // Another process has had it vouched for while this one waited.
                self.need = if is_ours { Need::Usable(Jitter::NONE) } else { Need::New };
                self.judge(slot, trouble, moment, false)
            }
            (State::Preparing(held), Event::Prepared(Ok(attempt))) => self.spend(held, attempt, 0),
            (State::Preparing(held), Event::Prepared(Err(error))) => self.unprepared(&held, error),
            (State::Posting(held, ..), Event::Answered(Ok(redeemed), now)) => self.keep(held, redeemed, now),
            (State::Posting(held, attempt, tries), Event::Answered(Err(error), now)) => {
                self.refused(held, attempt, tries, error, now)
            }
            (State::Pausing(held, attempt, tries), Event::Paused) => self.spend(held, attempt, tries + 1),
            (State::Doubting(held, error), Event::Loaded(Ok(slot), trouble, moment)) => {
                self.doubt(*held, error, slot, trouble, moment)
            }
            (State::Recognising(issuer, source), Event::Recognised(true)) => {
                failed(RefreshError::Ended { issuer, reason: Some(RefreshRejection::Reused), source })
            }
            (State::Recognising(issuer, source), Event::Recognised(false)) => {
                failed(RefreshError::Copied { issuer, source })
            }
            (State::Saving(held, redeemed), Event::Saved(Ok(_))) => self.stored(*held, *redeemed),
            (State::Saving(held, redeemed), Event::Saved(Err(StoreError::Changed))) => {
                self.go(State::Adopting(held, redeemed), Effect::Load)
            }
            (State::Saving(..), Event::Saved(Err(error))) => failed(RefreshError::NotSaved(error)),
            (State::Adopting(held, redeemed), Event::Loaded(Ok(slot), _, moment)) => {
                self.adopt(*held, *redeemed, slot, moment)
            }
            (
                State::Barred(_) | State::Loading | State::Doubting(..) | State::Adopting(..),
                Event::Loaded(Err(error), ..),
            ) => failed(RefreshError::Store(error)),
            (State::Ending(None, result), Event::Tried) => Effect::Done(result),
            (State::Ending(Some(acknowledgement), result), Event::Tried) => {
                self.go(State::Ending(None, result), Effect::Acknowledge(acknowledgement))
            }
            (_, _) => failed(RefreshError::SignedOut),
        }
    }

    fn go(&mut self, state: State, effect: Effect) -> Effect {
        self.state = state;
        effect
    }

    /// Looks at what is stored now: another process may have refreshed, signed out or signed in meanwhile.
    fn judge(&mut self, slot: Slot, trouble: Option<Trouble>, moment: Moment, second: bool) -> Effect {
        let (digest, record, tokens) = match account(slot) {
            Ok(found) => found,
            Err(error) => return failed(error),
        };
        let freshness = Freshness::of(&tokens, moment, self.need);
        let usable = freshness != Freshness::Expired;
        let (refresh_token, provenance) = match (freshness, &tokens.refresh_token, &tokens.provenance) {
            (Freshness::Fresh, _, _) => return Effect::Done(Ok(tokens.access_token)),
            (_, Some(refresh_token), Some(provenance)) => (refresh_token.clone(), provenance.clone()),
            (Freshness::ExpiresSoon, _, _) => return Effect::Done(Ok(tokens.access_token)),
            (Freshness::Expired, _, _) => return failed(RefreshError::NotRefreshable),
        };
        if let Some(trouble) = trouble.as_ref().filter(|trouble| trouble.holds(moment.now)) {
            if usable && self.takes_what_works() {
                return Effect::Done(Ok(tokens.access_token));
            }
            let (what, pause) = (trouble.what.clone(), trouble.until.since(moment.now));
            return failed(RefreshError::LeftAlone { issuer: provenance.issuer, what, pause });
        }
        let effect = Effect::Prepare(refresh_token.clone());
        let (issuer, client_id) = (provenance.issuer, provenance.client_id);
        let held = Held { digest, record, tokens, refresh_token, issuer, client_id, usable, trouble, second };
        self.go(State::Preparing(Box::new(held)), effect)
    }

    /// Takes a token that needs no refresh; everything else is judged under the lock.
    fn take_if_fresh(&mut self, login: Result<Option<Login>, StoreError>, moment: Moment) -> Effect {
        match login {
            Ok(Some(Login::Account(tokens)))
                if Freshness::of(&tokens, moment, self.need) == Freshness::Fresh =>
            {
                Effect::Done(Ok(tokens.access_token))
            }
            Ok(_) | Err(_) => self.go(State::Locking, Effect::Lock),
        }
    }

    /// A process that was stopped may hold the lock for long; an access token that still has time needs no lock.
    fn without_the_lock(&self, slot: Slot, error: StoreError, moment: Moment) -> Effect {
        match account(slot) {
            Ok((_, _, tokens)) if self.takes_what_works() && Freshness::is_usable(&tokens, moment) => {
                Effect::Done(Ok(tokens.access_token))
            }
            Ok(_) => failed(RefreshError::Store(error)),
            Err(nothing) => failed(nothing),
        }
    }

    /// That the disk is full matters only when the access token has expired.
    fn unprepared(&self, held: &Held, error: StoreError) -> Effect {
        if held.usable && self.takes_what_works() {
            tracing::warn!("the session was not refreshed: the store takes no new document");
            Effect::Done(Ok(held.tokens.access_token.clone()))
        } else {
            failed(RefreshError::Store(error))
        }
    }

    /// Whether any access token that works will do, when a better one is not to be had.
    fn takes_what_works(&self) -> bool {
        matches!(self.need, Need::Usable(_))
    }

    fn spend(&mut self, held: Box<Held>, attempt: AttemptId, tries: usize) -> Effect {
        let request = TokenRequest::Refresh {
            client_id: held.client_id.clone(),
            refresh_token: held.refresh_token.clone(),
        };
        let effect = Effect::Post(held.issuer.clone(), request, attempt.clone());
        self.go(State::Posting(held, attempt, tries), effect)
    }

    /// Puts the new tokens in the places of the old ones, unless they are somebody else's (security C-59).
    fn keep(&mut self, held: Box<Held>, redeemed: Redeemed, now: Timestamp) -> Effect {
        let before = Account::of_stored(&held.tokens);
        let tokens = &redeemed.tokens;
        // One that cannot be read says nothing of anybody.
        let named = tokens.id_token.as_ref().and_then(Account::of_readable);
        let vouched = match named {
            Some(other) if !before.is_same_as(&other) => {
                let workspace = other.workspace;
                return failed(RefreshError::OtherAccount { issuer: held.issuer, workspace });
            }
            Some(_) => Vouched::ByIssuer,
            None => Vouched::AsBefore,
        };
        let mut record = held.record.clone();
        record.replace_tokens(&tokens.access_token, tokens.refresh_token.as_ref(), tokens.id_token.as_ref());
        record.set_last_refresh(now);
        let effect = Effect::Save(held.digest, Box::new(record), vouched);
        self.go(State::Saving(held, Box::new(redeemed)), effect)
    }

    /// The new tokens are durable: only now may the issuer forget that it could repeat its answer.
    fn stored(&mut self, held: Held, redeemed: Redeemed) -> Effect {
        let acknowledgement = match redeemed.tokens.refresh_token {
            Some(refresh_token) if redeemed.recoverable => {
                Some(Acknowledgement { issuer: held.issuer, client_id: held.client_id, refresh_token })
            }
            Some(_) | None => None,
        };
        let result = Ok(redeemed.tokens.access_token);
        match (held.trouble, acknowledgement) {
            (Some(_), acknowledgement) => {
                self.go(State::Ending(acknowledgement, result), Effect::Remember(None))
            }
            (None, Some(acknowledgement)) => {
                self.go(State::Ending(None, result), Effect::Acknowledge(acknowledgement))
            }
            (None, None) => Effect::Done(result),
        }
    }

    fn refused(
        &mut self,
        held: Box<Held>,
        attempt: AttemptId,
        tries: usize,
        error: TokenError,
        now: Timestamp,
    ) -> Effect {
        match (&error, PAUSES.get(tries)) {
            (TokenError::Rejected(_), _) => self.go(State::Doubting(held, error), Effect::Load),
            // The issuer may have rotated and its answer been lost: the same attempt gets the same answer.
            (TokenError::Unreachable(HttpError::NoAnswer { .. }), Some(pause)) => {
                self.go(State::Pausing(held, attempt, tries), Effect::Pause(*pause))
            }
            (TokenError::Unreachable(_) | TokenError::Refused { .. } | TokenError::Unusable(_), _) => {
                self.trouble(*held, error, now)
            }
        }
    }

    /// The session may well be alive: give out what still has time, and leave the issuer alone for a while.
    fn trouble(&mut self, held: Held, error: TokenError, now: Timestamp) -> Effect {
        let retry_after = match &error {
            TokenError::Refused { retry_after, .. } => *retry_after,
            TokenError::Rejected(_) | TokenError::Unusable(_) | TokenError::Unreachable(_) => None,
        };
        let trouble = Trouble::after(held.trouble.as_ref(), now, retry_after, error.to_string());
        let result = if held.usable && self.takes_what_works() {
            tracing::warn!(issuer = %held.issuer, "the session was not refreshed; the access token is still usable");
            Ok(held.tokens.access_token)
        } else {
            Err(RefreshError::Unavailable { issuer: held.issuer, source: error })
        };
        self.go(State::Ending(None, result), Effect::Remember(Some(trouble)))
    }

    /// A refusal counts only for the token that is stored now (security C-58).
    fn doubt(
        &mut self,
        held: Held,
        error: TokenError,
        slot: Slot,
        trouble: Option<Trouble>,
        moment: Moment,
    ) -> Effect {
        let newer = matches!(account_of(&slot), Some(tokens) if tokens.refresh_token.as_ref() != Some(&held.refresh_token));
        if newer && !held.second {
            return self.judge(slot, trouble, moment, true);
        }
        let TokenError::Rejected(reason) = error else {
            return failed(RefreshError::Unavailable { issuer: held.issuer, source: error });
        };
        match reason {
            Some(RefreshRejection::Superseded) => {
                failed(RefreshError::Copied { issuer: held.issuer, source: error })
            }
            Some(RefreshRejection::Reused) => {
                let effect = Effect::Recognise(held.digest);
                self.go(State::Recognising(held.issuer, error), effect)
            }
            Some(RefreshRejection::Expired | RefreshRejection::Invalidated) | None => {
                failed(RefreshError::Ended { issuer: held.issuer, reason, source: error })
            }
        }
    }

    /// What another program stored counts; what we got is ended, unless it belongs to the same login (security R-08).
    fn adopt(&mut self, held: Held, redeemed: Redeemed, slot: Slot, moment: Moment) -> Effect {
        let same_login = match &slot {
            Slot::Holds { record, .. } => {
                record.login_owner_id().is_some() && record.login_owner_id() == held.record.login_owner_id()
            }
            Slot::Empty | Slot::Corrupt { .. } => false,
        };
        let result = match account(slot) {
            Ok((_, _, tokens)) if Freshness::is_usable(&tokens, moment) => Ok(tokens.access_token),
            Ok(_) => Err(RefreshError::NotSaved(StoreError::Changed)),
            Err(error) => Err(error),
        };
        match redeemed.tokens.refresh_token {
            Some(token) if !same_login => {
                let request = RevocationRequest { client_id: held.client_id, token };
                self.go(State::Ending(None, result), Effect::Revoke(held.issuer, request))
            }
            Some(_) | None => Effect::Done(result),
        }
    }
}

fn failed(error: RefreshError) -> Effect {
    Effect::Done(Err(error))
}

fn account(slot: Slot) -> Result<(Digest, AuthFile, AccountTokens), RefreshError> {
    let (digest, record) = slot.record().map_err(RefreshError::Store)?.ok_or(RefreshError::SignedOut)?;
    match record.login() {
        Login::Account(tokens) => Ok((digest, record, *tokens)),
        Login::ApiKey => Err(RefreshError::NotAnAccount("API key".into())),
        Login::AccessToken(_) => Err(RefreshError::EndUnknown),
        Login::Foreign(kind) => Err(RefreshError::NotAnAccount(kind)),
    }
}

fn account_of(slot: &Slot) -> Option<AccountTokens> {
    match slot {
        Slot::Holds { record, .. } => match record.login() {
            Login::Account(tokens) => Some(*tokens),
            Login::ApiKey | Login::AccessToken(_) | Login::Foreign(_) => None,
        },
        Slot::Empty | Slot::Corrupt { .. } => None,
    }
}

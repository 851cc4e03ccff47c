//! Refreshing: when, once, and safely across processes.
//!
//! [`Refresh`] decides and does nothing; the shell in `run.rs` does what it says. Under the one lock: read again, adopt
//! what another process stored, else check the disk, spend the token, and save before anybody sees the new one. A
//! spending has a name, so that an answer that was lost can be asked for again (security §7). Whoever waits for the lock
//! while another process stores a token that will do takes that token and waits no more.

mod machine;
mod run;

pub use machine::Refresh;
pub(crate) use run::run;

use crate::attempt::AttemptId;
use crate::clock_skew::Moment;
use crate::logout::{SignOutError, SignedOut};
use crate::store::{Digest, Slot, StoreError};
use crate::token_endpoint::{Redeemed, TokenError};
use crate::trouble::Trouble;
use keyfob_codex::auth_file::{AuthFile, Login};
use keyfob_codex::errors::RefreshRejection;
use keyfob_oauth::request::{RevocationRequest, TokenRequest};
use keyfob_oauth::{AccessToken, ClientId, IssuerUrl, RefreshToken, Timestamp, WorkspaceId};
use keyfob_settings::{Broken, Origin};
use std::time::Duration;

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// The refresh lock was taken, or not.
    Locked(Result<(), StoreError>),
    /// Another process stored something before the lock could be had.
    Overtaken,
    /// The login was looked at, or not.
    Seen(Result<Option<Login>, StoreError>, Moment),
    /// The store was read, or not; and what trouble is remembered.
    Loaded(Result<Slot, StoreError>, Option<Trouble>, Moment),
    /// The disk would take a new document, or not; and the name of the spending.
    Prepared(Result<AttemptId, StoreError>),
    /// The issuer answered, or not.
    Answered(Result<Redeemed, TokenError>, Timestamp),
    /// The pause is over.
    Paused,
    /// The new document is durable, or the old one is untouched.
    Saved(Result<Digest, StoreError>),
    /// Whether this home wrote the document, and none after it.
    Recognised(bool),
    /// What was to be done for good measure was tried.
    Tried,
}

/// What to do next.
#[derive(Debug)]
pub enum Effect {
    /// Take the refresh lock, unless another process stores something first.
    Lock,
    /// Look at what another process stored.
    Look,
    /// Read the store and the remembered trouble.
    Load,
    /// See whether the disk would take a new document, and name the spending of this token.
    Prepare(RefreshToken),
    /// Post to the token endpoint of this issuer.
    Post(IssuerUrl, TokenRequest, AttemptId),
    /// Wait, holding the lock.
    Pause(Duration),
    /// Replace the document with this digest.
    Save(Digest, Box<AuthFile>, Vouched),
    /// See whether this home wrote the document with this digest last.
    Recognise(Digest),
    /// Remember trouble, or that it is over.
    Remember(Option<Trouble>),
    /// Let the lock go and tell the issuer that its answer is stored.
    Acknowledge(Acknowledgement),
    /// End tokens that have no place.
    Revoke(IssuerUrl, RevocationRequest),
    /// Let the lock go; this is the result.
    Done(Result<AccessToken, RefreshError>),
}

impl Effect {
    /// Returns what it is, for the log: what it carries is nobody's business.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Lock => "lock",
            Self::Look => "look",
            Self::Load => "load",
            Self::Prepare(_) => "prepare",
            Self::Post(..) => "post",
            Self::Pause(_) => "pause",
            Self::Save(..) => "save",
            Self::Recognise(_) => "recognise",
            Self::Remember(_) => "remember",
            Self::Acknowledge(_) => "acknowledge",
            Self::Revoke(..) => "revoke",
            Self::Done(Ok(_)) => "done",
            Self::Done(Err(_)) => "failed",
        }
    }
}

/// Who vouches for what a document says of its account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vouched {
    /// The issuer, in the answer that is saved.
    ByIssuer,
    /// Whoever did before: the answer says nothing of the account.
    AsBefore,
}

/// Tells an issuer that a refresh token is stored, so that the one before it is worth nothing from then on.
#[derive(Clone, Debug)]
pub struct Acknowledgement {
    /// Who is told.
    pub issuer: IssuerUrl,
    /// By whom.
    pub client_id: ClientId,
    /// What is stored.
    pub refresh_token: RefreshToken,
}

/// A login that broke a restriction.
#[derive(Debug)]
pub struct Evicted {
    /// How, and which restriction.
    pub broken: Broken,
    /// What became of the login; nothing where the restriction is for one command alone.
    pub signed_out: Option<Result<SignedOut, SignOutError>>,
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
    /// The stored login is a personal access token, and it was asked for how long it is valid.
    #[error("nobody but its issuer knows when the stored personal access token ends")]
    EndUnknown,
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
    /// The stored login is a copy, or was restored from a backup: another holder has refreshed it since.
    #[error("the login here is a copy, and the session at {issuer} went on without it")]
    Copied {
        /// Where.
        issuer: IssuerUrl,
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
    /// The issuer had trouble a moment ago and is left alone.
    #[error("{issuer} had trouble ({what}); it is asked again in {} s", pause.as_secs())]
    LeftAlone {
        /// Where.
        issuer: IssuerUrl,
        /// What went wrong.
        what: String,
        /// For how long.
        pause: Duration,
    },
    /// The answer was for somebody else; nothing of it was kept.
    #[error("{issuer} answered with tokens of another account")]
    OtherAccount {
        /// Who answered.
        issuer: IssuerUrl,
        /// What those tokens are bound to.
        workspace: Option<WorkspaceId>,
    },
    /// The store cannot be used; no token was spent.
    #[error("cannot refresh")]
    Store(#[source] StoreError),
    /// The stored login breaks a restriction, and is here no more.
    #[error("{}{}", .0.broken, if matches!(.0.signed_out, Some(Ok(_))) { " Logging out." } else { "" })]
    Restricted(Box<Evicted>),
    /// Whether the stored login breaks a restriction cannot be said now; it stays, and is not used.
    #[error("whether the stored login may be used here cannot be verified now")]
    Unverified {
        /// Where the restriction is.
        origin: Origin,
        /// Why not.
        #[source]
        source: Option<Box<RefreshError>>,
    },
    /// The token was spent and the new one could not be stored.
    #[error("the session was refreshed, but the new tokens could not be stored")]
    NotSaved(#[source] StoreError),
}

#[cfg(test)]
mod tests;

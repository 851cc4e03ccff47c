//! Signing in: with a browser on this machine, or with a code that is typed anywhere.
//!
//! [`Login`] decides and does nothing; the shell in `run.rs` does what it says. Nothing of the old login is touched until
//! the new one is stored, and the browser hears of success only then.

mod browser;
mod callback;
mod device;
mod error;
mod handoff;
mod keep;
mod key;
mod machine;
mod page;
mod run;
mod shell;
mod slot;

pub use crate::device_endpoint::{DeviceError, PendingDevice, Polled};
pub use callback::{Answer, Carried, ExpectedCallback, Holder, ListenError, Taken};
pub use error::{IdTokenError, KeysError, LoginError};
pub use key::{Brought, Kept, keep_brought};
pub use machine::{Asked, Login, Means, Once};
pub use page::Page;
pub use run::{PendingSignIn, Prompt, SignIn, Step};
pub use slot::{Occupied, Replace};

use crate::account::Account;
use crate::endpoints::{DeviceEndpoint, Dialect, DiscoveryError, Endpoints};
use crate::store::{Damaged, Digest, Slot, StoreError};
use crate::superseded::OldSession;
use crate::token_endpoint::TokenError;
use keyfob_codex::auth_file::AuthFile;
use keyfob_codex::client::RegisteredCallbacks;
use keyfob_jose::KeySet;
use keyfob_oauth::request::{RevocationRequest, TokenRequest};
use keyfob_oauth::{IssuerUrl, Timestamp, TokenResponse};
use keyfob_settings::logins::LoginName;
use std::time::Duration;
use url::Url;

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// The store was read, or not.
    Loaded(Result<Slot, StoreError>),
    /// The disk would take a new document, or not.
    Prepared(Result<(), StoreError>),
    /// The issuer's endpoints were found, or not.
    Discovered(Result<Box<Endpoints>, DiscoveryError>),
    /// The callback can be received on this port, or not.
    Listening(Result<u16, ListenError>),
    /// A browser brought the callback of this sign-in.
    Called(Answer),
    /// The person would rather have a device code.
    CodeWanted,
    /// The issuer gave a code to show, or not.
    CodeGiven(Result<Box<PendingDevice>, DeviceError>),
    /// The code was shown.
    Shown,
    /// The pause is over.
    Paused,
    /// The person has decided, or not yet; or the issuer did not answer.
    Polled(Result<Polled, TokenError>),
    /// Nobody signed in in time.
    TimedOut,
    /// The issuer answered, or not.
    Answered(Result<TokenResponse, TokenError>),
    /// The issuer's keys were read, or not.
    Keys(Result<KeySet, KeysError>, Timestamp),
    /// The refresh lock was taken, or not.
    Locked(Result<(), StoreError>),
    /// There is a place of this name beside the one that is taken, or not.
    WentBeside(Result<LoginName, StoreError>),
    /// The damaged document is kept under another name, which is for people, or not.
    SetAside(Result<String, StoreError>),
    /// The superseded session is noted, as far as it can be.
    Noted,
    /// The new document is durable, or the old one is untouched.
    Saved(Result<Digest, StoreError>),
    /// The browser was told the result.
    Told,
    /// The superseded session was revoked, or not.
    Revoked(Result<(), TokenError>),
}

/// What to do next.
#[derive(Debug)]
pub enum Effect {
    /// Read the store.
    Load,
    /// See whether the disk would take a new document.
    Prepare,
    /// Find the issuer's endpoints.
    Discover,
    /// Receive callbacks on loopback, and take none but this.
    Listen(RegisteredCallbacks, ExpectedCallback),
    /// Send the person's browser here, and wait for the callback.
    Show(Url),
    /// Ask for a code to show.
    RequestCode(DeviceEndpoint, Dialect),
    /// Show the code to the person.
    ShowCode(Box<PendingDevice>),
    /// Wait.
    Pause(Duration),
    /// Ask the token endpoint, or that of the dialect, whether the person has decided.
    Poll(Url, Box<PendingDevice>),
    /// Post to the token endpoint.
    Exchange(Url, TokenRequest),
    /// Read the issuer's keys.
    FetchKeys(Url),
    /// Take the refresh lock.
    Lock,
    /// Let the lock go and use the place that this account has beside the one that is taken.
    GoBeside(Account),
    /// Keep a damaged document under another name.
    SetAside(Damaged),
    /// Note the session that is about to be superseded, so that a crash does not leave it alive.
    Note(OldSession),
    /// Replace the document with this digest.
    Save(Option<Digest>, Box<AuthFile>),
    /// Tell the browser.
    Tell(Page),
    /// End the session that the new one supersedes.
    Revoke(IssuerUrl, RevocationRequest),
    /// This is the result.
    Done(Result<SignedIn, LoginError>),
}

/// A new login is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// Whose it is, from the verified ID token.
    pub account: Account,
    /// The name under which it is kept beside the login whose place it could not take.
    pub beside: Option<LoginName>,
    /// What became of the login that was there before.
    pub superseded: Superseded,
    /// Where the damaged login is kept that was there before, for people.
    pub set_aside: Option<String>,
}

/// What became of the login that was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Superseded {
    /// There was none that could be revoked.
    Nothing,
    /// Its issuer ended it.
    Revoked,
    /// Its issuer did not confirm that it ended.
    Unconfirmed,
}

#[cfg(test)]
mod tests;

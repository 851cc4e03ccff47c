//! Why there is no new login.

use super::{ListenError, Occupied, run};
use crate::clock_skew::ClockSkew;
use crate::device_endpoint::DeviceError;
use crate::endpoints::DiscoveryError;
use crate::http::HttpError;
use crate::store::StoreError;
use crate::token_endpoint::TokenError;
use keyfob_jose::{InvalidKeySet, VerifyError};
use keyfob_oauth::{EntropyError, IssuerUrl};
use keyfob_settings::{Broken, Origin};

/// No login was stored; the one that was there before still is.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The place is taken by a login that must not be overwritten unasked.
    #[error(transparent)]
    Occupied(#[from] Occupied),
    /// A restriction excludes it.
    #[error(transparent)]
    Restricted(#[from] Broken),
    /// Whether a restriction excludes what was copied can only be said of what an issuer gave.
    #[error(
        "what a copied login says of its workspace cannot be verified, and workspaces are restricted here"
    )]
    Unverified(Origin),
    /// The store cannot be used.
    #[error("cannot store a login")]
    Store(#[source] StoreError),
    /// The issuer cannot be used.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// No callback can be received.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The person or the issuer refused.
    #[error("sign-in failed: {}", .description.as_ref().unwrap_or(.code))]
    Refused {
        /// The error code of the callback, made printable.
        code: String,
        /// Its sentence, made printable.
        description: Option<String>,
    },
    /// The callback held neither a code nor an error.
    #[error("the issuer sent no authorization code")]
    NoCode,
    /// Nobody signed in.
    #[error("nobody signed in within {} minutes", run::PATIENCE.as_secs() / 60)]
    TimedOut,
    /// The issuer gives no code to show.
    #[error("cannot sign in at {issuer} by device code")]
    NoDeviceCode {
        /// Where.
        issuer: IssuerUrl,
        /// Why.
        #[source]
        source: DeviceError,
    },
    /// The person refused on the other machine.
    #[error("the sign-in was refused on the page where the code was typed")]
    Denied,
    /// Nobody typed the code.
    #[error("the code ended before anybody approved it")]
    CodeExpired,
    /// The code could not be redeemed.
    #[error("cannot redeem the authorization code at {issuer}")]
    Exchange {
        /// Where.
        issuer: IssuerUrl,
        /// Why.
        #[source]
        source: TokenError,
    },
    /// What another machine handed over could not be redeemed.
    #[error("{issuer} gives no session for what was handed over")]
    Handoff {
        /// Where.
        issuer: IssuerUrl,
        /// Why.
        #[source]
        source: TokenError,
    },
    /// The issuer's answer lacks a token that a login needs.
    #[error("{issuer} gave no {token}")]
    Incomplete {
        /// Who answered.
        issuer: IssuerUrl,
        /// Which token.
        token: &'static str,
    },
    /// The ID token cannot be verified.
    #[error("cannot read the keys of {issuer}")]
    Keys {
        /// Whose keys.
        issuer: IssuerUrl,
        /// Why.
        #[source]
        source: KeysError,
    },
    /// The ID token is not from this issuer for this sign-in.
    #[error("the ID token of {issuer} is not accepted")]
    IdToken {
        /// Who signed it.
        issuer: IssuerUrl,
        /// Why.
        #[source]
        source: IdTokenError,
    },
    /// The system gave no random bytes.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

/// An issuer's keys cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The issuer did not answer.
    #[error(transparent)]
    Unreachable(#[from] HttpError),
    /// The issuer has no keys there.
    #[error("the issuer answered with status {0}")]
    Status(u16),
    /// The document is no set of keys.
    #[error(transparent)]
    Invalid(#[from] InvalidKeySet),
}

/// An ID token is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum IdTokenError {
    /// Its signature or its statements do not hold.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// This machine's clock is wrong: the token was made a moment ago and is not valid by it.
    #[error("this computer's clock is {0}")]
    Clock(ClockSkew),
    /// It is for another workspace than the one that was asked for.
    #[error("it is for another workspace")]
    Workspace,
    /// It belongs to another sign-in.
    #[error("it belongs to another sign-in")]
    Nonce,
}

//! The nouns of OAuth 2.0 and OpenID Connect, without effects.
//!
//! A *client* asks an *issuer* for tokens on behalf of a *user*; the client then calls a *resource server* with the
//! access token. This crate holds the words of that conversation as types: identifiers, secrets, scopes, PKCE, the
//! discovery document, requests, answers and errors. It is shared by every other crate.
//!
//! It refuses to do anything: no network, no files, no clock, no randomness, no environment. Time and random bytes
//! come in through [`Clock`] and [`Entropy`]; a program brings the real ones.
//!
//! ```
//! use keyfob_oauth::{CodeVerifier, pkce::CodeChallenge};
//!
//! // RFC 7636 appendix B.
//! let verifier = CodeVerifier::parse("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap();
//! assert_eq!(verifier.challenge().as_str(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
//! let published = CodeChallenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap();
//! assert!(published.is_answered_by(&verifier));
//! ```
//!
//! Start reading at [`token`] (what an issuer hands out) and [`request`] (what a client sends).

pub mod address;
mod capability;
pub mod device;
mod entropy;
pub mod error;
pub mod id;
pub mod key;
pub mod metadata;
pub mod pkce;
pub mod request;
pub mod scope;
pub mod secret;
pub mod text;
pub mod time;
pub mod token;

pub use capability::Capability;
pub use entropy::{Entropy, EntropyError};
pub use error::{ErrorCode, ErrorResponse};
pub use id::{Audience, ClientId, IssuerUrl, Subject, WorkspaceId};
pub use key::{ApiKey, InvalidKey};
pub use pkce::CodeVerifier;
pub use scope::Scope;
pub use secret::Secret;
pub use time::{Clock, Timestamp};
pub use token::{
    AccessToken, AuthorizationCode, DeviceCode, HandoffCode, IdToken, RefreshToken, TokenResponse,
};

//! Sign in, keep, refresh and revoke a login.
//!
//! A login rests in a [`store`]; a [`Session`] hands out its access token and keeps it fresh; [`login`] makes a new one
//! with a browser. What decides is kept apart from what does: [`refresh::Refresh`], [`login::Login`] and
//! [`logout::Logout`] are state machines that take in an event and answer with an effect, and never touch a file, a
//! lock, a clock or the network themselves.
//!
//! It refuses: to write a login before the disk has shown that it takes one, to overwrite a login that it did not
//! read, to follow a redirect with a credential, to send a token to another issuer than its own, to read the
//! environment, and to open a browser (the program does that).
//!
//! ```no_run
//! use keyfob_client::{FileStore, Home, Jitter, Need, Network, Session, SharedStore, SystemClock, SystemEntropy};
//! use std::sync::Arc;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let home = Home::new("/home/mia/.codex".into());
//! let store = Arc::new(FileStore::new(home.clone()));
//! let session = Session::new(SharedStore::new(home, store), Network::default(), Arc::default());
//! let token = session.token(&SystemClock, &SystemEntropy, Need::Usable(Jitter::NONE)).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Start reading at [`refresh`]: it is the heart of the matter.

mod account;
mod attempt;
mod clock;
mod clock_skew;
mod device_endpoint;
mod endpoints;
mod entropy;
pub mod failpoint;
mod freshness;
mod gateway;
pub mod handoff;
mod home;
mod http;
mod issuer_sessions;
pub mod login;
pub mod logins;
pub mod logout;
mod network;
pub mod provider;
mod reach;
pub mod refresh;
mod restricted;
mod session;
mod shared_family;
mod signed_in_at;
mod state;
mod status;
pub mod store;
mod superseded;
mod token_endpoint;
mod token_of;
pub mod tool_keys;
mod trouble;
pub mod whereabouts;
mod who_is;
pub mod why;
pub mod workload;
mod written_here;

pub use account::Account;
pub use clock::SystemClock;
pub use clock_skew::{ClockSkew, Moment};
pub use endpoints::{DeviceEndpoint, Dialect, DiscoveryError, Endpoints};
pub use entropy::SystemEntropy;
pub use freshness::{Jitter, Need};
pub use gateway::{GatewayError, GatewayUrl, Protection, Welcome};
pub use home::{Home, HomeError};
pub use http::HttpError;
pub use issuer_sessions::{IssuerSession, IssuerSessions, SessionsError};
pub use network::{CertificateFile, CertificatesError, Network};
pub use reach::{Discovery, Reach};
pub use session::{Session, SignedOutEverywhere};
pub use status::{AccountStatus, Status, TokenFacts};
pub use store::{CredentialStore, FileStore, Location, SharedStore};
pub use superseded::OldSession;
pub use token_endpoint::TokenError;
pub use trouble::Trouble;
pub use whereabouts::{NoHome, Whereabouts};
pub use who_is::{WhoIsError, who_is};

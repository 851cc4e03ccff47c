//! The issuer's entities, state machines, policy and operations, without a database or HTTP.
//!
//! A *grant* is the record of one authorization request: pending until a person signs in and decides, then approved,
//! then exchanged for tokens. The exchange begins a *refresh family*: every refresh token that descends from that
//! sign-in. A *browser session* is the cookie that says who sits at the browser. [`Issuer`] holds what every operation
//! needs; each file of [`operation`] is one of them; [`storage`] says what they ask of a database.
//!
//! It refuses to name a database or a web framework, to read the time or make random bytes by itself, to keep a token,
//! code or cookie in a form that could be redeemed (only digests and sealed copies rest), and to hash a password inside a
//! transaction: [`operation::Candidate::verify`] is synchronous and touches no storage.
//!
//! ```
//! use keyfob_issuer_core::client::ClientKind;
//!
//! // RFC 8252 §7.3: any port, and nothing else, is free on 127.0.0.1.
//! assert!(ClientKind::CodexCli.accepts_redirect("http://127.0.0.1:43117/auth/callback"));
//! assert!(!ClientKind::CodexCli.accepts_redirect("http://localhost:43117/auth/callback"));
//! ```
//!
//! Start reading at [`grant`], [`sign_in`] and [`interaction`], then [`operation`].

pub mod access_key;
pub mod amr;
pub mod anomaly;
pub mod attempt;
pub mod audit;
pub mod back_channel;
pub mod browser_session;
pub mod claims;
pub mod client;
pub mod delivery;
pub mod device_grant;
pub mod digest;
pub mod email_link;
pub mod factor;
pub mod failpoint;
pub mod grace;
pub mod grant;
mod handoff;
mod id;
pub mod interaction;
mod issuer;
pub mod key_ring;
pub mod lifetime;
pub mod login_session;
mod misuse;
pub mod operation;
pub mod password;
pub mod refresh_family;
pub mod resource_server;
pub mod revocation;
pub mod seal;
pub mod sign_in;
pub mod storage;
pub mod throttle;
pub mod user;
pub mod workload;
pub mod workspace;

pub use id::{FamilyId, GrantId, InvitationId, KeyId, NoticeId};
pub use issuer::{Fault, Issuer, IssuerParts};

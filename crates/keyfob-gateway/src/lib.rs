//! The LLM proxy: people and tools call models with their own sign-in, and nobody passes API keys around.
//!
//! `keyfob-gateway edge` stands in front of one OpenAI-compatible upstream. Each request takes one road:
//!
//! ```text
//! request ─► authenticate   the access token, against the issuer's published keys      ─► Caller
//!         ─► route          an allowed method, and one canonical path under /v1/
//!         ─► headers        hop-by-hop and credentials dropped, the upstream's key added
//!         ─► limits         rates, streams and budgets of the caller and the workspace, reserved
//!         ─► account        where a ledger is kept: reserved before the first byte leaves, settled at the end
//!         ─► upstream       sent once, the body as it comes
//!         ─► relay          status and headers, then each chunk as it comes
//!         ─► record         one log line: request id, subject, path, status, time, bytes
//! ```
//!
//! It refuses: a caller without a valid access token; to send a caller's token anywhere; to let a caller choose the
//! host (absolute-form targets, CONNECT, Upgrade); paths with two readings; redirects of the upstream; plain http to
//! another machine; to keep, buffer or log what is said; to answer from the demo unless it was asked for by name.
//!
//! ```
//! use keyfob_gateway::upstream::{Upstream, UpstreamUrl};
//!
//! assert!(UpstreamUrl::parse("https://api.example/v1").is_ok());
//! assert!(UpstreamUrl::parse("http://api.example/v1").is_err());
//! assert_eq!(Upstream::Demo.to_string(), "demo");
//! ```
//!
//! Start reading at [`gateway`], which drives the road above; [`server`] is the listener around it.

mod account;
pub mod admin;
mod asked;
mod attention;
pub mod authenticate;
mod body;
mod catalogue;
pub mod config;
pub mod connection;
pub mod database;
pub mod decisions;
mod demo;
mod description;
mod door;
mod error;
mod fault;
mod forward;
pub mod gateway;
mod headers;
mod http_client;
mod identity;
mod keep_alive;
mod keys;
pub mod ledger;
pub mod limits;
#[cfg(feature = "local")]
pub mod local;
mod meter;
mod own_usage;
mod patience;
mod places;
pub mod policy;
pub mod prices;
pub mod record;
mod relay;
mod request_names;
pub mod resource_server;
pub mod revocations;
mod route;
mod running;
pub mod server;
pub mod streams;
mod target;
pub mod tls;
mod tokens;
mod upgrade;
pub mod upstream;
pub mod upstreams;

//! The storage against a real file and a real server: what the traits of `keyfob_issuer_core::storage` promise.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as loudly as tests")]

mod access_keys;
mod accounts;
mod aggregates;
mod audit;
mod devices;
mod file;
mod fixture;
mod login_sessions;
mod logout_notices;
mod membership;
mod notices;
mod redemption;
mod revocations;
mod rotation;
mod schema;
mod server;
mod sharing;
mod storm;
mod sweep;
mod throttle;
mod transaction;
mod workspaces;
mod world;

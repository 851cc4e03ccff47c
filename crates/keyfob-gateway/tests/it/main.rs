//! The gateway through its public door: a real listener, a fake issuer and a fake upstream on loopback.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail as tests do"
)]

mod access_keys;
mod access_log;
mod admin;
mod answers;
mod authenticate;
mod command_line;
mod config_file;
mod crowd;
mod demo;
mod event_streams;
mod floods;
mod headers;
mod http2;
mod keys;
mod limits;
#[cfg(feature = "local")]
mod local;
mod metering;
mod own_usage;
mod policy;
mod policy_commands;
mod pressure;
mod reload;
mod requests;
mod revocations;
mod silence;
mod slow;
mod smuggling;
mod stopping;
mod streams;
mod tls;
mod tls_upstream;
mod upstreams;
mod web_sockets;
mod world;

//! The stores, through the public door: on a real disk, with a real keyring.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::string_slice,
    reason = "helpers of tests fail as loudly as tests"
)]

mod asking_service;
mod auto;
mod conformance;
mod file;
mod fixture;
mod keyring;
mod keyring_daemon;
mod logins;

//! The issuer through its public door: HTTP against a server in this process, and the program's own commands.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as loudly as tests"
)]

mod access_keys;
mod account;
mod address;
mod administration;
mod administration_listener;
mod anomalies;
mod app;
mod audit;
mod authorize;
mod back_channel;
mod backup;
mod bearer;
mod browser;
mod clients;
mod command;
mod config_check;
#[cfg(feature = "failpoints")]
mod crash;
mod device;
mod device_grant;
mod device_load;
mod device_page;
mod ends;
#[cfg(feature = "failpoints")]
mod farewell;
mod feed;
mod grant_matrix;
mod handoff;
mod headers;
mod injection;
mod introspect;
mod invitations;
mod key_command;
#[cfg(feature = "failpoints")]
mod load;
mod logout;
mod mail;
mod matrix;
mod metadata;
mod operations;
mod own_pages;
mod pages;
mod password;
mod people;
mod pressure;
mod prompts;
mod recovery;
mod refresh;
mod rest;
mod rounds;
mod second_factor;
mod sessions;
mod sign_in;
mod signing_keys;
mod storm;
#[cfg(feature = "failpoints")]
mod sweeping;
mod throttle;
mod token;
mod token_exchange;
mod trail;
mod user_info;
mod walk;
mod workload;
mod workspace_command;
mod workspaces;
mod world;

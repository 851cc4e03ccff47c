//! The scenarios: each a world of its own, and each ends with the search for leaked secrets.

mod alternate;
mod callback;
mod codex_defects;
mod codex_gateway;
mod codex_login;
mod codex_native;
mod copied;
mod crash;
mod damaged;
mod device;
mod failpoints;
mod faults;
mod feed;
mod foreign;
mod hardening;
mod harness;
mod logins;
mod second_factor;
mod sessions;
mod sign_in;
mod signing_keys;
mod storm;
mod superseded;
mod traces;
mod trouble;
mod walkthrough;

//! The scenarios: each a world of its own, and each ends with the search for leaked secrets.

mod callback;
mod codex_gateway;
mod codex_login;
mod crash;
mod device;
mod harness;
mod sign_in;

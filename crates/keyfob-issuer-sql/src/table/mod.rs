//! The repositories, one file per aggregate: SQL, and how rows become entities.

mod clients;
mod device_grants;
mod grants;
mod login_sessions;
mod refresh_families;
mod sessions;
mod signing_keys;
mod users;

//! The repositories, one file per aggregate: SQL, and how rows become entities.

mod access_keys;
mod audit;
mod clients;
mod credentials;
mod device_grants;
mod email_links;
mod enrolments;
mod grants;
mod login_sessions;
mod logout_notices;
mod notices;
mod refresh_families;
mod resource_servers;
mod restorations;
mod revocations;
mod sessions;
mod signing_keys;
mod throttles;
mod users;
mod workspaces;

//! The authorization server people sign in to: HTTP endpoints, pages, configuration, commands.
//!
//! [`App`] is an opened issuer; [`router`] puts its endpoints and pages around it; [`server::serve`] listens. The
//! operations themselves are in `keyfob-issuer-core`: a handler parses, calls one of them, and renders.
//!
//! It refuses: answers to a host other than the configured one (421), redirects to addresses that are not registered,
//! forms without a CSRF token or from another site, credentials in a query, repeated parameters, bodies over 64 KiB,
//! scripts on its pages, and to start without the seal key that its database was made with.
//!
//! Start reading at `routes`, then the files of `endpoint`, then `error`: the one place where refusals become HTTP.

mod app;
pub mod back_channel;
pub mod command;
pub mod config;
pub mod database;
mod endpoint;
mod error;
mod guard;
mod letter;
pub mod mail;
mod operations;
mod outbound;
mod page;
mod parameters;
mod refusal;
mod routes;
pub mod server;
mod site;
pub mod sweep;
mod text;
pub mod webhook;
mod workloads;

pub use app::{App, OpenError};
pub use operations::router as operations_router;
pub use routes::{administration_router, pages, paths, router};
pub use workloads::WorkloadsError;

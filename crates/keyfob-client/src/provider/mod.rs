//! Providers of models: which credential one gets, why, and that it goes nowhere else (design D8; security C-23).
//!
//! [`Way`] says from the provider and the precedence alone where its credential is looked for; [`Looked`] is what was
//! found there, offline; its decision is that of [`crate::why`]: the first place that is not empty, or nothing. A
//! [`Credential`] then becomes an [`Authorization`], which names the one server that it may be sent to. What has effects
//! is apart: [`command`] runs a provider's command, [`child`] begins a session of its own for another program,
//! [`own_usage`] asks a gateway what one used.

pub mod child;
pub mod command;
mod credential;
mod decision;
mod headers;
mod look;
mod server;
mod usage;
pub mod variable;

pub use credential::{Bound, Credential, Fingerprint, Refusal, authorize};
pub use decision::{Decision, Source, Way};
pub use headers::headers;
pub use look::{Looked, Lookup, Place};
pub use server::{Authorization, Destination, DestinationError, Local, OtherServer, Server, destination};
pub use usage::{UsageError, own_usage};

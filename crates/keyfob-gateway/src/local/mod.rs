//! `keyfob-gateway local`: on one's own machine, a tool gets models without ever holding the login that pays for them.
//!
//! ```text
//! request ─► refuse_proxying, browsers   the gateway's own name, no web page, JSON and nothing else
//!         ─► caller                      a tool's key, or the same user at the Unix socket; its quota
//!         ─► route, headers              as in `edge`
//!         ─► credential                  what the same configuration gives the `keyfob` command, by the same rules
//!         ─► upstream                    sent once; once more where a refresh brings another token
//!         ─► relay, passage              as it comes; cut when the key is revoked; one line of audit
//! ```
//!
//! It refuses: to listen beyond this machine; callers without a key; web pages, whatever they send; to send a credential
//! anywhere but to the provider that was configured at the start; to keep or log what is said.
//!
//! This is the one module that names the client's crates, behind the feature `local`; `edge` names none of it.

mod audit;
mod browsers;
mod callers;
mod credential;
mod denied;
mod gateway;
mod listener;
mod passage;
mod person;
mod place;
mod quota;
mod replay;
mod tools;

pub use gateway::{LocalGateway, StartError};
pub use listener::{Listener, serve};
pub use person::{Person, Unusable};
pub use place::{PlaceError, SocketPlace, loopback};

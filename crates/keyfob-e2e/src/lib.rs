//! Whole scenarios: real processes, a real browser, the real Codex CLI, and a search for leaked secrets.
//!
//! [`World`] starts an issuer and a gateway and gives each person a home of their own. [`Browser`] drives a real
//! Chromium; [`FormClient`] fills the same forms over plain HTTP where a scenario runs hundreds of times; [`codex`]
//! finds the real Codex CLI. [`Scene`] has homes alone, at an issuer that a test plays itself. Everything that a run
//! prints, writes or passes to a process is [`Evidence`], and [`World::finish`] fails when a secret of the run is found
//! anywhere but in its own place ([`leak`]).
//!
//! It refuses to fake: no part of the programs under test is linked in, they are run as a user runs them. It touches
//! no home but the ones that it makes, and it leaves no process behind.
//!
//! The programs must have been built: `cargo build --workspace --bins --features keyfob-cli/failpoints`. Start reading
//! at [`World`]; the scenarios are in `tests/it`.

mod administered;
pub mod authenticator;
mod browser;
pub mod chance;
pub mod codex;
mod disk;
pub mod environment;
pub mod evidence;
pub mod files;
mod form_client;
mod forward_proxy;
mod front;
pub mod gate;
mod history;
mod home;
mod html;
mod keyring;
pub mod leak;
pub mod machine;
mod network;
mod place;
pub mod process;
mod process_table;
pub mod rounds;
mod scene;
pub mod terminal;
pub mod wire;
mod world;

pub use administered::Peculiar;
pub use browser::{Browser, Person};
pub use evidence::Evidence;
pub use form_client::{FormClient, Page};
pub use forward_proxy::ForwardProxy;
pub use front::{Front, Names};
pub use home::Home;
pub use network::{Neighbour, Network};
pub use place::Store;
pub use scene::Scene;
pub use world::{World, free_address};

//! What is configured, by whom, and what nobody may weaken.
//!
//! [`Settings`] reads every layer once: the Codex CLI's files in its order, the administrator's requirements beside
//! them, and our own file. Each value knows where it was read. [`Restrictions`] is what they say of sign-in: who asks
//! at a door (a sign-in, a use, a refresh, a hand-over, a variable) gets a [`Judgement`], and what breaks a restriction
//! names its key, file and line. [`edit`] changes a file and leaves the rest of it as it is, behind the one door that is [`locked`]; [`logins`] says which
//! login is used where.
//!
//! It refuses to take anything about a credential from a repository's file, to believe an administrator's file that
//! somebody else can write, to let one layer widen what another allows, to read the environment, and to show a value
//! that may be a secret.
//!
//! ```
//! use keyfob_settings::{Judgement, Places, Presented, Settings};
//!
//! let places = Places { system: "/nowhere".into(), ..Places::default() };
//! let settings = Settings::load(&places).unwrap();
//! assert_eq!(settings.restrictions().judge(Presented::Key), Judgement::Allowed);
//! ```
//!
//! Start reading at [`Settings`], then [`Restrictions`].

mod check;
pub mod edit;
mod error;
mod file;
mod keys;
mod layer;
pub mod locked;
pub mod logins;
mod nearest;
#[cfg(test)]
mod on_disk;
mod own;
mod preferences;
mod problem;
mod project;
mod provider;
mod restrictions;
mod settings;
mod survey;
mod texts;

pub use error::SettingsError;
pub use file::Untrusted;
pub use keys::{FileKind, KEYS, Key, Kind};
pub use layer::{Layer, Origin, Sourced};
pub use nearest::nearest;
pub use own::{Own, Precedence};
pub use problem::Problem;
pub use project::ProjectFile;
pub use provider::{Provider, ProviderError, TokenCommand};
pub use restrictions::{Broken, Conflict, How, Judgement, Presented, Restriction, Restrictions, Workspace};
pub use settings::{Places, Settings};
pub use survey::{Finding, Survey};

//! The Codex dialect: everything that is only true of the Codex CLI and the files it shares with us.
//!
//! [`auth_file`] is the shape of `auth.json`; [`claims`] the namespaced claims of its tokens; [`authorize`] the extra
//! parameters of its browser sign-in; [`device`] the messages of its device sign-in; [`errors`] the words of its
//! refresh errors; [`keyring`] how it names its entry in the keyring; [`config`] what we read of its `config.toml`,
//! [`provider`] the providers of models in there, and [`requirements`] of an administrator's;
//! [`who_am_i`] what it asks about a personal access token; [`backend`] what its app-server asks about workspaces and
//! limits; [`members`] an object whose unknown members stay as they are.
//! The registered client, its ports and its redirect addresses are constants in [`client`].
//!
//! It refuses to read or write anything itself, to guess a login's kind from a file that contradicts itself, and to
//! drop members that it does not know.
//!
//! ```
//! use keyfob_codex::auth_file::{AuthFile, Login};
//!
//! let file = AuthFile::parse(br#"{"auth_mode":"apikey","OPENAI_API_KEY":"sk-1","later":true}"#).unwrap();
//! assert!(matches!(file.login(), Login::ApiKey));
//! assert!(file.to_text().contains("\"later\": true"));
//! ```

pub mod auth_file;
pub mod authorize;
pub mod backend;
pub mod claims;
pub mod client;
pub mod config;
pub mod device;
pub mod errors;
pub mod keyring;
pub mod members;
pub mod provider;
pub mod requirements;
pub mod who_am_i;

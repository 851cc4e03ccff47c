//! What this program reads from its environment; nothing else does.

use std::path::PathBuf;

/// Where the login of the Codex CLI, and ours, is kept.
const CODEX_HOME: &str = "CODEX_HOME";
/// The user's folder, for the default of [`CODEX_HOME`].
const HOME: &str = "HOME";
/// In a test build: the failpoint at which the process kills itself.
#[cfg(feature = "failpoints")]
const KILL_AT: &str = "KEYFOB_KILL_AT";

/// The environment, read once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    /// The value of `CODEX_HOME`, if it is set and not empty.
    pub(crate) codex_home: Option<PathBuf>,
    /// The value of `HOME`.
    pub(crate) home: Option<PathBuf>,
    /// The value of `KEYFOB_KILL_AT`.
    #[cfg(feature = "failpoints")]
    pub(crate) kill_at: Option<String>,
}

impl Environment {
    #[expect(clippy::disallowed_methods, reason = "the one place of this program that reads the environment")]
    pub(crate) fn read() -> Self {
        let path = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self {
            codex_home: path(CODEX_HOME),
            home: path(HOME),
            #[cfg(feature = "failpoints")]
            kill_at: std::env::var(KILL_AT).ok(),
        }
    }
}

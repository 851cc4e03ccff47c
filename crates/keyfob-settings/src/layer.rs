//! Where a setting comes from.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// A layer of the configuration, the strongest first: the order is the Codex CLI's.
///
/// The file of a repository is no layer: nothing about a credential is taken from it (security C-22).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// The administrator's `requirements.toml`: restrictions and pins, no values.
    Requirements,
    /// What a device management put into the preferences of macOS.
    ManagedPreferences,
    /// The administrator's `managed_config.toml`.
    ManagedConfig,
    /// `-c KEY=VALUE` of this command.
    Flag,
    /// The user's `config.toml`, shared with the Codex CLI.
    User,
    /// The system's `config.toml`.
    System,
    /// Our own `config.toml` of the user, which has other keys than the others.
    Own,
}

impl Layer {
    /// Whether only an administrator can write it, so that its restrictions bind whatever other layers say.
    pub const fn is_administrators(self) -> bool {
        match self {
            Self::Requirements | Self::ManagedPreferences | Self::ManagedConfig | Self::System => true,
            Self::Flag | Self::User | Self::Own => false,
        }
    }

    /// Returns the word for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requirements => "requirements",
            Self::ManagedPreferences => "managed_preferences",
            Self::ManagedConfig => "managed_config",
            Self::Flag => "flag",
            Self::User => "user",
            Self::System => "system",
            Self::Own => "own",
        }
    }
}

/// Where a value was read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The layer.
    pub layer: Layer,
    /// The file; `-c` for what the command was told.
    pub file: Arc<PathBuf>,
    /// Counted from one.
    pub line: usize,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// A value and where it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it was read.
    pub origin: Origin,
}

//! Why settings cannot be used.

use crate::file::Untrusted;
use crate::layer::Layer;
use crate::problem::Problem;
use crate::restrictions::Conflict;
use std::io;
use std::path::PathBuf;

/// Settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// Whose file it is.
        layer: Layer,
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file in which an administrator's word is expected may be somebody else's.
    #[error("cannot trust {path}: {why}")]
    Untrusted {
        /// Which.
        path: PathBuf,
        /// Why not.
        why: Untrusted,
    },
    /// Something in a file is wrong.
    #[error("{problem}")]
    Invalid {
        /// Whose file it is.
        layer: Layer,
        /// What is wrong, and where.
        problem: Box<Problem>,
    },
    /// The restrictions leave no way to sign in.
    #[error("{0}")]
    Conflict(Conflict),
}

impl SettingsError {
    /// Whether what cannot be read may be a restriction, so that nothing is allowed until it can (design D9).
    pub const fn is_about_restrictions(&self) -> bool {
        match self {
            Self::Read { layer, .. } | Self::Invalid { layer, .. } => layer.is_administrators(),
            Self::Untrusted { .. } | Self::Conflict(_) => true,
        }
    }
}

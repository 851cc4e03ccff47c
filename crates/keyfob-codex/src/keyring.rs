//! How the Codex CLI names its entry in the system's keyring.

use sha2::{Digest as _, Sha256};
use std::path::Path;

/// The entry of one home; two homes never share one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyringEntry {
    username: String,
}

/// The service of every entry.
pub const SERVICE: &str = "Codex Auth";
const TARGET: &str = "default";
const APPLICATION: &str = "rust-keyring";
/// How much of the home's digest is in its name.
const BYTES: usize = 8;

impl KeyringEntry {
    /// Names the entry of a home, whose path must be canonical.
    pub fn of_home(canonical: &Path) -> Self {
        let digest = Sha256::digest(canonical.as_os_str().as_encoded_bytes());
        let start = digest.iter().take(BYTES).fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
        Self { username: format!("cli|{start:016x}") }
    }

    /// Returns the name of the home in the keyring.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// Returns the attributes by which the Codex CLI finds the entry.
    pub fn attributes(&self) -> [(&'static str, &str); 3] {
        [("service", SERVICE), ("username", &self.username), ("target", TARGET)]
    }

    /// Returns the attribute that it writes and does not search for.
    pub const fn mark(&self) -> (&'static str, &'static str) {
        ("application", APPLICATION)
    }

    /// Returns what a person sees in a keyring manager.
    pub fn label(&self) -> String {
        format!("{}@{SERVICE}:{TARGET} (keyring v3.6.3)", self.username)
    }

    /// Returns the name of the copy in the kernel's keyring, which the Codex CLI reads first.
    pub fn kernel_description(&self) -> String {
        format!("keyring-rs:{}@{SERVICE}", self.username)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_43_the_entry_is_named_as_the_codex_cli_names_it() {
        let entry = KeyringEntry::of_home(Path::new("/"));

        // printf / | sha256sum
        assert_eq!(entry.username(), "cli|8a5edab282632443");
        assert_eq!(entry.label(), "cli|8a5edab282632443@Codex Auth:default (keyring v3.6.3)");
        assert_eq!(entry.kernel_description(), "keyring-rs:cli|8a5edab282632443@Codex Auth");
    }
}

//! What a store keeps beside the login, as safely as the login itself, until somebody signs out.

/// What is kept; one document of each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keepsake {
    /// Members that the Codex CLI drops, for our next save (design D15).
    Members,
    /// Sessions that a new login took the place of, until they have ended (security C-64).
    Superseded,
    /// The token that a provider's command printed, for as long as it is used.
    CommandToken,
}

impl Keepsake {
    pub(super) const ALL: [Self; 3] = [Self::Members, Self::Superseded, Self::CommandToken];

    /// Returns its name, in files and in the keyring.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Members => "members",
            Self::Superseded => "superseded",
            Self::CommandToken => "command-token",
        }
    }
}

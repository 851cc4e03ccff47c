//! How a refresh fails in the Codex dialect: JSON requests get a nested error with 401.

/// Why a refresh token is refused for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshRejection {
    /// Its life is over.
    Expired,
    /// It was used before, outside every window.
    Reused,
    /// It was revoked, or nobody knows it.
    Invalidated,
}

impl RefreshRejection {
    /// Every reason there is.
    pub const ALL: [Self; 3] = [Self::Expired, Self::Reused, Self::Invalidated];

    /// Returns the code on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "refresh_token_expired",
            Self::Reused => "refresh_token_reused",
            Self::Invalidated => "refresh_token_invalidated",
        }
    }

    /// Returns the sentence that goes with the code.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Expired => "The refresh token has expired. Sign in again.",
            Self::Reused => "The refresh token was already used. Sign in again.",
            Self::Invalidated => "The refresh token is not valid. Sign in again.",
        }
    }

    /// Returns the reason that `code` names.
    pub fn from_wire(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == code)
    }
}

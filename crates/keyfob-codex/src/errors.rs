//! How a refresh fails in the Codex dialect: JSON requests get a nested error with 401; and how a sign-in does.

/// What OpenAI's issuer describes a refusal with when a workspace has no Codex.
const NO_ENTITLEMENT: &str = "missing_codex_entitlement";

/// Returns what the refusal `code` with this `description` means, where it is a mark and no sentence.
///
/// The words are those of the Codex CLI.
pub fn refusal_in_words(code: &str, description: &str) -> Option<&'static str> {
    let is_marked = code == "access_denied" && description.to_ascii_lowercase().contains(NO_ENTITLEMENT);
    is_marked.then_some(
        "Codex is not enabled for your workspace. Contact your workspace administrator to request access to Codex",
    )
}

/// Why a refresh token is refused for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshRejection {
    /// Its life is over.
    Expired,
    /// It was used before, outside every window.
    Reused,
    /// It was revoked, or nobody knows it.
    Invalidated,
    /// Its successor has arrived; an extension, for clients that send attempt ids alone. The store has the newer one.
    Superseded,
}

impl RefreshRejection {
    /// Every reason there is.
    pub const ALL: [Self; 4] = [Self::Expired, Self::Reused, Self::Invalidated, Self::Superseded];

    /// Returns the code on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "refresh_token_expired",
            Self::Reused => "refresh_token_reused",
            Self::Invalidated => "refresh_token_invalidated",
            Self::Superseded => "refresh_token_superseded",
        }
    }

    /// Returns the sentence that goes with the code.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Expired => "The refresh token has expired. Sign in again.",
            Self::Reused => "The refresh token was already used. Sign in again.",
            Self::Invalidated => "The refresh token is not valid. Sign in again.",
            Self::Superseded => "The refresh token has been replaced. Use the one that is stored.",
        }
    }

    /// Returns the reason that `code` names.
    pub fn from_wire(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == code)
    }
}

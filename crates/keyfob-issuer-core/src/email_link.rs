//! Links that are sent to an e-mail address: to show that it is somebody's, or to take a change of it back.

use crate::digest::EmailLinkDigest;
use crate::lifetime;
use crate::user::Email;
use keyfob_oauth::{Subject, Timestamp};
use std::time::Duration;

/// What a link does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailPurpose {
    /// Whoever has it reads the letters to an address; that becomes the account's.
    Verify,
    /// Whoever has it read the letters to the address before; that becomes the account's again (I-58).
    Undo,
}

impl EmailPurpose {
    /// Every purpose there is.
    pub const ALL: [Self; 2] = [Self::Verify, Self::Undo];

    /// Returns the stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Undo => "undo",
        }
    }

    /// Returns the purpose that `word` names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == word)
    }

    /// Returns how long such a link works.
    pub const fn life(self) -> Duration {
        match self {
            Self::Verify => lifetime::VERIFY_LINK,
            Self::Undo => lifetime::UNDO_LINK,
        }
    }
}

/// A link as it rests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailLink {
    /// How what it carries rests.
    pub digest: EmailLinkDigest,
    /// What it does.
    pub purpose: EmailPurpose,
    /// Whose account it is for.
    pub subject: Subject,
    /// Which address becomes the account's.
    pub email: Email,
    /// When it ends.
    pub expires_at: Timestamp,
}

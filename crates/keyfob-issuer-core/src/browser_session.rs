//! Who sits at the browser.

use crate::digest::SessionDigest;
use crate::sign_in::Proof;
use keyfob_oauth::{Subject, Timestamp};

/// A browser in which somebody proved a password; whether that is enough, [`SignIn`](crate::sign_in::SignIn) says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrowserSession {
    /// How its cookie rests.
    pub digest: SessionDigest,
    /// Who signed in.
    pub subject: Subject,
    /// What they have proven, and when.
    pub proof: Proof,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl BrowserSession {
    /// Whether it still counts at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }
}

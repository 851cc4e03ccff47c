//! Who sits at the browser.

use crate::digest::SessionDigest;
use keyfob_oauth::{Subject, Timestamp};

/// A signed-in browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrowserSession {
    /// How its cookie rests.
    pub digest: SessionDigest,
    /// Who signed in.
    pub subject: Subject,
    /// When; the claim `auth_time`.
    pub signed_in_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl BrowserSession {
    /// Whether it still counts at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }
}

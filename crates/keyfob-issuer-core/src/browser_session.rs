//! Who sits at the browser.

use crate::digest::SessionDigest;
use crate::lifetime;
use crate::sign_in::Proof;
use keyfob_oauth::{Subject, Timestamp};
use std::time::Duration;

/// A browser in which somebody proved a password; whether that is enough, [`SignIn`](crate::sign_in::SignIn) says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrowserSession {
    /// How its cookie rests.
    pub digest: SessionDigest,
    /// Who signed in.
    pub subject: Subject,
    /// What they have proven, and when.
    pub proof: Proof,
    /// When it began.
    pub began_at: Timestamp,
    /// When it ends if nobody uses it any more.
    pub expires_at: Timestamp,
}

/// A use is worth noting when it makes a session longer by this much.
const WORTH_NOTING: Duration = Duration::from_mins(5);

impl BrowserSession {
    /// Returns when a session that began at `began_at` ends if it is not used after `now` (I-62).
    pub fn end(began_at: Timestamp, now: Timestamp) -> Timestamp {
        now.plus(lifetime::BROWSER_IDLE).min(began_at.plus(lifetime::BROWSER_ABSOLUTE))
    }

    /// Returns until when a use at `now` makes it last, if that is worth noting.
    pub fn prolonged(&self, now: Timestamp) -> Option<Timestamp> {
        let end = Self::end(self.began_at, now);
        (end.since(self.expires_at) >= WORTH_NOTING).then_some(end)
    }

    /// Whether it still counts at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }
}

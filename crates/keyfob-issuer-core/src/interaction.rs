//! What to show next: the only place that orders the pages of a sign-in.

use crate::browser_session::BrowserSession;
use crate::grant::{AuthorizationGrant, Progress};
use keyfob_oauth::Timestamp;

/// The next page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interaction {
    /// Somebody must sign in.
    SignIn,
    /// The person must say yes or no. Asked every time: anybody can run a program that listens on loopback and names
    /// a public client (RFC 8252 §8.6).
    Consent,
    /// Nothing: it was decided, or its time is over.
    Finished,
}

/// Decides the next page of `grant` for a browser with `session`.
pub fn next_interaction(
    grant: &AuthorizationGrant,
    session: Option<&BrowserSession>,
    now: Timestamp,
) -> Interaction {
    match (&grant.progress, session) {
        (Progress::Pending, _) if grant.is_expired(now) => Interaction::Finished,
        (Progress::Pending, Some(session)) if session.is_live(now) => Interaction::Consent,
        (Progress::Pending, _) => Interaction::SignIn,
        (Progress::Approved { .. } | Progress::Denied | Progress::Exchanged { .. }, _) => {
            Interaction::Finished
        }
    }
}

#[cfg(test)]
mod tests;

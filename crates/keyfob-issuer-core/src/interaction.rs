//! What to show next: the only place that orders the pages of a grant.

use crate::grant::{AuthorizationGrant, Progress};
use crate::operation::Choice;
use crate::sign_in::State;
use keyfob_oauth::Timestamp;

/// The next page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interaction {
    /// Somebody must sign in.
    SignIn,
    /// Whoever signed in must prove a second factor.
    SecondFactor,
    /// Whoever signed in must set a second factor up.
    SetUp,
    /// The person must choose one of their workspaces.
    Choose,
    /// None of the person's workspaces will do.
    NoWorkspace,
    /// The person must say yes or no. Asked every time: anybody can run a program that listens on loopback and names
    /// a public client (RFC 8252 §8.6).
    Consent,
    /// Nothing: it was decided, or its time is over.
    Finished,
}

/// Decides the next page of `grant` for a browser whose sign-in is in `state`, under the demand of the workspace if one
/// is chosen.
pub fn next_interaction(
    grant: &AuthorizationGrant,
    state: State,
    choice: Choice,
    now: Timestamp,
) -> Interaction {
    match (&grant.progress, state) {
        (Progress::Pending, _) if grant.is_expired(now) => Interaction::Finished,
        (Progress::Pending, State::Anonymous) => Interaction::SignIn,
        (Progress::Pending, State::SecondFactor) => Interaction::SecondFactor,
        (Progress::Pending, State::SetUp) => Interaction::SetUp,
        (Progress::Pending, State::Proven) => match choice {
            Choice::Impossible => Interaction::NoWorkspace,
            Choice::Open => Interaction::Choose,
            Choice::Made => Interaction::Consent,
        },
        (Progress::Approved { .. } | Progress::Denied | Progress::Exchanged { .. }, _) => {
            Interaction::Finished
        }
    }
}

#[cfg(test)]
mod tests;

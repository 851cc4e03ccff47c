//! Who waits for the database, and for how long.

use std::time::Duration;

/// Who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Programs and people, who are better told at once to come again (security R-27).
    Requests,
    /// Somebody at the host, who would have to do it again by hand.
    Commands,
}

impl Urgency {
    /// Returns how long one waits while nobody gets on, and for another process that writes to the file.
    pub(crate) const fn patience(self) -> Duration {
        match self {
            Self::Requests => Duration::from_millis(800),
            Self::Commands => LONGEST,
        }
    }

    /// Returns what a server ends by itself, in milliseconds: a wait for a lock, a statement, and a transaction whose node
    /// is gone or stands still, which holds locks that others wait for.
    pub(crate) const fn limits(self) -> [(&'static str, &'static str); 3] {
        match self {
            Self::Requests => [
                ("lock_timeout", "800"),
                ("statement_timeout", "900"),
                ("idle_in_transaction_session_timeout", "5000"),
            ],
            Self::Commands => [
                ("lock_timeout", "10000"),
                ("statement_timeout", "15000"),
                ("idle_in_transaction_session_timeout", "30000"),
            ],
        }
    }
}

/// How long anybody waits, though others get on.
pub(crate) const LONGEST: Duration = Duration::from_secs(20);

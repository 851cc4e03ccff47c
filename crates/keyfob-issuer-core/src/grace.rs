//! How long a spent refresh token still gets its successor from whoever presents it (security §7.3).

use std::time::Duration;

/// The anonymous windows: a thief of a spent token can use them too, so they are short and may be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grace {
    anonymous: Duration,
    shared: Duration,
}

/// A window is longer than is safe, or the wider one is the shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the windows must be at most 10 and 60 seconds, the second no shorter than the first")]
pub struct InvalidGrace;

impl Grace {
    /// The widest: 10 seconds, 60 where a client without attempt ids shares the login.
    pub const WIDEST: Self = Self { anonymous: Duration::from_secs(10), shared: Duration::from_mins(1) };
    /// None at all: only the same attempt gets the same answer.
    pub const STRICT: Self = Self { anonymous: Duration::ZERO, shared: Duration::ZERO };

    /// Takes the window for everybody, and the one where a client without attempt ids shares the login.
    pub fn new(anonymous: Duration, shared: Duration) -> Result<Self, InvalidGrace> {
        let widest = Self::WIDEST;
        if anonymous <= widest.anonymous && anonymous <= shared && shared <= widest.shared {
            Ok(Self { anonymous, shared })
        } else {
            Err(InvalidGrace)
        }
    }

    /// Returns the window for everybody.
    pub const fn anonymous(self) -> Duration {
        self.anonymous
    }

    /// Returns the window where a client without attempt ids shares the login.
    pub const fn shared(self) -> Duration {
        self.shared
    }
}

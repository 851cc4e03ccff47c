//! Exit codes (design §6).

use std::process::ExitCode;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Usable now.
    Ok,
    /// A failure that has no code of its own.
    Failure,
    /// Wrong usage.
    Usage,
    /// Not signed in.
    SignedOut,
    /// The session has ended for good.
    SessionEnded,
    /// Refused by a restriction, or by one that cannot be read.
    PolicyDenied,
    /// The store cannot be used.
    StoreUnavailable,
    /// The issuer cannot be reached.
    Offline,
    /// Ctrl-C.
    Cancelled,
}

impl Exit {
    /// Returns the code.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::SignedOut => 4,
            Self::SessionEnded => 5,
            Self::PolicyDenied => 6,
            Self::StoreUnavailable => 7,
            Self::Offline => 8,
            Self::Cancelled => 130,
        }
    }

    /// Returns the word in JSON.
    pub(crate) const fn state(self) -> &'static str {
        match self {
            Self::Ok => "active",
            Self::Failure | Self::Usage => "error",
            Self::SignedOut => "signed_out",
            Self::SessionEnded => "session_ended",
            Self::PolicyDenied => "policy_denied",
            Self::StoreUnavailable => "store_unavailable",
            Self::Offline => "offline",
            Self::Cancelled => "cancelled",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

//! What stands in the ledger.

use crate::tokens::Tokens;
use keyfob_oauth::Timestamp;
use keyfob_usage::money::Money;
use std::time::Duration;

/// A request that is about to be sent, and the most that it may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reserved {
    /// The name that its answer carries as `x-request-id`.
    pub(crate) request_id: String,
    pub(crate) at: Timestamp,
    pub(crate) subject: String,
    pub(crate) workspace: String,
    /// Which kind of credential let its caller in.
    pub(crate) credential: &'static str,
    /// Which key it was.
    pub(crate) key_id: Option<String>,
    pub(crate) route: &'static str,
    pub(crate) model: Option<String>,
    pub(crate) upstream: String,
    /// The most that it may use, as far as that is known.
    pub(crate) tokens: Tokens,
    /// What that costs, where there is a price.
    pub(crate) price: Option<Money>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// All of its answer came.
    Settled,
    /// Its answer broke off, or its caller left.
    Aborted,
}

impl State {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::Aborted => "aborted",
        }
    }
}

/// What a request used in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settled {
    /// Whose.
    pub(crate) request_id: String,
    pub(crate) state: State,
    pub(crate) tokens: Tokens,
    /// Whether nobody but the gateway counted the tokens.
    pub(crate) is_estimate: bool,
    pub(crate) price: Option<Money>,
    /// How the upstream answered, if it did.
    pub(crate) status: Option<u16>,
    pub(crate) took: Duration,
    /// How much of the answer was passed on.
    pub(crate) bytes: u64,
}

/// What a request took of its caller's limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spent {
    pub(crate) at: Timestamp,
    pub(crate) subject: String,
    pub(crate) workspace: String,
    pub(crate) key_id: Option<String>,
    /// Input and output together.
    pub(crate) tokens: u64,
    pub(crate) price: Money,
}

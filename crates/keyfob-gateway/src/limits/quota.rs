//! What of a limit is left, in the header fields of draft-ietf-httpapi-ratelimit-headers-11.

use super::section::Budget;
use http::{HeaderMap, HeaderName, HeaderValue};
use keyfob_oauth::Timestamp;
use keyfob_usage::money::Currency;

/// Which limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// So many requests within a minute.
    Requests(u64),
    /// So many tokens within a minute.
    Tokens(u64),
    /// So many requests at once.
    Streams(u64),
    Budget(Budget),
}

/// When it lets a refused request through, if nothing else comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Renewal {
    /// As soon as another request of the same holder has ended.
    WhenOneEnds,
    At(Timestamp),
    /// The request alone is more than the whole limit.
    Never,
}

/// Whose limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    Person,
    ApiKey,
    PersonalAccessToken,
    Workspace,
}

/// How much of a limit is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quota {
    pub(super) kind: Kind,
    /// Of a budget, in billionths.
    pub(super) left: u64,
    /// How long the limit is for, in seconds.
    pub(super) window: Option<u64>,
    /// In how many seconds all of it is there again.
    pub(super) renews_in: Option<u64>,
}

/// What is told of the limits that count for an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    policies: Vec<String>,
    left: Vec<String>,
}

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LEFT: HeaderName = HeaderName::from_static("ratelimit");
/// Budgets are told in millionths: a structured field has 15 digits (RFC 9651 §3.3.1).
const MICRO: u64 = 1_000;
/// The largest of its numbers.
const LARGEST: u64 = 999_999_999_999_999;

impl Told {
    pub(super) fn add(&mut self, of: Of, quotas: &[Quota], currency: Option<Currency>) {
        let whose = if of == Of::Workspace { "workspace" } else { "caller" };
        for quota in quotas {
            let (name, most, left, unit) = match quota.kind {
                Kind::Requests(most) => ("requests", most, quota.left, None),
                Kind::Tokens(most) => ("tokens", most, quota.left, Some("tokens".to_owned())),
                Kind::Streams(most) => ("streams", most, quota.left, Some("concurrent-requests".to_owned())),
                Kind::Budget(budget) => {
                    let currency = currency.map(|currency| currency.as_str().to_ascii_lowercase());
                    let unit = format!("micro-{}", currency.unwrap_or_default());
                    ("budget", budget.most.as_nano() / MICRO, quota.left / MICRO, Some(unit))
                }
            };
            let unit = unit.map(|unit| format!(";qu=\"{unit}\"")).unwrap_or_default();
            let window = quota.window.map(|seconds| format!(";w={seconds}")).unwrap_or_default();
            let renews = quota.renews_in.map(|seconds| format!(";t={seconds}")).unwrap_or_default();
            self.policies.push(format!("\"{whose}-{name}\";q={}{unit}{window}", most.min(LARGEST)));
            self.left.push(format!("\"{whose}-{name}\";r={}{renews}", left.min(LARGEST)));
        }
    }

    /// Says it in an answer; what an upstream said of limits of its own is not the caller's.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        for (name, values) in [(POLICY, &self.policies), (LEFT, &self.left)] {
            if let (false, Ok(value)) = (values.is_empty(), HeaderValue::from_str(&values.join(", "))) {
                headers.insert(name, value);
            }
        }
    }
}

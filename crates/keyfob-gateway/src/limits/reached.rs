//! A request that does not fit into a limit, in words that a person reads: the real Codex CLI prints them.

use super::Cost;
use super::quota::{Kind, Of, Renewal, Told};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use keyfob_oauth::Timestamp;
use keyfob_usage::money::{Currency, Money};
use std::fmt;

/// How soon it is worth to ask again where nobody can know, in seconds.
const SOON: u64 = 2;

/// What the Codex CLI says between "You've hit your usage limit." and when it may be tried again.
const CODEX_SAYS: HeaderName = HeaderName::from_static("x-codex-promo-message");

/// Which limit a request does not fit into, of whom, and when that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LimitReached {
    pub(super) of: Of,
    pub(super) kind: Kind,
    pub(super) renewal: Renewal,
    /// What is left of a budget.
    pub(super) left: Money,
    /// What the request would use at worst.
    pub(super) worst_case: Cost,
    pub(super) currency: Option<Currency>,
    pub(super) now: Timestamp,
    pub(super) told: Told,
}

impl LimitReached {
    pub(crate) const fn code(&self) -> &'static str {
        match self.kind {
            Kind::Requests(_) | Kind::Tokens(_) => "rate_limited",
            Kind::Streams(_) => "too_many_streams",
            Kind::Budget(_) => "budget_exceeded",
        }
    }

    /// Says it in an answer's header; what will never fit is not to be tried again.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        self.told.tell(headers);
        if self.is_final()
            && let Ok(words) = HeaderValue::try_from(self.which())
        {
            headers.insert(CODEX_SAYS, words);
        }
        let wait = match self.renewal {
            Renewal::WhenOneEnds => SOON,
            Renewal::At(moment) => moment.since(self.now).as_secs().max(1),
            Renewal::Never => return,
        };
        headers.insert(header::RETRY_AFTER, HeaderValue::from(wait));
    }

    /// Returns what kind of error it is in the API's words.
    ///
    /// The Codex CLI does not print the message of a 429: at `usage_limit_reached` it says so and ends, and at anything else
    /// it waits as long as `Retry-After` says, be it a month, and asks again.
    pub(crate) const fn error_type(&self) -> &'static str {
        if self.is_final() { "usage_limit_reached" } else { "rate_limit_error" }
    }

    /// Returns when the limit renews, if waiting for that is no matter of a minute.
    pub(crate) const fn resets_at(&self) -> Option<Timestamp> {
        match self.renewal {
            Renewal::At(moment) if self.is_final() => Some(moment),
            Renewal::At(_) | Renewal::WhenOneEnds | Renewal::Never => None,
        }
    }

    /// Whether a program does better to end than to wait.
    const fn is_final(&self) -> bool {
        matches!((self.kind, self.renewal), (Kind::Budget(_), _) | (_, Renewal::Never))
    }

    const fn whose(&self) -> &'static str {
        match self.of {
            Of::Person => "for each person",
            Of::ApiKey => "for each API key",
            Of::PersonalAccessToken => "for each personal access token",
            Of::Workspace => "for your whole workspace",
        }
    }

    fn money(&self, money: Money) -> String {
        self.currency.map_or_else(|| money.to_string(), |currency| format!("{money} {currency}"))
    }

    /// Returns which limit is reached, of whom.
    fn which(&self) -> String {
        let whose = self.whose();
        let help = "Ask for less with `max_output_tokens`, or ask the gateway's administrator";
        match (self.kind, self.renewal) {
            (Kind::Budget(budget), Renewal::Never) => format!(
                "This request could cost {}, more than the whole budget of {} per {} {whose}. {help}",
                self.money(self.worst_case.price),
                self.money(budget.most),
                budget.period.as_str()
            ),
            (Kind::Requests(most) | Kind::Tokens(most) | Kind::Streams(most), Renewal::Never) => format!(
                "This request could use {} tokens, more than the {most} per minute that this gateway allows {whose}. {help}",
                self.worst_case.tokens
            ),
            (Kind::Requests(most), _) => {
                format!("The limit of requests per minute {whose} ({most}) is reached")
            }
            (Kind::Tokens(most), _) => format!(
                "The limit of tokens per minute {whose} ({most}) is reached: this request could use {}",
                self.worst_case.tokens
            ),
            (Kind::Streams(most), _) => format!("The limit of requests at once {whose} ({most}) is reached"),
            (Kind::Budget(budget), _) => format!(
                "The budget of {} per {} {whose} is used up: this request could cost {}, and {} is left",
                self.money(budget.most),
                budget.period.as_str(),
                self.money(self.worst_case.price),
                self.money(self.left)
            ),
        }
    }
}

impl fmt::Display for LimitReached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.which())?;
        match self.renewal {
            Renewal::At(moment) => match jiff::Timestamp::from_second(moment.as_unix()) {
                Ok(time) => write!(f, ". Try again in {} s, at {time}", moment.since(self.now).as_secs()),
                Err(_) => write!(f, ". Try again in {} s", moment.since(self.now).as_secs()),
            },
            Renewal::WhenOneEnds => write!(f, ". Try again when another of them has ended"),
            Renewal::Never => Ok(()),
        }
    }
}

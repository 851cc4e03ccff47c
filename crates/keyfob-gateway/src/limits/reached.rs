//! A request that does not fit into a limit, in words that a person reads: the real Codex CLI prints them.

use super::Cost;
use super::quota::{Kind, Of, Renewal, Told};
use crate::money::{Currency, Money};
use http::{HeaderMap, HeaderValue, header};
use keyfob_oauth::Timestamp;
use std::fmt;

/// How soon it is worth to ask again where nobody can know, in seconds.
const SOON: u64 = 2;

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
        let wait = match self.renewal {
            Renewal::WhenOneEnds => SOON,
            Renewal::At(moment) => moment.since(self.now).as_secs().max(1),
            Renewal::Never => return,
        };
        headers.insert(header::RETRY_AFTER, HeaderValue::from(wait));
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
}

impl fmt::Display for LimitReached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = self.whose();
        if self.renewal == Renewal::Never {
            return match self.kind {
                Kind::Budget(budget) => write!(
                    f,
                    "This request could cost {}, more than the whole budget of {} per {} {whose}. Ask for less with \
                     `max_output_tokens`, or ask the gateway's administrator",
                    self.money(self.worst_case.price),
                    self.money(budget.most),
                    budget.period.as_str()
                ),
                Kind::Requests(most) | Kind::Tokens(most) | Kind::Streams(most) => write!(
                    f,
                    "This request could use {} tokens, more than the {most} per minute that this gateway allows {whose}. \
                     Ask for less with `max_output_tokens`, or ask the gateway's administrator",
                    self.worst_case.tokens
                ),
            };
        }
        match self.kind {
            Kind::Requests(most) => {
                write!(f, "The limit of requests per minute {whose} ({most}) is reached")?;
            }
            Kind::Tokens(most) => write!(
                f,
                "The limit of tokens per minute {whose} ({most}) is reached: this request could use {}",
                self.worst_case.tokens
            )?,
            Kind::Streams(most) => {
                write!(f, "The limit of requests at once {whose} ({most}) is reached")?;
            }
            Kind::Budget(budget) => write!(
                f,
                "The budget of {} per {} {whose} is used up: this request could cost {}, and {} is left",
                self.money(budget.most),
                budget.period.as_str(),
                self.money(self.worst_case.price),
                self.money(self.left)
            )?,
        }
        match self.renewal {
            Renewal::At(moment) => match jiff::Timestamp::from_second(moment.as_unix()) {
                Ok(time) => write!(f, ". Try again in {} s, at {time}", moment.since(self.now).as_secs()),
                Err(_) => write!(f, ". Try again in {} s", moment.since(self.now).as_secs()),
            },
            Renewal::WhenOneEnds | Renewal::Never => {
                write!(f, ". Try again when another of them has ended")
            }
        }
    }
}

//! `[limits]` of `gateway.toml`: how much each caller, and each workspace, may use.

use super::period::Period;
use keyfob_usage::money::{InvalidMoney, Money};
use serde::Deserialize;
use std::num::NonZeroU64;

/// How many tokens an answer is taken for that does not say how long it may be, unless something else is configured.
pub const OUTPUT_TOKENS: u64 = 16_384;

/// The same limits for every caller, and the same for every workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitsConfig {
    /// Of a person in a workspace, or of a key.
    pub(crate) caller: Amounts,
    /// Of all callers of a workspace together.
    pub(crate) workspace: Amounts,
    /// How many tokens an answer may have if its question says nothing of it.
    pub(crate) output_tokens: u64,
}

/// How much may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amounts {
    pub(crate) requests_per_minute: Option<u64>,
    pub(crate) tokens_per_minute: Option<u64>,
    /// How many requests may run at once.
    pub(crate) streams: Option<u64>,
    pub(crate) budget: Option<Budget>,
}

/// How much money may be spent in each hour, day or month of the calendar, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Budget {
    pub(crate) most: Money,
    pub(crate) period: Period,
}

/// A text is no budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidBudget {
    #[error("a budget is written like \"5.00/day\", with `hour`, `day` or `month`")]
    Form,
    #[error("a budget must be more than nothing")]
    Nothing,
    #[error(transparent)]
    Amount(#[from] InvalidMoney),
}

impl TryFrom<String> for Budget {
    type Error = InvalidBudget;

    fn try_from(text: String) -> Result<Self, InvalidBudget> {
        let (most, period) = text.split_once('/').ok_or(InvalidBudget::Form)?;
        let period = Period::parse(period).ok_or(InvalidBudget::Form)?;
        match Money::parse(most)? {
            Money::ZERO => Err(InvalidBudget::Nothing),
            most => Ok(Self { most, period }),
        }
    }
}

/// `[limits]`, with `[limits.workspace]` in it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitsSection {
    requests_per_minute: Option<NonZeroU64>,
    tokens_per_minute: Option<NonZeroU64>,
    streams: Option<NonZeroU64>,
    budget: Option<Budget>,
    output_tokens: Option<NonZeroU64>,
    workspace: Option<WorkspaceSection>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WorkspaceSection {
    requests_per_minute: Option<NonZeroU64>,
    tokens_per_minute: Option<NonZeroU64>,
    streams: Option<NonZeroU64>,
    budget: Option<Budget>,
}

impl From<LimitsSection> for LimitsConfig {
    fn from(section: LimitsSection) -> Self {
        Self {
            caller: Amounts {
                requests_per_minute: section.requests_per_minute.map(NonZeroU64::get),
                tokens_per_minute: section.tokens_per_minute.map(NonZeroU64::get),
                streams: section.streams.map(NonZeroU64::get),
                budget: section.budget,
            },
            workspace: section.workspace.map(Amounts::from).unwrap_or_default(),
            output_tokens: section.output_tokens.map_or(OUTPUT_TOKENS, NonZeroU64::get),
        }
    }
}

impl From<WorkspaceSection> for Amounts {
    fn from(section: WorkspaceSection) -> Self {
        Self {
            requests_per_minute: section.requests_per_minute.map(NonZeroU64::get),
            tokens_per_minute: section.tokens_per_minute.map(NonZeroU64::get),
            streams: section.streams.map(NonZeroU64::get),
            budget: section.budget,
        }
    }
}

impl LimitsConfig {
    /// Parses the section alone, for tests and tools that have no whole file.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str::<LimitsSection>(text).map(Self::from)
    }

    /// Whether money is counted, so that every model needs a price.
    pub const fn has_budget(&self) -> bool {
        self.caller.budget.is_some() || self.workspace.budget.is_some()
    }

    /// Whether what models are asked is counted: a request whose tokens nobody can count goes nowhere.
    pub(crate) const fn counts_tokens(&self) -> bool {
        self.has_budget()
            || self.caller.tokens_per_minute.is_some()
            || self.workspace.tokens_per_minute.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_says_how_much_everybody_may_use() {
        let section = "requests_per_minute = 60\ntokens_per_minute = 100_000\nstreams = 4\nbudget = '5.00/day'\n\
                       output_tokens = 1000\n[workspace]\nbudget = '200/month'\nstreams = 40";
        let config = LimitsConfig::parse(section).unwrap();

        let budget = |most: &str, period| Some(Budget { most: Money::parse(most).unwrap(), period });
        let caller = Amounts {
            requests_per_minute: Some(60),
            tokens_per_minute: Some(100_000),
            streams: Some(4),
            budget: budget("5", Period::Day),
        };
        let workspace =
            Amounts { streams: Some(40), budget: budget("200", Period::Month), ..Amounts::default() };
        assert_eq!(config, LimitsConfig { caller, workspace, output_tokens: 1000 });
        let least = LimitsConfig::parse("").unwrap();
        assert_eq!((least.output_tokens, least.counts_tokens(), least.has_budget()), (16_384, false, false));
    }

    #[test]
    fn a_section_that_says_what_is_not_known_is_refused() {
        for (text, reason) in [
            ("requests_per_hour = 1", "unknown field `requests_per_hour`"),
            ("[workspace]\noutput_tokens = 1", "unknown field `output_tokens`"),
            ("streams = 0", "expected a nonzero u64"),
            ("streams = -1", "expected a nonzero u64"),
            ("budget = 5", "expected a string"),
            ("budget = '5'", "like \"5.00/day\", with `hour`, `day` or `month`"),
            ("budget = '5/week'", "like \"5.00/day\", with `hour`, `day` or `month`"),
            ("budget = '-5/day'", "an amount is written like"),
            ("budget = '0.00/day'", "a budget must be more than nothing"),
        ] {
            let error = LimitsConfig::parse(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}

//! The report: its lines, and how it travels.

use crate::money::Money;
use serde::Deserialize;
use serde_json::{Value, json};

/// By what use is added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// A person in a workspace, or a key.
    Caller,
    /// A workspace.
    Workspace,
    /// A model.
    Model,
    /// A day, in UTC.
    Day,
}

impl By {
    /// Every way.
    pub const ALL: [Self; 4] = [Self::Caller, Self::Workspace, Self::Model, Self::Day];

    /// Returns the word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Workspace => "workspace",
            Self::Model => "model",
            Self::Day => "day",
        }
    }

    /// Returns what the word stands for, if it stands for anything.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.as_str() == word)
    }
}

/// One line of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Of whom, what or when.
    pub name: String,
    /// How many requests went to an upstream.
    pub requests: u64,
    /// Of how many the answer did not come whole.
    pub aborted: u64,
    /// How many run, or were left by a crash; they count as much as was reserved.
    pub reserved: u64,
    /// Tokens, of which `cached` is a part of `input` and `reasoning` of `output`.
    pub input: u64,
    /// What of the input came from a cache.
    pub cached: u64,
    /// Tokens that came back.
    pub output: u64,
    /// What of them was thought, not said.
    pub reasoning: u64,
    /// What it cost, where there was a price.
    pub price: Money,
    /// Of how many requests nobody knows the price.
    pub unpriced: u64,
}

/// What was used, added up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// By what it is added up.
    pub by: By,
    /// Its lines, in the order of their names.
    pub lines: Vec<Line>,
}

/// A text is no report of this schema.
#[derive(Debug, thiserror::Error)]
#[error("it is no report of what was used")]
pub struct NotAReport(#[source] Option<serde_json::Error>);

const SCHEMA: u32 = 1;

impl Report {
    /// Returns the report as JSON; amounts are texts, since they are exact.
    pub fn to_json(&self) -> Value {
        json!({ "schema": SCHEMA, "by": self.by.as_str(), "usage": self.lines_to_json() })
    }

    pub(crate) fn lines_to_json(&self) -> Vec<Value> {
        let line = |line: &Line| {
            json!({
                (self.by.as_str()): line.name,
                "requests": line.requests, "aborted": line.aborted, "reserved": line.reserved,
                "input_tokens": line.input, "cached_tokens": line.cached,
                "output_tokens": line.output, "reasoning_tokens": line.reasoning,
                "price": line.price.to_string(), "unpriced_requests": line.unpriced,
            })
        };
        self.lines.iter().map(line).collect()
    }

    /// Reads what [`Self::to_json`] writes; members that are not known are passed over.
    ///
    /// Names come from whoever wrote it, and are kept as they are.
    pub fn parse(text: &[u8]) -> Result<Self, NotAReport> {
        let wire: Wire = serde_json::from_slice(text).map_err(|error| NotAReport(Some(error)))?;
        Self::try_from(wire)
    }
}

/// The report as it travels.
#[derive(Deserialize)]
pub(crate) struct Wire {
    schema: u32,
    by: String,
    usage: Vec<WireLine>,
}

#[derive(Deserialize)]
struct WireLine {
    caller: Option<String>,
    workspace: Option<String>,
    model: Option<String>,
    day: Option<String>,
    requests: u64,
    aborted: u64,
    reserved: u64,
    input_tokens: u64,
    cached_tokens: u64,
    output_tokens: u64,
    reasoning_tokens: u64,
    price: Money,
    unpriced_requests: u64,
}

impl TryFrom<Wire> for Report {
    type Error = NotAReport;

    fn try_from(wire: Wire) -> Result<Self, NotAReport> {
        let by = By::of_word(&wire.by).filter(|_| wire.schema == SCHEMA).ok_or(NotAReport(None))?;
        let lines = wire.usage.into_iter().map(|line| line.named(by)).collect::<Option<_>>();
        Ok(Self { by, lines: lines.ok_or(NotAReport(None))? })
    }
}

impl WireLine {
    fn named(self, by: By) -> Option<Line> {
        let name = match by {
            By::Caller => self.caller,
            By::Workspace => self.workspace,
            By::Model => self.model,
            By::Day => self.day,
        };
        Some(Line {
            name: name?,
            requests: self.requests,
            aborted: self.aborted,
            reserved: self.reserved,
            input: self.input_tokens,
            cached: self.cached_tokens,
            output: self.output_tokens,
            reasoning: self.reasoning_tokens,
            price: self.price,
            unpriced: self.unpriced_requests,
        })
    }
}

impl From<serde_json::Error> for NotAReport {
    fn from(error: serde_json::Error) -> Self {
        Self(Some(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(name: String, numbers: [u32; 9]) -> Line {
        let [requests, aborted, reserved, input, cached, output, reasoning, price, unpriced] =
            numbers.map(u64::from);
        let price = Money::from_nano(price);
        Line { name, requests, aborted, reserved, input, cached, output, reasoning, price, unpriced }
    }

    proptest! {
        #[test]
        fn what_is_told_is_what_is_read(
            by in 0..By::ALL.len(),
            lines in proptest::collection::vec((".*", any::<[u32; 9]>()), 0..4),
        ) {
            let lines = lines.into_iter().map(|(name, numbers)| line(name, numbers)).collect();
            let report = Report { by: By::ALL.get(by).copied().unwrap(), lines };

            let read = Report::parse(report.to_json().to_string().as_bytes()).unwrap();

            prop_assert_eq!(read, report);
        }
    }

    #[test]
    fn what_is_no_report_is_not_guessed_at() {
        let whole = Report { by: By::Model, lines: vec![line("m".into(), [1; 9])] }.to_json().to_string();
        assert!(Report::parse(whole.as_bytes()).is_ok());
        for (from, to) in [
            ("\"schema\":1", "\"schema\":2"),
            ("\"by\":\"model\"", "\"by\":\"day\""),
            ("\"by\":\"model\"", "\"by\":\"moon\""),
            ("\"requests\":1", "\"requests\":-1"),
            ("\"price\":\"0.000000001\"", "\"price\":0.5"),
            ("\"price\":\"0.000000001\",", ""),
            ("}", ""),
        ] {
            assert!(whole.contains(from), "{from}");
            assert!(Report::parse(whole.replace(from, to).as_bytes()).is_err(), "{from} as {to}");
        }
    }
}

//! What one caller used, as a gateway tells them and nobody else.

use crate::money::Currency;
use crate::report::{NotAReport, Report, Wire};
use keyfob_oauth::text::printable;
use serde::Deserialize;
use serde_json::{Value, json};

/// Where a gateway tells it, below the address of its models.
pub const PATH: &str = "/keyfob/usage";

/// The code of the error that says that a gateway keeps no ledger.
pub const NOT_KEPT: &str = "usage_not_kept";

/// Whose use it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whose {
    /// The person, or who made the key.
    pub subject: String,
    /// The workspace that pays.
    pub workspace: String,
    /// The key, if one asked: it is told of itself alone.
    pub key: Option<String>,
}

/// The report of a caller about themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnUsage {
    /// Whose use it is.
    pub whose: Whose,
    /// How many days were looked back; to the beginning if it is not said.
    pub days: Option<u32>,
    /// What the prices are in, if the gateway knows any.
    pub currency: Option<Currency>,
    /// What was used.
    pub report: Report,
}

impl OwnUsage {
    /// Returns it as JSON: the report's, with what else is known.
    pub fn to_json(&self) -> Value {
        let Self { whose: Whose { subject, workspace, key }, days, currency, report } = self;
        json!({
            "schema": 1, "of": { "subject": subject, "workspace": workspace, "key": key },
            "days": days, "currency": currency.as_ref().map(Currency::as_str),
            "by": report.by.as_str(), "usage": report.lines_to_json(),
        })
    }

    /// Reads what another machine says; names in it are made fit for a terminal (security C-52).
    pub fn parse(text: &[u8]) -> Result<Self, NotAReport> {
        let wire: WireOwn = serde_json::from_slice(text)?;
        let mut report = Report::try_from(wire.report)?;
        for line in &mut report.lines {
            line.name = printable(&line.name);
        }
        let WireWhose { subject, workspace, key } = wire.of;
        let key = key.as_deref().map(printable);
        let whose = Whose { subject: printable(&subject), workspace: printable(&workspace), key };
        Ok(Self { whose, days: wire.days, currency: wire.currency, report })
    }
}

#[derive(Deserialize)]
struct WireOwn {
    of: WireWhose,
    days: Option<u32>,
    currency: Option<Currency>,
    #[serde(flatten)]
    report: Wire,
}

#[derive(Deserialize)]
struct WireWhose {
    subject: String,
    workspace: String,
    key: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{By, Line};

    fn own(name: &str) -> OwnUsage {
        let line = Line { name: name.into(), requests: 3, ..Line::default() };
        OwnUsage {
            whose: Whose { subject: name.into(), workspace: "w-1".into(), key: Some(name.into()) },
            days: Some(30),
            currency: Currency::parse("EUR").ok(),
            report: Report { by: By::Model, lines: vec![line] },
        }
    }

    #[test]
    fn what_a_gateway_tells_is_what_a_client_reads() {
        let told = own("m-1");
        let least = OwnUsage { days: None, currency: None, ..told.clone() };
        let least = OwnUsage { whose: Whose { key: None, ..least.whose }, ..least };

        for told in [told, least] {
            assert_eq!(OwnUsage::parse(told.to_json().to_string().as_bytes()).unwrap(), told);
        }
        for other in ["{}", "[]", "<html>", r#"{"schema":1,"by":"day","usage":[]}"#] {
            assert!(OwnUsage::parse(other.as_bytes()).is_err(), "{other}");
        }
    }

    #[test]
    fn c_52_names_that_a_gateway_tells_are_shown_without_what_a_terminal_would_obey() {
        let told = own("a\u{1b}[2J\u{9b}\u{202e}b").to_json().to_string();

        assert_eq!(OwnUsage::parse(told.as_bytes()).unwrap(), own("a[2Jb"));
    }
}

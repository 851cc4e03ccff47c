//! What a caller asks about themselves.

use crate::report::By;

/// By what use is added up, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// By what; by model if it is not said.
    pub by: By,
    /// How many days are looked back; to the beginning if it is not said.
    pub days: Option<u32>,
}

const BY: &str = "by";
const SINCE: &str = "since";

impl Ask {
    /// Reads a query; nothing if a word in it is not known or stands twice: it may have been meant to narrow what is told.
    pub fn parse(query: &str) -> Option<Self> {
        let (mut by, mut days) = (None, None);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=')? {
                (BY, word) if by.is_none() => by = Some(By::of_word(word)?),
                (SINCE, number) if days.is_none() => days = Some(number.parse().ok()?),
                _ => return None,
            }
        }
        Some(Self { by: by.unwrap_or(By::Model), days })
    }

    /// Returns the query, of plain characters alone.
    pub fn to_query(self) -> String {
        let by = self.by.as_str();
        self.days.map_or_else(|| format!("{BY}={by}"), |days| format!("{BY}={by}&{SINCE}={days}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s_07_a_query_says_by_what_and_since_when_and_nothing_that_is_not_known() {
        let ask = |by, days| Some(Ask { by, days });

        assert_eq!(Ask::parse(""), ask(By::Model, None));
        assert_eq!(Ask::parse("since=30"), ask(By::Model, Some(30)));
        for by in By::ALL {
            for days in [None, Some(0), Some(u32::MAX)] {
                assert_eq!(Ask::parse(&Ask { by, days }.to_query()), ask(by, days));
            }
        }
        for wrong in [
            "by",
            "by=",
            "by=moon",
            "since=",
            "since=-1",
            "since=1.5",
            "since=4294967296",
            "by=day&by=day",
            "subject=u-2",
            "BY=day",
            "b%79=day",
        ] {
            assert_eq!(Ask::parse(wrong), None, "{wrong}");
        }
    }
}

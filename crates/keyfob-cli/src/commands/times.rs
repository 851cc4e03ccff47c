//! Times: local with offset and relative for people, UTC for programs (design §6).

use crate::environment::variable;
use jiff::tz::TimeZone;
use keyfob_oauth::Timestamp;
use std::fs;

/// Returns the moment for programs, if the calendar has it.
pub(super) fn utc(moment: Timestamp) -> Option<String> {
    jiff::Timestamp::from_second(moment.as_unix()).ok().map(|moment| moment.to_string())
}

/// Reads what a program wrote of a moment (RFC 3339).
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    text.parse::<jiff::Timestamp>().ok().map(|moment| Timestamp::from_unix(moment.as_second()))
}

/// The time zone of the person.
pub(super) struct Zone(TimeZone);

/// The rules of the machine's zone; the variable `TZ` takes their place.
const RULES: &str = "/etc/localtime";

impl Zone {
    /// Reads the rules where the system keeps them. To name the zone as well, which nobody asks for, `jiff` lists the
    /// whole database: three quarters of what `keyfob status` would cost.
    pub(super) fn of_the_person() -> Self {
        let rules = if variable("TZ").is_none() { fs::read(RULES).ok() } else { None };
        let zone = rules.and_then(|rules| TimeZone::tzif(RULES, &rules).ok());
        Self(zone.unwrap_or_else(TimeZone::system))
    }

    /// Returns the moment for people, on their clock.
    pub(super) fn local(&self, moment: Timestamp) -> String {
        let moment = jiff::Timestamp::from_second(moment.as_unix()).unwrap_or_default();
        moment.to_zoned(self.0.clone()).strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
    }
}

/// Says how far `moment` is from `now` in its two largest units.
pub(super) fn relative(moment: Timestamp, now: Timestamp) -> String {
    let (ahead, span) = if moment > now { (true, moment.since(now)) } else { (false, now.since(moment)) };
    let seconds = span.as_secs();
    let units = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let first = units.iter().position(|(count, _)| *count > 0).unwrap_or(units.len() - 1);
    let shown: Vec<String> = units
        .iter()
        .skip(first)
        .take(2)
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    match (shown.is_empty(), ahead) {
        (true, _) => "just now".into(),
        (false, true) => format!("in {}", shown.join(" ")),
        (false, false) => format!("{} ago", shown.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_the_two_largest_units() {
        let at = Timestamp::from_unix;
        let now = at(1_000_000);

        assert_eq!(relative(at(1_003_600), now), "in 1 h");
        assert_eq!(relative(at(1_003_599), now), "in 59 min 59 s");
        assert_eq!(relative(at(1_000_000 + 2 * 86_400 + 60), now), "in 2 d");
        assert_eq!(relative(at(999_999), now), "1 s ago");
        assert_eq!(relative(now, now), "just now");
    }
}

//! The calendar's hours, days and months, in UTC: what a budget is for.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use keyfob_oauth::Timestamp;

/// How long a budget lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Period {
    Hour,
    Day,
    Month,
}

/// How many kinds there are.
pub(super) const PERIODS: usize = 3;

/// A moment, and when the periods began that it is in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Present {
    pub(super) now: Timestamp,
    /// Of the hour, the day and the month.
    pub(super) starts: [Timestamp; PERIODS],
}

impl Present {
    pub(super) fn at(now: Timestamp) -> Self {
        Self { now, starts: [Period::Hour, Period::Day, Period::Month].map(|period| period.start(now)) }
    }
}

const HOUR: i64 = 60 * 60;
const DAY: i64 = 24 * HOUR;

impl Period {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "hour" => Some(Self::Hour),
            "day" => Some(Self::Day),
            "month" => Some(Self::Month),
            _ => None,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// Returns when the period began that `now` is in.
    pub(super) fn start(self, now: Timestamp) -> Timestamp {
        let seconds = now.as_unix();
        match self {
            Self::Hour => floor(seconds, HOUR),
            Self::Day => floor(seconds, DAY),
            Self::Month => month(now).map_or_else(|| floor(seconds, DAY), |date| at(date.first_of_month())),
        }
    }

    /// Returns when the next one begins.
    pub(super) fn end(self, now: Timestamp) -> Timestamp {
        let start = self.start(now).as_unix();
        match self {
            Self::Hour => Timestamp::from_unix(start.saturating_add(HOUR)),
            Self::Day => Timestamp::from_unix(start.saturating_add(DAY)),
            Self::Month => month(now)
                .and_then(|date| date.last_of_month().tomorrow().ok())
                .map_or_else(|| Timestamp::from_unix(start.saturating_add(DAY)), at),
        }
    }
}

fn floor(seconds: i64, length: i64) -> Timestamp {
    Timestamp::from_unix(seconds.saturating_sub(seconds.rem_euclid(length)))
}

/// Returns the date, unless it is thousands of years away.
fn month(now: Timestamp) -> Option<Date> {
    let moment = jiff::Timestamp::from_second(now.as_unix()).ok()?;
    Some(moment.to_zoned(TimeZone::UTC).date())
}

fn at(date: Date) -> Timestamp {
    let midnight = date.to_zoned(TimeZone::UTC).map(|midnight| midnight.timestamp().as_second());
    Timestamp::from_unix(midnight.unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Timestamp {
        Timestamp::from_unix(text.parse::<jiff::Timestamp>().unwrap().as_second())
    }

    #[test]
    fn a_period_is_the_calendars_in_utc() {
        for (period, now, start, end) in [
            (Period::Hour, "2027-01-15T08:59:59Z", "2027-01-15T08:00:00Z", "2027-01-15T09:00:00Z"),
            (Period::Day, "2027-01-15T00:00:00Z", "2027-01-15T00:00:00Z", "2027-01-16T00:00:00Z"),
            (Period::Month, "2028-02-29T23:59:59Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"),
            (Period::Month, "2027-12-31T23:59:59Z", "2027-12-01T00:00:00Z", "2028-01-01T00:00:00Z"),
            (Period::Day, "1969-12-31T23:00:00Z", "1969-12-31T00:00:00Z", "1970-01-01T00:00:00Z"),
        ] {
            let now = moment(now);
            assert_eq!((period.start(now), period.end(now)), (moment(start), moment(end)), "{period:?}");
        }
    }
}

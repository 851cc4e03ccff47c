//! How far this machine's clock is from the issuer's: a token is judged by the clock that made it (security R-17).
//!
//! It is measured by tokens that have just been made, which say when, and noted for the next commands: a clock that is
//! wrong by a year must neither end a login nor have it refreshed by every command.

use crate::home::Home;
use crate::state;
use keyfob_jose::read_unverified;
use keyfob_oauth::Timestamp;
use std::time::Duration;

/// The member of `state.json`: seconds by which this machine's clock is ahead.
const MEMBER: &str = "clock_ahead";
/// A clock is not wrong by less.
const TOLERANCE: Duration = Duration::from_mins(5);

/// This machine's clock is wrong, by so much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockSkew {
    ahead: i64,
}

/// What this machine's clock says, and what is known of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// By this machine's clock.
    pub now: Timestamp,
    /// How wrong it was when that was last found out; it may have been set since.
    pub skew: Option<ClockSkew>,
}

impl ClockSkew {
    /// Compares the clock with that of whoever made `token` a moment ago.
    pub(crate) fn of_new(token: &str, now: Timestamp) -> Option<Self> {
        let made = read_unverified(token)?.time("iat")?;
        let ahead = now.as_unix().saturating_sub(made.as_unix());
        (ahead.unsigned_abs() > TOLERANCE.as_secs()).then_some(Self { ahead })
    }

    /// Returns what is noted in `home`.
    pub(crate) fn read(home: &Home) -> Option<Self> {
        state::read(home, MEMBER)?.as_i64().map(|ahead| Self { ahead })
    }

    /// Notes what was found out, or that the clock is right; what cannot be noted is found out again.
    ///
    /// Called under the refresh lock.
    pub(crate) fn note(home: &Home, found: Option<Self>) {
        if found == Self::read(home) {
            return;
        }
        let noted = match found {
            Some(skew) => state::write(home, MEMBER, &skew.ahead),
            None => state::remove(home, MEMBER),
        };
        if let Err(error) = noted {
            tracing::debug!(%error, "how wrong the clock is could not be noted");
        }
    }

    /// Returns by how many seconds this machine's clock is ahead; negative when it is behind.
    pub fn seconds_ahead(self) -> i64 {
        self.ahead
    }

    /// Returns what the issuer's clock says at `now` of this machine's.
    pub fn corrected(self, now: Timestamp) -> Timestamp {
        Timestamp::from_unix(now.as_unix().saturating_sub(self.ahead))
    }
}

/// As people say it: the larger unit is enough.
impl std::fmt::Display for ClockSkew {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.ahead.unsigned_abs();
        let way = if self.ahead > 0 { "ahead of" } else { "behind" };
        match (seconds / 86_400, seconds / 3_600, seconds / 60) {
            (0, 0, minutes) => write!(f, "{minutes} min {way} the issuer's"),
            (0, hours, _) => write!(f, "{hours} h {way} the issuer's"),
            (days, ..) => write!(f, "{days} d {way} the issuer's"),
        }
    }
}

impl From<Timestamp> for Moment {
    fn from(now: Timestamp) -> Self {
        Self { now, skew: None }
    }
}

impl Moment {
    /// Returns the moment by the clock that made a token at `made`.
    ///
    /// The clock may have been set since it was found to be wrong. Of what it says and what it would say corrected, the
    /// earlier is right, unless the token had not been made by then.
    pub(crate) fn for_token_of(self, made: Option<Timestamp>) -> Timestamp {
        let (Some(skew), Some(made)) = (self.skew, made) else { return self.now };
        let corrected = skew.corrected(self.now);
        let (earlier, later) = (corrected.min(self.now), corrected.max(self.now));
        if is_before(earlier, made) { later } else { earlier }
    }

    /// Returns how wrong the clock is, as far as a token made at `made` can tell without asking anybody.
    pub(crate) fn skew_by_token_of(self, made: Timestamp) -> Option<ClockSkew> {
        if self.for_token_of(Some(made)) != self.now {
            return self.skew;
        }
        let ahead = self.now.as_unix().saturating_sub(made.as_unix());
        is_before(self.now, made).then_some(ClockSkew { ahead })
    }
}

/// Whether `moment` is before `made`, and by more than clocks differ.
pub(crate) fn is_before(moment: Timestamp, made: Timestamp) -> bool {
    moment.plus(TOLERANCE) < made
}

#[cfg(test)]
mod tests {
    use super::*;

    const YEAR: i64 = 31_536_000;
    const MADE: i64 = 1_800_000_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds)
    }

    #[test]
    fn r_17_a_token_is_judged_by_the_clock_that_made_it_also_when_ours_is_set_meanwhile() {
        let judged = |now: i64, ahead: i64| {
            Moment { now: at(now), skew: Some(ClockSkew { ahead }) }.for_token_of(Some(at(MADE))).as_unix()
        };

        for ahead in [YEAR, -YEAR] {
            assert_eq!(judged(MADE + 60 + ahead, ahead), MADE + 60, "wrong as before: {ahead}");
            assert_eq!(judged(MADE + 60, ahead), MADE + 60, "set right: {ahead}");
        }
        assert_eq!(Moment::from(at(5)).for_token_of(Some(at(MADE))), at(5), "nothing is known");
    }

    #[test]
    fn r_17_offline_a_clock_is_wrong_that_says_a_time_before_the_token_was_made() {
        let found = |now: i64, skew: Option<ClockSkew>| {
            Moment { now: at(now), skew }.skew_by_token_of(at(MADE)).map(ClockSkew::seconds_ahead)
        };

        assert_eq!(found(MADE - 299, None), None);
        assert_eq!(found(MADE - YEAR, None), Some(-YEAR));
        assert_eq!(found(MADE + YEAR, Some(ClockSkew { ahead: YEAR })), Some(YEAR));
        assert_eq!(found(MADE + 60, Some(ClockSkew { ahead: YEAR })), None, "set right");
        assert_eq!(found(MADE + 60, Some(ClockSkew { ahead: -YEAR })), None, "set right");
    }

    #[test]
    fn how_wrong_a_clock_is_is_told_in_one_unit() {
        let told = |ahead: i64| ClockSkew { ahead }.to_string();

        assert_eq!(told(YEAR), "365 d ahead of the issuer's");
        assert_eq!(told(-7_300), "2 h behind the issuer's");
        assert_eq!(told(-301), "5 min behind the issuer's");
    }
}

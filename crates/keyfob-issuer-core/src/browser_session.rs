//! Who sits at the browser.

use crate::digest::SessionDigest;
use crate::lifetime;
use crate::sign_in::Proof;
use crate::workspace::{Membership, Role};
use keyfob_oauth::{Subject, Timestamp};
use std::time::Duration;

/// A browser in which somebody proved a password; whether that is enough, [`SignIn`](crate::sign_in::SignIn) says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrowserSession {
    /// How its cookie rests.
    pub digest: SessionDigest,
    /// Who signed in.
    pub subject: Subject,
    /// What they have proven, and when.
    pub proof: Proof,
    /// When it began.
    pub began_at: Timestamp,
    /// When it ends if nobody uses it any more.
    pub expires_at: Timestamp,
}

/// How long a session lasts (I-62): not used, not used by somebody who looks after a workspace, and however much it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTimes {
    idle: Duration,
    administrator_idle: Duration,
    absolute: Duration,
}

/// Sessions would last for too long, or for no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a session ends when it is not used for a day at most, an administrator's for 30 minutes, and any within 30 days"
)]
pub struct InvalidSessionTimes;

/// Whose session it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Somebody's who looks after nothing that others share.
    Person,
    /// Somebody's who looks after a workspace of several people.
    Administrator,
}

impl Standing {
    /// Returns the standing of somebody in these workspaces.
    pub fn of(memberships: &[Membership]) -> Self {
        let looks_after = |membership: &Membership| match membership.role {
            Role::Member => false,
            Role::Admin | Role::Owner => !membership.workspace.is_personal(),
        };
        if memberships.iter().any(looks_after) { Self::Administrator } else { Self::Person }
    }
}

impl SessionTimes {
    /// What holds where the settings name nothing else.
    pub const USUAL: Self = Self {
        idle: lifetime::BROWSER_IDLE,
        administrator_idle: lifetime::ADMINISTRATOR_IDLE,
        absolute: lifetime::BROWSER_ABSOLUTE,
    };

    /// Checks the times that settings name.
    pub fn new(
        idle: Duration,
        administrator_idle: Duration,
        absolute: Duration,
    ) -> Result<Self, InvalidSessionTimes> {
        let within = |time: Duration, longest: Duration| !time.is_zero() && time <= longest;
        if within(idle, lifetime::LONGEST_BROWSER_IDLE)
            && within(administrator_idle, lifetime::ADMINISTRATOR_IDLE)
            && within(absolute, lifetime::LONGEST_BROWSER_ABSOLUTE)
        {
            Ok(Self { idle, administrator_idle, absolute })
        } else {
            Err(InvalidSessionTimes)
        }
    }

    /// Returns after how long a session ends that is not used.
    pub fn idle(self, standing: Standing) -> Duration {
        match standing {
            Standing::Person => self.idle,
            Standing::Administrator => self.idle.min(self.administrator_idle),
        }
    }

    /// Returns after how long a session ends, however much it is used.
    pub fn absolute(self) -> Duration {
        self.absolute
    }

    /// Returns when a session that began at `began_at` ends if it is not used after `now`.
    pub fn end(self, standing: Standing, began_at: Timestamp, now: Timestamp) -> Timestamp {
        now.plus(self.idle(standing)).min(began_at.plus(self.absolute))
    }
}

/// A use is worth noting when it makes a session longer by this much, or by this part of its idle time.
const WORTH_NOTING: Duration = Duration::from_mins(5);
const PART: u32 = 6;

impl BrowserSession {
    /// Returns until when a use at `now` makes it last, if that is worth noting.
    ///
    /// That is sooner than before if its person looks after a workspace since then, or the settings have changed.
    pub fn prolonged(&self, times: SessionTimes, standing: Standing, now: Timestamp) -> Option<Timestamp> {
        let end = times.end(standing, self.began_at, now);
        let worth = WORTH_NOTING.min(times.idle(standing) / PART);
        (end < self.expires_at || end >= self.expires_at.plus(worth)).then_some(end)
    }

    /// Whether it still counts at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_unix(1_800_000_000);
    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn i_62_times_beyond_a_day_half_an_hour_for_administrators_and_thirty_days_are_refused() {
        let hours = Duration::from_hours;
        let times = SessionTimes::new;

        assert!(times(hours(24), 30 * MINUTE, hours(30 * 24)).is_ok());
        for (idle, administrator_idle, absolute) in [
            (hours(24) + MINUTE, 30 * MINUTE, hours(1)),
            (hours(1), 31 * MINUTE, hours(1)),
            (hours(1), MINUTE, hours(30 * 24) + MINUTE),
            (Duration::ZERO, MINUTE, hours(1)),
            (hours(1), Duration::ZERO, hours(1)),
            (hours(1), MINUTE, Duration::ZERO),
        ] {
            assert_eq!(times(idle, administrator_idle, absolute), Err(InvalidSessionTimes));
        }
    }

    #[test]
    fn i_62_however_short_the_idle_time_is_uses_make_a_session_last() {
        let times = SessionTimes::new(12 * MINUTE, 6 * MINUTE, 60 * MINUTE).unwrap();
        for (standing, idle) in [(Standing::Person, 12), (Standing::Administrator, 6)] {
            let mut session = BrowserSession {
                digest: SessionDigest::from_bytes(&[1; 32]).unwrap(),
                subject: Subject::new("u"),
                proof: Proof::of_password(START),
                began_at: START,
                expires_at: times.end(standing, START, START),
            };
            let mut now = START;
            // Used every minute, it lasts as long as any does; then it ends, whoever uses it.
            while session.is_live(now) {
                session.expires_at = session.prolonged(times, standing, now).unwrap_or(session.expires_at);
                now = now.plus(MINUTE);
            }
            assert_eq!(now.since(START), 60 * MINUTE, "{standing:?} {idle}");
        }
    }
}

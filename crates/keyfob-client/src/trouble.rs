//! Trouble with an issuer, remembered for every process of a home, so that none of them storms it (security C-60).

use crate::home::Home;
use crate::state;
use crate::store::StoreError;
use keyfob_oauth::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;

/// The issuer had trouble; it is asked again after a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// How often in a row.
    pub failures: u32,
    /// When it is asked again.
    pub until: Timestamp,
    /// When it last had trouble.
    pub since: Timestamp,
    /// What went wrong, in a sentence without secrets.
    pub what: String,
}

/// After the first failure; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// The longest that an issuer may ask us to wait.
const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(1);
/// The member of `state.json`.
const MEMBER: &str = "trouble";

impl Trouble {
    /// Returns the trouble after another failure at `now`.
    pub(crate) fn after(
        before: Option<&Self>,
        now: Timestamp,
        retry_after: Option<Duration>,
        what: String,
    ) -> Self {
        let failures = before.map_or(0, |trouble| trouble.failures).saturating_add(1);
        let doubled = FIRST_PAUSE * 2u32.saturating_pow(failures.saturating_sub(1).min(10));
        let pause = match retry_after {
            Some(asked) => asked.clamp(FIRST_PAUSE, LONGEST_RETRY_AFTER),
            None => doubled.min(LONGEST_PAUSE),
        };
        Self { failures, until: now.plus(pause), since: now, what }
    }

    /// Whether the issuer is left alone at `now`; a clock that was set back does not make the pause longer.
    pub(crate) fn holds(&self, now: Timestamp) -> bool {
        now >= self.since && now < self.until
    }

    /// Reads what is remembered in `home`; what cannot be read is no reason to stop.
    pub fn read(home: &Home) -> Option<Self> {
        let member = state::read(home, MEMBER)?;
        let time = |name: &str| member.get(name).and_then(Value::as_i64).map(Timestamp::from_unix);
        Some(Self {
            failures: u32::try_from(member.get("failures")?.as_u64()?).ok()?,
            until: time("until")?,
            since: time("since")?,
            what: member.get("what")?.as_str()?.to_owned(),
        })
    }

    /// Replaces what is remembered in `home`.
    ///
    /// Called under the refresh lock.
    pub(crate) fn write(home: &Home, trouble: Option<&Self>) -> Result<(), StoreError> {
        match trouble {
            Some(Self { failures, until, since, what }) => {
                let (until, since) = (until.as_unix(), since.as_unix());
                let member = json!({ "failures": failures, "until": until, "since": since, "what": what });
                state::write(home, MEMBER, &member)
            }
            None => state::remove(home, MEMBER),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_60_pauses_double_up_to_five_minutes_and_heed_retry_after() {
        let now = Timestamp::from_unix(1_000);
        let pause = |failures: u32, retry_after: Option<u64>| {
            let before = Trouble { failures, until: now, since: now, what: String::new() };
            let after =
                Trouble::after(Some(&before), now, retry_after.map(Duration::from_secs), String::new());
            after.until.since(now).as_secs()
        };

        assert_eq!(Trouble::after(None, now, None, String::new()).until.since(now).as_secs(), 10);
        assert_eq!([pause(1, None), pause(2, None), pause(4, None), pause(5, None)], [20, 40, 160, 300]);
        assert_eq!(pause(u32::MAX, None), 300);
        assert_eq!([pause(1, Some(90)), pause(1, Some(1)), pause(1, Some(999_999))], [90, 10, 3600]);
    }

    #[test]
    fn a_clock_that_was_set_back_ends_the_pause() {
        let trouble = Trouble::after(None, Timestamp::from_unix(1_000), None, String::new());

        assert!(trouble.holds(Timestamp::from_unix(1_009)));
        assert!(!trouble.holds(Timestamp::from_unix(1_010)));
        assert!(!trouble.holds(Timestamp::from_unix(999)));
    }

    #[test]
    fn c_60_what_one_process_remembers_another_reads() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().join("home"));
        home.make().unwrap();
        let trouble = Trouble::after(None, Timestamp::from_unix(5), None, "no answer".into());

        Trouble::write(&home, Some(&trouble)).unwrap();
        assert_eq!(Trouble::read(&home), Some(trouble));
        Trouble::write(&home, None).unwrap();

        assert_eq!(Trouble::read(&home), None);
    }
}

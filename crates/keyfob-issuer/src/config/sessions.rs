//! The table `[browser_sessions]`: how long browsers stay signed in (I-62).

use keyfob_issuer_core::browser_session::{InvalidSessionTimes, SessionTimes, Standing};
use std::time::Duration;

const KEYS: [&str; 3] = ["idle_minutes", "administrator_idle_minutes", "absolute_hours"];

/// The table as it is written.
#[derive(Default, serde::Deserialize)]
pub(super) struct Wire {
    idle_minutes: Option<u64>,
    administrator_idle_minutes: Option<u64>,
    absolute_hours: Option<u64>,
}

impl TryFrom<Wire> for SessionTimes {
    type Error = InvalidSessionTimes;

    fn try_from(wire: Wire) -> Result<Self, InvalidSessionTimes> {
        let usual = Self::USUAL;
        let minutes = |given: Option<u64>, usual: Duration| given.map_or(usual, Duration::from_mins);
        Self::new(
            minutes(wire.idle_minutes, usual.idle(Standing::Person)),
            minutes(wire.administrator_idle_minutes, usual.idle(Standing::Administrator)),
            wire.absolute_hours.map_or(usual.absolute(), Duration::from_hours),
        )
    }
}

/// Returns the table of `times`.
pub(super) fn table(times: SessionTimes) -> toml::Table {
    let minutes = |time: Duration| time.as_secs() / 60;
    let values = [
        minutes(times.idle(Standing::Person)),
        minutes(times.idle(Standing::Administrator)),
        minutes(times.absolute()) / 60,
    ];
    let values = values.map(|value| i64::try_from(value).unwrap_or(i64::MAX).into());
    KEYS.map(str::to_owned).into_iter().zip(values).collect()
}

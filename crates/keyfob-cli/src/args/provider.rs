//! What concerns one provider of models.

use clap::Args;
use std::ffi::OsString;
use std::time::Duration;

/// For how long a session of a command may go on at most, without another word.
const USUAL_LIFE: &str = "1h";

#[derive(Debug, Args)]
pub(crate) struct Exec {
    /// The provider of models whose credential the command gets, in place of the one that is configured.
    #[arg(long, value_name = "ID")]
    pub(crate) provider: Option<String>,
    /// Use the login of this name, whatever else is chosen or set.
    #[arg(long, value_name = "NAME")]
    pub(crate) login: Option<String>,
    /// For how long the command's own session may go on, such as 30m or 1h; it ends with the command in any case.
    #[arg(long, value_name = "TIME", default_value = USUAL_LIFE, value_parser = life)]
    pub(crate) ttl: Duration,
    /// The command and its arguments; no shell reads them.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// Reads a time: a number with a unit, several of them, or seconds.
fn life(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<u64>().ok().map(Duration::from_secs);
    let named = || text.parse::<jiff::SignedDuration>().ok().and_then(|life| Duration::try_from(life).ok());
    let life = seconds.or_else(named).filter(|life| life.as_secs() > 0);
    life.ok_or_else(|| "a time is written as 90s, 30m or 1h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit_or_is_in_seconds() {
        for (text, seconds) in [("90", 90), ("90s", 90), ("30m", 1_800), ("1h", 3_600), ("1h30m", 5_400)] {
            assert_eq!(life(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for wrong in ["", "0", "0s", "-1h", "soon", "1x"] {
            assert!(life(wrong).is_err(), "{wrong}");
        }
    }
}

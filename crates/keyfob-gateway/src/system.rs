//! The world outside: the one file that reads clock, randomness and environment.

use crate::log::Format;
use keyfob_oauth::{Clock, Entropy, EntropyError, Timestamp};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The system's clock.
#[derive(Debug)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(i64::try_from(since_1970().as_secs()).unwrap_or(i64::MAX))
    }
}

/// Returns how long after 1970-01-01T00:00:00Z it is.
#[expect(clippy::disallowed_methods, reason = "the clock's one adapter")]
pub(crate) fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The system's random bytes.
#[derive(Debug)]
pub(crate) struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(clippy::disallowed_methods, reason = "the one adapter of randomness")]
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        getrandom::fill(bytes).map_err(|_| EntropyError)
    }
}

/// Returns `KEYFOB_LOG`: what is logged, in the syntax of `tracing`'s filters.
#[expect(clippy::disallowed_methods, reason = "the one adapter of the environment")]
pub(crate) fn log_filter() -> Option<String> {
    std::env::var("KEYFOB_LOG").ok()
}

/// Returns `KEYFOB_LOG_FORMAT`: `json`, or text for people.
#[expect(clippy::disallowed_methods, reason = "the one adapter of the environment")]
pub(crate) fn log_format() -> Format {
    match std::env::var("KEYFOB_LOG_FORMAT").as_deref() {
        Ok("json") => Format::Json,
        Ok(_) | Err(_) => Format::Text,
    }
}

/// Lets this process hold as many files and connections as it may: a shell's usual limit is for programs that use `select`.
pub(crate) fn hold_many_files() {
    let limit = getrlimit(Resource::Nofile);
    // A limit that cannot be raised is one that somebody wants.
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).ok();
}

/// Returns the value of `name`.
#[cfg(feature = "local")]
#[expect(clippy::disallowed_methods, reason = "the one adapter of the environment")]
pub(crate) fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name)
}

/// Returns the names of all variables.
#[cfg(feature = "local")]
pub(crate) fn variable_names() -> Vec<std::ffi::OsString> {
    std::env::vars_os().map(|(name, _)| name).collect()
}

//! The log for people: what the library warns of, and as much more as `KEYFOB_LOG` asks for.

use crate::commands::Notes;
use crate::environment::variable;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// In the syntax of `tracing`'s filters, as the issuer's and the gateway's variable of the same name.
const FILTER: &str = "KEYFOB_LOG";

/// Starts it, unless it runs; commands that only read what is stored have none, since each of their microseconds counts.
pub(crate) fn start(notes: &Notes) {
    let asked = variable(FILTER).and_then(|filter| filter.into_string().ok());
    let notes = notes.clone();
    let log = tracing_subscriber::fmt().with_writer(move || notes.clone()).with_ansi(false);
    // The one that runs already stays.
    let _runs = match asked.filter(|filter| !filter.is_empty()) {
        Some(filter) => log.with_env_filter(EnvFilter::new(filter)).try_init(),
        None => log.with_max_level(LevelFilter::WARN).without_time().with_target(false).try_init(),
    };
}

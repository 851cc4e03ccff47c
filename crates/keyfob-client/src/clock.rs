//! The system's clock.

use keyfob_oauth::{Clock, Timestamp};
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the system's wall time.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place of this crate that reads the clock")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_unix(0).plus(since_epoch)
    }
}

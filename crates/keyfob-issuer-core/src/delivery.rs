//! How what somebody is told gets there: taken by one node at a time, tried again with longer and longer waits, and given
//! up after a day.

use keyfob_oauth::Timestamp;
use std::time::Duration;

/// How long whoever delivers something may take, before another one does it.
pub const LEASE: Duration = Duration::from_mins(1);
/// How long what was to be delivered is kept, delivered or not: longer than it is tried.
pub const KEPT: Duration = Duration::from_hours(48);
/// How long it takes from one try to the next; after the last, it is given up.
const WAITS: [Duration; 8] = [
    Duration::from_secs(10),
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(15),
    Duration::from_hours(1),
    Duration::from_hours(3),
    Duration::from_hours(6),
    Duration::from_hours(12),
];

/// How a try went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// It arrived.
    Yes,
    /// Perhaps not.
    No,
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempted {
    /// It arrived.
    Delivered,
    /// It is tried again.
    Again,
    /// It was tried often enough.
    GivenUp,
}

/// What is stored of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is over: delivered, or given up.
    Over,
    /// It is tried again at this moment.
    Again(Timestamp),
}

/// Judges the try of number `tries`, the first being 1, that ended at `now`.
pub fn judge(tries: u32, delivered: Delivered, now: Timestamp) -> (Attempted, Fate) {
    match delivered {
        Delivered::Yes => (Attempted::Delivered, Fate::Over),
        Delivered::No => match next_try(tries, now) {
            Some(next) => (Attempted::Again, Fate::Again(next)),
            None => (Attempted::GivenUp, Fate::Over),
        },
    }
}

fn next_try(tries: u32, now: Timestamp) -> Option<Timestamp> {
    let last = tries.checked_sub(1)?;
    WAITS.get(usize::try_from(last).ok()?).map(|wait| now.plus(*wait))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    #[test]
    fn i_79_i_88_something_is_tried_for_a_day_with_longer_and_longer_waits_and_then_given_up() {
        let mut now = NOW;
        let mut waits = Vec::new();
        for tries in 1.. {
            let (Attempted::Again, Fate::Again(next)) = judge(tries, Delivered::No, now) else { break };
            waits.push(next.since(now));
            now = next;
        }

        assert!(waits.is_sorted() && waits.len() == 8, "{waits:?}");
        assert!(now.since(NOW) < Duration::from_hours(24), "{:?}", now.since(NOW));
        assert!(now.since(NOW) < KEPT);
        assert_eq!(judge(9, Delivered::No, now), (Attempted::GivenUp, Fate::Over));
        assert_eq!(judge(3, Delivered::Yes, now), (Attempted::Delivered, Fate::Over));
    }
}

//! How a fault is told: with all its causes, and one that goes on now and then only.

#[cfg(test)]
pub(crate) mod logged;

use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long the same fault is not told again.
const AGAIN: Duration = Duration::from_mins(1);
/// How many faults are remembered; the one that was told first is forgotten first.
const MOST: usize = 8;

/// Says why, to the last cause.
pub(crate) fn in_words(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(reason) = cause {
        let words = reason.to_string();
        // A transparent error repeats what was just said.
        if !text.ends_with(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = reason.source();
    }
    text
}

/// Which faults of one kind were told, and when.
///
/// What is tried every second must not fill a log with one sentence.
#[derive(Debug, Default)]
pub(crate) struct Complaints(Mutex<Vec<Told>>);

#[derive(Debug)]
struct Told {
    fault: String,
    at: Instant,
}

impl Complaints {
    /// Returns `error` in words if it was not told within the last minute; it counts as told then.
    pub(crate) fn news(&self, error: &dyn Error) -> Option<String> {
        let (fault, at) = (in_words(error), Instant::now());
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|told| at.duration_since(told.at) < AGAIN);
        if told.iter().any(|told| told.fault == fault) {
            return None;
        }
        if told.len() == MOST {
            told.remove(0);
        }
        told.push(Told { fault: fault.clone(), at });
        Some(fault)
    }

    /// Notes that all is well: whatever goes wrong next is news.
    pub(crate) fn settle(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[tokio::test(start_paused = true)]
    async fn a_fault_is_told_once_a_minute_however_often_another_comes_between_and_anew_when_it_comes_back() {
        let complaints = Complaints::default();
        let tell = |fault: &str| complaints.news(&io::Error::other(fault)).is_some();
        let mut told = vec![tell("away"), tell("away"), tell("another"), tell("away"), tell("another")];
        tokio::time::advance(Duration::from_secs(59)).await;
        told.push(tell("away"));
        tokio::time::advance(Duration::from_secs(1)).await;
        told.push(tell("away"));
        complaints.settle();
        told.push(tell("away"));

        assert_eq!(told, [true, false, true, false, false, false, true, true]);
    }

    #[tokio::test]
    async fn of_many_faults_the_last_ones_are_remembered() {
        let complaints = Complaints::default();
        let tell = |fault: usize| complaints.news(&io::Error::other(fault.to_string())).is_some();

        assert_eq!((0..=MOST).filter(|fault| tell(*fault)).count(), MOST + 1);
        assert_eq!((1..=MOST).filter(|fault| tell(*fault)).count(), 0);
        assert!(tell(0));
    }

    #[derive(Debug, thiserror::Error)]
    #[error("no answer")]
    struct NoAnswer(#[source] io::Error);

    #[test]
    fn faults_differ_by_any_of_their_causes() {
        let complaints = Complaints::default();
        let tell = |cause: &str| complaints.news(&NoAnswer(io::Error::other(cause.to_owned())));

        assert_eq!(tell("refused"), Some("no answer: refused".to_owned()));
        assert_eq!(tell("refused"), None);
        assert_eq!(tell("unknown name"), Some("no answer: unknown name".to_owned()));
    }
}

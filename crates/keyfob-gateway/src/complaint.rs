//! A fault that goes on, told now and then.

use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long the same fault is not told again.
const AGAIN: Duration = Duration::from_mins(1);

/// Which fault was told last, and when.
///
/// What is tried every second must not fill a log with one sentence.
#[derive(Debug, Default)]
pub(crate) struct Complaint(Mutex<Option<Told>>);

#[derive(Debug)]
struct Told {
    /// What was said, and its cause.
    fault: (String, Option<String>),
    at: Instant,
}

impl Complaint {
    /// Whether `fault` is to be told: it is another than the last one, or that was told a minute ago. It counts as told then.
    pub(crate) fn is_due(&self, fault: &dyn Error) -> bool {
        let fault = (fault.to_string(), fault.source().map(ToString::to_string));
        let now = Instant::now();
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_old =
            last.as_ref().is_some_and(|told| told.fault == fault && now.duration_since(told.at) < AGAIN);
        if !is_old {
            *last = Some(Told { fault, at: now });
        }
        !is_old
    }

    /// Notes that there is no fault any more: the next one is news.
    pub(crate) fn settle(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_fault_is_told_once_a_minute_and_at_once_where_it_is_another_or_comes_back() {
        let complaint = Complaint::default();
        let is_due = |fault: &str| complaint.is_due(&std::io::Error::other(fault));
        let mut told = vec![is_due("away"), is_due("away")];
        tokio::time::advance(Duration::from_secs(59)).await;
        told.extend([is_due("away"), is_due("another"), is_due("away")]);
        tokio::time::advance(AGAIN).await;
        told.push(is_due("away"));
        complaint.settle();
        told.push(is_due("away"));

        assert_eq!(told, [true, false, false, true, true, true, true]);
    }
}

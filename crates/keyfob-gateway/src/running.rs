//! The answers that run: each ends when what lets its caller in has ended, or when it has run for as long as any may.

use crate::authenticate::Caller;
use futures_util::task::AtomicWaker;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;

/// Why an answer is cut off before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// What let the caller in has ended (security G-38).
    Revoked,
    /// It has run for as long as any may (security G-30).
    TooLong,
}

impl Cut {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::TooLong => "too_long",
        }
    }
}

/// All requests that were let in and are not over.
#[derive(Debug, Default)]
pub(crate) struct Running {
    next: AtomicU64,
    requests: Mutex<HashMap<u64, Arc<Request>>>,
}

#[derive(Debug)]
struct Request {
    caller: Arc<Caller>,
    begun: Instant,
    /// How long it may run.
    longest: Duration,
    cut: AtomicU8,
    waker: AtomicWaker,
}

/// One request's place among them; it leaves when this is dropped.
#[derive(Debug)]
pub(crate) struct Stay {
    id: u64,
    request: Arc<Request>,
    among: Arc<Running>,
}

const RUNS: u8 = 0;
const REVOKED: u8 = 1;
const TOO_LONG: u8 = 2;

impl Running {
    /// Notes that a request of `caller` runs from now on, for so long at most.
    pub(crate) fn begin(self: &Arc<Self>, caller: &Arc<Caller>, longest: Duration) -> Stay {
        let request = Arc::new(Request {
            caller: Arc::clone(caller),
            begun: Instant::now(),
            longest,
            cut: AtomicU8::new(RUNS),
            waker: AtomicWaker::new(),
        });
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::clone(&request));
        Stay { id, request, among: Arc::clone(self) }
    }

    /// Cuts off whoever has ended, and what has run for too long.
    pub(crate) fn sweep(&self, has_ended: impl Fn(&Caller) -> bool) {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        for request in requests.values() {
            if has_ended(&request.caller) {
                request.cut(REVOKED);
            } else if request.begun.elapsed() > request.longest {
                request.cut(TOO_LONG);
            }
        }
    }
}

impl Request {
    fn cut(&self, reason: u8) {
        // The first reason stays.
        if self.cut.compare_exchange(RUNS, reason, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            self.waker.wake();
        }
    }

    fn reason(&self) -> Option<Cut> {
        match self.cut.load(Ordering::Acquire) {
            RUNS => None,
            REVOKED => Some(Cut::Revoked),
            _ => Some(Cut::TooLong),
        }
    }
}

impl Stay {
    /// Returns why the request must end, if it must.
    pub(crate) fn reason(&self) -> Option<Cut> {
        self.request.reason()
    }

    /// Is ready once the request must end.
    ///
    /// Whoever asked last is woken: one part of a request waits at a time.
    pub(crate) fn poll_cut(&self, context: &Context<'_>) -> Poll<Cut> {
        self.request.waker.register(context.waker());
        self.request.reason().map_or(Poll::Pending, Poll::Ready)
    }

    /// Returns once the request must end.
    pub(crate) async fn cut(&self) -> Cut {
        std::future::poll_fn(|context| self.poll_cut(context)).await
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.among.requests.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authenticate::CredentialKind;
    use crate::authenticate::caller::DataPolicy;
    use futures_util::FutureExt as _;
    use keyfob_oauth::{ClientId, Scope, Subject, Timestamp, WorkspaceId};

    fn caller(subject: &str) -> Arc<Caller> {
        Arc::new(Caller {
            subject: Subject::new(subject),
            workspace: WorkspaceId::new("w-1"),
            scope: Scope::default(),
            credential: CredentialKind::AccessToken { client: ClientId::new("app"), session: None },
            data: DataPolicy::default(),
            models: None,
            issued: Timestamp::from_unix(0),
            expires: None,
        })
    }

    #[tokio::test]
    async fn g_30_an_answer_runs_for_as_long_as_any_may_and_its_tokens_end_does_not_cut_it() {
        let running = Arc::<Running>::default();
        let (over, runs) = (
            running.begin(&caller("u-1"), Duration::ZERO),
            running.begin(&caller("u-1"), Duration::from_hours(1)),
        );

        running.sweep(|_| false);

        assert_eq!((over.cut().now_or_never(), runs.cut().now_or_never()), (Some(Cut::TooLong), None));
    }

    #[tokio::test]
    async fn g_38_who_has_ended_is_cut_off_and_who_waits_is_woken_and_the_first_reason_stays() {
        let running = Arc::<Running>::default();
        let begin = |subject| running.begin(&caller(subject), Duration::from_hours(1));
        let (ended, other) = (begin("u-1"), begin("u-2"));

        let (reason, ()) = tokio::join!(ended.cut(), async {
            running.sweep(|caller| caller.subject.as_str() == "u-1");
        });

        assert_eq!((reason, other.cut().now_or_never()), (Cut::Revoked, None));
        drop(other);
        assert_eq!(running.requests.lock().unwrap().len(), 1, "who is over is forgotten");
    }
}

//! Wake-ups of a connection that is driven by the task that waits for its answer.

use futures_util::task::AtomicWaker;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Keeps wake-ups from the task while it drives: they only say what the task does anyway.
///
/// The two halves of a connection tell each other of each piece. Where one task drives both, each piece would wake the task
/// that is at it.
#[derive(Debug)]
pub(super) struct Shield {
    inner: Arc<Inner>,
    waker: Waker,
}

#[derive(Debug, Default)]
struct Inner {
    task: AtomicWaker,
    is_driving: AtomicBool,
    was_woken: AtomicBool,
}

/// How often the task looks again before others have their turn.
const TURNS: usize = 32;

impl Wake for Inner {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.was_woken.store(true, Ordering::SeqCst);
        if !self.is_driving.load(Ordering::SeqCst) {
            self.task.wake();
        }
    }
}

impl Shield {
    pub(super) fn new() -> Self {
        let inner = Arc::<Inner>::default();
        Self { waker: Waker::from(Arc::clone(&inner)), inner }
    }

    /// Lets the task of `context` drive until it is ready, or until only others can help.
    pub(super) fn drive<T>(
        &self,
        context: &Context<'_>,
        mut turn: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        self.inner.task.register(context.waker());
        self.inner.is_driving.store(true, Ordering::SeqCst);
        let mut shielded = Context::from_waker(&self.waker);
        for _ in 0..TURNS {
            self.inner.was_woken.store(false, Ordering::SeqCst);
            let outcome = turn(&mut shielded);
            if outcome.is_ready() {
                self.inner.is_driving.store(false, Ordering::SeqCst);
                return outcome;
            }
            if !self.inner.was_woken.load(Ordering::SeqCst) {
                self.inner.is_driving.store(false, Ordering::SeqCst);
                // Somebody may have come between the two lines above.
                if !self.inner.was_woken.load(Ordering::SeqCst) {
                    return Poll::Pending;
                }
                self.inner.is_driving.store(true, Ordering::SeqCst);
            }
        }
        self.inner.is_driving.store(false, Ordering::SeqCst);
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

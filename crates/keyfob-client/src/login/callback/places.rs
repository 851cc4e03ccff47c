//! The few connections that are served at once (security C-11).

use super::Connection;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

/// The connections that are served.
#[derive(Debug, Default)]
pub(super) struct Places {
    running: JoinSet<()>,
    taken: VecDeque<Place>,
}

#[derive(Debug)]
struct Place {
    connection: Arc<Connection>,
    since: Instant,
    task: AbortHandle,
}

/// So many connections may have asked nothing. A stranger's request is answered at once; only that of the sign-in waits.
const MOST: usize = 32;
/// How long a connection that has asked nothing keeps its place when others wait. A request that came with it was read
/// long before that.
const GRACE: Duration = Duration::from_millis(10);

impl Place {
    fn may_go(&self) -> bool {
        !self.connection.has_asked.load(Ordering::Relaxed) && !self.task.is_finished()
    }
}

impl Places {
    /// Waits until there is a place.
    ///
    /// Whoever fills the places must not keep the browser out: the oldest that has asked nothing goes.
    pub(super) async fn make_room(&mut self) {
        loop {
            while self.running.try_join_next().is_some() {}
            self.taken.retain(|place| !place.task.is_finished());
            if self.taken.iter().filter(|place| place.may_go()).count() < MOST {
                return;
            }
            let oldest = self.taken.iter().find(|place| place.may_go()).map(|place| place.since);
            tokio::select! {
                _ended = self.running.join_next() => {}
                () = sleep_until(oldest.unwrap_or_else(Instant::now) + GRACE), if oldest.is_some() => {
                    // Whatever has come is read first, however late we are.
                    tokio::task::yield_now().await;
                    let is_over = |place: &Place| place.may_go() && place.since.elapsed() >= GRACE;
                    let index = self.taken.iter().position(is_over);
                    if let Some(place) = index.and_then(|index| self.taken.remove(index)) {
                        place.task.abort();
                    }
                }
            }
        }
    }

    /// Serves one more.
    pub(super) fn take(
        &mut self,
        connection: Arc<Connection>,
        serving: impl Future<Output = ()> + Send + 'static,
    ) {
        let task = self.running.spawn(serving);
        self.taken.push_back(Place { connection, since: Instant::now(), task });
    }
}

//! Connections that are kept for the next request, by server, on each thread its own.

use super::exclusive::Exclusive;
use super::shared::Shared;
use super::{SendError, Server};
use http::HeaderValue;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use thread_local::ThreadLocal;
use tokio::time::Instant;

/// How long a connection is kept for the next request.
const KEPT: Duration = Duration::from_mins(1);
/// How many connections for one request at a time are kept.
const MOST: usize = 1_024;

/// What every thread keeps.
#[derive(Debug, Default)]
pub(super) struct Pools(ThreadLocal<RefCell<HashMap<Arc<str>, Arc<Origin>>>>);

/// What one thread keeps of one server.
#[derive(Debug)]
pub(super) struct Origin {
    host: HeaderValue,
    kept: Mutex<Kept>,
    /// Held while a shared connection is made, so that those who need one wait for one.
    turn: tokio::sync::Mutex<()>,
    speaks_h2: AtomicBool,
}

#[derive(Debug, Default)]
struct Kept {
    exclusive: Vec<(Instant, Box<Exclusive>)>,
    shared: Vec<(Instant, Shared)>,
    is_swept: bool,
}

impl Pools {
    /// Returns what this thread keeps of `server`.
    pub(super) fn origin(&self, server: &Server) -> Result<Arc<Origin>, SendError> {
        let mut origins = self.0.get_or_default().borrow_mut();
        if let Some(origin) = origins.get(&*server.name) {
            return Ok(Arc::clone(origin));
        }
        let origin = Arc::new(Origin {
            host: server.host()?,
            kept: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            speaks_h2: AtomicBool::new(server.version == http::Version::HTTP_2),
        });
        origins.insert(Arc::clone(&server.name), Arc::clone(&origin));
        Ok(origin)
    }
}

impl Origin {
    pub(super) fn host(&self) -> HeaderValue {
        self.host.clone()
    }

    /// Whether the server chose HTTP/2 the last time, or must speak it.
    pub(super) fn speaks_h2(&self) -> bool {
        self.speaks_h2.load(Ordering::Relaxed)
    }

    pub(super) fn forget_h2(&self) {
        self.speaks_h2.store(false, Ordering::Relaxed);
    }

    pub(super) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Takes a connection that nobody uses: the one used last, which is the least likely to have been closed.
    pub(super) fn take(&self) -> Option<Box<Exclusive>> {
        self.kept().exclusive.pop().map(|(_, exclusive)| exclusive)
    }

    pub(super) fn give_back(self: Arc<Self>, exclusive: Box<Exclusive>) {
        let mut kept = self.kept();
        if kept.exclusive.len() < MOST {
            kept.exclusive.push((Instant::now(), exclusive));
            self.sweep_later(&mut kept);
        }
    }

    /// Returns a shared connection with room.
    pub(super) fn shared(&self) -> Option<Shared> {
        let mut kept = self.kept();
        kept.shared.retain(|(_, shared)| !shared.is_closed());
        let (used, shared) = kept.shared.iter_mut().find(|(_, shared)| shared.has_room())?;
        *used = Instant::now();
        Some(shared.clone())
    }

    /// Shares a connection from now on.
    pub(super) fn share(self: &Arc<Self>, shared: Shared) {
        self.speaks_h2.store(true, Ordering::Relaxed);
        let mut kept = self.kept();
        kept.shared.push((Instant::now(), shared));
        self.sweep_later(&mut kept);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees to it that what nobody uses is closed; ends when nothing is kept.
    fn sweep_later(self: &Arc<Self>, kept: &mut Kept) {
        if std::mem::replace(&mut kept.is_swept, true) {
            return;
        }
        let origin = Arc::clone(self);
        drop(tokio::spawn(async move {
            loop {
                tokio::time::sleep(KEPT / 2).await;
                let mut kept = origin.kept();
                kept.exclusive.retain(|(used, _)| used.elapsed() < KEPT);
                kept.shared.retain(|(used, shared)| shared.in_use() > 0 || used.elapsed() < KEPT);
                if kept.exclusive.is_empty() && kept.shared.is_empty() {
                    kept.is_swept = false;
                    return;
                }
            }
        }));
    }
}

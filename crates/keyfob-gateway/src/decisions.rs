//! What was decided, kept for 30 days in `decisions.sqlite`: who asked for what, and what came of it; never a word of
//! what was said.
//!
//! A thread of its own writes, many at a time. No answer waits for it: when more comes than it can write, what comes is
//! dropped and counted.

pub mod diff;
mod entry;
pub mod explain;
mod table;

use crate::database::{self, Durability, OpenError};
pub(crate) use entry::Entry;
use rusqlite::Connection;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Takes what was decided.
#[derive(Debug)]
pub(crate) struct Decisions {
    sender: Option<SyncSender<Entry>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    dropped: Arc<AtomicU64>,
}

/// The name of the file in the data folder.
pub(crate) const FILE: &str = "decisions.sqlite";
/// How many may wait to be written.
const WAITING: usize = 8_192;
/// How many are written at once.
const BATCH: usize = 512;
/// After how many written ones those that are too old are removed.
const SWEEP_AFTER: usize = 4_096;

impl Decisions {
    /// Opens the file in the data folder, made if it is not there.
    pub(crate) fn open(folder: &Path) -> Result<Self, OpenError> {
        let path = folder.join(FILE);
        let connection = database::open(&path, Durability::Soon, table::SCHEMA)?;
        let (sender, receiver) = sync_channel(WAITING);
        let dropped = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&dropped);
        let writer = std::thread::Builder::new()
            .name("decisions".into())
            .spawn(move || write(connection, &receiver, &counted))
            .map_err(|error| OpenError::no_thread(&path, error))?;
        Ok(Self { sender: Some(sender), writer: Mutex::new(Some(writer)), dropped })
    }

    /// Keeps a decision, or counts it where it cannot be kept; never waits.
    pub(crate) fn keep(&self, entry: Entry) {
        let kept = self.sender.as_ref().is_some_and(|sender| sender.try_send(entry).is_ok());
        if !kept {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Decisions {
    /// Waits until what was kept is written.
    fn drop(&mut self) {
        drop(self.sender.take());
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if writer.is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("the thread that keeps decisions panicked");
        }
    }
}

fn write(mut connection: Connection, receiver: &Receiver<Entry>, dropped: &AtomicU64) {
    let (mut told, mut since_sweep) = (0, SWEEP_AFTER);
    while let Ok(first) = receiver.recv() {
        let mut batch = vec![first];
        batch.extend(receiver.try_iter().take(BATCH - 1));
        since_sweep += batch.len();
        let sweep = if since_sweep > SWEEP_AFTER { batch.last().map(|entry| entry.at) } else { None };
        if let Err(error) = table::insert(&mut connection, &batch, sweep) {
            tracing::error!(%error, lost = batch.len(), "cannot keep decisions");
            dropped.fetch_add(batch.len() as u64, Ordering::Relaxed);
        } else if sweep.is_some() {
            since_sweep = 0;
        }
        let lost = dropped.load(Ordering::Relaxed);
        if lost > told {
            tracing::warn!(lost, "decisions were not kept, since more came than could be written");
            told = lost;
        }
    }
}

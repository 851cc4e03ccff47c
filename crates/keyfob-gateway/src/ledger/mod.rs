//! What was used, request by request, in `ledger.sqlite`: added, and never changed.
//!
//! A request that goes to an upstream is *reserved*, durably, before its first byte leaves; once its answer is over it is
//! *settled*, or *aborted* if the answer did not come whole. What a crash leaves reserved counts as much as was reserved.
//! A thread of its own writes, many rows with one commit. No word of what was said is kept.

mod row;
mod table;
#[cfg(test)]
mod tests;
pub mod usage;

pub(crate) use row::{Reserved, Settled, Spent, State};

use crate::database::{self, Durability, OpenError};
use keyfob_oauth::Timestamp;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// The name of the file in the data folder.
pub(crate) const FILE: &str = "ledger.sqlite";
/// How many rows are written with one commit at most.
const BATCH: usize = 512;

/// Writes what is used.
#[derive(Debug)]
pub struct Ledger {
    sender: Option<Sender<Message>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    path: PathBuf,
}

/// The ledger cannot be written or read now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LedgerError {
    #[error("the database failed")]
    Database(#[from] rusqlite::Error),
    #[error("the ledger's thread has ended")]
    Ended,
}

/// Hears whether a row is durable.
pub(crate) type Receiving = oneshot::Receiver<Result<(), LedgerError>>;

enum Message {
    Reserve(Box<Reserved>, oneshot::Sender<Result<(), LedgerError>>),
    Settle(Box<Settled>),
}

impl Ledger {
    /// Opens the file in the data folder, made for its owner alone if it is not there.
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        let path = folder.join(FILE);
        // A reservation is durable before its request leaves.
        let connection = database::open(&path, Durability::AtOnce, table::SCHEMA)?;
        let (sender, receiver) = channel();
        let writer = std::thread::Builder::new()
            .name("ledger".into())
            .spawn(move || write(connection, &receiver))
            .map_err(|error| OpenError::no_thread(&path, error))?;
        Ok(Self { sender: Some(sender), writer: Mutex::new(Some(writer)), path })
    }

    /// Writes that a request will be sent; it is durable when this returns.
    ///
    /// Dropping the future leaves the row in the ledger, reserved.
    pub(crate) async fn reserve(&self, row: Reserved) -> Result<(), LedgerError> {
        self.begin(row)?.await.map_err(|_| LedgerError::Ended)?
    }

    /// Writes a row without waiting; what is returned says once whether it is durable.
    pub(crate) fn begin(&self, row: Reserved) -> Result<Receiving, LedgerError> {
        let (answer, answered) = oneshot::channel();
        let sender = self.sender.as_ref().ok_or(LedgerError::Ended)?;
        sender.send(Message::Reserve(Box::new(row), answer)).map_err(|_| LedgerError::Ended)?;
        Ok(answered)
    }

    /// Writes how a request ended; never waits.
    pub(crate) fn settle(&self, row: Settled) {
        let sent =
            self.sender.as_ref().is_some_and(|sender| sender.send(Message::Settle(Box::new(row))).is_ok());
        if !sent {
            tracing::error!("the ledger's thread has ended: a request stays reserved");
        }
    }

    /// Returns what was spent from one moment until before another, added up by the hour.
    pub(crate) async fn spent_between(
        &self,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Spent>, LedgerError> {
        let path = self.path.clone();
        let read = move || table::spent_by_hour(&database::open_to_read(&path)?, since, until);
        Ok(tokio::task::spawn_blocking(read).await.map_err(|_| LedgerError::Ended)??)
    }

    /// Returns what was spent since; a request that is reserved counts as much as was reserved.
    pub(crate) async fn spent_since(&self, since: Timestamp) -> Result<Vec<Spent>, LedgerError> {
        let path = self.path.clone();
        let read = move || table::spent(&database::open_to_read(&path)?, since);
        Ok(tokio::task::spawn_blocking(read).await.map_err(|_| LedgerError::Ended)??)
    }
}

impl Drop for Ledger {
    /// Waits until everything is written.
    fn drop(&mut self) {
        drop(self.sender.take());
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if writer.is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("the ledger's thread panicked");
        }
    }
}

fn write(mut connection: Connection, receiver: &Receiver<Message>) {
    while let Ok(first) = receiver.recv() {
        let mut batch = vec![first];
        batch.extend(receiver.try_iter().take(BATCH - 1));
        // One row that cannot be written must not take the others with it.
        if table::add(&mut connection, &batch).is_ok() {
            for message in batch {
                answer(message, Ok(()));
            }
            continue;
        }
        for message in batch {
            let outcome = table::add(&mut connection, std::slice::from_ref(&message));
            answer(message, outcome.map_err(LedgerError::from));
        }
    }
}

fn answer(message: Message, outcome: Result<(), LedgerError>) {
    match (message, outcome) {
        // Whoever asked may have left; the row stays.
        (Message::Reserve(_, answer), outcome) => drop(answer.send(outcome)),
        (Message::Settle(_), Ok(())) => {}
        (Message::Settle(row), Err(error)) => {
            let cause = std::error::Error::source(&error).map(tracing::field::display);
            tracing::error!(%error, cause, request.id = row.request_id, "a request stays reserved in the ledger");
        }
    }
}

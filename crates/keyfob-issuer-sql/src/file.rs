//! A file: one connection, which transactions hold in turns, and commits that several of them share.
//!
//! A statement runs on the thread that asks for it: on a file it takes microseconds, less than two switches of threads
//! would. What waits for the disk, a commit, and what may wait for another process, a beginning, leaves the runtime here.
//!
//! Of those in [`Company::Shared`], the first one that is done asks for the commit, which comes when it is its turn, after
//! all that waited by then; so they become durable together, and none is answered before. One that is [`Company::Alone`]
//! sees only what is durable.
//!
//! What one of several writes comes after a savepoint and is undone without the others, for which SQLite copies each page
//! that it changes. One that has decided everything before it writes needs none of that: if it fails after all, so do all
//! of them, nothing of any is durable, and each is told.

mod log;
mod writer;

use crate::cells::Cells;
use crate::error::{CommitFailed, file_error};
use crate::queue::Queue;
use crate::row::FileRow;
use crate::urgency::Urgency;
use keyfob_issuer_core::storage::StorageError;
use log::{Log, MOST_PAGES};
use rusqlite::{CachedStatement, Connection, ErrorCode, OpenFlags};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};
use tokio::task::spawn_blocking;
use writer::{Known, Writer};

/// How many statements stay prepared: more than there are.
const STATEMENTS: usize = 256;

/// Whether a transaction shares its commit with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Company {
    Alone,
    Shared,
}

/// The file's one connection, and those who wait for it.
#[derive(Clone)]
pub(crate) struct File {
    writer: Arc<Mutex<Writer>>,
    queue: Queue,
    /// How long another process is waited for.
    patience: Duration,
}

/// Somebody's turn; what was begun in it and nobody waits for is undone at its end.
struct Turn {
    writer: OwnedMutexGuard<Writer>,
    company: Company,
    reach: Reach,
}

/// What is undone when a transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// Nothing, since it has written nothing.
    Nothing,
    /// What comes after the savepoint.
    Apart,
    /// Everything that is not durable yet, whoever has written it.
    Everything,
}

/// A transaction.
pub(crate) struct FileTransaction {
    file: File,
    turn: Turn,
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("File")
    }
}

impl File {
    /// Opens the file at `path`, which must have its tables.
    pub(crate) fn open(path: &Path, urgency: Urgency) -> Result<Self, rusqlite::Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", "ON")?;
        connection.pragma_update(None, "wal_autocheckpoint", MOST_PAGES)?;
        // What is deleted is overwritten, so that an old digest or seal does not linger in the file.
        connection.pragma_update(None, "secure_delete", "ON")?;
        connection.busy_timeout(Duration::ZERO)?;
        let log = Log::of(Connection::open_with_flags(path, flags)?);
        Ok(Self {
            writer: Arc::new(Mutex::new(Writer::of(connection, log))),
            queue: Queue::of(urgency),
            patience: urgency.patience(),
        })
    }

    /// Begins a transaction, when its turn comes.
    pub(crate) async fn begin(&self, company: Company) -> Result<FileTransaction, StorageError> {
        let locked = self.queue.wait(Arc::clone(&self.writer).lock_owned()).await;
        let mut turn = Turn::of(locked.map_err(|stalled| StorageError::Unavailable(Box::new(stalled)))?);
        if company == Company::Alone && turn.writer.is_open() {
            // Whoever waits for it is told how it went.
            (turn, _) = turn.beside(Writer::commit).await?;
        }
        if !turn.writer.is_open() {
            match turn.writer.run("BEGIN IMMEDIATE") {
                Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                    let patience = self.patience;
                    let (back, begun) = turn.beside(move |writer| writer.begin_patiently(patience)).await?;
                    begun.map_err(file_error)?;
                    turn = back;
                }
                begun => begun.map_err(file_error)?,
            }
        }
        turn.company = company;
        turn.reach = match company {
            Company::Alone => Reach::Everything,
            Company::Shared => Reach::Nothing,
        };
        self.queue.moved();
        Ok(FileTransaction { file: self.clone(), turn })
    }

    /// Commits when the turn comes; only then a thread is woken for it, which passes the turn on by itself.
    async fn commit_in_turn(self) {
        let mut writer = self.writer.lock_owned().await;
        drop(spawn_blocking(move || writer.commit()));
    }

    /// Closes the connection when its turn comes.
    pub(crate) async fn close(self) {
        let turn = Turn::of(self.writer.lock_owned().await);
        let closed = turn.beside(|writer| {
            let _told = writer.commit();
            writer.close();
        });
        let _ended = closed.await;
    }
}

impl Turn {
    fn of(writer: OwnedMutexGuard<Writer>) -> Self {
        Self { writer, company: Company::Alone, reach: Reach::Nothing }
    }

    /// Undoes what was begun.
    fn undo(&mut self) {
        match std::mem::replace(&mut self.reach, Reach::Nothing) {
            Reach::Nothing => {}
            // An error that undid everything has left no savepoint.
            Reach::Apart => {
                let undone = self.writer.run("ROLLBACK TO one");
                let _undone = undone.and_then(|()| self.writer.run("RELEASE one"));
            }
            Reach::Everything => self.writer.undo(),
        }
        // Where an error has undone what they wait for, they are told so before anybody begins another transaction.
        if self.writer.waiting.is_empty() || !self.writer.is_open() {
            self.writer.undo();
        }
    }

    /// Runs a statement; what it is about to write can be undone.
    fn statement<T>(
        &mut self,
        text: &'static str,
        values: &Cells,
        run: impl FnOnce(CachedStatement<'_>, &Known) -> Result<T, rusqlite::Error>,
    ) -> Result<T, StorageError> {
        if self.reach == Reach::Nothing && !self.writer.is_reading(text).map_err(file_error)? {
            self.writer.run("SAVEPOINT one").map_err(file_error)?;
            self.reach = Reach::Apart;
        }
        self.writer.statement(text, values, run)
    }

    /// Does what may take long on a thread beside the runtime's.
    async fn beside<T: Send + 'static>(
        mut self,
        work: impl FnOnce(&mut Writer) -> T + Send + 'static,
    ) -> Result<(Self, T), StorageError> {
        let working = spawn_blocking(move || {
            let done = work(&mut self.writer);
            (self, done)
        });
        working.await.map_err(|error| StorageError::Unavailable(Box::new(error)))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.undo();
    }
}

impl FileTransaction {
    /// Says that nothing but an error keeps what is written from here on from becoming durable.
    pub(crate) fn decided(&mut self) {
        if self.turn.reach == Reach::Nothing {
            self.turn.reach = Reach::Everything;
        }
    }

    /// Runs a statement; returns how many rows it changed.
    pub(crate) fn execute(&mut self, text: &'static str, values: &Cells) -> Result<u64, StorageError> {
        self.turn.statement(text, values, |mut statement, _| Ok(statement.raw_execute()? as u64))
    }

    /// Returns at most `most` of the rows that a statement finds.
    pub(crate) fn query(
        &mut self,
        text: &'static str,
        values: &Cells,
        most: usize,
    ) -> Result<Vec<FileRow>, StorageError> {
        self.turn.statement(text, values, |mut statement, known| {
            let mut rows = statement.raw_query();
            let mut found = Vec::new();
            while found.len() < most
                && let Some(row) = rows.next()?
            {
                let mut values = Cells::with_capacity(known.columns.len());
                for at in 0..known.columns.len() {
                    values.push(row.get_ref(at)?);
                }
                found.push(FileRow::new(Arc::clone(&known.columns), values));
            }
            Ok(found)
        })
    }

    /// Makes the changes durable.
    pub(crate) async fn commit(mut self) -> Result<(), StorageError> {
        match self.turn.company {
            Company::Alone => {
                let (_turn, outcome) = self.turn.beside(Writer::commit).await?;
                outcome.map_err(CommitFailed::into)
            }
            Company::Shared => {
                if self.turn.reach == Reach::Apart {
                    self.turn.writer.run("RELEASE one").map_err(file_error)?;
                }
                self.turn.reach = Reach::Nothing;
                self.wait().await
            }
        }
    }

    /// Undoes the changes; done when what it has seen of others is durable.
    pub(crate) async fn roll_back(mut self) -> Result<(), StorageError> {
        self.turn.undo();
        if self.turn.writer.is_open() { self.wait().await } else { Ok(()) }
    }

    /// Waits until the open transaction is durable; the first one who waits has that done.
    async fn wait(mut self) -> Result<(), StorageError> {
        let (told, durable) = oneshot::channel();
        let is_first = self.turn.writer.waiting.is_empty();
        self.turn.writer.waiting.push(told);
        drop(self.turn);
        if is_first {
            drop(tokio::spawn(self.file.commit_in_turn()));
        }
        durable.await.unwrap_or(Err(CommitFailed::Undone)).map_err(CommitFailed::into)
    }
}

#[cfg(test)]
mod tests;

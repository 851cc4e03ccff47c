//! A file: one connection, which transactions hold in turns, and commits that several of them share.
//!
//! A statement runs on the thread that asks for it: on a file it takes microseconds, less than two switches of threads
//! would. What waits for the disk, a commit, and what may wait for another process, a beginning, leaves the runtime here.
//!
//! A transaction in [`Company::Shared`] is a savepoint. The first one that is done asks for the commit, which comes when
//! it is its turn, after all that waited by then; so they become durable together, and none is answered before. One that is
//! [`Company::Alone`] sees only what is durable.

use crate::cells::Cells;
use crate::error::{CommitFailed, file_error};
use crate::queue::Queue;
use crate::row::FileRow;
use crate::urgency::Urgency;
use keyfob_issuer_core::storage::StorageError;
use rusqlite::types::ToSqlOutput;
use rusqlite::{CachedStatement, Connection, ErrorCode, OpenFlags};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};
use tokio::task::spawn_blocking;

/// How many statements stay prepared: more than there are.
const STATEMENTS: usize = 256;

/// After how many pages the log is written back to the file: 16 MiB.
const PAGES: u32 = 4_096;

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

struct Writer {
    /// Nothing once it is closed.
    connection: Option<Connection>,
    /// What is known of the statements that ran, by the place of their text, which is looked up faster than the text.
    known: HashMap<(usize, usize), Known>,
    /// Whoever is answered when the open transaction has become durable.
    waiting: Vec<oneshot::Sender<Result<(), CommitFailed>>>,
}

/// What a statement says of itself.
struct Known {
    /// Which value each parameter gets, counted from 0: `$3` is the third, wherever in the text it stands.
    parameters: Vec<Option<usize>>,
    columns: Arc<[String]>,
}

/// Somebody's turn; what was begun in it and nobody waits for is undone at its end.
struct Turn {
    writer: OwnedMutexGuard<Writer>,
    /// Whether the transaction is a savepoint yet.
    company: Company,
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
        // The pages that most sessions share are then written back once for hundreds of changes to them.
        connection.pragma_update(None, "wal_autocheckpoint", PAGES)?;
        // What is deleted is overwritten, so that an old digest or seal does not linger in the file.
        connection.pragma_update(None, "secure_delete", "ON")?;
        connection.busy_timeout(Duration::ZERO)?;
        let writer = Writer { connection: Some(connection), known: HashMap::new(), waiting: Vec::new() };
        Ok(Self {
            writer: Arc::new(Mutex::new(writer)),
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
        if company == Company::Shared {
            turn.writer.run("SAVEPOINT one").map_err(file_error)?;
            turn.company = company;
        }
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
            writer.connection = None;
        });
        let _ended = closed.await;
    }
}

impl Turn {
    fn of(writer: OwnedMutexGuard<Writer>) -> Self {
        Self { writer, company: Company::Alone }
    }

    /// Undoes what was begun.
    fn undo(&mut self) {
        // An error that undid everything has left no savepoint, and told those who wait.
        if self.company == Company::Shared {
            self.company = Company::Alone;
            let _undone = self.writer.run("ROLLBACK TO one").and_then(|()| self.writer.run("RELEASE one"));
        }
        if self.writer.waiting.is_empty() && self.writer.is_open() {
            let _undone = self.writer.run("ROLLBACK");
        }
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

impl Writer {
    fn connection(&self) -> Result<&Connection, rusqlite::Error> {
        self.connection.as_ref().ok_or(rusqlite::Error::InvalidQuery)
    }

    /// Whether a transaction is open.
    fn is_open(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| !connection.is_autocommit())
    }

    /// Runs a statement without values; an error that undid the open transaction is one for everybody in it.
    fn run(&mut self, text: &str) -> Result<(), rusqlite::Error> {
        let outcome = self.connection().and_then(|connection| connection.prepare_cached(text)?.execute([]));
        if outcome.is_err() && !self.is_open() {
            self.tell(&Err(CommitFailed::Undone));
        }
        outcome.map(drop)
    }

    /// Begins while another process may hold the file.
    fn begin_patiently(&mut self, patience: Duration) -> Result<(), rusqlite::Error> {
        self.connection()?.busy_timeout(patience)?;
        let begun = self.run("BEGIN IMMEDIATE");
        self.connection()?.busy_timeout(Duration::ZERO)?;
        begun
    }

    /// Makes the open transaction durable, and tells everybody who waits for that.
    fn commit(&mut self) -> Result<(), CommitFailed> {
        let outcome = if self.is_open() {
            self.run("COMMIT").map_err(|error| {
                let _undone = self.run("ROLLBACK");
                CommitFailed::Refused(Arc::new(error))
            })
        } else {
            Err(CommitFailed::Undone)
        };
        self.tell(&outcome);
        outcome
    }

    fn tell(&mut self, outcome: &Result<(), CommitFailed>) {
        for waiting in self.waiting.drain(..) {
            // Whoever asked may have gone.
            let _told = waiting.send(outcome.clone());
        }
    }

    /// Runs a statement through `run`; an error that undid the open transaction is one for everybody in it.
    fn statement<T>(
        &mut self,
        text: &'static str,
        values: &Cells,
        run: impl FnOnce(CachedStatement<'_>, &Known) -> Result<T, rusqlite::Error>,
    ) -> Result<T, StorageError> {
        let Self { connection, known, .. } = self;
        let outcome = connection.as_ref().ok_or(rusqlite::Error::InvalidQuery).and_then(|connection| {
            let mut statement = connection.prepare_cached(text)?;
            let known =
                known.entry((text.as_ptr().addr(), text.len())).or_insert_with(|| Known::of(&statement));
            known.bind(&mut statement, values)?;
            run(statement, known)
        });
        if outcome.is_err() && !self.is_open() {
            self.tell(&Err(CommitFailed::Undone));
        }
        outcome.map_err(file_error)
    }
}

impl Known {
    fn of(statement: &CachedStatement<'_>) -> Self {
        let number =
            |at| statement.parameter_name(at)?.strip_prefix('$')?.parse::<usize>().ok()?.checked_sub(1);
        Self {
            parameters: (1..=statement.parameter_count()).map(number).collect(),
            columns: statement.column_names().into_iter().map(str::to_owned).collect(),
        }
    }

    /// Gives each parameter its value.
    fn bind(&self, statement: &mut CachedStatement<'_>, values: &Cells) -> Result<(), rusqlite::Error> {
        for (at, number) in (1..).zip(&self.parameters) {
            let value = number.and_then(|number| values.get(number));
            let value = value.ok_or(rusqlite::Error::InvalidParameterCount(values.len(), at))?;
            statement.raw_bind_parameter(at, ToSqlOutput::Borrowed(value))?;
        }
        Ok(())
    }
}

impl FileTransaction {
    /// Runs a statement; returns how many rows it changed.
    pub(crate) fn execute(&mut self, text: &'static str, values: &Cells) -> Result<u64, StorageError> {
        self.turn.writer.statement(text, values, |mut statement, _| Ok(statement.raw_execute()? as u64))
    }

    /// Returns at most `most` of the rows that a statement finds.
    pub(crate) fn query(
        &mut self,
        text: &'static str,
        values: &Cells,
        most: usize,
    ) -> Result<Vec<FileRow>, StorageError> {
        self.turn.writer.statement(text, values, |mut statement, known| {
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
                self.turn.writer.run("RELEASE one").map_err(file_error)?;
                self.turn.company = Company::Alone;
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

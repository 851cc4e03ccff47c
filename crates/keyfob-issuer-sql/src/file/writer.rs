//! The one connection to a file, and those who wait until what it has written is durable.

use super::log::Log;
use crate::cells::Cells;
use crate::error::{CommitFailed, file_error};
use keyfob_issuer_core::storage::StorageError;
use rusqlite::types::ToSqlOutput;
use rusqlite::{CachedStatement, Connection};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// A connection.
pub(super) struct Writer {
    /// Nothing once it is closed.
    pub(super) connection: Option<Connection>,
    /// What is known of the statements that ran, by the place of their text, which is looked up faster than the text.
    known: HashMap<(usize, usize), Known>,
    /// Whoever is answered when the open transaction has become durable.
    pub(super) waiting: Vec<oneshot::Sender<Result<(), CommitFailed>>>,
    log: Log,
}

/// What a statement says of itself.
pub(super) struct Known {
    /// Which value each parameter gets, counted from 0: `$3` is the third, wherever in the text it stands.
    parameters: Vec<Option<usize>>,
    pub(super) columns: Arc<[String]>,
    is_reading: bool,
}

impl Writer {
    pub(super) fn of(connection: Connection, log: Log) -> Self {
        Self { connection: Some(connection), known: HashMap::new(), waiting: Vec::new(), log }
    }

    /// Closes the connections, the one that writes last: it then writes back what is left of the log.
    pub(super) fn close(&mut self) {
        self.log.close();
        self.connection = None;
    }

    pub(super) fn connection(&self) -> Result<&Connection, rusqlite::Error> {
        self.connection.as_ref().ok_or(rusqlite::Error::InvalidQuery)
    }

    /// Whether a transaction is open.
    pub(super) fn is_open(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| !connection.is_autocommit())
    }

    /// Undoes the open transaction, and tells everybody who waits for it.
    pub(super) fn undo(&mut self) {
        if self.is_open() {
            let _undone = self.run("ROLLBACK");
        }
        self.tell(&Err(CommitFailed::Undone));
    }

    /// Whether a statement changes nothing.
    pub(super) fn is_reading(&mut self, text: &'static str) -> Result<bool, rusqlite::Error> {
        let Self { connection, known, .. } = self;
        let connection = connection.as_ref().ok_or(rusqlite::Error::InvalidQuery)?;
        Ok(match known.entry(place(text)) {
            Entry::Occupied(known) => known.get().is_reading,
            Entry::Vacant(vacant) => vacant.insert(Known::of(&connection.prepare_cached(text)?)).is_reading,
        })
    }

    /// Runs a statement without values; an error that undid the open transaction is one for everybody in it.
    pub(super) fn run(&mut self, text: &str) -> Result<(), rusqlite::Error> {
        let outcome = self.connection().and_then(|connection| connection.prepare_cached(text)?.execute([]));
        if outcome.is_err() && !self.is_open() {
            self.tell(&Err(CommitFailed::Undone));
        }
        outcome.map(drop)
    }

    /// Begins while another process may hold the file.
    pub(super) fn begin_patiently(&mut self, patience: Duration) -> Result<(), rusqlite::Error> {
        self.connection()?.busy_timeout(patience)?;
        let begun = self.run("BEGIN IMMEDIATE");
        self.connection()?.busy_timeout(Duration::ZERO)?;
        begun
    }

    /// Makes the open transaction durable, and tells everybody who waits for that.
    pub(super) fn commit(&mut self) -> Result<(), CommitFailed> {
        let outcome = if self.is_open() {
            self.run("COMMIT").map_err(|error| {
                let _undone = self.run("ROLLBACK");
                CommitFailed::Refused(Arc::new(error))
            })
        } else {
            Err(CommitFailed::Undone)
        };
        self.tell(&outcome);
        if outcome.is_ok() {
            self.log.committed();
        }
        outcome
    }

    fn tell(&mut self, outcome: &Result<(), CommitFailed>) {
        for waiting in self.waiting.drain(..) {
            // Whoever asked may have gone.
            let _told = waiting.send(outcome.clone());
        }
    }

    /// Runs a statement through `run`; an error that undid the open transaction is one for everybody in it.
    pub(super) fn statement<T>(
        &mut self,
        text: &'static str,
        values: &Cells,
        run: impl FnOnce(CachedStatement<'_>, &Known) -> Result<T, rusqlite::Error>,
    ) -> Result<T, StorageError> {
        let Self { connection, known, .. } = self;
        let outcome = connection.as_ref().ok_or(rusqlite::Error::InvalidQuery).and_then(|connection| {
            let mut statement = connection.prepare_cached(text)?;
            let known = known.entry(place(text)).or_insert_with(|| Known::of(&statement));
            known.bind(&mut statement, values)?;
            run(statement, known)
        });
        if outcome.is_err() && !self.is_open() {
            self.tell(&Err(CommitFailed::Undone));
        }
        outcome.map_err(file_error)
    }
}

/// Where a text lies.
fn place(text: &'static str) -> (usize, usize) {
    (text.as_ptr().addr(), text.len())
}

impl Known {
    fn of(statement: &CachedStatement<'_>) -> Self {
        let number =
            |at| statement.parameter_name(at)?.strip_prefix('$')?.parse::<usize>().ok()?.checked_sub(1);
        Self {
            parameters: (1..=statement.parameter_count()).map(number).collect(),
            columns: statement.column_names().into_iter().map(str::to_owned).collect(),
            is_reading: statement.readonly(),
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

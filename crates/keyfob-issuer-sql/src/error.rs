//! How the drivers' errors become the storage's.

use keyfob_issuer_core::storage::StorageError;
use rusqlite::ffi::{SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE};
use std::sync::Arc;

/// PostgreSQL's words for "begin anew": `serialization_failure` and `deadlock_detected`.
const BEGIN_ANEW: [&str; 2] = ["40001", "40P01"];

/// Turns a driver's error into ours.
pub(crate) fn storage_error(error: sqlx::Error) -> StorageError {
    let Some(database) = error.as_database_error() else {
        return StorageError::Unavailable(Box::new(error));
    };
    if database.is_unique_violation() {
        StorageError::Exists
    } else if database.code().is_some_and(|code| BEGIN_ANEW.contains(&&*code)) {
        StorageError::Conflict
    } else {
        StorageError::Unavailable(Box::new(error))
    }
}

/// Turns an error of a file into ours.
pub(crate) fn file_error(error: rusqlite::Error) -> StorageError {
    match error.sqlite_error().map(|failure| failure.extended_code) {
        Some(SQLITE_CONSTRAINT_UNIQUE | SQLITE_CONSTRAINT_PRIMARYKEY) => StorageError::Exists,
        Some(_) | None => StorageError::Unavailable(Box::new(error)),
    }
}

/// What several transactions on a file wanted to become durable together did not.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum CommitFailed {
    /// The commit failed.
    #[error("the commit failed")]
    Refused(#[source] Arc<rusqlite::Error>),
    /// An error in another transaction undid it.
    #[error("the transaction was undone")]
    Undone,
}

impl From<CommitFailed> for StorageError {
    fn from(failed: CommitFailed) -> Self {
        Self::Unavailable(Box::new(failed))
    }
}

/// Whether the connection is of no use any more, as after a restart of the server.
pub(crate) fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => true,
        // Class 57: the server is shutting down, or has ended this connection.
        sqlx::Error::Database(database) => database.code().is_some_and(|code| code.starts_with("57P")),
        _ => false,
    }
}

/// Whether a connection that could not be made may be made a moment later: the server starts, or all its places are taken.
pub(crate) fn comes_later(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        // "too many connections", and "the database system is starting up".
        sqlx::Error::Database(database) => {
            database.code().is_some_and(|code| matches!(&*code, "53300" | "57P03"))
        }
        _ => false,
    }
}

/// A transaction cannot be committed.
#[derive(Debug, thiserror::Error)]
#[error("a statement of the transaction failed")]
pub(crate) struct StatementFailed;

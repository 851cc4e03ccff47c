//! How the drivers' errors become the storage's.

use keyfob_issuer_core::storage::StorageError;

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

/// Whether the connection is of no use any more, as after a restart of the server.
pub(crate) fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => true,
        // Class 57: the server is shutting down, or has ended this connection.
        sqlx::Error::Database(database) => database.code().is_some_and(|code| code.starts_with("57P")),
        _ => false,
    }
}

/// A transaction cannot be committed.
#[derive(Debug, thiserror::Error)]
#[error("a statement of the transaction failed")]
pub(crate) struct StatementFailed;

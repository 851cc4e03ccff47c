//! How the driver's errors become the storage's.

use keyfob_issuer_core::storage::StorageError;

/// Turns a driver's error into ours.
pub(crate) fn storage_error(error: sqlx::Error) -> StorageError {
    if error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation) {
        StorageError::Exists
    } else {
        StorageError::Unavailable(Box::new(error))
    }
}

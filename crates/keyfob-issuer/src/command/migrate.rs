//! `migrate`: the tables are brought up to date, or one looks at what that would do.

use crate::command::opened::{OpenDataError, reach};
use keyfob_issuer_sql::{BackupError, OpenError, Urgency};
use std::path::Path;

/// The tables cannot be read, or stay as they are.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The issuer cannot be reached.
    #[error(transparent)]
    Open(#[from] OpenDataError),
    /// The tables cannot be read.
    #[error("cannot tell which tables the database has")]
    Read(#[from] BackupError),
    /// The tables cannot be changed.
    #[error(transparent)]
    Change(#[from] OpenError),
}

/// Returns the steps that the tables have before them.
pub async fn pending(data: &Path) -> Result<Vec<&'static str>, MigrateError> {
    Ok(reach(data).await?.database.pending().await?)
}

/// Takes those steps, each whole or not at all; returns which.
pub async fn migrate(data: &Path) -> Result<Vec<&'static str>, MigrateError> {
    let mut reached = reach(data).await?;
    let steps = reached.database.pending().await?;
    reached.database.into_storage(Urgency::Commands).await?.close().await;
    Ok(steps)
}

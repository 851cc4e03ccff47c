//! `backup`: everything that the issuer keeps but its seal key, in one file, while it serves.
//!
//! A line of JSON with what the backup is, lines with rows, and a line with an authentication code over all before it. The
//! code is by a key that follows from the seal key, so that `restore` puts back what this issuer has written and nothing
//! else. Rows are as they rest: digests, and secrets sealed by the key that is not there.

use crate::command::backup_file::{Header, Writer};
use crate::command::files::FileError;
use crate::command::opened::{OpenDataError, reach};
use keyfob_issuer_core::Fault;
use keyfob_issuer_core::audit::{Action, AuditEvent, commit_on_host};
use keyfob_issuer_core::storage::Storage as _;
use keyfob_issuer_sql::{BackupError, Urgency};
use keyfob_oauth::Clock;
use std::path::{Path, PathBuf};

/// There is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupCommandError {
    /// The issuer cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenDataError),
    /// There is a file of this name.
    #[error("{0} exists already: a backup takes the place of nothing")]
    Exists(String),
    /// The file cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The rows cannot be read.
    #[error("cannot read everything out of the database")]
    Read(#[from] BackupError),
    /// Something else.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackedUp {
    /// How many rows.
    pub rows: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// Writes everything that the issuer in `data` keeps to the new file `to`.
///
/// An interruption leaves `TO.unfinished`, which the next run replaces.
pub async fn backup(data: &Path, to: &Path, clock: &dyn Clock) -> Result<BackedUp, BackupCommandError> {
    let shown = to.display().to_string();
    if to.exists() {
        return Err(BackupCommandError::Exists(shown));
    }
    let write = |source| FileError::Write { path: shown.clone(), source };
    let mut reached = reach(data).await?;
    let unfinished = unfinished(to);
    let header = Header {
        created_at: clock.now(),
        step: reached.database.step().await?,
        settings: reached.config.to_text(),
    };
    let mut writer = Writer::create(&unfinished, &reached.seal_key, &header).map_err(write)?;
    reached.database.read_out(&mut |record| writer.take(&record)).await?;
    let backed_up = writer.finish().map_err(write)?;
    std::fs::rename(&unfinished, to).map_err(write)?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(write)?;
    // Tables of an older version are left as they are: a backup is what one takes before they change.
    if reached.database.pending().await?.is_empty() {
        let storage = reached.database.into_storage(Urgency::Commands).await.map_err(BackupError::from)?;
        let event = AuditEvent::done(Action::Backup).saying(format!("{} rows", backed_up.rows));
        let transaction = storage.begin().await.map_err(Fault::from)?;
        commit_on_host(transaction, clock.now(), event).await.map_err(Fault::from)?;
        storage.close().await;
    }
    Ok(backed_up)
}

fn unfinished(to: &Path) -> PathBuf {
    let mut name = to.as_os_str().to_owned();
    name.push(".unfinished");
    name.into()
}

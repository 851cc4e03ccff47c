//! Files of SQLite in the data folder: made for their owner alone, and read by reports while they are written.

use rusqlite::{Connection, OpenFlags};
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// For how long another program may hold a file.
const BUSY: Duration = Duration::from_secs(5);

/// When what was written outlives a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Soon: the last writes may be lost, never what was there before.
    Soon,
    /// As soon as it is written.
    AtOnce,
}

/// A file cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot keep {path}")]
pub struct OpenError {
    path: PathBuf,
    #[source]
    source: OpenFault,
}

/// Why it cannot.
#[derive(Debug, thiserror::Error)]
enum OpenFault {
    #[error("the database cannot be used")]
    Database(#[from] rusqlite::Error),
    #[error("the file cannot be made")]
    File(#[source] io::Error),
    #[error("there is no thread for it")]
    Thread(#[source] io::Error),
}

impl OpenError {
    /// Tells that no thread could be started that writes to `path`.
    pub(crate) fn no_thread(path: &Path, source: io::Error) -> Self {
        Self { path: path.to_owned(), source: OpenFault::Thread(source) }
    }
}

/// Opens the file to write, made if it is not there; what it holds is its owner's alone.
pub(crate) fn open(path: &Path, durability: Durability, schema: &str) -> Result<Connection, OpenError> {
    let open = || -> Result<Connection, OpenFault> {
        let made = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
        drop(made.map_err(OpenFault::File)?);
        let connection = Connection::open(path)?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        let synchronous = match durability {
            Durability::Soon => "normal",
            Durability::AtOnce => "full",
        };
        connection.pragma_update(None, "synchronous", synchronous)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.execute_batch(schema)?;
        Ok(connection)
    };
    open().map_err(|source| OpenError { path: path.to_owned(), source })
}

/// Opens the file to read.
pub(crate) fn open_to_read(path: &Path) -> rusqlite::Result<Connection> {
    // Not read-only: a file in WAL mode that nobody has open must be able to make what belongs to it.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn who_asked_what_is_for_the_files_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.sqlite");

        let connection = open(&path, Durability::Soon, "CREATE TABLE t (n INTEGER)").unwrap();
        connection.execute("INSERT INTO t VALUES (1)", []).unwrap();

        for name in ["x.sqlite", "x.sqlite-wal", "x.sqlite-shm"] {
            let mode = std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        let reader = open_to_read(&path).unwrap();
        assert!(reader.execute("INSERT INTO t VALUES (2)", []).is_err());
        let missing = open(&folder.path().join("no/x.sqlite"), Durability::Soon, "").unwrap_err();
        assert!(missing.to_string().ends_with("no/x.sqlite"), "{missing}");
    }
}

//! The log's way back into the file, beside whoever writes to the log.
//!
//! Left to itself SQLite does that within a commit: one of some hundred then takes ten times as long, and all who share
//! it wait. A second connection may do it at any time instead, and keeps nobody from writing (`PASSIVE`).

use rusqlite::Connection;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::spawn_blocking;

/// After how many commits something is written back.
const COMMITS: u32 = 128;
/// From how many pages on the log should begin anew, for which nothing must be left to write back: 16 MiB.
const PAGES: i64 = 4_096;
/// How often what was added meanwhile is written back too, so that nothing is left.
const ROUNDS: usize = 8;
/// At how many pages a commit writes back what nobody has: 64 MiB.
pub(super) const MOST_PAGES: u32 = 16_384;

/// Writes the log back.
pub(super) struct Log {
    shared: Arc<Shared>,
    commits: u32,
}

struct Shared {
    /// Nothing once it is closed.
    connection: Mutex<Option<Connection>>,
    is_busy: AtomicBool,
}

impl Log {
    /// Takes a connection of its own to the file.
    pub(super) fn of(connection: Connection) -> Self {
        let shared = Shared { connection: Mutex::new(Some(connection)), is_busy: AtomicBool::new(false) };
        Self { shared: Arc::new(shared), commits: 0 }
    }

    /// Notes a commit; some of them have the log written back, on a thread beside the runtime's.
    pub(super) fn committed(&mut self) {
        self.commits += 1;
        if self.commits < COMMITS || self.shared.is_busy.swap(true, Ordering::AcqRel) {
            return;
        }
        self.commits = 0;
        let shared = Arc::clone(&self.shared);
        drop(spawn_blocking(move || {
            if let Some(connection) = &*shared.connection() {
                // What is not written back now is so later, by a commit at the latest, which says what is wrong.
                let _written = write_back(connection);
            }
            shared.is_busy.store(false, Ordering::Release);
        }));
    }

    /// Closes the connection.
    pub(super) fn close(&self) {
        drop(self.shared.connection().take());
    }
}

impl Shared {
    fn connection(&self) -> MutexGuard<'_, Option<Connection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes back what is in the log, and if that is much, all of it, so that the next write begins it anew.
fn write_back(connection: &Connection) -> Result<(), rusqlite::Error> {
    for _ in 0..ROUNDS {
        let (pages, written): (i64, i64) =
            connection
                .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| Ok((row.get(1)?, row.get(2)?)))?;
        if pages < PAGES || pages == written {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn open(path: &Path) -> Connection {
        let connection = Connection::open(path).unwrap();
        connection.pragma_update(None, "journal_mode", "WAL").unwrap();
        connection.pragma_update(None, "wal_autocheckpoint", MOST_PAGES).unwrap();
        connection
    }

    fn add(writer: &Connection, pages: u32) {
        writer.execute("INSERT INTO things VALUES (zeroblob(?))", [pages * 4_096]).unwrap();
    }

    /// How many pages the log has, and how many of them are written back.
    fn state(connection: &Connection) -> (i64, i64) {
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(1)?, row.get(2)?));
        connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], row).unwrap()
    }

    #[test]
    fn a_long_log_is_written_back_beside_the_writer_and_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.db");
        let (writer, beside) = (open(&path), open(&path));
        writer.execute_batch("CREATE TABLE things (thing BLOB NOT NULL)").unwrap();
        add(&writer, 5_000);

        write_back(&beside).unwrap();
        add(&writer, 1);

        let (pages, _) = state(&beside);
        assert!(pages < 10, "{pages}");
    }

    #[tokio::test]
    async fn some_commits_have_the_log_written_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.db");
        let writer = open(&path);
        writer.execute_batch("CREATE TABLE things (thing BLOB NOT NULL)").unwrap();
        let mut log = Log::of(open(&path));
        let before = std::fs::metadata(&path).unwrap().len();

        for _ in 0..COMMITS {
            add(&writer, 1);
            log.committed();
        }
        while log.shared.is_busy.load(Ordering::Acquire) {
            tokio::task::yield_now().await;
        }

        let after = std::fs::metadata(&path).unwrap().len();
        assert!(after >= before + u64::from(COMMITS) * 4_096, "{before} {after}");
        log.close();
        writer.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    }
}

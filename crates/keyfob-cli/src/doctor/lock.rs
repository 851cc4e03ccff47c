//! Whether another process holds the refresh lock, and which.

use super::Finding;
use keyfob_client::Home;
use std::fs::{self, File, TryLockError};
use std::os::unix::fs::MetadataExt as _;

/// Looks at `refresh.lock`; taking it for a moment delays others by one of their pauses at most.
pub(super) fn refresh(home: &Home) -> Finding {
    const CHECK: &str = "lock";
    let path = home.own_folder().join("refresh.lock");
    let Ok(file) = File::open(&path) else { return Finding::ok(CHECK, "nobody holds the refresh lock") };
    match file.try_lock_shared() {
        Ok(()) => Finding::ok(CHECK, "nobody holds the refresh lock"),
        Err(TryLockError::WouldBlock) => {
            let inode = file.metadata().map(|metadata| metadata.ino()).unwrap_or_default();
            let holder = fs::read_to_string("/proc/locks").ok().and_then(|locks| holder(&locks, inode));
            let who = holder
                .map_or_else(|| "a process that cannot be seen".to_owned(), |pid| format!("process {pid}"));
            Finding::warn(
                CHECK,
                format!("{who} holds the refresh lock"),
                "it lets go within a minute; if it does not, end that process",
            )
        }
        Err(TryLockError::Error(error)) => Finding::fail(
            CHECK,
            format!("{} cannot be locked ({})", path.display(), error.kind()),
            "set CODEX_HOME to a folder on a local file system",
        ),
    }
}

/// Returns who holds the lock on `inode`, by a line such as `1: FLOCK  ADVISORY  WRITE 812 08:02:1311 0 EOF`.
fn holder(locks: &str, inode: u64) -> Option<u32> {
    let suffix = format!(":{inode}");
    locks.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        match fields.as_slice() {
            [_, "FLOCK", _, "WRITE", pid, file, ..] if file.ends_with(&suffix) => pid.parse().ok(),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::holder;

    #[test]
    fn the_holder_of_a_lock_is_found_by_its_file() {
        let locks = "1: POSIX  ADVISORY  WRITE 7 08:02:42 0 EOF\n\
                     2: FLOCK  ADVISORY  WRITE 812 08:02:1311 0 EOF\n\
                     2: -> FLOCK  ADVISORY  WRITE 900 08:02:1311 0 EOF\n";

        assert_eq!(holder(locks, 1311), Some(812));
        assert_eq!(holder(locks, 311), None);
        assert_eq!(holder(locks, 42), None);
    }
}

//! Which document this home wrote last: another one came from elsewhere, as a copy or from a backup (security R-47).

use crate::home::Home;
use crate::state;
use crate::store::Digest;
use std::os::unix::fs::MetadataExt as _;

/// The member of `state.json`: the digest in hexadecimal.
const MEMBER: &str = "written";

/// Notes what was stored; that it could not be noted changes nothing but what is said of a session that has ended.
///
/// Called under the refresh lock.
pub(crate) fn note(home: &Home, digest: Digest) {
    if let Err(error) = state::write(home, MEMBER, &digest.to_hex()) {
        tracing::debug!(%error, "what was stored could not be noted");
    }
}

/// Whether this home wrote the document with this digest, and none after it.
pub(crate) fn is(home: &Home, digest: Digest) -> bool {
    noted(home) == Some(digest.to_hex())
}

/// Returns the digest of the document that this home wrote last, in hexadecimal.
pub(crate) fn noted(home: &Home) -> Option<String> {
    Some(state::read(home, MEMBER)?.as_str()?.to_owned())
}

/// Sees, at the price of a look at a file, when another process of this home stores something.
///
/// It says so once: whoever waits for a lock is kept from its limit by that once only.
#[derive(Debug)]
pub(crate) struct Watch<'a> {
    home: &'a Home,
    before: Version,
    said: bool,
}

/// A note is written by putting another file in the place of the last.
type Version = Option<(u64, i64, i64)>;

impl<'a> Watch<'a> {
    /// Begins; what was stored before is not seen.
    pub(crate) fn begin(home: &'a Home) -> Self {
        Self { home, before: version(home), said: false }
    }

    /// Whether something may have been stored since the beginning, if it was not yet said.
    pub(crate) fn has_news(&mut self) -> bool {
        let news = !self.said && version(self.home) != self.before;
        self.said |= news;
        news
    }
}

fn version(home: &Home) -> Version {
    let metadata = std::fs::metadata(home.state_file()).ok()?;
    Some((metadata.ino(), metadata.mtime(), metadata.mtime_nsec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_process_stores_is_news_once() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().join("home"));
        home.make().unwrap();
        note(&home, Digest::of(b"before"));
        let mut watch = Watch::begin(&home);

        let before = watch.has_news();
        note(&home, Digest::of(b"after"));
        let after = [watch.has_news(), watch.has_news()];
        note(&home, Digest::of(b"later"));

        assert_eq!((before, after, watch.has_news()), (false, [true, false], false));
    }
}

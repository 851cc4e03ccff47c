//! Which document this home wrote last: another one came from elsewhere, as a copy or from a backup (security R-47).

use crate::home::Home;
use crate::state;
use crate::store::Digest;

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
    state::read(home, MEMBER).is_some_and(|noted| noted == digest.to_hex())
}

//! Whether the login here is a copy of another machine's, so that both have one family of refresh tokens (security C-66).

use crate::home::Home;
use crate::state;

/// The member of `state.json`.
const MEMBER: &str = "shared_family";

/// Notes that it is; that it could not be noted changes nothing but what is said of the login.
///
/// Called under the refresh lock.
pub(crate) fn note(home: &Home) {
    if let Err(error) = state::write(home, MEMBER, &true) {
        tracing::debug!(%error, "that the login is a copy could not be noted");
    }
}

/// Notes that a login of this machine's own has taken its place.
///
/// Called under the refresh lock.
pub(crate) fn forget(home: &Home) {
    if is(home)
        && let Err(error) = state::remove(home, MEMBER)
    {
        tracing::debug!(%error, "that the login is no copy any more could not be noted");
    }
}

/// Whether the login is known to be a copy.
pub(crate) fn is(home: &Home) -> bool {
    state::read(home, MEMBER).is_some_and(|noted| noted == true)
}

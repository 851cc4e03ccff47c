//! The kernel's copy of the entry, which the Codex CLI reads before the keyring itself.
//!
//! It is never made here and never believed: it goes before the keyring changes, so that whatever happens then the Codex
//! CLI does not use a token that was already spent.

use keyfob_codex::keyring::KeyringEntry;
use linux_keyutils::{Key, KeyRing, KeyRingIdentifier};

/// Removes the copy.
pub(super) fn forget(entry: &KeyringEntry) {
    if let Some(key) = find(entry)
        && let Err(error) = key.invalidate()
    {
        tracing::warn!(%error, "the kernel's copy of the login is out of date and could not be removed");
    }
}

fn find(entry: &KeyringEntry) -> Option<Key> {
    let session = KeyRing::from_special_id(KeyRingIdentifier::Session, false).ok()?;
    // The copy may be in the persistent keyring alone, which is found once it is linked to the session's. Where
    // there is none, the session's own is searched.
    let _linked = KeyRing::get_persistent(KeyRingIdentifier::Session);
    session.search(&entry.kernel_description()).ok()
}

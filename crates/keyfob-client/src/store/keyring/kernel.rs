//! The kernel's copy of the entry, which the Codex CLI reads before the keyring itself.
//!
//! It is never made here and never believed: it is kept in step where it exists, so that the Codex CLI does not use a
//! token that was already spent.

use keyfob_codex::keyring::KeyringEntry;
use linux_keyutils::{Key, KeyRing, KeyRingIdentifier};

/// Puts `secret` into the copy, or removes the copy if it cannot be changed.
pub(super) fn refresh(entry: &KeyringEntry, secret: &[u8]) {
    if let Some(key) = find(entry)
        && key.update(&secret).is_err()
    {
        drop_key(key);
    }
}

/// Removes the copy.
pub(super) fn forget(entry: &KeyringEntry) {
    if let Some(key) = find(entry) {
        drop_key(key);
    }
}

fn find(entry: &KeyringEntry) -> Option<Key> {
    let session = KeyRing::from_special_id(KeyRingIdentifier::Session, false).ok()?;
    // The copy may be in the persistent keyring alone, which is found once it is linked to the session's. Where
    // there is none, the session's own is searched.
    let _linked = KeyRing::get_persistent(KeyRingIdentifier::Session);
    session.search(&entry.kernel_description()).ok()
}

fn drop_key(key: Key) {
    if let Err(error) = key.invalidate() {
        tracing::warn!(%error, "the kernel's copy of the login is out of date and could not be removed");
    }
}

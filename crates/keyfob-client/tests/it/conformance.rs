//! What every store promises.

use crate::fixture::{digest, home, is_empty, record, stored, text};
use crate::keyring_daemon::Keyring;
use keyfob_client::Home;
use keyfob_client::store::{
    AutoStore, CredentialStore, EphemeralStore, FileStore, Keepsake, KeyringStore, StoreError,
};
use tempfile::TempDir;

/// A store in a world of its own.
struct Place {
    store: Box<dyn CredentialStore>,
    /// The same place, as another process sees it.
    other: Option<Box<dyn CredentialStore>>,
    _folder: TempDir,
    _keyring: Option<Keyring>,
}

fn file() -> Place {
    let (folder, home) = home();
    let open = |home: &Home| -> Box<dyn CredentialStore> { Box::new(FileStore::new(home.clone())) };
    Place { store: open(&home), other: Some(open(&home)), _folder: folder, _keyring: None }
}

fn keyring() -> Place {
    let ((folder, home), keyring) = (home(), Keyring::unlocked());
    let open = || -> Box<dyn CredentialStore> { Box::new(KeyringStore::new(home.clone(), keyring.bus())) };
    Place { store: open(), other: Some(open()), _folder: folder, _keyring: Some(keyring) }
}

fn auto_with_keyring() -> Place {
    let ((folder, home), keyring) = (home(), Keyring::unlocked());
    let open = || -> Box<dyn CredentialStore> { Box::new(AutoStore::new(home.clone(), keyring.bus())) };
    Place { store: open(), other: Some(open()), _folder: folder, _keyring: Some(keyring) }
}

fn auto_without_keyring() -> Place {
    let ((folder, home), keyring) = (home(), Keyring::bus_alone());
    let open = || -> Box<dyn CredentialStore> { Box::new(AutoStore::new(home.clone(), keyring.bus())) };
    Place { store: open(), other: Some(open()), _folder: folder, _keyring: Some(keyring) }
}

fn ephemeral() -> Place {
    Place {
        store: Box::<EphemeralStore>::default(),
        other: None,
        _folder: tempfile::tempdir().unwrap(),
        _keyring: None,
    }
}

macro_rules! store_suite {
    ($place:ident) => {
        mod $place {
            use super::*;

            #[test]
            fn c_39_what_was_saved_is_loaded_with_every_unknown_member() {
                let place = super::$place();
                assert!(is_empty(&*place.store));
                place.store.prepare().unwrap();

                let first = place.store.save(None, &record("sk-1")).unwrap();
                assert_eq!(digest(&*place.store), Some(first));
                assert_eq!(stored(&*place.store), Some(text("sk-1")));
                let second = place.store.save(Some(first), &record("sk-2")).unwrap();

                assert_ne!(first, second);
                assert_eq!(stored(&*place.store), Some(text("sk-2")));
            }

            #[test]
            fn a_stale_digest_changes_nothing() {
                let place = super::$place();
                let first = place.store.save(None, &record("sk-1")).unwrap();
                let second = place.store.save(Some(first), &record("sk-2")).unwrap();

                let saved = place.store.save(Some(first), &record("sk-3"));
                let created = place.store.save(None, &record("sk-3"));
                let removed = place.store.remove(first);

                assert!(matches!(saved, Err(StoreError::Changed)));
                assert!(matches!(created, Err(StoreError::Changed)));
                assert!(matches!(removed, Err(StoreError::Changed)));
                assert_eq!(digest(&*place.store), Some(second));
            }

            #[test]
            fn c_44_what_was_removed_is_gone_and_cannot_be_removed_again() {
                let place = super::$place();
                let saved = place.store.save(None, &record("sk-1")).unwrap();

                place.store.remove(saved).unwrap();

                assert!(is_empty(&*place.store));
                assert!(matches!(place.store.remove(saved), Err(StoreError::Changed)));
                place.store.save(None, &record("sk-2")).unwrap();
                assert_eq!(stored(&*place.store), Some(text("sk-2")));
            }

            #[test]
            fn c_44_what_is_kept_beside_a_login_leaves_it_alone_and_is_forgotten_whole() {
                let place = super::$place();
                // The memory of one process needs nothing beside it.
                let Some(other) = place.other else { return };
                let saved = place.store.save(None, &record("sk-1")).unwrap();
                let kept = |what| other.kept(what).unwrap();
                assert_eq!((kept(Keepsake::Members), kept(Keepsake::Superseded)), (None, None));

                place.store.keep(Keepsake::Members, Some(b"first")).unwrap();
                place.store.keep(Keepsake::Members, Some(b"\xffsecond")).unwrap();
                place.store.keep(Keepsake::Superseded, Some(b"third")).unwrap();
                let both = (Some(b"\xffsecond".to_vec()), Some(b"third".to_vec()));
                assert_eq!((kept(Keepsake::Members), kept(Keepsake::Superseded)), both);
                place.store.keep(Keepsake::Superseded, None).unwrap();
                place.store.keep(Keepsake::Superseded, None).unwrap();
                assert_eq!((kept(Keepsake::Members), kept(Keepsake::Superseded)), (both.0, None));
                place.store.forget().unwrap();
                place.store.forget().unwrap();

                assert_eq!((kept(Keepsake::Members), kept(Keepsake::Superseded)), (None, None));
                assert_eq!(digest(&*other), Some(saved));
            }

            #[test]
            fn two_processes_see_each_others_logins() {
                let place = super::$place();
                // The memory of one process is no other's.
                let Some(other) = place.other else { return };

                let saved = place.store.save(None, &record("sk-1")).unwrap();
                assert_eq!(stored(&*other), Some(text("sk-1")));
                other.remove(saved).unwrap();

                assert!(is_empty(&*place.store));
            }
        }
    };
}

store_suite!(file);
store_suite!(keyring);
store_suite!(auto_with_keyring);
store_suite!(auto_without_keyring);
store_suite!(ephemeral);

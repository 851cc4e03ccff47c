//! `auto`: one of two places has the say, and a keyring that failed is never forgotten.

use crate::fixture::{digest, home, is_empty, put, record, stored, text};
use crate::keyring_daemon::Keyring;
use keyfob_client::store::{AutoStore, CredentialStore as _, KeyringStore, Location, Slot, StoreError};
use keyfob_client::{FileStore, Home};
use keyfob_codex::auth_file::{AccountTokens, AuthFile, Provenance};
use keyfob_oauth::{AccessToken, ClientId, IdToken, IssuerUrl, RefreshToken, Timestamp};
use std::fs;

/// A login whose access token says `{"iat":1}` or `{"iat":2}`.
fn issued_at(moment: u8) -> AuthFile {
    let payload = if moment == 1 { "eyJpYXQiOjF9" } else { "eyJpYXQiOjJ9" };
    let tokens = AccountTokens {
        access_token: AccessToken::new(format!("e30.{payload}.e30")),
        refresh_token: Some(RefreshToken::new(format!("rt{moment}"))),
        id_token: IdToken::new("it"),
        provenance: Some(Provenance {
            issuer: IssuerUrl::parse("https://id.test").unwrap(),
            client_id: ClientId::new("app"),
        }),
        account_id: None,
        last_refresh: None,
    };
    AuthFile::of_account(&tokens, "owner")
}

/// The three views of one home.
fn stores(home: &Home, keyring: &Keyring) -> (AutoStore, FileStore, KeyringStore) {
    let auto = AutoStore::new(home.clone(), keyring.bus());
    (auto, FileStore::new(home.clone()), KeyringStore::new(home.clone(), keyring.bus()))
}

#[test]
fn c_41_the_keyring_is_used_where_there_is_one() {
    let ((_folder, home), keyring) = (home(), Keyring::unlocked());
    let (auto, _, in_keyring) = stores(&home, &keyring);
    put(&home.auth_file(), text("sk-1"));

    assert_eq!(stored(&auto), Some(text("sk-1")));
    auto.save(digest(&auto), &record("sk-2")).unwrap();

    assert_eq!(stored(&in_keyring), Some(text("sk-2")));
    assert!(!home.auth_file().exists());
    assert_eq!((auto.location(), auto.notice()), (in_keyring.location(), None));
}

#[test]
fn c_41_without_a_keyring_the_file_is_used_and_the_person_is_told_once() {
    let ((_folder, home), keyring) = (home(), Keyring::bus_alone());
    let (auto, file, _) = stores(&home, &keyring);
    auto.prepare().unwrap();

    let first = auto.save(None, &record("sk-1")).unwrap();

    assert_eq!(stored(&file), Some(text("sk-1")));
    assert_eq!(auto.location(), Location::File(home.auth_file()));
    let told =
        format!("the login is kept in `{}`, because there is no keyring to use", home.auth_file().display());
    assert_eq!(auto.notice(), Some(told));
    let (later, _, _) = stores(&home, &keyring);
    later.save(Some(first), &record("sk-2")).unwrap();
    assert_eq!(later.notice(), None);
}

#[test]
fn c_41_a_keyring_that_holds_the_login_and_fails_is_an_error_and_nothing_is_spent() {
    let ((_folder, home), mut keyring) = (home(), Keyring::unlocked());
    let (auto, _, _) = stores(&home, &keyring);
    auto.save(None, &record("sk-1")).unwrap();
    keyring.stop_daemon();

    let (load, prepare) = (auto.load(), auto.prepare());

    assert!(matches!(load, Err(StoreError::KeyringLost(_))), "{load:?}");
    assert!(matches!(prepare, Err(StoreError::KeyringLost(_))), "{prepare:?}");
    assert!(load.unwrap_err().to_string().contains("cli_auth_credentials_store"));
    assert!(!home.auth_file().exists());
    keyring.restart();
    assert_eq!(stored(&auto), Some(text("sk-1")));
}

#[test]
fn r_36_an_older_login_in_a_keyring_that_comes_back_does_not_win() {
    let ((_folder, home), mut keyring) = (home(), Keyring::unlocked());
    let (auto, file, in_keyring) = stores(&home, &keyring);
    in_keyring.save(None, &issued_at(1)).unwrap();
    keyring.stop_daemon();
    // The Codex CLI, or we before there was a note, went on in the file.
    auto.save(None, &issued_at(2)).unwrap();
    keyring.restart();

    assert_eq!(stored(&auto), Some(issued_at(2).to_text()));
    assert_eq!(stored(&file), stored(&auto));
    auto.save(digest(&auto), &issued_at(2)).unwrap();

    assert_eq!(stored(&in_keyring), Some(issued_at(2).to_text()));
    assert!(!home.auth_file().exists());
}

#[test]
fn r_36_the_place_that_changed_since_our_last_writing_wins_over_its_age() {
    let ((_folder, home), keyring) = (home(), Keyring::unlocked());
    let (auto, _, in_keyring) = stores(&home, &keyring);
    let first = auto.save(None, &issued_at(2)).unwrap();

    put(&home.auth_file(), issued_at(1).to_text());
    assert_eq!(stored(&auto), Some(issued_at(1).to_text()));

    fs::remove_file(home.auth_file()).unwrap();
    in_keyring.save(Some(first), &issued_at(1)).unwrap();
    assert_eq!(stored(&auto), Some(issued_at(1).to_text()));
}

#[test]
fn r_36_two_logins_that_nothing_tells_apart_are_left_to_the_person() {
    let ((_folder, home), keyring) = (home(), Keyring::unlocked());
    let (auto, file, in_keyring) = stores(&home, &keyring);
    in_keyring.save(None, &record("sk-1")).unwrap();
    put(&home.auth_file(), text("sk-2"));

    let loaded = auto.load();
    let saved = auto.save(None, &record("sk-3"));

    assert!(matches!(loaded, Err(StoreError::Undecided(_))), "{loaded:?}");
    assert!(matches!(saved, Err(StoreError::Undecided(_))), "{saved:?}");
    assert_eq!((stored(&file), stored(&in_keyring)), (Some(text("sk-2")), Some(text("sk-1"))));
}

#[test]
fn c_38_a_damaged_file_is_set_aside_when_the_keyring_takes_the_new_login() {
    let ((_folder, home), keyring) = (home(), Keyring::unlocked());
    let (auto, _, in_keyring) = stores(&home, &keyring);
    put(&home.auth_file(), "{");
    let Slot::Corrupt { digest, bytes, .. } = auto.load().unwrap() else { panic!("damage") };

    let place = auto.set_aside(&bytes, Timestamp::from_unix(7)).unwrap();
    auto.save(Some(digest), &record("sk-1")).unwrap();

    assert_eq!(fs::read_to_string(place).unwrap(), "{");
    assert_eq!((stored(&auto), stored(&in_keyring)), (Some(text("sk-1")), Some(text("sk-1"))));
    assert!(!home.auth_file().exists());
}

#[test]
fn c_44_signing_out_empties_both_places() {
    let ((_folder, home), keyring) = (home(), Keyring::unlocked());
    let (auto, file, in_keyring) = stores(&home, &keyring);
    in_keyring.save(None, &issued_at(1)).unwrap();
    put(&home.auth_file(), issued_at(2).to_text());

    auto.remove(digest(&auto).unwrap()).unwrap();

    assert!(is_empty(&auto) && is_empty(&file) && is_empty(&in_keyring));
}

#[test]
fn c_39_what_others_noted_in_the_state_file_stays() {
    let ((_folder, home), keyring) = (home(), Keyring::bus_alone());
    let (auto, _, _) = stores(&home, &keyring);
    let state = home.own_folder().join("state.json");
    put(&state, r#"{"trouble":{"failures":2},"later":[1.50]}"#);

    let saved = auto.save(None, &record("sk-1")).unwrap();
    auto.remove(saved).unwrap();

    let text = fs::read_to_string(state).unwrap();
    let known: serde_json::Value = serde_json::from_str(&text).unwrap();
    let expected = serde_json::json!({
        "trouble": { "failures": 2 },
        "later": [1.5],
        "locations": { "file": { "digest": null, "generation": 2 } },
    });
    assert_eq!(known, expected);
}

//! `auto`: one of two places has the say, and a keyring that failed is never forgotten.

use crate::fixture::{digest, home, is_empty, put, record, stored, text};
use crate::keyring_daemon::Keyring;
use keyfob_client::store::{AutoStore, CredentialStore as _, KeyringStore, Location, Slot, StoreError};
use keyfob_client::{FileStore, Home};
use keyfob_codex::auth_file::{AccountTokens, AuthFile, Provenance};
use keyfob_oauth::{AccessToken, ClientId, IdToken, IssuerUrl, RefreshToken, Timestamp};
use sha2::{Digest as _, Sha256};
use std::fs;

/// A login whose access token says `{"iat":1}`, `{"iat":2}` or `{"iat":3}`.
fn issued_at(moment: u8) -> AuthFile {
    let payload = match moment {
        1 => "eyJpYXQiOjF9",
        2 => "eyJpYXQiOjJ9",
        _ => "eyJpYXQiOjN9",
    };
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

/// What the note says of a place.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Noted {
    Nothing,
    /// What it holds.
    This,
    /// Something else.
    Other,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

/// Notes both places: what each holds, and the number of its last writing.
fn note(home: &Home, file: (Noted, u64, String), keyring: (Noted, u64, String)) {
    let mut places = serde_json::Map::new();
    for (name, (noted, generation, document)) in [("file", file), ("keyring", keyring)] {
        let digest = match noted {
            Noted::Nothing => continue,
            Noted::This => hex(&Sha256::digest(document)),
            Noted::Other => "of something else".to_owned(),
        };
        places.insert(name.into(), serde_json::json!({ "digest": digest, "generation": generation }));
    }
    put(&home.own_folder().join("state.json"), serde_json::json!({ "locations": places }).to_string());
}

#[test]
fn r_36_the_place_with_the_say_is_known_in_every_order_of_writings_and_tokens() {
    let ((_folder, home), keyring) = (home(), Keyring::unlocked());
    let (auto, _, in_keyring) = stores(&home, &keyring);
    let other = issued_at(2).to_line().replace("rt2", "another");
    let other = AuthFile::parse(other.as_bytes()).unwrap();
    in_keyring.save(None, &other).unwrap();
    let (in_file, in_the_keyring) = (Some("file"), Some("keyring"));
    let chosen = |file: &AuthFile| match auto.load() {
        Err(StoreError::Undecided(_)) => None,
        loaded => {
            let (_, record) = loaded.unwrap().record().unwrap().unwrap();
            Some(if record.to_line() == file.to_line() { "file" } else { "keyring" })
        }
    };

    for moment in 1..=3 {
        let file = issued_at(moment);
        put(&home.auth_file(), file.to_text());
        let by_age = [in_the_keyring, None, in_file][usize::from(moment) - 1];
        for of_file in 1..=3 {
            for of_keyring in 1..=3 {
                note(
                    &home,
                    (Noted::This, of_file, file.to_text()),
                    (Noted::This, of_keyring, other.to_line()),
                );
                let expected = if of_keyring > of_file { in_the_keyring } else { in_file };
                assert_eq!(chosen(&file), expected, "{of_file}, {of_keyring}, token {moment}");
            }
        }
        for of_file in [Noted::Nothing, Noted::This, Noted::Other] {
            for of_keyring in [Noted::Nothing, Noted::This, Noted::Other] {
                note(&home, (of_file, 1, file.to_text()), (of_keyring, 2, other.to_line()));
                let expected = match (of_file, of_keyring) {
                    (Noted::This, Noted::This | Noted::Other) => in_the_keyring,
                    (Noted::Other, Noted::This) => in_file,
                    (Noted::Nothing, _) | (_, Noted::Nothing) | (Noted::Other, Noted::Other) => by_age,
                };
                assert_eq!(chosen(&file), expected, "{of_file:?}, {of_keyring:?}, token {moment}");
            }
        }
    }
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

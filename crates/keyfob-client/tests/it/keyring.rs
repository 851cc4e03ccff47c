//! The keyring in every state in which people have one.

use crate::asking_service::{AskingService, Person};
use crate::fixture::{digest, home, is_empty, put, record, run_test, stored, text};
use crate::keyring_daemon::{Keyring, on_a_runtime};
use keyfob_client::Home;
use keyfob_client::store::{
    AutoStore, CredentialStore, FileStore, KeyringError, KeyringStore, Location, SessionBus, Slot, StoreError,
};
use keyfob_oauth::Timestamp;
use linux_keyutils::{KeyRing, KeyRingIdentifier};
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::time::{Duration, Instant};

fn username(store: &KeyringStore) -> String {
    let Location::Keyring(username) = store.location() else { panic!("a keyring") };
    username
}

/// Stores an entry as version 3 of the keyring library does, which is in the Codex CLI.
fn store_as_codex(keyring: &Keyring, username: &str, extra: &[&str], secret: &str) {
    let label = format!("--label={username}@Codex Auth:default (keyring v3.6.3)");
    let attributes = ["service", "Codex Auth", "username", username, "target", "default"];
    let all = [&["store", &label][..], &attributes, &["application", "rust-keyring"], extra].concat();
    assert_eq!(keyring.secret_tool(&all, secret), "");
}

#[test]
fn c_43_an_entry_of_the_codex_cli_is_found_and_updated_in_place() {
    let ((_folder, home), keyring) = (home(), Keyring::unlocked());
    let store = KeyringStore::new(home, keyring.bus());
    let line = record("sk-1").to_line();
    store_as_codex(&keyring, &username(&store), &[], &line);

    assert_eq!(stored(&store), Some(text("sk-1")));
    store.save(digest(&store), &record("sk-2")).unwrap();

    let lookup = ["lookup", "service", "Codex Auth", "username", &username(&store)];
    assert_eq!(keyring.secret_tool(&lookup, ""), record("sk-2").to_line());
}

/// gnome-keyring aborts when the request for a session overtakes its note of who asks.
#[test]
fn c_42_the_keyring_is_asked_no_more_than_it_takes_and_not_for_a_session_first() {
    let ((_folder, home), keyring) = (home(), Keyring::unlocked());
    KeyringStore::new(home.clone(), keyring.bus()).save(None, &record("sk-1")).unwrap();
    let store = KeyringStore::new(home, keyring.bus());
    let load = || assert!(matches!(store.load().unwrap(), Slot::Holds { .. }));

    assert_eq!(keyring.asked_by(load), ["Get", "OpenSession", "SearchItems", "GetSecret"]);
    assert_eq!(keyring.asked_by(load), ["Get", "SearchItems", "GetSecret"]);
}

#[test]
fn c_43_the_codex_cli_finds_what_we_store_and_other_entries_are_left_alone() {
    let ((_folder, home), keyring) = (home(), Keyring::unlocked());
    let store = KeyringStore::new(home, keyring.bus());
    store_as_codex(&keyring, "cli|0123456789abcdef", &[], "of another home");
    keyring.secret_tool(&["store", "--label=mail", "service", "mail", "username", "mia"], "hunter2");

    let saved = store.save(None, &record("sk-1")).unwrap();
    let name = username(&store);
    let found = keyring.secret_tool(
        &[
            "search",
            "service",
            "Codex Auth",
            "username",
            &name,
            "target",
            "default",
            "application",
            "rust-keyring",
        ],
        "",
    );
    assert!(found.contains(&format!("label = {name}@Codex Auth:default (keyring v3.6.3)")), "{found}");
    assert!(found.contains(&format!("secret = {}", record("sk-1").to_line())), "{found}");
    store.remove(saved).unwrap();

    let lookup = |arguments: [&str; 4]| keyring.secret_tool(&[&["lookup"][..], &arguments].concat(), "");
    assert_eq!(lookup(["service", "Codex Auth", "username", &name]), "");
    assert_eq!(lookup(["service", "Codex Auth", "username", "cli|0123456789abcdef"]), "of another home");
    assert_eq!(lookup(["service", "mail", "username", "mia"]), "hunter2");
}

#[test]
fn c_43_homes_share_an_entry_only_if_they_are_one() {
    let (folder, home) = home();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(home.path(), &link).unwrap();
    let upper = Home::new(folder.path().join("HOME"));
    upper.make().unwrap();
    let name = |home: Home| username(&KeyringStore::new(home, SessionBus::new("unix:path=/nowhere")));

    assert_eq!(name(Home::new(link)), name(home.clone()));
    assert_ne!(name(upper), name(home));
}

#[test]
fn s_11_saving_to_the_keyring_removes_the_copy_in_the_file() {
    let ((_folder, home), keyring) = (home(), Keyring::unlocked());
    put(&home.auth_file(), text("sk-0"));
    let store = KeyringStore::new(home.clone(), keyring.bus());
    assert!(is_empty(&store));

    store.save(None, &record("sk-1")).unwrap();

    assert!(!home.auth_file().exists());
}

#[test]
fn d_14_a_login_of_another_kind_in_the_file_stays() {
    let ((_folder, home), keyring) = (home(), Keyring::unlocked());
    let foreign = r#"{"OPENAI_API_KEY":null,"personal_access_token":"at-1"}"#;
    put(&home.auth_file(), foreign);
    let store = KeyringStore::new(home.clone(), keyring.bus());

    let saved = store.save(None, &record("sk-1")).unwrap();
    store.remove(saved).unwrap();

    assert_eq!(std::fs::read_to_string(home.auth_file()).unwrap(), foreign);
}

#[test]
fn c_42_without_a_bus_a_service_or_a_keyring_there_is_none_and_it_is_said_at_once() {
    let (_folder, home) = home();
    let nowhere = SessionBus::new("unix:path=/nowhere/bus");
    let (nobody, headless) = (Keyring::bus_alone(), Keyring::without_collection());

    for bus in [nowhere, nobody.bus()] {
        let store = KeyringStore::new(home.clone(), bus);
        assert!(matches!(store.load(), Err(StoreError::Keyring(KeyringError::Unavailable(_)))));
        assert!(matches!(store.prepare(), Err(StoreError::Keyring(KeyringError::Unavailable(_)))));
    }
    // The daemon alone answers reads as if nothing were stored, so that only a write tells.
    let store = KeyringStore::new(home, headless.bus());
    assert!(is_empty(&store));
    assert!(matches!(store.prepare(), Err(StoreError::Keyring(KeyringError::Unavailable(_)))));
    assert!(matches!(
        store.save(None, &record("sk-1")),
        Err(StoreError::Keyring(KeyringError::Unavailable(_)))
    ));
}

#[test]
fn c_42_a_locked_keyring_is_told_from_an_absent_one() {
    let ((_folder, home), mut keyring) = (home(), Keyring::unlocked());
    let store = KeyringStore::new(home, keyring.bus());
    store.save(None, &record("sk-1")).unwrap();
    keyring.lock();

    let load = store.load();
    let prepare = store.prepare();

    assert!(matches!(load, Err(StoreError::Keyring(KeyringError::Locked(_)))), "{load:?}");
    assert!(matches!(prepare, Err(StoreError::Keyring(KeyringError::Locked(_)))), "{prepare:?}");
    keyring.stop_daemon();
    keyring.restart();
    assert_eq!(stored(&store), Some(text("sk-1")));
}

#[test]
fn c_42_what_the_keyring_asks_its_owner_is_waited_for() {
    let ((_folder, home), keyring) = (home(), Keyring::bus_alone());
    let _service = AskingService::start(keyring.address(), Person::Agrees);
    let store = KeyringStore::new(home, keyring.bus());

    store.prepare().unwrap();
    let digest = store.save(None, &record("sk-1")).unwrap();

    assert_eq!(stored(&store), Some(text("sk-1")));
    store.remove(digest).unwrap();
    assert_eq!(stored(&store), None);
}

#[test]
fn c_42_a_keyring_whose_owner_refuses_is_locked() {
    let ((_folder, home), keyring) = (home(), Keyring::bus_alone());
    let _service = AskingService::start(keyring.address(), Person::Refuses);
    let store = KeyringStore::new(home, keyring.bus());

    let (prepare, save) = (store.prepare(), store.save(None, &record("sk-1")));

    assert!(matches!(prepare, Err(StoreError::Keyring(KeyringError::Locked(_)))), "{prepare:?}");
    assert!(matches!(save, Err(StoreError::Keyring(KeyringError::Locked(_)))), "{save:?}");
}

#[test]
fn c_42_two_entries_of_one_name_are_never_guessed_between() {
    let ((_folder, home), keyring) = (home(), Keyring::unlocked());
    let store = KeyringStore::new(home, keyring.bus());
    let name = username(&store);
    store_as_codex(&keyring, &name, &["copy", "1"], &record("sk-1").to_line());
    store_as_codex(&keyring, &name, &["copy", "2"], &record("sk-2").to_line());

    assert!(matches!(store.load(), Err(StoreError::Keyring(KeyringError::Ambiguous(2, _)))));
    assert!(matches!(
        store.save(None, &record("sk-3")),
        Err(StoreError::Keyring(KeyringError::Ambiguous(2, _)))
    ));
}

#[test]
fn c_44_a_keyring_that_deletes_nothing_is_named_and_the_file_goes_all_the_same() {
    let ((_folder, home), keyring) = (home(), Keyring::that_keeps_everything());
    let store = KeyringStore::new(home.clone(), keyring.bus());
    let saved = store.save(None, &record("sk-1")).unwrap();
    put(&home.auth_file(), text("sk-1"));

    let removed = store.remove(saved);

    let Err(StoreError::NotRemoved { location, source: KeyringError::Locked(_) }) = removed else {
        panic!("{removed:?}")
    };
    assert_eq!(location, store.location());
    assert!(!home.auth_file().exists());
    assert_eq!(stored(&store), Some(text("sk-1")));
}

#[test]
fn c_42_a_bus_that_never_answers_costs_five_seconds() {
    let (folder, home) = home();
    let path = folder.path().join("silent");
    // The kernel accepts for it; nobody ever reads.
    let _listener = UnixListener::bind(&path).unwrap();
    let store = KeyringStore::new(home, SessionBus::new(format!("unix:path={}", path.display())));
    let began = Instant::now();

    assert!(matches!(store.load(), Err(StoreError::Keyring(KeyringError::TimedOut))));
    assert!((Duration::from_secs(5)..Duration::from_secs(8)).contains(&began.elapsed()));
}

#[test]
fn c_42_a_service_that_never_answers_costs_five_seconds_even_inside_a_runtime() {
    let ((_folder, home), keyring) = (home(), Keyring::bus_alone());
    let store = KeyringStore::new(home, keyring.bus());

    let result = on_a_runtime(async {
        let silent = zbus::connection::Builder::address(keyring.address()).unwrap().build().await.unwrap();
        silent.request_name("org.freedesktop.secrets").await.unwrap();
        // Called where it must not be: it is served all the same.
        store.load()
    });

    assert!(matches!(result, Err(StoreError::Keyring(KeyringError::TimedOut))), "{result:?}");
}

#[test]
fn c_62_what_waits_after_signing_out_is_kept_by_a_keyring_and_by_nothing_else() {
    let ((_folder, home), keyring) = (home(), Keyring::unlocked());
    let nowhere = SessionBus::new("unix:path=/nowhere/bus");
    let with = KeyringStore::new(home.clone(), keyring.bus());
    let auto = AutoStore::new(home.clone(), keyring.bus());
    let without: [&dyn CredentialStore; 2] =
        [&FileStore::new(home.clone()), &AutoStore::new(home.clone(), nowhere)];

    for store in without {
        assert!(!store.keep_waiting(Some(b"a token")).unwrap(), "{store:?}");
        assert_eq!(store.waiting().unwrap(), None, "{store:?}");
    }
    assert!(with.keep_waiting(Some(b"a token")).unwrap());
    let saved = with.save(None, &record("sk-1")).unwrap();
    with.forget().unwrap();
    with.remove(saved).unwrap();
    assert_eq!(with.waiting().unwrap().as_deref(), Some(&b"a token"[..]));
    assert_eq!(auto.waiting().unwrap().as_deref(), Some(&b"a token"[..]));
    assert!(auto.keep_waiting(None).unwrap());
    assert_eq!(with.waiting().unwrap(), None);
}

#[test]
fn c_38_a_damaged_entry_is_told_from_an_absent_one() {
    let ((_folder, home), keyring) = (home(), Keyring::unlocked());
    let store = KeyringStore::new(home, keyring.bus());
    store_as_codex(&keyring, &username(&store), &[], "{\"auth_mode\":");

    let Slot::Corrupt { digest, bytes, .. } = store.load().unwrap() else { panic!("damage") };
    let error = store.load().unwrap().record().unwrap_err();
    let place = store.set_aside(&bytes, Timestamp::from_unix(7)).unwrap();
    store.save(Some(digest), &record("sk-1")).unwrap();

    let told = format!("the login in keyring (Codex Auth, {}) is damaged", username(&store));
    assert_eq!(error.to_string(), told);
    assert_eq!(place, format!("keyring (Keyfob, {}, corrupt-7)", username(&store)));
    let lookup = ["lookup", "service", "Keyfob", "username", &username(&store), "kind", "corrupt-7"];
    assert_eq!(keyring.secret_tool(&lookup, ""), "{\"auth_mode\":");
    store.forget().unwrap();
    assert_eq!(keyring.secret_tool(&lookup, ""), "");
    assert_eq!(stored(&store), Some(text("sk-1")));
}

/// Set in the run that has a session keyring of the kernel to itself.
const IN_SESSION: &str = "KEYFOB_TEST_IN_SESSION";

#[test]
#[expect(clippy::disallowed_methods, reason = "a second run of the test is told by its environment")]
fn c_43_the_kernels_copy_which_the_codex_cli_reads_first_goes_with_what_it_is_a_copy_of() {
    if std::env::var_os(IN_SESSION).is_none() {
        let mut keyctl = Command::new("keyctl");
        keyctl.args(["session", "-"]).env(IN_SESSION, "yes");
        return run_test(
            keyctl,
            "keyring::c_43_the_kernels_copy_which_the_codex_cli_reads_first_goes_with_what_it_is_a_copy_of",
        );
    }
    let ((_folder, home), keyring) = (home(), Keyring::unlocked());
    let store = KeyringStore::new(home, keyring.bus());
    let session = KeyRing::from_special_id(KeyRingIdentifier::Session, false).unwrap();
    let description = format!("keyring-rs:{}@Codex Auth", username(&store));

    let first = store.save(None, &record("sk-1")).unwrap();
    assert!(session.search(&description).is_err());
    session.add_key(&description, "what the Codex CLI read last").unwrap();
    let second = store.save(Some(first), &record("sk-2")).unwrap();
    assert!(session.search(&description).is_err());

    session.add_key(&description, "what it read then").unwrap();
    store.remove(second).unwrap();
    assert!(session.search(&description).is_err());
}

/// Not root, whose keys are not counted; known to the system, as D-Bus wants it.
const USER: &str = "nobody";

#[test]
#[expect(clippy::disallowed_methods, reason = "a second run of the test is told by its environment")]
fn c_43_a_user_who_may_have_no_more_kernel_keys_keeps_the_login_in_the_keyring() {
    if std::env::var_os(IN_SESSION).is_none() {
        let mut user = Command::new("setpriv");
        user.args(["--reuid", USER, "--clear-groups", "keyctl", "session", "-"]);
        user.env(IN_SESSION, "yes");
        return run_test(
            user,
            "keyring::c_43_a_user_who_may_have_no_more_kernel_keys_keeps_the_login_in_the_keyring",
        );
    }
    let ((_folder, home), keyring) = (home(), Keyring::unlocked());
    let store = KeyringStore::new(home, keyring.bus());
    let session = KeyRing::from_special_id(KeyRingIdentifier::Session, false).unwrap();
    let description = format!("keyring-rs:{}@Codex Auth", username(&store));
    let first = store.save(None, &record("sk-1")).unwrap();
    session.add_key(&description, "what the Codex CLI read last").unwrap();
    let count =
        (0..1000).take_while(|number| session.add_key(&format!("filler {number}"), "x").is_ok()).count();

    let second = store.save(Some(first), &record("sk-2")).unwrap();

    assert!((10..1000).contains(&count), "{count}");
    assert_eq!(stored(&store), Some(text("sk-2")));
    assert!(session.search(&description).is_err());
    store.remove(second).unwrap();
    assert!(is_empty(&store));
}

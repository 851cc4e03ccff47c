//! Logins side by side in a real keyring.

use crate::fixture::{digest, home, put, record, stored, text};
use crate::keyring_daemon::{Keyring, on_a_runtime};
use keyfob_client::Network;
use keyfob_client::logins::Logins;
use keyfob_client::logout::Ends;
use keyfob_client::store::StoreError;
use keyfob_client::{Location, SystemClock};
use keyfob_codex::config::CredentialsStore;
use keyfob_settings::logins::Which;
use std::fs;
use std::sync::Arc;

fn which(name: &str) -> Which {
    Which::parse(name).unwrap()
}

/// Stores a key as each of these logins.
fn keep(logins: &Logins, names: &[&str]) {
    for name in names {
        let store = logins.store(&which(name));
        store.home().make().unwrap();
        store.blocking().save(None, &record(&format!("sk-{name}"))).unwrap();
    }
}

fn stored_as(logins: &Logins, name: &str) -> Option<String> {
    stored(logins.store(&which(name)).blocking())
}

#[test]
fn d_14_in_the_keyring_each_login_has_an_entry_of_its_own_and_no_folder_holds_a_secret() {
    for kind in [CredentialsStore::Keyring, CredentialsStore::Auto] {
        let ((folder, home), keyring) = (home(), Keyring::unlocked());
        let logins = Logins::new(home, kind, keyring.bus(), Network::default(), Arc::default());

        keep(&logins, &["shared", "ada", "ben"]);
        let entry = |name: &str| match logins.store(&which(name)).blocking().location() {
            Location::Keyring(username) => username,
            other => panic!("{other} is no keyring"),
        };

        let entries = ["shared", "ada", "ben"].map(entry);
        assert!(
            entries[0] != entries[1] && entries[1] != entries[2] && entries[0] != entries[2],
            "{entries:?}"
        );
        for (name, entry) in ["shared", "ada", "ben"].into_iter().zip(&entries) {
            let lookup = ["lookup", "service", "Codex Auth", "username", entry];
            assert_eq!(keyring.secret_tool(&lookup, ""), record(&format!("sk-{name}")).to_line());
        }
        let found = std::process::Command::new("grep").args(["-r", "-l", "sk-"]).arg(folder.path()).output();
        assert_eq!(found.unwrap().stdout, b"");
    }
}

#[test]
fn d_14_a_login_in_the_keyring_is_changed_and_removed_without_the_others() {
    let ((_folder, home), keyring) = (home(), Keyring::unlocked());
    let logins =
        Logins::new(home, CredentialsStore::Keyring, keyring.bus(), Network::default(), Arc::default());
    keep(&logins, &["shared", "ada", "ben"]);
    let ada = logins.store(&which("ada"));

    ada.blocking().save(digest(ada.blocking()), &record("sk-2")).unwrap();
    assert_eq!(stored_as(&logins, "ada"), Some(text("sk-2")));
    on_a_runtime(logins.remove(&which("ada"), Ends::Anything, &SystemClock)).unwrap();

    assert_eq!(stored_as(&logins, "ada"), None);
    assert_eq!(stored_as(&logins, "shared"), Some(text("sk-shared")));
    assert_eq!(stored_as(&logins, "ben"), Some(text("sk-ben")));
    let listed: Vec<String> = logins.list().unwrap().iter().map(|entry| entry.login.to_string()).collect();
    assert_eq!(listed, ["shared", "ben"]);
    assert!(!ada.home().path().exists());
}

#[test]
fn c_41_a_keyring_that_is_lost_is_said_for_each_login_and_no_file_takes_its_place() {
    let ((_folder, home), mut keyring) = (home(), Keyring::unlocked());
    let logins = Logins::new(home, CredentialsStore::Auto, keyring.bus(), Network::default(), Arc::default());
    keep(&logins, &["ada"]);
    let ada = logins.store(&which("ada"));
    put(&ada.home().auth_file(), text("sk-older"));

    keyring.stop_daemon();

    assert!(matches!(ada.blocking().load(), Err(StoreError::KeyringLost(_))));
    assert_eq!(fs::read_to_string(ada.home().auth_file()).unwrap(), text("sk-older"));
}

//! Logins in files: names, places and what a removal leaves.

use super::*;
use crate::clock::SystemClock;
use crate::network::Network;
use keyfob_codex::auth_file::{AccountTokens, AuthFile, Provenance};
use keyfob_jose::{SigningKey, TokenType};
use keyfob_oauth::{AccessToken, ClientId, IdToken};
use serde_json::json;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

fn logins(folder: &Path) -> Logins {
    let bus = SessionBus::new("unix:path=/nonexistent");
    Logins::new(
        Home::new(folder.join("home")),
        CredentialsStore::File,
        bus,
        Network::default(),
        Arc::default(),
    )
}

fn issuer(host: &str) -> IssuerUrl {
    IssuerUrl::parse(&format!("https://{host}")).unwrap()
}

fn account(subject: &str, workspace: &str) -> Account {
    let claims = json!({
        "sub": subject, "email": "Mia@example.org", "https://api.openai.com/auth": { "chatgpt_account_id": workspace },
    });
    Account::of_unverified(&IdToken::new(
        SigningKey::generate().unwrap().sign(TokenType::IdToken, &claims).unwrap(),
    ))
}

/// Stores a login that cannot be ended at its issuer.
fn keep(logins: &Logins, which: &str, host: &str, account: &Account) {
    let claims = json!({
        "sub": account.subject, "email": account.email,
        "https://api.openai.com/auth": { "chatgpt_account_id": account.workspace },
    });
    let id_token = SigningKey::generate().unwrap().sign(TokenType::IdToken, &claims).unwrap();
    let tokens = AccountTokens {
        access_token: AccessToken::new("a"),
        refresh_token: None,
        id_token: IdToken::new(id_token),
        provenance: Some(Provenance { issuer: issuer(host), client_id: ClientId::new("app") }),
        account_id: None,
        last_refresh: None,
    };
    let store = logins.store(&Which::parse(which).unwrap());
    store.home().make().unwrap();
    store.blocking().save(None, &AuthFile::of_account(&tokens, "o")).unwrap();
}

fn listed(logins: &Logins) -> Vec<String> {
    logins.list().unwrap().iter().map(|entry| entry.login.to_string()).collect()
}

#[test]
fn c_31_a_login_beside_the_shared_one_has_a_private_place_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let logins = logins(folder.path());

    keep(&logins, "team", "id.test", &account("mia", "ws"));

    let root = folder.path().join("home");
    let mode = |path: &str| fs::metadata(root.join(path)).unwrap().permissions().mode() & 0o7777;
    let folders = ["", "keyfob", "keyfob/logins", "keyfob/logins/team"];
    assert_eq!(folders.map(mode), [0o700; 4]);
    assert_eq!(mode("keyfob/logins/team/auth.json"), 0o600);
    assert!(root.join("keyfob/CACHEDIR.TAG").exists(), "backups leave it out");
    assert!(!root.join("auth.json").exists());
}

#[test]
fn the_list_has_the_shared_login_first_and_no_place_without_a_login() {
    let folder = tempfile::tempdir().unwrap();
    let logins = logins(folder.path());
    assert_eq!(listed(&logins), <[&str; 0]>::default());
    for which in ["team", "shared", "home"] {
        keep(&logins, which, "id.test", &account(which, "ws"));
    }
    for other in ["left", "Not A Name"] {
        fs::create_dir(logins.home().logins_folder().join(other)).unwrap();
    }

    assert_eq!(listed(&logins), ["shared", "home", "team"]);
    let has = |name: &str| logins.has(&Which::parse(name).unwrap());
    assert_eq!([has("shared"), has("team"), has("play")], [true, true, false]);
}

#[test]
fn a_damaged_login_is_listed_with_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let logins = logins(folder.path());
    keep(&logins, "team", "id.test", &account("mia", "ws"));
    let path = logins.home().logins_folder().join("team/auth.json");
    io::Write::write_all(&mut fs::File::create(path).unwrap(), b"{").unwrap();

    let [entry] = <[Entry; 1]>::try_from(logins.list().unwrap()).unwrap();

    assert!(matches!(entry.status, Err(StoreError::Corrupt { .. })), "{entry:?}");
}

#[tokio::test]
async fn d_14_the_same_account_keeps_its_name_and_another_gets_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let logins = logins(folder.path());
    let name = async |host: &str, account: &Account| {
        logins.name_for(&issuer(host), account).await.unwrap().to_string()
    };
    let mia = account("mia", "ws");
    assert_eq!(name("id.test", &mia).await, "mia@example.org");

    keep(&logins, "shared", "id.test", &mia);
    assert_eq!(name("id.test", &mia).await, "mia@example.org", "the shared login has no name to give");
    keep(&logins, "mia@example.org", "id.test", &mia);
    keep(&logins, "team", "id.test", &account("mia", "ws-2"));

    assert_eq!(name("id.test", &mia).await, "mia@example.org");
    assert_eq!(name("id.test", &account("mia", "ws-2")).await, "team");
    assert_eq!(name("id.test", &account("other", "ws")).await, "mia@example.org-2");
    assert_eq!(
        name("other.test", &mia).await,
        "mia@example.org-2",
        "the same words at another issuer are somebody else"
    );
    keep(&logins, "mia@example.org-2", "other.test", &mia);
    assert_eq!(name("third.test", &mia).await, "mia@example.org-3");
    let nobody = Account { email: None, ..account("x", "Team 7") };
    assert_eq!(name("id.test", &nobody).await, "team-7");
}

#[tokio::test]
async fn removing_a_login_leaves_nothing_of_it_and_the_others_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let logins = logins(folder.path());
    for which in ["shared", "home", "team"] {
        keep(&logins, which, "id.test", &account(which, "ws"));
    }
    let read = |path: &str| fs::read(folder.path().join("home").join(path)).unwrap();
    let before = [read("auth.json"), read("keyfob/logins/home/auth.json")];

    let removed = logins
        .remove(&Which::parse("team").unwrap(), Ends::of_issuers(Vec::new()), &SystemClock)
        .await
        .unwrap();

    assert!(matches!(removed, SignedOut::Removed(_)), "{removed:?}");
    assert_eq!(logins.names().unwrap(), [LoginName::parse("home").unwrap()]);
    assert_eq!([read("auth.json"), read("keyfob/logins/home/auth.json")], before);
    assert!(!logins.has(&Which::parse("team").unwrap()));
}

#[test]
fn c_43_a_login_has_the_same_keyring_entry_before_and_after_its_folder_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().join("real");
    fs::create_dir(&real).unwrap();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let entry = |root: &Path| {
        let logins = Logins::new(
            Home::new(root.to_owned()),
            CredentialsStore::Keyring,
            SessionBus::new("unix:path=/nonexistent"),
            Network::default(),
            Arc::default(),
        );
        logins.store(&Which::parse("team").unwrap()).blocking().location()
    };

    let before = entry(&link);
    fs::create_dir_all(real.join("keyfob/logins/team")).unwrap();

    assert_eq!(entry(&link), before);
    assert_eq!(entry(&real), before, "however the home was named");
}

//! The file, on a real disk.
#![expect(clippy::disallowed_methods, reason = "a test puts files in place")]

use super::*;

const FIRST: &str = r#"{"auth_mode":"apikey","OPENAI_API_KEY":"sk-1"}"#;

fn record(text: &str) -> AuthFile {
    AuthFile::parse(text.as_bytes()).unwrap()
}

fn store() -> (tempfile::TempDir, FileStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(Home::new(folder.path().join("home")));
    store.home.make().unwrap();
    (folder, store)
}

fn files(store: &FileStore) -> Vec<String> {
    let entries = fs::read_dir(store.home.path()).unwrap();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn c_31_a_login_is_replaced_whole_and_leaves_nothing_beside_it() {
    let (_folder, store) = store();

    let first = store.save(None, &record(FIRST)).unwrap();
    let second = record(&FIRST.replace("sk-1", "sk-2"));
    store.save(Some(first), &second).unwrap();

    assert_eq!(fs::read_to_string(store.home.auth_file()).unwrap(), second.to_text());
    assert_eq!(files(&store), ["auth.json", "auth.json.lock", "auth.lock", "keyfob"]);
}

#[test]
fn nobodys_newer_login_is_overwritten_or_removed() {
    let (_folder, store) = store();
    fs::write(store.home.auth_file(), FIRST).unwrap();
    let stale = Digest::of(b"what was read before");

    let saved = store.save(Some(stale), &record(FIRST));
    let created = store.save(None, &record(FIRST));
    let removed = store.remove(stale);

    assert!(matches!(saved, Err(StoreError::Changed)));
    assert!(matches!(created, Err(StoreError::Changed)));
    assert!(matches!(removed, Err(StoreError::Changed)));
    assert_eq!(fs::read_to_string(store.home.auth_file()).unwrap(), FIRST);
    assert_eq!(files(&store), ["auth.json", "auth.json.lock", "auth.lock", "keyfob"]);
}

#[test]
fn codex_defect_22_c_35_a_link_is_followed_and_kept_and_logout_removes_both_ends() {
    let (folder, store) = store();
    let target = folder.path().join("dotfiles.json");
    fs::write(&target, FIRST).unwrap();
    std::os::unix::fs::symlink(&target, store.home.auth_file()).unwrap();

    let second = record(&FIRST.replace("sk-1", "sk-2"));
    let digest = store.save(Some(Digest::of(FIRST.as_bytes())), &second).unwrap();
    assert!(fs::symlink_metadata(store.home.auth_file()).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&target).unwrap(), second.to_text());

    store.remove(digest).unwrap();
    assert!(!target.exists());
    assert!(fs::symlink_metadata(store.home.auth_file()).is_err());
}

#[test]
fn c_37_what_is_no_file_is_an_error_at_once() {
    let (_folder, store) = store();
    fs::create_dir(store.home.auth_file()).unwrap();
    assert!(matches!(store.load(), Err(StoreError::NotAFile(_))));

    fs::remove_dir(store.home.auth_file()).unwrap();
    rustix::fs::mknodat(CWD, store.home.auth_file(), rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    assert!(matches!(store.load(), Err(StoreError::NotAFile(_))));
}

#[test]
fn c_38_a_damaged_login_is_told_from_an_absent_one() {
    let (_folder, store) = store();
    assert!(matches!(store.load().unwrap(), Slot::Empty));

    fs::write(store.home.auth_file(), "{\"auth_mode\":").unwrap();
    let Slot::Corrupt { digest, location, .. } = store.load().unwrap() else { panic!("damaged") };
    assert_eq!((digest, location), (Digest::of(b"{\"auth_mode\":"), store.location()));
}

#[test]
fn codex_defect_25_what_a_killed_writer_left_is_removed_by_the_next() {
    let (_folder, store) = store();
    fs::write(store.home.path().join(".keyfob-auth-x1y2z3"), "secret").unwrap();

    store.save(None, &record(FIRST)).unwrap();

    assert_eq!(files(&store), ["auth.json", "auth.json.lock", "auth.lock", "keyfob"]);
}

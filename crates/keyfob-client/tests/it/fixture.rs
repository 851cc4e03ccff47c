//! Homes and documents.

use keyfob_client::Home;
use keyfob_client::store::{CredentialStore, Digest, Slot};
use keyfob_codex::auth_file::AuthFile;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// A home in a folder that goes when the test ends.
pub(crate) fn home() -> (TempDir, Home) {
    let folder = tempfile::tempdir().unwrap();
    // Whatever the umask of the run is.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let home = Home::new(folder.path().join("home"));
    home.make().unwrap();
    (folder, home)
}

/// A document with members that only other programs know.
pub(crate) fn text(key: &str) -> String {
    format!(
        "{{\n  \"later\": {{\n    \"b\": 1.50,\n    \"a\": [\n      1e400,\n      12345678901234567890123\n    ]\n  }},\n  \
         \"auth_mode\": \"apikey\",\n  \"OPENAI_API_KEY\": \"{key}\"\n}}"
    )
}

pub(crate) fn record(key: &str) -> AuthFile {
    AuthFile::parse(text(key).as_bytes()).unwrap()
}

/// The text that is stored, laid out as in a file.
pub(crate) fn stored(store: &dyn CredentialStore) -> Option<String> {
    let record = store.load().unwrap().record().unwrap().map(|(_, record)| record);
    let login = record.as_ref().map(AuthFile::login);
    assert_eq!(store.login().unwrap(), login, "who only looks sees the same");
    Some(record?.to_text())
}

pub(crate) fn digest(store: &dyn CredentialStore) -> Option<Digest> {
    store.load().unwrap().digest()
}

pub(crate) fn is_empty(store: &dyn CredentialStore) -> bool {
    matches!(store.load().unwrap(), Slot::Empty)
}

/// Puts bytes where another program would, not as a store does.
pub(crate) fn put(path: &Path, bytes: impl AsRef<[u8]>) {
    fs::File::create(path).unwrap().write_all(bytes.as_ref()).unwrap();
}

/// A run of one test of this program, by `command`, which gets the program and its arguments at its end.
pub(crate) fn run_test(mut command: Command, name: &str) {
    let output = command.arg(std::env::current_exe().unwrap()).args(["--exact", name]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
}

//! `state.json`: what the processes of a home note for one another (design D15).
//!
//! Each note is a member with an owner of its own; the others stay as they are, byte for byte.

use crate::home::Home;
use crate::store::StoreError;
use keyfob_codex::members::Members;
use serde::Serialize;
use serde_json::Value;
use std::fs::Permissions;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Reads the member `name`; what is missing or cannot be read is not known.
pub(crate) fn read(home: &Home, name: &str) -> Option<Value> {
    document(&home.state_file()).ok()?.read(name)
}

/// As [`read`], where not knowing is not the same as there being nothing.
pub(crate) fn require(home: &Home, name: &str) -> Result<Option<Value>, StoreError> {
    let path = home.state_file();
    Ok(document(&path).map_err(|source| StoreError::Read { path, source })?.read(name))
}

/// Puts `value` in the place of the member `name`.
///
/// Called under the refresh lock.
pub(crate) fn write(home: &Home, name: &str, value: &impl Serialize) -> Result<(), StoreError> {
    update(home, |document| document.set(name, value))
}

/// Removes the member `name`.
///
/// Called under the refresh lock.
pub(crate) fn remove(home: &Home, name: &str) -> Result<(), StoreError> {
    update(home, |document| document.remove(name))
}

fn update(home: &Home, change: impl FnOnce(&mut Members)) -> Result<(), StoreError> {
    let path = home.state_file();
    let problem = |source| StoreError::Write { path: path.clone(), source };
    let mut document = document(&path).map_err(problem)?;
    change(&mut document);
    replace(&path, &document).map_err(problem)
}

/// A damaged document counts as empty: nothing in it is needed to stay signed in.
fn document(path: &Path) -> io::Result<Members> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_default()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Members::default()),
        Err(error) => Err(error),
    }
}

fn replace(path: &Path, document: &Members) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut file = tempfile::Builder::new()
        .prefix(".state-")
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(folder)?;
    serde_json::to_writer_pretty(&mut file, document)?;
    file.write_all(b"\n")?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn home_with(text: &str) -> (tempfile::TempDir, Home) {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().join("home"));
        home.make().unwrap();
        std::fs::File::create(home.state_file()).unwrap().write_all(text.as_bytes()).unwrap();
        (folder, home)
    }

    fn text(home: &Home) -> String {
        std::fs::read_to_string(home.state_file()).unwrap()
    }

    #[test]
    fn c_39_other_notes_stay_byte_for_byte_and_in_their_order() {
        let later = r#"{"b": 1.50,  "a":[1e400, 12345678901234567890123]}"#;
        let (_folder, home) = home_with(&format!("{{\"later\":{later},\"mine\":1,\"after\":-0.0}}"));

        write(&home, "mine", &json!({ "x": 2 })).unwrap();
        assert_eq!(read(&home, "mine"), Some(json!({ "x": 2 })));
        let changed = "{\n  \"later\": LATER,\n  \"mine\": {\"x\":2},\n  \"after\": -0.0\n}\n";
        assert_eq!(text(&home), changed.replace("LATER", later));
        remove(&home, "mine").unwrap();

        let removed = "{\n  \"later\": LATER,\n  \"after\": -0.0\n}\n";
        assert_eq!((read(&home, "mine"), text(&home)), (None, removed.replace("LATER", later)));
    }

    #[test]
    fn a_damaged_file_is_no_reason_to_stop() {
        let (_folder, home) = home_with("{\"mine\":");
        assert_eq!(read(&home, "mine"), None);

        write(&home, "mine", &7).unwrap();

        assert_eq!(text(&home), "{\n  \"mine\": 7\n}\n");
        let mode = std::fs::metadata(home.state_file()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

//! Where the login was last seen: the member `locations` of `state.json` (design D15).

use super::{Digest, StoreError};
use crate::home::Home;
use serde_json::{Map, Value, json};
use std::fs::Permissions;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// What each place held when a login was last written, and the number of that writing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Locations {
    pub(super) file: Option<Seen>,
    pub(super) keyring: Option<Seen>,
}

/// One place as it was left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// In hexadecimal; nothing when the place was left empty.
    pub(super) digest: Option<String>,
    /// The highest number is of the place that was written last.
    pub(super) generation: u64,
}

const MEMBER: &str = "locations";

impl Seen {
    pub(super) fn new(digest: Option<Digest>, generation: u64) -> Self {
        Self { digest: digest.map(Digest::to_hex), generation }
    }

    /// Whether the place holds what it was left with.
    pub(super) fn still(&self, digest: Option<Digest>) -> bool {
        self.digest == digest.map(Digest::to_hex)
    }
}

impl Locations {
    /// Reads what is known in `home`; what cannot be read is not known.
    pub(super) fn read(home: &Home) -> Self {
        let Ok(document) = document(&home.state_file()) else { return Self::default() };
        let seen = |place: &str| {
            let seen = document.get(MEMBER)?.get(place)?;
            let generation = seen.get("generation")?.as_u64()?;
            Some(Seen { digest: seen.get("digest")?.as_str().map(str::to_owned), generation })
        };
        Self { file: seen("file"), keyring: seen("keyring") }
    }

    /// Replaces what is known in `home`; the other members of the document stay.
    ///
    /// Called under the refresh lock.
    pub(super) fn write(&self, home: &Home) -> Result<(), StoreError> {
        let path = home.state_file();
        let problem = |source| StoreError::Write { path: path.clone(), source };
        let mut document = document(&path).map_err(problem)?;
        let mut places = Map::new();
        for (name, seen) in [("file", &self.file), ("keyring", &self.keyring)] {
            if let Some(Seen { digest, generation }) = seen {
                places.insert(name.into(), json!({ "digest": digest, "generation": generation }));
            }
        }
        document.insert(MEMBER.into(), Value::Object(places));
        replace(&path, &document).map_err(problem)
    }

    /// Returns the number of the next writing.
    pub(super) fn next_generation(&self) -> u64 {
        [&self.file, &self.keyring].into_iter().flatten().map(|seen| seen.generation).max().unwrap_or(0) + 1
    }

    /// Whether the keyring is where the login was last written.
    pub(super) fn keyring_holds(&self) -> bool {
        let generation = |seen: &Option<Seen>| seen.as_ref().map_or(0, |seen| seen.generation);
        self.keyring.as_ref().is_some_and(|seen| seen.digest.is_some())
            && generation(&self.keyring) > generation(&self.file)
    }
}

/// A damaged document counts as empty: nothing in it is needed to stay signed in.
fn document(path: &Path) -> io::Result<Map<String, Value>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_default()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Map::new()),
        Err(error) => Err(error),
    }
}

fn replace(path: &Path, document: &Map<String, Value>) -> io::Result<()> {
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

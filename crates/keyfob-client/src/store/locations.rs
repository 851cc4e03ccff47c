//! Where the login was last seen: the member `locations` of `state.json` (design D15).

use super::{Digest, StoreError};
use crate::home::Home;
use crate::state;
use serde_json::{Map, json};

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
        let Some(places) = state::read(home, MEMBER) else { return Self::default() };
        let seen = |place: &str| {
            let seen = places.get(place)?;
            let generation = seen.get("generation")?.as_u64()?;
            Some(Seen { digest: seen.get("digest")?.as_str().map(str::to_owned), generation })
        };
        Self { file: seen("file"), keyring: seen("keyring") }
    }

    /// Replaces what is known in `home`.
    ///
    /// Called under the refresh lock.
    pub(super) fn write(&self, home: &Home) -> Result<(), StoreError> {
        let mut places = Map::new();
        for (name, seen) in [("file", &self.file), ("keyring", &self.keyring)] {
            if let Some(Seen { digest, generation }) = seen {
                places.insert(name.into(), json!({ "digest": digest, "generation": generation }));
            }
        }
        state::write(home, MEMBER, &places)
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

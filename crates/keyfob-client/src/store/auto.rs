//! The keyring where there is one, else the file; one of them has the say (security C-41).

use super::locations::{Locations, Seen};
use super::{
    CredentialStore, Damaged, Digest, FileStore, Keepsake, KeyringError, KeyringStore, Location, SessionBus,
    Slot, StoreError, same_issuer,
};
use crate::home::Home;
use keyfob_codex::auth_file::{AuthFile, Login};
use keyfob_jose::Lifetime;
use keyfob_oauth::Timestamp;
use std::sync::{Mutex, PoisonError};

/// The login in the keyring or in the file.
///
/// When both hold one, the place whose content changed since our last writing wins, then the later access token; if
/// neither tells, the person has to. A keyring that holds the login and fails is an error: an older copy in the file
/// would be a token that was already spent.
#[derive(Debug)]
pub struct AutoStore {
    home: Home,
    file: FileStore,
    keyring: KeyringStore,
    /// Why the last save went to the file, if the person has not been told before.
    notice: Mutex<Option<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    File,
    Keyring,
}

/// Both places as they are, and which has the say.
struct Found {
    file: Slot,
    keyring: Result<Slot, KeyringError>,
    chosen: Place,
}

impl Found {
    fn into_chosen(self) -> Slot {
        match (self.chosen, self.keyring) {
            (Place::Keyring, Ok(slot)) => slot,
            (Place::File | Place::Keyring, _) => self.file,
        }
    }

    fn chosen(&self) -> &Slot {
        match (self.chosen, &self.keyring) {
            (Place::Keyring, Ok(slot)) => slot,
            (Place::File | Place::Keyring, _) => &self.file,
        }
    }

    fn expect(self, expected: Option<Digest>) -> Result<Self, StoreError> {
        if self.chosen().digest() == expected { Ok(self) } else { Err(StoreError::Changed) }
    }
}

impl AutoStore {
    /// Uses the keyring behind `bus` and the file in `home`.
    pub fn new(home: Home, bus: SessionBus) -> Self {
        let file = FileStore::new(home.clone());
        let keyring = KeyringStore::new(home.clone(), bus);
        Self { home, file, keyring, notice: Mutex::new(None) }
    }

    fn find(&self, known: &Locations) -> Result<Found, StoreError> {
        let keyring = match self.keyring.load() {
            Ok(slot) => Ok(slot),
            Err(StoreError::Keyring(error)) if known.keyring_holds() => {
                return Err(StoreError::KeyringLost(error));
            }
            Err(StoreError::Keyring(error)) => Err(error),
            Err(other) => return Err(other),
        };
        let file = self.file.load()?;
        let chosen = match &keyring {
            Ok(keyring) => self.choose(known, &file, keyring)?,
            Err(_) => Place::File,
        };
        Ok(Found { file, keyring, chosen })
    }

    fn choose(&self, known: &Locations, file: &Slot, keyring: &Slot) -> Result<Place, StoreError> {
        match (file, keyring) {
            (Slot::Empty, _) => return Ok(Place::Keyring),
            (_, Slot::Empty) => return Ok(Place::File),
            (Slot::Holds { .. } | Slot::Corrupt { .. }, Slot::Holds { .. } | Slot::Corrupt { .. }) => {}
        }
        let still = |seen: &Option<Seen>, slot: &Slot| seen.as_ref().map(|seen| seen.still(slot.digest()));
        match (still(&known.file, file), still(&known.keyring, keyring)) {
            (Some(true), Some(true)) => {
                return Ok(if known.keyring_holds() { Place::Keyring } else { Place::File });
            }
            (Some(true), Some(false)) => return Ok(Place::Keyring),
            (Some(false), Some(true)) => return Ok(Place::File),
            (None, _) | (_, None) | (Some(false), Some(false)) => {}
        }
        match (issued(file), issued(keyring)) {
            (Some(file), Some(keyring)) if file > keyring => Ok(Place::File),
            (Some(file), Some(keyring)) if file < keyring => Ok(Place::Keyring),
            _ if same_document(file, keyring) => Ok(Place::Keyring),
            _ => Err(StoreError::Undecided(self.home.auth_file())),
        }
    }

    fn note(&self, file: Option<Seen>, keyring: Option<Seen>) {
        if let Err(error) = (Locations { file, keyring }).write(&self.home) {
            // The login is stored; without the note, the next reader decides by the tokens themselves.
            tracing::warn!(%error, "where the login is kept could not be noted");
        }
    }

    fn save_to_file(
        &self,
        known: &Locations,
        found: &Found,
        record: &AuthFile,
        why: &KeyringError,
    ) -> Result<Digest, StoreError> {
        let digest = self.file.save(found.file.digest(), record)?;
        let generation = known.next_generation();
        // What the keyring holds by now is older; it is known by what it held when it was last seen.
        let keyring = match &found.keyring {
            Ok(slot) => Some(Seen::new(slot.digest(), generation - 1)),
            Err(_) => known.keyring.clone(),
        };
        self.note(Some(Seen::new(Some(digest), generation)), keyring);
        if known.file.as_ref().is_none_or(|seen| seen.digest.is_none()) {
            let notice = format!("the login is kept in `{}`, because {why}", self.home.auth_file().display());
            *self.notice.lock().unwrap_or_else(PoisonError::into_inner) = Some(notice);
        }
        Ok(digest)
    }
}

impl CredentialStore for AutoStore {
    fn location(&self) -> Location {
        match self.find(&Locations::read(&self.home)) {
            Ok(Found { chosen: Place::File, .. }) => self.file.location(),
            Ok(Found { chosen: Place::Keyring, .. }) | Err(_) => self.keyring.location(),
        }
    }

    fn load(&self) -> Result<Slot, StoreError> {
        Ok(self.find(&Locations::read(&self.home))?.into_chosen())
    }

    fn prepare(&self) -> Result<(), StoreError> {
        match self.keyring.prepare() {
            Err(StoreError::Keyring(error)) if Locations::read(&self.home).keyring_holds() => {
                Err(StoreError::KeyringLost(error))
            }
            Err(StoreError::Keyring(_)) => self.file.prepare(),
            other => other,
        }
    }

    fn prepare_removal(&self) -> Result<(), StoreError> {
        self.file.prepare_removal()
    }

    fn save(&self, expected: Option<Digest>, record: &AuthFile) -> Result<Digest, StoreError> {
        let known = Locations::read(&self.home);
        let found = self.find(&known)?.expect(expected)?;
        let held = match &found.keyring {
            Ok(slot) => slot.digest(),
            Err(why) => return self.save_to_file(&known, &found, record, why),
        };
        match self.keyring.save(held, record) {
            Ok(digest) => {
                if let (Place::File, Slot::Corrupt { digest, .. }) = (found.chosen, &found.file) {
                    // Its copy was set aside: what is left of it would be a second login.
                    self.file.remove(*digest)?;
                }
                let left = self.file.load()?.digest();
                let generation = known.next_generation();
                self.note(Some(Seen::new(left, generation - 1)), Some(Seen::new(Some(digest), generation)));
                Ok(digest)
            }
            // The tokens may be all that is left of the login, so they are not dropped for want of a keyring.
            Err(StoreError::Keyring(why)) => self.save_to_file(&known, &found, record, &why),
            Err(other) => Err(other),
        }
    }

    fn remove(&self, expected: Digest) -> Result<(), StoreError> {
        let known = Locations::read(&self.home);
        let found = self.find(&known)?.expect(Some(expected))?;
        let removable = |slot: &Slot| match (slot, found.chosen()) {
            (Slot::Empty, _) => None,
            (Slot::Holds { digest, record }, Slot::Holds { record: chosen, .. }) => {
                same_issuer(record, chosen).then_some(*digest)
            }
            (slot, chosen) => slot.digest().filter(|digest| chosen.digest() == Some(*digest)),
        };
        let keyring = match &found.keyring {
            Ok(slot) => removable(slot).map_or(Ok(()), |digest| self.keyring.remove(digest)),
            Err(_) => Ok(()),
        };
        // Removing from the keyring may have removed the copy in the file.
        let file = match removable(&found.file).filter(|digest| self.holds_in_file(*digest)) {
            Some(digest) => self.file.remove(digest),
            None => Ok(()),
        };
        if keyring.is_ok() && file.is_ok() {
            let left = self.file.load()?.digest();
            let generation = known.next_generation();
            let emptied = found.keyring.is_ok().then(|| Seen::new(None, generation - 1));
            self.note(Some(Seen::new(left, generation)), emptied.or_else(|| known.keyring.clone()));
        }
        keyring.and(file)
    }

    fn kept(&self, what: Keepsake) -> Result<Option<Vec<u8>>, StoreError> {
        match self.keyring.kept(what) {
            Ok(Some(document)) => Ok(Some(document)),
            Ok(None) | Err(StoreError::Keyring(_)) => self.file.kept(what),
            Err(other) => Err(other),
        }
    }

    /// Where the login is, and only there.
    fn keep(&self, what: Keepsake, document: Option<&[u8]>) -> Result<(), StoreError> {
        let found = self.find(&Locations::read(&self.home))?;
        let (here, there): (&dyn CredentialStore, &dyn CredentialStore) = match found.chosen {
            Place::File => (&self.file, &self.keyring),
            Place::Keyring => (&self.keyring, &self.file),
        };
        here.keep(what, document)?;
        match there.keep(what, None) {
            // No keyring, nothing in it.
            Err(StoreError::Keyring(_)) => Ok(()),
            other => other,
        }
    }

    fn set_aside(&self, damaged: &Damaged, now: Timestamp) -> Result<String, StoreError> {
        match self.find(&Locations::read(&self.home))?.chosen {
            Place::File => self.file.set_aside(damaged, now),
            Place::Keyring => self.keyring.set_aside(damaged, now),
        }
    }

    fn forget(&self) -> Result<(), StoreError> {
        let keyring = match self.keyring.forget() {
            Err(StoreError::Keyring(_)) if !Locations::read(&self.home).keyring_holds() => Ok(()),
            other => other,
        };
        self.file.forget().and(keyring)
    }

    fn waiting(&self) -> Result<Option<Vec<u8>>, StoreError> {
        or_without(self.keyring.waiting(), None)
    }

    fn keep_waiting(&self, sessions: Option<&[u8]>) -> Result<bool, StoreError> {
        or_without(self.keyring.keep_waiting(sessions), false)
    }

    fn notice(&self) -> Option<String> {
        self.notice.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Returns `otherwise` where there is no keyring to use.
fn or_without<T>(result: Result<T, StoreError>, otherwise: T) -> Result<T, StoreError> {
    match result {
        Err(StoreError::Keyring(_)) => Ok(otherwise),
        other => other,
    }
}

impl AutoStore {
    fn holds_in_file(&self, digest: Digest) -> bool {
        self.file.load().is_ok_and(|slot| slot.digest() == Some(digest))
    }
}

/// When the access token was issued, as far as it says.
fn issued(slot: &Slot) -> Option<Timestamp> {
    let Slot::Holds { record, .. } = slot else { return None };
    let Login::Account(tokens) = record.login() else { return None };
    Lifetime::read_unverified(tokens.access_token.expose())?.issued
}

fn same_document(one: &Slot, other: &Slot) -> bool {
    match (one, other) {
        (Slot::Holds { record: one, .. }, Slot::Holds { record: other, .. }) => {
            one.to_line() == other.to_line()
        }
        (Slot::Empty | Slot::Corrupt { .. } | Slot::Holds { .. }, _) => false,
    }
}

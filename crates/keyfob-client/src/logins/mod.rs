//! Several logins side by side: the one that is shared with the Codex CLI, and named ones beside it (design D14).
//!
//! A named login has a [`Home`] of its own in `$CODEX_HOME/keyfob/logins/`, with the store that the configuration asks
//! for, so whatever works on the shared login works on it, and neither waits for the other or changes its bytes.

use crate::account::Account;
use crate::home::Home;
use crate::logout::{Ends, SignOutError, SignedOut};
use crate::network::Network;
use crate::session::{Session, SignedOutEverywhere};
use crate::status::Status;
use crate::store::{self, SessionBus, SharedStore, StoreError, off_the_runtime};
use keyfob_codex::config::CredentialsStore;
use keyfob_oauth::{Clock, Entropy, IssuerUrl, WorkspaceId};
use keyfob_settings::Restrictions;
use keyfob_settings::logins::{LoginName, Which};
use std::fs;
use std::io;
use std::sync::Arc;

/// The logins of one home.
#[derive(Clone, Debug)]
pub struct Logins {
    home: Home,
    kind: CredentialsStore,
    bus: SessionBus,
    network: Network,
    restrictions: Arc<Restrictions>,
}

/// What is known of one login.
#[derive(Debug)]
pub struct Entry {
    /// Which.
    pub login: Which,
    /// Where it is kept.
    pub store: SharedStore,
    /// What is stored, or why it cannot be read.
    pub status: Result<Status, StoreError>,
}

impl Logins {
    /// Uses the logins of `home` in stores of `kind`; `bus` is where the keyring is asked, `network` how issuers are, and
    /// `restrictions` bind each login.
    pub fn new(
        home: Home,
        kind: CredentialsStore,
        bus: SessionBus,
        network: Network,
        restrictions: Arc<Restrictions>,
    ) -> Self {
        Self { home, kind, bus, network, restrictions }
    }

    /// Returns the home of the shared login.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Returns where `which` is kept, whether or not there is such a login.
    pub fn store(&self, which: &Which) -> SharedStore {
        let home = match which {
            Which::Shared => self.home.clone(),
            Which::Beside(name) => self.home.of_login(name),
        };
        let store = store::open(self.kind, &home, &self.bus);
        SharedStore::new(home, store)
    }

    /// Returns the session of `which`, whether or not there is such a login.
    pub fn session(&self, which: &Which) -> Session {
        Session::new(self.store(which), self.network.clone(), Arc::clone(&self.restrictions))
    }

    /// Returns the place of the key of the provider `id`, kept as logins are; nothing for an id that cannot name one.
    pub fn provider(&self, id: &str) -> Option<Session> {
        let home = self.home.of_provider(id)?;
        let store = store::open(self.kind, &home, &self.bus);
        // What restricts sign-in binds no key of a provider.
        Some(Session::new(SharedStore::new(home, store), self.network.clone(), Arc::default()))
    }

    /// Returns the ids of the providers for which something may be kept.
    pub fn provider_ids(&self) -> Result<Vec<String>, StoreError> {
        let path = self.home.providers_folder();
        let problem = |source| StoreError::Read { path: path.clone(), source };
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(problem(source)),
        };
        let mut ids = Vec::new();
        for entry in entries {
            let id = entry.map_err(problem)?.file_name().to_string_lossy().into_owned();
            // What is not named like a provider was not put there by us.
            if self.home.of_provider(&id).is_some() {
                ids.push(id);
            }
        }
        ids.sort();
        Ok(ids)
    }

    /// Returns how issuers are asked.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Returns what binds each login.
    pub fn restrictions(&self) -> &Arc<Restrictions> {
        &self.restrictions
    }

    /// Whether there is a place of that name, which is all that can be said without opening the store.
    pub fn has(&self, which: &Which) -> bool {
        match which {
            Which::Shared => true,
            Which::Beside(name) => self.home.of_login(name).path().is_dir(),
        }
    }

    /// Returns the names of the logins beside the shared one, sorted; of some of them nothing but the place is left.
    pub fn names(&self) -> Result<Vec<LoginName>, StoreError> {
        let path = self.home.logins_folder();
        let problem = |source| StoreError::Read { path: path.clone(), source };
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(problem(source)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(problem)?;
            // What is not named like a login was not put there by us.
            if let Ok(name) = LoginName::parse(&entry.file_name().to_string_lossy())
                && entry.file_type().map_err(problem)?.is_dir()
            {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Returns every login that is stored, the shared one first; reads each store, and asks nobody.
    pub fn list(&self) -> Result<Vec<Entry>, StoreError> {
        let beside = self.names()?.into_iter().map(Which::Beside);
        let entries = std::iter::once(Which::Shared).chain(beside).map(|login| {
            let store = self.store(&login);
            let status = Status::read(store.blocking());
            Entry { login, store, status }
        });
        Ok(entries.filter(|entry| !matches!(entry.status, Ok(Status::SignedOut))).collect())
    }

    /// Ends the session of `which` at its issuer and removes it here, with its place if it has one of its own.
    ///
    /// What is beside the shared login is ours to end, whatever `ends` says. A sign-in that waits for the same place
    /// fails when it goes, with nothing stored.
    pub async fn remove(
        &self,
        which: &Which,
        ends: Ends,
        clock: &dyn Clock,
    ) -> Result<SignedOut, SignOutError> {
        let signed_out = self.session(which).sign_out(may_end(which, ends), clock).await?;
        self.remove_place(which).await?;
        Ok(signed_out)
    }

    /// Ends every session of the person at the issuer of `which`, then does as [`Self::remove`].
    pub async fn remove_everywhere(
        &self,
        which: &Which,
        ends: Ends,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
    ) -> Result<SignedOutEverywhere, SignOutError> {
        let session = self.session(which);
        let signed_out = session.sign_out_everywhere(may_end(which, ends), clock, entropy).await?;
        self.remove_place(which).await?;
        Ok(signed_out)
    }

    async fn remove_place(&self, which: &Which) -> Result<(), StoreError> {
        if let Which::Beside(_) = which {
            let store = self.store(which);
            let _lock = store.lock().await?;
            if store.load().await?.digest().is_none() {
                let path = store.home().path().to_owned();
                off_the_runtime(move || {
                    fs::remove_dir_all(&path).map_err(|source| StoreError::Write { path, source })
                })
                .await?;
            }
        }
        Ok(())
    }

    /// Returns the name under which the login of `account` is kept beside the shared one: the one that it has, or a new
    /// one after its e-mail address.
    pub(crate) async fn name_for(
        &self,
        issuer: &IssuerUrl,
        account: &Account,
    ) -> Result<LoginName, StoreError> {
        let logins = self.clone();
        let mut taken = Vec::new();
        for entry in off_the_runtime(move || logins.list()).await? {
            let Which::Beside(name) = entry.login else { continue };
            match entry.status {
                Ok(Status::Account(stored))
                    if stored.issuer.as_ref() == Some(issuer) && stored.account.is_same_as(account) =>
                {
                    return Ok(name);
                }
                Ok(_) | Err(_) => taken.push(name),
            }
        }
        Ok(new_name(account, &taken))
    }
}

/// What is beside the shared login was put there by us.
fn may_end(which: &Which, ends: Ends) -> Ends {
    match which {
        Which::Shared => ends,
        Which::Beside(_) => Ends::Anything,
    }
}

/// The e-mail address, else the workspace; with a number where another login is called so.
fn new_name(account: &Account, taken: &[LoginName]) -> LoginName {
    let workspace = account.workspace.as_ref().map(WorkspaceId::as_str);
    let base = LoginName::derived(account.email.as_deref().or(workspace).unwrap_or_default());
    let mut name = base.clone();
    for number in 2.. {
        if !taken.contains(&name) {
            break;
        }
        name = base.numbered(number);
    }
    name
}

#[cfg(test)]
mod tests;

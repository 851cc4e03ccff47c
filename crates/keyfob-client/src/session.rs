//! One stored login, used by this process among others.

use crate::freshness::{Freshness, Need};
use crate::logout::{self, SignedOut};
use crate::refresh::{self, RefreshError};
use crate::status::Status;
use crate::store::{SharedStore, StoreError};
use keyfob_codex::auth_file::Login;
use keyfob_oauth::{AccessToken, Clock, Entropy, Timestamp};

/// The login in one store.
#[derive(Clone, Debug)]
pub struct Session {
    store: SharedStore,
}

impl Session {
    /// Uses the login in `store`; nothing is read yet.
    pub fn new(store: SharedStore) -> Self {
        Self { store }
    }

    /// Returns where the login is kept.
    pub fn store(&self) -> &SharedStore {
        &self.store
    }

    /// Returns what is stored, without asking anybody.
    pub fn status(&self) -> Result<Status, StoreError> {
        Status::read(self.store.blocking())
    }

    /// Returns the access token if it is stored and fresh: no lock, no network, no runtime.
    pub fn fresh_token(&self, now: Timestamp, need: Need) -> Result<Option<AccessToken>, StoreError> {
        let Some((_, record)) = self.store.blocking().load()?.record()? else { return Ok(None) };
        Ok(match record.login() {
            Login::Account(tokens) if Freshness::of(&tokens, now, need) == Freshness::Fresh => {
                Some(tokens.access_token)
            }
            Login::Account(_) | Login::ApiKey | Login::Foreign(_) => None,
        })
    }

    /// Returns a usable access token, refreshed if need be; of many processes one asks the issuer.
    pub async fn token(
        &self,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
        need: Need,
    ) -> Result<AccessToken, RefreshError> {
        refresh::run(&self.store, clock, entropy, need).await
    }

    /// Ends the session at its issuer and removes it here.
    pub async fn sign_out(&self) -> Result<SignedOut, StoreError> {
        logout::run(&self.store).await
    }
}

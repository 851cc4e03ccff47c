//! Sessions whose issuer did not confirm that they ended: asked again later, where a keyring can keep what ends them.
//!
//! Nobody is signed in with them any more, so what is kept is out of reach of who reads files, and is given up after
//! [`LONGEST`] (security C-62). One entry of the keyring has those of all logins of a home, since a login beside the
//! shared one leaves nothing behind that could be looked at.

use super::run::revoke_within;
use crate::network::Network;
use crate::store::{Lock, SharedStore, StoreError};
use keyfob_oauth::request::RevocationRequest;
use keyfob_oauth::{ClientId, IssuerUrl, RefreshToken, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// An issuer that did not end a session in this time is not asked any more.
const LONGEST: Duration = Duration::from_hours(7 * 24);
/// The person waits for something else.
const LIMIT: Duration = Duration::from_secs(2);
/// More of them are sign-outs in a loop; the oldest is then left to expire.
const MOST: usize = 8;
/// How long another process may hold what waits; it holds it for milliseconds.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);
const SCHEMA: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Document {
    schema: u32,
    sessions: Vec<Waiting>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Waiting {
    issuer: String,
    client_id: String,
    refresh_token: String,
    since: i64,
}

impl Waiting {
    /// Returns how to end it; an address that is none is of nobody who could be asked.
    fn revocation(&self) -> Option<(IssuerUrl, RevocationRequest)> {
        let token = RefreshToken::new(self.refresh_token.clone());
        let request = RevocationRequest { client_id: ClientId::new(self.client_id.clone()), token };
        Some((IssuerUrl::parse(&self.issuer).ok()?, request))
    }

    /// A time that lies as far ahead is that of a clock that was wrong.
    fn is_too_old(&self, now: Timestamp) -> bool {
        let since = Timestamp::from_unix(self.since);
        now.since(since).max(since.since(now)) > LONGEST
    }
}

/// Keeps what ends a session; returns whether there is a place for it.
pub(super) async fn queue(
    store: &SharedStore,
    issuer: &IssuerUrl,
    request: &RevocationRequest,
    now: Timestamp,
) -> bool {
    let new = Waiting {
        issuer: issuer.to_string(),
        client_id: request.client_id.to_string(),
        refresh_token: request.token.expose().to_owned(),
        since: now.as_unix(),
    };
    let queued = change(store, |all| {
        all.retain(|waiting| waiting.refresh_token != new.refresh_token);
        all.push(new);
        all.drain(..all.len().saturating_sub(MOST));
    });
    match queued.await {
        Ok(Changed { is_kept, .. }) => is_kept,
        Err(error) => {
            tracing::warn!(%error, "what ends the session could not be kept in the keyring");
            false
        }
    }
}

/// Keeps what ends a session no longer.
pub(super) async fn take_back(store: &SharedStore, token: &RefreshToken) {
    let changed = change(store, |all| all.retain(|waiting| waiting.refresh_token != token.expose()));
    if let Err(error) = changed.await {
        tracing::warn!(%error, "a session still waits in the keyring to be ended");
    }
}

/// Ends the sessions that wait.
pub(crate) async fn end_waiting(store: &SharedStore, network: &Network, now: Timestamp) {
    let ending = match take_up(store, now).await {
        Ok(ending) => ending,
        Err(error) => {
            return tracing::debug!(%error, "the sessions that wait to be ended could not be looked at");
        }
    };
    let mut silent: Vec<IssuerUrl> = Vec::new();
    for waiting in ending {
        let Some((issuer, request)) = waiting.revocation() else { continue };
        if silent.contains(&issuer) {
            continue;
        }
        if let Err(error) = revoke_within(LIMIT, network, &issuer, &request).await {
            tracing::debug!(%error, %issuer, "a session that was signed out could not be ended yet");
            silent.push(issuer);
            continue;
        }
        take_back(store, &request.token).await;
    }
}

/// Returns what is to end; what is not does not wait from then on.
async fn take_up(store: &SharedStore, now: Timestamp) -> Result<Vec<Waiting>, StoreError> {
    if read(store).await?.is_empty() {
        return Ok(Vec::new());
    }
    Ok(change(store, |all| all.retain(|waiting| !waiting.is_too_old(now))).await?.all)
}

/// What waits after a change.
struct Changed {
    all: Vec<Waiting>,
    /// Whether there is a place for it.
    is_kept: bool,
}

/// Changes what waits, one process at a time.
async fn change(store: &SharedStore, change: impl FnOnce(&mut Vec<Waiting>)) -> Result<Changed, StoreError> {
    let _lock = Lock::take(&store.home().waiting_lock(), LOCK_PATIENCE).await?;
    let before = read(store).await?;
    let mut all = before.clone();
    change(&mut all);
    let is_kept = all == before || write(store, all.clone()).await?;
    Ok(Changed { all, is_kept })
}

/// What cannot be understood is of no use to anybody.
async fn read(store: &SharedStore) -> Result<Vec<Waiting>, StoreError> {
    let Some(bytes) = store.waiting().await? else { return Ok(Vec::new()) };
    match serde_json::from_slice(&bytes) {
        Ok(Document { schema: SCHEMA, sessions }) => Ok(sessions),
        Ok(_) | Err(_) => Ok(Vec::new()),
    }
}

async fn write(store: &SharedStore, sessions: Vec<Waiting>) -> Result<bool, StoreError> {
    if sessions.is_empty() {
        return store.keep_waiting(None).await;
    }
    let document = serde_json::to_vec(&Document { schema: SCHEMA, sessions }).unwrap_or_default();
    store.keep_waiting(Some(document)).await
}

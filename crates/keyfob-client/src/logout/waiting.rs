//! Sessions whose issuer did not confirm that they ended: asked again later, where a keyring can keep what ends them.
//!
//! Nobody is signed in with them any more, so what is kept is out of reach of who reads files, and is given up after
//! [`LONGEST`] (security C-62).

use super::run::revoke_within;
use crate::store::{SharedStore, StoreError};
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

    fn is_too_old(&self, now: Timestamp) -> bool {
        now.since(Timestamp::from_unix(self.since)) > LONGEST
    }
}

/// Keeps what ends a session; returns whether there is a place for it. Called under the lock.
pub(super) async fn queue(
    store: &SharedStore,
    issuer: &IssuerUrl,
    request: &RevocationRequest,
    now: Timestamp,
) -> bool {
    let queued = async {
        let mut all = read(store).await?;
        all.retain(|waiting| waiting.refresh_token != request.token.expose());
        all.push(Waiting {
            issuer: issuer.to_string(),
            client_id: request.client_id.to_string(),
            refresh_token: request.token.expose().to_owned(),
            since: now.as_unix(),
        });
        let surplus = all.len().saturating_sub(MOST);
        write(store, all.split_off(surplus)).await
    };
    queued.await.unwrap_or_else(|error| {
        tracing::warn!(%error, "what ends the session could not be kept in the keyring");
        false
    })
}

/// Ends the sessions that wait; takes the lock, but not while it asks the issuer.
pub(crate) async fn end_waiting(store: &SharedStore, now: Timestamp) {
    let ending = match take_up(store, now).await {
        Ok(ending) => ending,
        Err(error) => {
            return tracing::debug!(%error, "the sessions that wait to be ended could not be looked at");
        }
    };
    for waiting in ending {
        let Some((issuer, request)) = waiting.revocation() else { continue };
        if let Err(error) = revoke_within(LIMIT, &issuer, &request).await {
            return tracing::debug!(%error, %issuer, "a session that was signed out could not be ended yet");
        }
        if let Err(error) = change(store, |all| all.retain(|other| *other != waiting)).await {
            tracing::warn!(%error, "a session that has ended still waits in the keyring");
        }
    }
}

/// Returns what is to end; what is not does not wait from then on.
async fn take_up(store: &SharedStore, now: Timestamp) -> Result<Vec<Waiting>, StoreError> {
    if read(store).await?.is_empty() {
        return Ok(Vec::new());
    }
    change(store, |all| all.retain(|waiting| !waiting.is_too_old(now))).await
}

/// Changes what waits, under the lock, and returns it.
async fn change(
    store: &SharedStore,
    change: impl FnOnce(&mut Vec<Waiting>),
) -> Result<Vec<Waiting>, StoreError> {
    let _lock = store.lock().await?;
    let before = read(store).await?;
    let mut all = before.clone();
    change(&mut all);
    if all != before {
        write(store, all.clone()).await?;
    }
    Ok(all)
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

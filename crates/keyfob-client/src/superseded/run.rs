//! Remembering old sessions, and ending them.

use super::{Fate, OldSession};
use crate::logout::revoke_within;
use crate::network::Network;
use crate::store::{Keepsake, SharedStore, Slot, StoreError};
use keyfob_oauth::{ClientId, IssuerUrl, RefreshToken, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The person waits for a token or a login, not for this.
const LIMIT: Duration = Duration::from_secs(2);
/// More of them at once are sign-ins in a loop; the oldest is then left to expire.
const MOST: usize = 8;
const SCHEMA: u32 = 1;

/// An old session and since when it is one.
#[derive(Clone)]
struct Noted {
    session: OldSession,
    since: Timestamp,
}

/// Remembers a session that a new login is about to take the place of; called under the lock.
///
/// That it cannot be remembered is no reason not to sign in.
pub(crate) async fn note(store: &SharedStore, session: OldSession, now: Timestamp) {
    let noted = async {
        let mut all = read(store).await?;
        all.retain(|noted| noted.session.refresh_token != session.refresh_token);
        all.push(Noted { session, since: now });
        let surplus = all.len().saturating_sub(MOST);
        write(store, all.get(surplus..).unwrap_or_default()).await
    };
    if let Err(error) = noted.await {
        tracing::warn!(%error, "the session that is replaced could not be noted, and lives on if this is interrupted");
    }
}

/// Returns the sessions that are noted; called under the lock.
pub(crate) async fn noted(store: &SharedStore) -> Vec<OldSession> {
    read(store).await.unwrap_or_default().into_iter().map(|noted| noted.session).collect()
}

/// Forgets a session that has ended.
pub(crate) async fn forget(store: &SharedStore, ended: &RefreshToken) {
    let forgotten = async {
        let _lock = store.lock().await?;
        let mut all = read(store).await?;
        all.retain(|noted| noted.session.refresh_token != *ended);
        write(store, &all).await
    };
    if let Err(error) = forgotten.await {
        tracing::warn!(%error, "a session that has ended is still noted");
    }
}

/// Ends the sessions that an interrupted sign-in left behind; takes the lock, but not while it asks the issuer.
pub(crate) async fn finish(store: &SharedStore, network: &Network, now: Timestamp) {
    let (ending, slot) = match take_up(store, now).await {
        Ok(Some(taken)) => taken,
        Ok(None) => return,
        Err(error) => return tracing::debug!(%error, "replaced sessions could not be looked at"),
    };
    for session in ending {
        if let Err(error) = revoke_within(LIMIT, network, &session.issuer, &session.revocation()).await {
            tracing::debug!(%error, issuer = %session.issuer, "a replaced session could not be ended yet");
            break;
        }
        forget(store, &session.refresh_token).await;
    }
    if matches!(slot, Slot::Empty) {
        drop_all(store).await;
    }
}

/// Tries to end every session that is noted, as a person who signs out wants; called under the lock.
pub(crate) async fn end_all(store: &SharedStore, network: &Network) {
    for Noted { session, .. } in read(store).await.unwrap_or_default() {
        if let Err(error) = revoke_within(LIMIT, network, &session.issuer, &session.revocation()).await {
            tracing::warn!(%error, issuer = %session.issuer, "a replaced session could not be ended");
            break;
        }
    }
}

/// Returns what is to end, and what is stored; what is to be left alone is not noted from then on.
async fn take_up(store: &SharedStore, now: Timestamp) -> Result<Option<(Vec<OldSession>, Slot)>, StoreError> {
    if read(store).await?.is_empty() {
        return Ok(None);
    }
    let _lock = store.lock().await?;
    let (slot, mut all) = (store.load().await?, read(store).await?);
    let fate = |noted: &Noted| noted.session.fate(noted.since, &slot, now);
    let before = all.len();
    all.retain(|noted| fate(noted) != Fate::Forget);
    if all.len() != before {
        write(store, &all).await?;
    }
    let ending = all.into_iter().filter(|noted| fate(noted) == Fate::End).map(|noted| noted.session);
    Ok(Some((ending.collect(), slot)))
}

/// A refresh token does not rest anywhere once its owner has signed out.
async fn drop_all(store: &SharedStore) {
    if let Err(error) = store.keep(Keepsake::Superseded, None).await {
        tracing::warn!(%error, "replaced sessions are still noted");
    }
}

#[derive(Serialize, Deserialize)]
struct Document {
    schema: u32,
    sessions: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    issuer: String,
    client_id: String,
    refresh_token: String,
    login: Option<String>,
    replaced_by: String,
    since: i64,
}

impl From<&Noted> for Entry {
    fn from(Noted { session, since }: &Noted) -> Self {
        Self {
            issuer: session.issuer.to_string(),
            client_id: session.client_id.to_string(),
            refresh_token: session.refresh_token.expose().to_owned(),
            login: session.login.clone(),
            replaced_by: session.replaced_by.clone(),
            since: since.as_unix(),
        }
    }
}

impl Entry {
    /// An address that is none is of nobody who could be asked.
    fn into_noted(self) -> Option<Noted> {
        let session = OldSession {
            issuer: IssuerUrl::parse(&self.issuer).ok()?,
            client_id: ClientId::new(self.client_id),
            refresh_token: RefreshToken::new(self.refresh_token),
            login: self.login,
            replaced_by: self.replaced_by,
        };
        Some(Noted { session, since: Timestamp::from_unix(self.since) })
    }
}

/// What cannot be understood is of no use to anybody.
async fn read(store: &SharedStore) -> Result<Vec<Noted>, StoreError> {
    let Some(bytes) = store.kept(Keepsake::Superseded).await? else { return Ok(Vec::new()) };
    let Ok(Document { schema: SCHEMA, sessions }) = serde_json::from_slice(&bytes) else {
        return Ok(Vec::new());
    };
    Ok(sessions.into_iter().filter_map(Entry::into_noted).collect())
}

async fn write(store: &SharedStore, all: &[Noted]) -> Result<(), StoreError> {
    if all.is_empty() {
        return store.keep(Keepsake::Superseded, None).await;
    }
    let document = Document { schema: SCHEMA, sessions: all.iter().map(Entry::from).collect() };
    let bytes = serde_json::to_vec(&document).unwrap_or_default();
    store.keep(Keepsake::Superseded, Some(bytes)).await
}

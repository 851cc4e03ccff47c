//! Does what [`Logout`] says.

use super::{Effect, Ends, Event, Logout, Revocation, SignOutError, SignedOut, waiting};
use crate::endpoints::{Endpoints, ask_where_it_is, stored_revocation_endpoint};
use crate::failpoint::Failpoint;
use crate::http::HttpClient;
use crate::network::Network;
use crate::store::{Lock, SharedStore};
use crate::superseded;
use crate::token_endpoint::TokenError;
use keyfob_oauth::request::RevocationRequest;
use keyfob_oauth::{Clock, IssuerUrl};
use std::time::Duration;

/// A person waits; the login is removed here whatever the issuer says (security C-62).
const REVOCATION_LIMIT: Duration = Duration::from_secs(10);

/// Ends the session at its issuer and removes it here.
pub(crate) async fn run(
    store: &SharedStore,
    network: &Network,
    ends: Ends,
    clock: &dyn Clock,
) -> Result<SignedOut, SignOutError> {
    let mut lock: Option<Lock> = None;
    let mut answers = true;
    let (mut logout, mut effect) = Logout::begin(ends);
    loop {
        let event = match effect {
            Effect::Lock => Event::Locked(store.lock().await.map(|held| lock = Some(held))),
            Effect::Load => Event::Loaded(store.load().await),
            Effect::Prepare => Event::Prepared(store.prepare_removal().await),
            Effect::Revoke(issuer, request) => {
                let revoked = revoke(network, &issuer, &request).await;
                answers = revoked.is_ok();
                Event::Revoked(revoked)
            }
            Effect::Remove(expected) => {
                if answers {
                    superseded::end_all(store, network).await;
                }
                Event::Removed(store.remove(expected).await)
            }
            Effect::Queue(issuer, request) => {
                // Those it took the place of go with it: what is noted of them goes with the login.
                for old in superseded::noted(store).await {
                    waiting::queue(store, &old.issuer, &old.revocation(), clock.now()).await;
                }
                Event::Queued(waiting::queue(store, &issuer, &request, clock.now()).await)
            }
            Effect::TakeBack(request) => {
                waiting::take_back(store, &request.token).await;
                Event::TakenBack
            }
            // Another program may have removed the login alone.
            Effect::Done(Ok(SignedOut::NothingStored)) => {
                superseded::end_all(store, network).await;
                store.forget().await?;
                drop(lock);
                waiting::end_waiting(store, network, clock.now()).await;
                return Ok(SignedOut::NothingStored);
            }
            Effect::Done(result) => {
                if lock.is_some() {
                    Failpoint::LockRelease.pass();
                }
                drop(lock);
                // The issuer answers, perhaps not the one of those that wait.
                if matches!(result, Ok(SignedOut::Removed(Revocation::Confirmed))) {
                    waiting::end_waiting(store, network, clock.now()).await;
                }
                return result;
            }
        };
        effect = logout.step(event);
    }
}

/// Asks `issuer` to end a session that a person wants to end.
pub(crate) async fn revoke(
    network: &Network,
    issuer: &IssuerUrl,
    request: &RevocationRequest,
) -> Result<(), TokenError> {
    revoke_within(REVOCATION_LIMIT, network, issuer, request).await
}

/// As [`revoke`], with a limit of its own.
pub(crate) async fn revoke_within(
    limit: Duration,
    network: &Network,
    issuer: &IssuerUrl,
    request: &RevocationRequest,
) -> Result<(), TokenError> {
    let http = network.client(issuer).map_err(TokenError::Unreachable)?;
    let usual = stored_revocation_endpoint(issuer);
    let named = |found: Endpoints| found.revocation;
    let post = async |endpoint: &str| post(&http, limit, endpoint, request).await;
    ask_where_it_is(&http, issuer, &usual, named, limit, post).await
}

async fn post(
    http: &HttpClient,
    limit: Duration,
    endpoint: &str,
    request: &RevocationRequest,
) -> Result<(), TokenError> {
    let answer = http.post_form_within(limit, endpoint, &request.form()).await;
    Failpoint::RevokeSent.reach().map_err(|error| TokenError::broken(&error))?;
    let status = answer.map_err(TokenError::Unreachable)?.status;
    if status == 200 {
        Ok(())
    } else {
        Err(TokenError::Refused { status, code: None, description: None, retry_after: None })
    }
}

//! Does what [`Refresh`] says.

use super::{Effect, Event, Refresh, RefreshError};
use crate::endpoints::stored_token_endpoint;
use crate::failpoint::Failpoint;
use crate::freshness::Jitter;
use crate::http::HttpClient;
use crate::store::{Lock, SharedStore};
use crate::token_endpoint::{TokenError, redeem};
use keyfob_oauth::{AccessToken, Clock};

/// Returns a usable access token, refreshed if need be.
///
/// Holds the refresh lock over the whole of it, the network call included: that is what makes one refresh of many.
/// When dropped half-way the lock goes and the old document stays; a token that the issuer rotated meanwhile is had
/// again by the next refresh (security §7).
pub(crate) async fn run(
    store: &SharedStore,
    clock: &dyn Clock,
    jitter: Jitter,
) -> Result<AccessToken, RefreshError> {
    let mut lock: Option<Lock> = None;
    let (mut refresh, mut effect) = Refresh::begin(jitter);
    loop {
        let event = match effect {
            Effect::Lock => {
                Failpoint::LockWait.reach();
                let taken = store.lock().await.map(|held| lock = Some(held));
                Failpoint::LockAcquired.reach();
                Event::Locked(taken)
            }
            Effect::Load => {
                let loaded = store.load().await;
                Failpoint::StoreRead.reach();
                Event::Loaded(loaded, clock.now())
            }
            Effect::Prepare => {
                let prepared = store.prepare().await;
                Failpoint::PreflightTemporary.reach();
                Event::Prepared(prepared)
            }
            Effect::Post(issuer, request) => {
                let answer = match HttpClient::for_issuer(&issuer) {
                    Ok(http) => redeem(&http, &stored_token_endpoint(&issuer), &request).await,
                    Err(error) => Err(TokenError::Unreachable(error)),
                };
                Event::Answered(answer, clock.now())
            }
            Effect::Save(expected, record) => Event::Saved(store.save(Some(expected), &record).await),
            Effect::Done(result) => {
                Failpoint::LockRelease.reach();
                drop(lock);
                return result;
            }
        };
        effect = refresh.step(event);
    }
}

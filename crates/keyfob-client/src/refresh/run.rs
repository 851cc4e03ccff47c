//! Does what [`Refresh`] says.

use super::{Acknowledgement, Effect, Event, Refresh, RefreshError, Vouched};
use crate::attempt::{ATTEMPT_HEADER, AttemptId, DeviceKey};
use crate::clock_skew::{ClockSkew, Moment};
use crate::endpoints::{Endpoints, ask_where_it_is, stored_acknowledgement_endpoint, stored_token_endpoint};
use crate::failpoint::Failpoint;
use crate::freshness::Need;
use crate::home::Home;
use crate::logout::{end_waiting, revoke};
use crate::network::Network;
use crate::store::{Lock, REFRESH_PATIENCE, SharedStore, StoreError, Waited};
use crate::superseded;
use crate::token_endpoint::{Redeemed, TokenError, redeem};
use crate::trouble::Trouble;
use crate::written_here::{self, Watch};
use keyfob_oauth::request::TokenRequest;
use keyfob_oauth::{AccessToken, Clock, Entropy, IssuerUrl, RefreshToken};
use std::time::Duration;

/// For all that is asked under the lock, for which others wait.
const POST_LIMIT: Duration = Duration::from_secs(25);
/// The person waits for the token, not for this.
const ACKNOWLEDGEMENT_LIMIT: Duration = Duration::from_secs(2);

/// Returns an access token that meets `need`, refreshed if need be.
///
/// Holds the refresh lock over the network call: that is what makes one refresh of many. When dropped half-way the lock
/// goes and the old document stays; a token that the issuer rotated meanwhile is had again by the next refresh.
pub(crate) async fn run(
    store: &SharedStore,
    network: &Network,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    need: Need,
) -> Result<AccessToken, RefreshError> {
    let mut lock: Option<Lock> = None;
    let mut others = Watch::begin(store.home());
    let mut patience = REFRESH_PATIENCE;
    let mut rotated = false;
    let mut skew: Option<ClockSkew> = None;
    let (mut refresh, mut effect) = Refresh::begin(need);
    loop {
        tracing::trace!(next = effect.name(), "refresh");
        let event = match effect {
            Effect::Lock => match store.lock_unless(patience, || others.has_news()).await {
                Ok(Waited::Needless { left }) => {
                    patience = left;
                    Event::Overtaken
                }
                Ok(Waited::Locked(held)) => {
                    lock = Some(held);
                    Event::Locked(Ok(()))
                }
                Err(error) => Event::Locked(Err(error)),
            },
            Effect::Look => Event::Seen(store.login().await, moment(store.home(), clock)),
            Effect::Load => {
                let loaded = match lock {
                    Some(_) => store.load_locked().await,
                    None => store.load().await,
                };
                Event::Loaded(loaded, Trouble::read(store.home()), moment(store.home(), clock))
            }
            Effect::Prepare(token) => Event::Prepared(prepare(store, entropy, &token).await),
            Effect::Post(issuer, request, attempt) => {
                let answer = post(network, &issuer, &request, &attempt).await;
                let now = clock.now();
                if let Ok(redeemed) = &answer {
                    skew = ClockSkew::of_new(redeemed.tokens.access_token.expose(), now);
                }
                Event::Answered(answer, now)
            }
            Effect::Pause(pause) => {
                tokio::time::sleep(pause).await;
                Event::Paused
            }
            Effect::Save(expected, record, vouched) => {
                let is_ours = match vouched {
                    Vouched::ByIssuer => true,
                    Vouched::AsBefore => written_here::is(store.home(), expected),
                };
                let saved = store.save(Some(expected), &record).await;
                rotated = saved.is_ok();
                if let Ok(digest) = saved {
                    if is_ours {
                        written_here::note(store.home(), digest);
                    }
                    say_and_note(store.home(), skew);
                }
                Event::Saved(saved)
            }
            Effect::Recognise(digest) => Event::Recognised(written_here::is(store.home(), digest)),
            Effect::Remember(trouble) => {
                if let Err(error) = Trouble::write(store.home(), trouble.as_ref()) {
                    tracing::debug!(%error, "trouble with the issuer could not be noted");
                }
                Event::Tried
            }
            Effect::Acknowledge(acknowledgement) => {
                Failpoint::LockRelease.pass();
                lock = None;
                acknowledge(network, &acknowledgement).await;
                Event::Tried
            }
            Effect::Revoke(issuer, request) => {
                if let Err(error) = revoke(network, &issuer, &request).await {
                    tracing::warn!(%issuer, %error, "tokens that have no place could not be ended");
                }
                Event::Tried
            }
            Effect::Done(result) => {
                if lock.is_some() {
                    Failpoint::LockRelease.pass();
                }
                drop(lock);
                // The issuer answers, or there is nothing left to keep the old sessions for.
                if rotated || matches!(result, Err(RefreshError::SignedOut)) {
                    superseded::finish(store, network, clock.now()).await;
                }
                // Not whenever nobody is signed in: that may be asked every second.
                if rotated {
                    end_waiting(store, network, clock.now()).await;
                }
                return result;
            }
        };
        effect = refresh.step(event);
    }
}

/// What the clock says, and what is known of it: another process may have found that out meanwhile.
fn moment(home: &Home, clock: &dyn Clock) -> Moment {
    Moment { now: clock.now(), skew: ClockSkew::read(home) }
}

fn say_and_note(home: &Home, skew: Option<ClockSkew>) {
    if let Some(skew) = skew {
        tracing::warn!("this computer's clock is {skew}; tokens are judged by the issuer's until it is set");
    }
    ClockSkew::note(home, skew);
}

async fn prepare(
    store: &SharedStore,
    entropy: &dyn Entropy,
    token: &RefreshToken,
) -> Result<AttemptId, StoreError> {
    store.prepare().await?;
    Ok(DeviceKey::of(store.home(), entropy)?.attempt(token))
}

async fn post(
    network: &Network,
    issuer: &IssuerUrl,
    request: &TokenRequest,
    attempt: &AttemptId,
) -> Result<Redeemed, TokenError> {
    let http = network.client(issuer).map_err(TokenError::Unreachable)?;
    let attempt = Some((ATTEMPT_HEADER, attempt.as_str()));
    let usual = stored_token_endpoint(issuer);
    let named = |found: Endpoints| Some(found.token);
    let redeem = async |endpoint: &str| redeem(&http, endpoint, request, attempt).await;
    ask_where_it_is(&http, issuer, &usual, named, POST_LIMIT, redeem).await
}

/// Tells the issuer; that it did not hear changes nothing but how long it can repeat its answer.
async fn acknowledge(network: &Network, acknowledgement: &Acknowledgement) {
    let Acknowledgement { issuer, client_id, refresh_token } = acknowledgement;
    let form = [("client_id", client_id.as_str()), ("refresh_token", refresh_token.expose())];
    let told = match network.client(issuer) {
        Ok(http) => {
            let endpoint = stored_acknowledgement_endpoint(issuer);
            http.post_form_within(ACKNOWLEDGEMENT_LIMIT, &endpoint, &form).await
        }
        Err(error) => Err(error),
    };
    Failpoint::Acknowledged.pass();
    if let Err(error) = told {
        tracing::debug!(%issuer, %error, "the refresh was not acknowledged");
    }
}

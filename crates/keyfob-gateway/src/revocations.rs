//! What has ended before its time: told by the issuer's signed feed, and refused here from then on (security G-38).
//!
//! The gateway asks for what comes after the last number it knows, and the issuer keeps the answer back until there is
//! something, or for 20 s. While it is silent for longer, tokens are accepted for the grace that the administrator chose,
//! then none is.

use crate::authenticate::{Caller, CredentialKind, LONGEST_LIFE};
use crate::body::full;
use crate::error::Refusal;
use crate::http_client::HttpClient;
use crate::keys::{FetchKeysError, Keys};
use crate::resource_server::ResourceServer;
use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Limited};
use keyfob_jose::{Claims, Expected, TokenType, VerifyError};
use keyfob_oauth::{Clock, Timestamp};
use serde_json::Value;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// How a gateway follows what has ended.
#[derive(Clone, Debug)]
pub struct FeedConfig {
    /// As who it asks.
    pub server: ResourceServer,
    /// After which silence it no longer knows what has ended.
    pub quiet_after: Duration,
    /// For how long it accepts tokens all the same.
    pub grace: Duration,
}

/// What is known to have ended.
#[derive(Clone, Debug, Default)]
struct Known {
    /// The number of the last entry.
    epoch: u64,
    sessions: HashMap<String, Timestamp>,
    /// By their `jti`.
    keys: HashMap<String, Timestamp>,
    users: HashMap<String, Timestamp>,
    /// By user, then by workspace: who asks is found without a copy of the names.
    members: HashMap<String, HashMap<String, Timestamp>>,
}

/// How well the issuer is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hearing {
    /// It has told what has ended.
    Fresh,
    /// It is silent, for no longer than is accepted.
    Silent,
    /// It was never heard, or not for too long.
    Lost,
}

/// The feed could not be followed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FollowError {
    #[error("cannot find the feed")]
    Discovery(#[from] FetchKeysError),
    #[error("the issuer names no feed of its own")]
    NoFeed,
    #[error("no answer")]
    Unreachable(#[source] hyper_util::client::legacy::Error),
    #[error("no whole answer in time")]
    TooSlow,
    #[error("the answer has status {0}")]
    Status(StatusCode),
    #[error("the answer is broken or too large")]
    UnreadableBody,
    #[error("the issuer's keys are not known")]
    NoKeys,
    #[error("the answer is not the issuer's")]
    NotSigned(#[from] VerifyError),
    #[error("the answer is not one of the feed, or to another question")]
    NotAFeed,
}

/// Follows the feed, and refuses who has ended.
#[derive(Debug)]
pub(crate) struct Revocations {
    config: FeedConfig,
    keys: Arc<Keys>,
    client: HttpClient,
    clock: Arc<dyn Clock>,
    known: ArcSwap<Known>,
    heard: Mutex<Option<Instant>>,
}

/// How long the issuer may keep an answer back, in seconds.
const WAIT: u64 = 20;
/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(25);
/// Every healthy answer comes sooner than this after the one before it.
const QUIET_AFTER: Duration = Duration::from_secs(30);
/// A hundred entries, and room.
const MOST_BYTES: usize = 64 * 1024;
/// The first and the longest pause between attempts, which is also that after an answer without news that came at once.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(8));

impl FeedConfig {
    /// Follows as `server`, and accepts tokens for `grace` while the issuer is silent.
    pub fn new(server: ResourceServer, grace: Duration) -> Self {
        Self { server, quiet_after: QUIET_AFTER, grace }
    }
}

impl Revocations {
    pub(crate) fn new(
        config: FeedConfig,
        keys: Arc<Keys>,
        client: HttpClient,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { config, keys, client, clock, known: ArcSwap::default(), heard: Mutex::new(None) }
    }

    /// Refuses a caller whose session, key, membership or account has ended, and everybody while nobody can tell.
    pub(crate) fn check(&self, caller: &Caller) -> Result<(), Refusal> {
        if self.has_ended(caller) {
            return Err(Refusal::InvalidToken);
        }
        if caller.credential.key_id().is_some() {
            // The issuer was asked about it a moment ago, or not for longer than is accepted (`introspection`).
            return Ok(());
        }
        match self.hearing() {
            Hearing::Fresh | Hearing::Silent => Ok(()),
            Hearing::Lost => Err(Refusal::RevocationsUnknown),
        }
    }

    /// Whether what lets the caller in is known to have ended.
    pub(crate) fn has_ended(&self, caller: &Caller) -> bool {
        self.known.load().has_ended(caller)
    }

    /// Says how well the issuer is heard.
    pub(crate) fn hearing(&self) -> Hearing {
        let heard = *self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let quiet_after = self.config.quiet_after;
        match heard.map(|heard| heard.elapsed()) {
            Some(silence) if silence <= quiet_after => Hearing::Fresh,
            Some(silence) if silence <= quiet_after + self.config.grace => Hearing::Silent,
            Some(_) | None => Hearing::Lost,
        }
    }

    /// Follows the feed until the future is dropped.
    pub(crate) async fn follow(&self) -> Infallible {
        let (first, longest) = PAUSES;
        let (mut pause, mut said) = (first, Hearing::Lost);
        loop {
            let begun = Instant::now();
            match self.ask().await {
                Ok(has_news) => {
                    pause = first;
                    if !has_news && begun.elapsed() < first {
                        tokio::time::sleep(first).await;
                    }
                }
                Err(error) => {
                    report(&error);
                    tokio::time::sleep(pause).await;
                    pause = longest.min(pause * 2);
                }
            }
            said = self.alarm(said);
        }
    }

    /// Says aloud when the issuer falls silent, is lost, or is heard again.
    fn alarm(&self, said: Hearing) -> Hearing {
        let hearing = self.hearing();
        match (said, hearing) {
            (Hearing::Fresh, Hearing::Silent) => {
                let grace = self.config.grace.as_secs();
                tracing::error!(
                    grace,
                    "the issuer does not tell what has ended: tokens are accepted for the grace"
                );
            }
            (Hearing::Fresh | Hearing::Silent, Hearing::Lost) => {
                tracing::error!("the issuer does not tell what has ended: no token is accepted");
            }
            (Hearing::Silent | Hearing::Lost, Hearing::Fresh) => {
                tracing::info!("the issuer tells what has ended");
            }
            (_, Hearing::Fresh | Hearing::Silent | Hearing::Lost) => {}
        }
        hearing
    }

    /// Asks once; returns whether there was news.
    async fn ask(&self) -> Result<bool, FollowError> {
        let known = self.known.load_full();
        let is_first = self.heard.lock().unwrap_or_else(PoisonError::into_inner).is_none();
        let wait = if is_first { 0 } else { WAIT };
        let address = self.endpoint().await?;
        let answer = self.get(&format!("{address}?after={}&wait={wait}", known.epoch)).await?;
        let claims = self.verify(&answer).await?;
        let told =
            Told::read(&claims).filter(|told| told.after == known.epoch).ok_or(FollowError::NotAFeed)?;
        let has_news = told.epoch != known.epoch;
        if has_news {
            let forgotten = self.clock.now();
            self.known.store(Arc::new(known.with(&told, forgotten)));
        }
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        Ok(has_news)
    }

    /// Finds the feed, which must be the issuer's own: the secret goes there.
    async fn endpoint(&self) -> Result<Url, FollowError> {
        let discovery = self.keys.discover().await?;
        let named = discovery.keyfob_revocations_endpoint.as_deref().map(Url::parse);
        let issuer = Url::parse(self.keys.issuer().as_str()).map_err(|_| FollowError::NoFeed)?;
        match named {
            Some(Ok(url)) if url.origin() == issuer.origin() && url.query().is_none() => Ok(url),
            Some(_) | None => Err(FollowError::NoFeed),
        }
    }

    async fn get(&self, address: &str) -> Result<Bytes, FollowError> {
        let uri: Uri = address.parse().map_err(|_| FollowError::NoFeed)?;
        let mut request = Request::new(full(Bytes::new()));
        *request.uri_mut() = uri;
        request.headers_mut().insert(header::AUTHORIZATION, self.config.server.authorization());
        let answer = async {
            let response = self.client.request(request).await.map_err(FollowError::Unreachable)?;
            if response.status() != StatusCode::OK {
                return Err(FollowError::Status(response.status()));
            }
            let body = Limited::new(response.into_body(), MOST_BYTES).collect().await;
            Ok(body.map_err(|_| FollowError::UnreadableBody)?.to_bytes())
        };
        tokio::time::timeout(LIMIT, answer).await.map_err(|_| FollowError::TooSlow)?
    }

    async fn verify(&self, answer: &[u8]) -> Result<Claims, FollowError> {
        let token = std::str::from_utf8(answer).map_err(|_| VerifyError::Malformed)?;
        let expected = Expected {
            token_type: TokenType::Revocations,
            issuer: self.keys.issuer().as_str(),
            audience: self.config.server.name(),
        };
        let keys = self.keys.any().await.ok_or(FollowError::NoKeys)?;
        match keys.verify(token, &expected, self.clock.now()) {
            Err(VerifyError::UnknownKey) => {
                let newer = self.keys.after(&keys).await.ok_or(VerifyError::UnknownKey)?;
                Ok(newer.verify(token, &expected, self.clock.now())?)
            }
            outcome => Ok(outcome?),
        }
    }
}

fn report(error: &FollowError) {
    let cause = std::error::Error::source(error).map(tracing::field::display);
    tracing::warn!(%error, cause, "cannot follow what has ended");
}

/// An answer of the feed.
struct Told<'a> {
    after: u64,
    epoch: u64,
    entries: &'a [Value],
}

impl<'a> Told<'a> {
    fn read(claims: &'a Claims) -> Option<Self> {
        let number = |name| claims.get(name).and_then(Value::as_u64);
        Some(Self {
            after: number("after")?,
            epoch: number("epoch")?,
            entries: claims.get("revoked")?.as_array()?,
        })
    }
}

impl Known {
    /// Returns this with what was told, without what no token outlives.
    ///
    /// A lower number than before is that of an issuer that was restored from a backup: all of it is asked for again, and
    /// nothing that was known to have ended comes back.
    fn with(&self, told: &Told<'_>, now: Timestamp) -> Self {
        let is_restored = told.epoch < self.epoch;
        let mut known = Self { epoch: if is_restored { 0 } else { told.epoch }, ..self.clone() };
        for entry in told.entries {
            let text = |name: &str| entry.get(name).and_then(Value::as_str).map(str::to_owned);
            let at = entry.get("at").and_then(Value::as_i64).map_or(now, Timestamp::from_unix);
            match (text("sid"), text("jti"), text("sub"), text("workspace_id")) {
                (Some(session), _, _, _) => drop(known.sessions.insert(session, at)),
                (None, Some(key), _, _) => drop(known.keys.insert(key, at)),
                (None, None, Some(user), None) => drop(known.users.insert(user, at)),
                (None, None, Some(user), Some(workspace)) => {
                    known.members.entry(user).or_default().insert(workspace, at);
                }
                // Of a kind that comes later.
                (None, None, None, _) => {}
            }
        }
        let is_kept = |at: &Timestamp| now < at.plus(LONGEST_LIFE);
        known.sessions.retain(|_, at| is_kept(at));
        known.keys.retain(|_, at| is_kept(at));
        known.users.retain(|_, at| is_kept(at));
        known.members.retain(|_, places| {
            places.retain(|_, at| is_kept(at));
            !places.is_empty()
        });
        known
    }

    fn has_ended(&self, caller: &Caller) -> bool {
        let is_before = |at: &Timestamp| caller.issued <= *at;
        let (user, workspace) = (caller.subject.as_str(), caller.workspace.as_str());
        let is_over = match &caller.credential {
            CredentialKind::AccessToken { session, .. } => {
                session.as_ref().is_some_and(|session| self.sessions.contains_key(session))
            }
            CredentialKind::PersonalAccessToken { id } | CredentialKind::ApiKey { id } => {
                self.keys.contains_key(id)
            }
        };
        is_over
            || self.users.get(user).is_some_and(is_before)
            || self.members.get(user).and_then(|places| places.get(workspace)).is_some_and(is_before)
    }
}

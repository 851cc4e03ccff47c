//! What has ended before its time: told by the issuer's signed feed, and refused here from then on (security G-38).
//!
//! The gateway asks for what comes after the last number it knows, and the issuer keeps the answer back until there is
//! something, or for 20 s; beside that it asks every 2 s. While the issuer is silent for longer, tokens are accepted for the grace that the administrator chose,
//! then none is.

mod known;

use crate::authenticate::Caller;
use crate::body::full;
use crate::error::Refusal;
use crate::fault::Complaints;
use crate::http_client::HttpClient;
use crate::keys::{FetchKeysError, Keys};
use crate::resource_server::ResourceServer;
use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Limited};
use keyfob_jose::{Claims, Expected, TokenType, VerifyError};
use keyfob_oauth::Clock;
use known::{Known, Told};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How a gateway follows what has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedConfig {
    /// As who it asks.
    pub server: ResourceServer,
    /// After which silence it no longer knows what has ended.
    pub quiet_after: Duration,
    /// For how long it accepts tokens all the same.
    pub grace: Duration,
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

impl Hearing {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "followed",
            Self::Silent => "silent",
            Self::Lost => "lost",
        }
    }
}

/// The feed could not be followed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FollowError {
    #[error("cannot find the feed")]
    Discovery(#[from] FetchKeysError),
    #[error("the issuer names no feed of its own")]
    NoFeed,
    #[error("no answer")]
    Unreachable(#[source] crate::http_client::SendError),
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
    changed: Notify,
    complaints: Complaints,
}

/// How long the issuer may keep an answer back, in seconds.
const WAIT: u64 = 20;
/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(25);
/// Every healthy answer comes sooner than this after the one before it.
const QUIET_AFTER: Duration = Duration::from_secs(30);
/// A hundred entries, and room.
const MOST_BYTES: usize = 64 * 1024;
/// The pause before the first new attempt, which is also that after an answer without news that came at once.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The pause between questions that are answered at once, how long one may take, and the longest between attempts: with them
/// what has ended is refused within five seconds.
const POLL: Duration = Duration::from_secs(2);

impl FeedConfig {
    /// Follows as `server`, and accepts tokens for `grace` while the issuer is silent.
    pub fn new(server: ResourceServer, grace: Duration) -> Self {
        Self { server, quiet_after: QUIET_AFTER, grace }
    }

    /// Says how well an issuer is heard that has been silent for so long, or always.
    fn hearing(&self, silence: Option<Duration>) -> Hearing {
        match silence {
            Some(silence) if silence <= self.quiet_after => Hearing::Fresh,
            Some(silence) if silence <= self.quiet_after + self.grace => Hearing::Silent,
            Some(_) | None => Hearing::Lost,
        }
    }
}

impl Revocations {
    pub(crate) fn new(
        config: FeedConfig,
        keys: Arc<Keys>,
        client: HttpClient,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            config,
            keys,
            client,
            clock,
            known: ArcSwap::default(),
            heard: Mutex::new(None),
            changed: Notify::new(),
            complaints: Complaints::default(),
        }
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
        self.config.hearing(self.silence())
    }

    /// Returns for how long the issuer has not been heard; nothing if it never was.
    pub(crate) fn silence(&self) -> Option<Duration> {
        let heard = *self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.map(|heard| heard.elapsed())
    }

    /// Follows the feed until the future is dropped: by a question that the issuer answers as soon as there is news, and by
    /// one that it answers at once. Either alone is enough, so that whatever swallows the first costs seconds.
    pub(crate) async fn follow(&self) -> Infallible {
        tokio::select! {
            never = self.listen() => never,
            never = self.poll() => never,
        }
    }

    /// Waits for news again and again.
    async fn listen(&self) -> Infallible {
        let mut pause = FIRST_PAUSE;
        loop {
            let begun = Instant::now();
            let wait = if self.has_heard() { WAIT } else { 0 };
            match self.ask(wait, LIMIT).await {
                Ok(has_news) => {
                    pause = FIRST_PAUSE;
                    self.complaints.settle();
                    if !has_news && begun.elapsed() < FIRST_PAUSE {
                        tokio::time::sleep(FIRST_PAUSE).await;
                    }
                }
                Err(error) => {
                    if let Some(error) = self.complaints.news(&error) {
                        tracing::warn!(error, "cannot follow what has ended");
                    }
                    tokio::time::sleep(pause).await;
                    pause = POLL.min(pause * 2);
                }
            }
        }
    }

    /// Asks without waiting, again and again; `listen` tells why that fails, and this what it means.
    async fn poll(&self) -> Infallible {
        let mut said = Hearing::Lost;
        loop {
            said = self.alarm(said);
            tokio::time::sleep(POLL).await;
            if let Err(error) = self.ask(0, POLL).await {
                tracing::debug!(%error, "cannot ask what has ended");
            }
        }
    }

    fn has_heard(&self) -> bool {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Returns once something more has ended; what ended before it is awaited counts too, once.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
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
    async fn ask(&self, wait: u64, limit: Duration) -> Result<bool, FollowError> {
        let asked = self.known.load().epoch;
        let answer = async {
            let address =
                self.keys.own_endpoint(|discovery| discovery.keyfob_revocations_endpoint.as_ref()).await?;
            let address = address.ok_or(FollowError::NoFeed)?;
            let answer = self.get(&format!("{address}?after={asked}&wait={wait}")).await?;
            self.verify(&answer).await
        };
        let claims = tokio::time::timeout(limit, answer).await.map_err(|_| FollowError::TooSlow)??;
        let told = Told::read(&claims).filter(|told| told.after == asked).ok_or(FollowError::NotAFeed)?;
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.known.load_full();
        // Else the other question brought it meanwhile.
        let has_news = known.epoch == asked && told.epoch != asked;
        if has_news {
            self.known.store(Arc::new(known.with(&told, self.clock.now())));
            self.changed.notify_one();
        }
        *heard = Some(Instant::now());
        Ok(has_news)
    }

    /// Asks; whoever calls limits how long that may take.
    async fn get(&self, address: &str) -> Result<Bytes, FollowError> {
        let uri: Uri = address.parse().map_err(|_| FollowError::NoFeed)?;
        let mut request = Request::new(full(Bytes::new()));
        *request.uri_mut() = uri;
        request.headers_mut().insert(header::AUTHORIZATION, self.config.server.authorization());
        let response = self.client.request(request).await.map_err(FollowError::Unreachable)?;
        if response.status() != StatusCode::OK {
            return Err(FollowError::Status(response.status()));
        }
        let body = Limited::new(response.into_body(), MOST_BYTES).collect().await;
        Ok(body.map_err(|_| FollowError::UnreadableBody)?.to_bytes())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::logged;
    use crate::http_client::Trust;
    use keyfob_oauth::{IssuerUrl, Timestamp};

    /// Never changes.
    #[derive(Debug)]
    struct Stopped;

    impl Clock for Stopped {
        fn now(&self) -> Timestamp {
            Timestamp::from_unix(1_800_000_000)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn that_the_feed_cannot_be_followed_is_told_once_a_minute() {
        let client = HttpClient::new(Trust::Nobody).unwrap();
        let keys = Keys::new(IssuerUrl::parse("http://127.0.0.1:1").unwrap(), client.clone());
        let config =
            FeedConfig::new(ResourceServer::parse("gateway:kfs_secret").unwrap(), Duration::from_hours(24));
        let revocations = Revocations::new(config, Arc::new(keys), client, Arc::new(Stopped));
        let told = logged::during(revocations.listen(), Duration::from_secs(100)).await;

        let line = " WARN keyfob_gateway::revocations: cannot follow what has ended error=\"cannot find the feed: no answer \
                    from http://127.0.0.1:1/.well-known/openid-configuration: cannot connect: tcp connect error: Connection \
                    refused (os error 111)\"";
        assert_eq!(told, [line, line]);
    }

    #[test]
    fn r_32_g_38_through_an_hour_of_silence_tokens_go_on_for_five_minutes_or_for_as_long_as_was_chosen() {
        let server = ResourceServer::parse("gateway:kfs_secret").unwrap();
        let heard = |grace: Duration| {
            let config = FeedConfig::new(server.clone(), grace);
            [0, 30, 31, 330, 331, 3_600].map(|seconds| config.hearing(Some(Duration::from_secs(seconds))))
        };

        let (fresh, silent, lost) = (Hearing::Fresh, Hearing::Silent, Hearing::Lost);
        assert_eq!(heard(Duration::from_mins(5)), [fresh, fresh, silent, silent, lost, lost]);
        assert_eq!(heard(Duration::from_hours(24)), [fresh, fresh, silent, silent, silent, silent]);
        assert_eq!(heard(Duration::ZERO), [fresh, fresh, lost, lost, lost, lost]);
        assert_eq!(FeedConfig::new(server, Duration::from_hours(24)).hearing(None), lost);
    }
}

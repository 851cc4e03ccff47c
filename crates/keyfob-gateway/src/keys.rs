//! The issuer's published keys: found by discovery, fetched when needed, kept when the issuer is away.

use crate::body::full;
use crate::fault::Complaints;
use crate::http_client::HttpClient;
use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Limited};
use keyfob_jose::{InvalidKeySet, KeySet};
use keyfob_oauth::metadata::OPENID_PATH;
use keyfob_oauth::{IssuerUrl, id};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

/// The present keys of one issuer.
///
/// A set that was once good is kept until a newer good one comes (security G-36), so that a gateway goes on without its
/// issuer; the issuer may also start after the gateway.
#[derive(Debug)]
pub(crate) struct Keys {
    issuer: IssuerUrl,
    client: HttpClient,
    current: ArcSwapOption<KeySet>,
    /// What the issuer said of itself when it was asked last.
    discovery: ArcSwapOption<Discovery>,
    /// When a need last caused a fetch. Held over the fetch, which has a time limit: that is what makes one flight of
    /// many callers' needs. Whoever waited looks at `current` again.
    turn: Mutex<Option<Instant>>,
    complaints: Complaints,
}

/// Keys could not be fetched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchKeysError {
    #[error("no answer from {url}")]
    Unreachable {
        url: String,
        #[source]
        source: crate::http_client::SendError,
    },
    #[error("no whole answer from {0} in time")]
    TooSlow(String),
    #[error("{url} answered with status {status}")]
    Status { url: String, status: StatusCode },
    #[error("the answer of {0} is broken or larger than 1 MiB")]
    UnreadableBody(String),
    #[error("{0:?} is not an https address, or http on loopback")]
    UnsafeAddress(String),
    #[error("the discovery document is not JSON with `issuer` and `jwks_uri`")]
    NotDiscovery(#[source] serde_json::Error),
    #[error("the discovery document is of another issuer, {0:?}")]
    OtherIssuer(String),
    #[error("the key set is of no use")]
    KeySet(#[from] InvalidKeySet),
}

/// How often tokens that name an unknown key may cause a fetch (security G-35).
const UNKNOWN_KEY_COOLDOWN: Duration = Duration::from_secs(30);
/// How often callers may cause a fetch while there are no keys at all.
const NO_KEYS_COOLDOWN: Duration = Duration::from_secs(1);
/// How long one document may take.
const FETCH: Duration = Duration::from_secs(10);
/// How long a document may be.
const MOST_BYTES: usize = 1024 * 1024;
/// How old a set may get while the issuer answers. A node of the issuer learns within ten seconds that a key was dropped,
/// and a verdict is believed for thirty (`cache`): what a stolen key signed is refused within a minute.
const RENEWAL: Duration = Duration::from_secs(15);
/// The first and the longest pause between attempts.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// The members of the discovery document that are read.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Discovery {
    issuer: String,
    jwks_uri: String,
    /// Where the issuer tells what has ended.
    pub(crate) keyfob_revocations_endpoint: Option<String>,
    /// Where it says what a key means (RFC 7662).
    pub(crate) introspection_endpoint: Option<String>,
}

impl Keys {
    pub(crate) fn new(issuer: IssuerUrl, client: HttpClient) -> Self {
        Self {
            issuer,
            client,
            current: ArcSwapOption::empty(),
            discovery: ArcSwapOption::empty(),
            turn: Mutex::new(None),
            complaints: Complaints::default(),
        }
    }

    pub(crate) fn issuer(&self) -> &IssuerUrl {
        &self.issuer
    }

    /// Whether there is a set of keys.
    pub(crate) fn are_loaded(&self) -> bool {
        self.current.load().is_some()
    }

    /// Returns the present set, fetched now if there never was one.
    pub(crate) async fn any(&self) -> Option<Arc<KeySet>> {
        match self.current.load_full() {
            Some(keys) => Some(keys),
            None => self.other_than(None, NO_KEYS_COOLDOWN).await,
        }
    }

    /// Returns a newer set than `known`, if there is one and the cooldown allows to ask.
    pub(crate) async fn after(&self, known: &Arc<KeySet>) -> Option<Arc<KeySet>> {
        self.other_than(Some(known), UNKNOWN_KEY_COOLDOWN).await
    }

    /// Fetches until the future is dropped: soon while there are no keys, then now and again.
    pub(crate) async fn keep_fresh(&self) -> Infallible {
        let (mut pause, longest) = PAUSES;
        while self.any().await.is_none() {
            tokio::time::sleep(pause).await;
            pause = longest.min(pause * 2);
        }
        loop {
            tokio::time::sleep(RENEWAL).await;
            let _turn = self.turn.lock().await;
            // An error was logged, and the present set goes on serving.
            self.renew().await.ok();
        }
    }

    async fn other_than(&self, known: Option<&Arc<KeySet>>, cooldown: Duration) -> Option<Arc<KeySet>> {
        let mut turn = self.turn.lock().await;
        let current = self.current.load_full();
        if current.as_ref().map(Arc::as_ptr) != known.map(Arc::as_ptr) {
            return current;
        }
        if turn.is_some_and(|last| last.elapsed() < cooldown) {
            return None;
        }
        let renewed = self.renew().await.ok();
        // The very first set answers no unknown key, so it does not use up the cooldown.
        let first = known.is_none() && renewed.is_some();
        *turn = (!first).then(Instant::now);
        renewed
    }

    /// Replaces the present set, or leaves it as it is on error; an error is logged here.
    async fn renew(&self) -> Result<Arc<KeySet>, FetchKeysError> {
        match self.fetch().await {
            Ok(keys) => {
                let keys = Arc::new(keys);
                self.current.store(Some(Arc::clone(&keys)));
                self.complaints.settle();
                Ok(keys)
            }
            Err(error) => {
                if let Some(error) = self.complaints.news(&error) {
                    tracing::warn!(error, issuer = %self.issuer, "cannot fetch the issuer's keys");
                }
                Err(error)
            }
        }
    }

    async fn fetch(&self) -> Result<KeySet, FetchKeysError> {
        let discovery = self.discover().await?;
        Ok(KeySet::parse(&self.get(&discovery.jwks_uri).await?)?)
    }

    /// Returns what the issuer said of itself when it was asked last, or asks it for the first time.
    async fn discovered(&self) -> Result<Arc<Discovery>, FetchKeysError> {
        match self.discovery.load_full() {
            Some(discovery) => Ok(discovery),
            None => self.discover().await,
        }
    }

    /// Returns an endpoint that the issuer names and that is at its own origin: what is sent there is for nobody else.
    pub(crate) async fn own_endpoint(
        &self,
        named: impl FnOnce(&Discovery) -> Option<&String>,
    ) -> Result<Option<Url>, FetchKeysError> {
        let discovery = self.discovered().await?;
        let own = Url::parse(self.issuer.as_str()).ok();
        let named = named(&discovery).and_then(|text| Url::parse(text).ok());
        Ok(named.filter(|url| own.is_some_and(|own| own.origin() == url.origin()) && url.query().is_none()))
    }

    /// Fetches what the issuer says of itself.
    async fn discover(&self) -> Result<Arc<Discovery>, FetchKeysError> {
        let document = self.get(&self.issuer.join(OPENID_PATH)).await?;
        let discovery: Discovery = serde_json::from_slice(&document).map_err(FetchKeysError::NotDiscovery)?;
        // RFC 8414 §3.3: compared as strings, else one issuer could speak for another.
        if discovery.issuer != self.issuer.as_str() {
            return Err(FetchKeysError::OtherIssuer(discovery.issuer));
        }
        let discovery = Arc::new(discovery);
        self.discovery.store(Some(Arc::clone(&discovery)));
        Ok(discovery)
    }

    async fn get(&self, url: &str) -> Result<Bytes, FetchKeysError> {
        let unsafe_address = || FetchKeysError::UnsafeAddress(url.to_owned());
        let safe = Url::parse(url).ok().filter(id::is_secure_or_loopback).ok_or_else(unsafe_address)?;
        let uri: Uri = safe.as_str().parse().map_err(|_| unsafe_address())?;
        let mut request = Request::new(full(Bytes::new()));
        *request.uri_mut() = uri;
        let answer = async {
            let response = self
                .client
                .request(request)
                .await
                .map_err(|source| FetchKeysError::Unreachable { url: url.to_owned(), source })?;
            if response.status() != StatusCode::OK {
                return Err(FetchKeysError::Status { url: url.to_owned(), status: response.status() });
            }
            let body = Limited::new(response.into_body(), MOST_BYTES).collect().await;
            Ok(body.map_err(|_| FetchKeysError::UnreadableBody(url.to_owned()))?.to_bytes())
        };
        tokio::time::timeout(FETCH, answer).await.map_err(|_| FetchKeysError::TooSlow(url.to_owned()))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::logged;
    use crate::http_client::Trust;

    #[tokio::test(start_paused = true)]
    async fn that_the_issuer_is_away_is_told_once_a_minute() {
        let keys = Keys::new(
            IssuerUrl::parse("http://127.0.0.1:1").unwrap(),
            HttpClient::new(Trust::Nobody).unwrap(),
        );
        let told = logged::during(keys.keep_fresh(), Duration::from_secs(100)).await;

        let line = " WARN keyfob_gateway::keys: cannot fetch the issuer's keys error=\"no answer from \
                    http://127.0.0.1:1/.well-known/openid-configuration: cannot connect: tcp connect error: Connection \
                    refused (os error 111)\" issuer=http://127.0.0.1:1";
        assert_eq!(told, [line, line]);
    }
}

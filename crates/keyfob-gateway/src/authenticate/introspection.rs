//! What a key means: the issuer is asked (RFC 7662), and its answer kept for a moment.

use super::cache::TokenDigest;
use super::caller::Caller;
use crate::body::full;
use crate::error::Refusal;
use crate::fault::Complaints;
use crate::http_client::HttpClient;
use crate::keys::{FetchKeysError, Keys};
use crate::resource_server::ResourceServer;
use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Limited};
use keyfob_jose::Claims;
use keyfob_oauth::{AccessToken, Audience, Timestamp};
use quick_cache::sync::Cache;
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;
use url::form_urlencoded;

/// How our issuer's keys begin; nothing else is sent there.
const KEY_PREFIXES: [&str; 2] = ["at-", "sk-kf-"];
/// No key of ours is longer.
const LONGEST_KEY: usize = 256;
/// How long an answer is believed (security G-37): as long as a verified token.
const BELIEVED: Duration = Duration::from_secs(30);
/// How long it is remembered that a text is no key: little, since it costs the issuer a look-up and somebody may guess.
const UNKNOWN: Duration = Duration::from_secs(5);
/// The pause before an issuer that did not answer is asked about the same key again.
const RETRY: Duration = Duration::from_secs(1);
/// How many keys are remembered; the least useful one goes first.
const MOST: usize = 16_384;
/// How long the issuer may take.
const LIMIT: Duration = Duration::from_secs(5);
/// How long its answer may be.
const MOST_BYTES: usize = 64 * 1024;

/// Asks one issuer about keys; each is asked about once at a time, however many requests bring it.
#[derive(Debug)]
pub(crate) struct Introspection {
    server: ResourceServer,
    audience: Audience,
    /// For how long an answer counts on while the issuer is away.
    grace: Duration,
    keys: Arc<Keys>,
    client: HttpClient,
    verdicts: Cache<TokenDigest, Verdict>,
    complaints: Complaints,
}

/// What is known of one text.
#[derive(Clone, Debug)]
struct Verdict {
    answer: Answer,
    /// When it was asked about.
    asked: Timestamp,
    /// Until when it is not asked about again.
    until: Timestamp,
}

#[derive(Clone, Debug)]
enum Answer {
    /// It counts, and this is whose it is.
    Counts(Arc<Caller>),
    /// It does not.
    Unknown,
    /// The issuer is away.
    Unavailable,
}

/// The issuer gave no answer that can be used.
#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error("cannot find where to ask")]
    Discovery(#[from] FetchKeysError),
    #[error("the issuer names no place of its own to ask")]
    NoEndpoint,
    #[error("no answer")]
    Unreachable(#[source] crate::http_client::SendError),
    #[error("no whole answer in time")]
    TooSlow,
    #[error("the answer has status {0}")]
    Status(StatusCode),
    #[error("the answer is broken or too large")]
    UnreadableBody,
    #[error("the answer is none of RFC 7662")]
    NotAnAnswer,
    #[error("the answer is of another issuer, or for another server")]
    NotForUs,
}

impl Introspection {
    pub(crate) fn new(
        server: ResourceServer,
        audience: Audience,
        grace: Duration,
        keys: Arc<Keys>,
        client: HttpClient,
    ) -> Self {
        let verdicts = Cache::new(MOST);
        Self { server, audience, grace, keys, client, verdicts, complaints: Complaints::default() }
    }

    /// Whether `token` may be a key, which the issuer is asked about.
    pub(super) fn is_key(token: &AccessToken) -> bool {
        let text = token.expose();
        text.len() <= LONGEST_KEY && KEY_PREFIXES.iter().any(|prefix| text.starts_with(prefix))
    }

    /// Returns whose key it is.
    pub(super) async fn caller(&self, token: &AccessToken, now: Timestamp) -> Result<Arc<Caller>, Refusal> {
        let digest = TokenDigest::of(token.expose());
        let known = self.verdicts.get(&digest);
        if let Some(fresh) = known.as_ref().filter(|verdict| now < verdict.until) {
            return fresh.outcome(now);
        }
        self.verdicts.remove_if(&digest, |verdict| verdict.until <= now);
        match self.verdicts.get_value_or_guard_async(&digest).await {
            Ok(fresh) => fresh.outcome(now),
            Err(turn) => {
                let verdict = self.ask(token, known, now).await;
                let outcome = verdict.outcome(now);
                // Only a key that was forgotten meanwhile cannot be put in its place; it is asked about again then.
                drop(turn.insert(verdict));
                outcome
            }
        }
    }

    async fn ask(&self, token: &AccessToken, known: Option<Verdict>, now: Timestamp) -> Verdict {
        let error = match self.introspect(token, now).await {
            Ok(told) => {
                self.complaints.settle();
                return Verdict::of(told, now);
            }
            Err(error) => error,
        };
        if let Some(error) = self.complaints.news(&error) {
            tracing::warn!(error, "cannot ask the issuer about a key");
        }
        match known {
            // What counted before goes on for the time that the administrator chose.
            Some(verdict) if verdict.is_usable(now, self.grace) => {
                Verdict { until: now.plus(RETRY), ..verdict }
            }
            Some(_) | None => Verdict { answer: Answer::Unavailable, asked: now, until: now.plus(RETRY) },
        }
    }

    async fn introspect(&self, token: &AccessToken, now: Timestamp) -> Result<Option<Caller>, AskError> {
        let endpoint = self.keys.own_endpoint(|discovery| discovery.introspection_endpoint.as_ref()).await?;
        let endpoint = endpoint.ok_or(AskError::NoEndpoint)?;
        let form =
            form_urlencoded::Serializer::new(String::new()).append_pair("token", token.expose()).finish();
        let uri: Uri = endpoint.as_str().parse().map_err(|_| AskError::NoEndpoint)?;
        let mut request = Request::post(uri).body(full(form)).map_err(|_| AskError::NoEndpoint)?;
        let headers = request.headers_mut();
        headers.insert(header::AUTHORIZATION, self.server.authorization());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        let answer = async {
            let response = self.client.request(request).await.map_err(AskError::Unreachable)?;
            match response.status() {
                StatusCode::OK => {}
                // Too many that mean nothing; one that counts is always answered.
                StatusCode::TOO_MANY_REQUESTS => return Ok(None),
                status => return Err(AskError::Status(status)),
            }
            let body = Limited::new(response.into_body(), MOST_BYTES).collect().await;
            Ok(Some(body.map_err(|_| AskError::UnreadableBody)?.to_bytes()))
        };
        match tokio::time::timeout(LIMIT, answer).await.map_err(|_| AskError::TooSlow)?? {
            Some(document) => self.read(&document, now),
            None => Ok(None),
        }
    }

    /// Reads an answer, which must be this issuer's and for this gateway.
    fn read(&self, document: &Bytes, now: Timestamp) -> Result<Option<Caller>, AskError> {
        let members: Map<String, Value> =
            serde_json::from_slice(document).map_err(|_| AskError::NotAnAnswer)?;
        let answer = Claims::new(members);
        match answer.get("active") {
            Some(Value::Bool(true)) => {}
            Some(Value::Bool(false)) => return Ok(None),
            Some(_) | None => return Err(AskError::NotAnAnswer),
        }
        if answer.text("iss") != Some(self.keys.issuer().as_str()) || !answer.is_for(self.audience.as_str()) {
            return Err(AskError::NotForUs);
        }
        let caller = Caller::from_introspection(&answer, now).ok_or(AskError::NotAnAnswer)?;
        Ok(Some(caller).filter(|caller| !caller.has_expired(now)))
    }
}

impl Verdict {
    /// Believes what the issuer told at `now`: whose key it is, or that it is none.
    fn of(told: Option<Caller>, now: Timestamp) -> Self {
        match told {
            Some(caller) => {
                let until = caller.expires.map_or(now.plus(BELIEVED), |end| end.min(now.plus(BELIEVED)));
                Self { answer: Answer::Counts(Arc::new(caller)), asked: now, until }
            }
            None => Self { answer: Answer::Unknown, asked: now, until: now.plus(UNKNOWN) },
        }
    }

    fn outcome(&self, now: Timestamp) -> Result<Arc<Caller>, Refusal> {
        match &self.answer {
            Answer::Counts(caller) if !caller.has_expired(now) => Ok(Arc::clone(caller)),
            Answer::Counts(_) | Answer::Unknown => Err(Refusal::InvalidToken),
            Answer::Unavailable => Err(Refusal::KeysUnavailable),
        }
    }

    fn is_usable(&self, now: Timestamp, grace: Duration) -> bool {
        matches!(self.answer, Answer::Counts(_)) && now < self.asked.plus(BELIEVED).plus(grace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::logged;
    use crate::http_client::Trust;
    use keyfob_oauth::IssuerUrl;

    #[tokio::test(start_paused = true)]
    async fn that_the_issuer_cannot_be_asked_about_keys_is_told_once_for_all_keys() {
        let client = HttpClient::new(Trust::Nobody).unwrap();
        let keys = Keys::new(IssuerUrl::parse("http://127.0.0.1:1").unwrap(), client.clone());
        let server = ResourceServer::parse("gateway:kfs_secret").unwrap();
        let introspection =
            Introspection::new(server, Audience::new("gateway"), Duration::ZERO, Arc::new(keys), client);
        let asked = async {
            for key in ["at-one", "at-two", "at-three"].map(AccessToken::new) {
                let caller = introspection.caller(&key, Timestamp::from_unix(1_800_000_000)).await;
                assert_eq!(caller.unwrap_err(), Refusal::KeysUnavailable);
            }
            std::future::pending().await
        };
        let told = logged::during(asked, Duration::from_secs(1)).await;

        let line = " WARN keyfob_gateway::authenticate::introspection: cannot ask the issuer about a key \
                    error=\"cannot find where to ask: no answer from http://127.0.0.1:1/.well-known/openid-configuration: \
                    cannot connect: tcp connect error: Connection refused (os error 111)\"";
        assert_eq!(told, [line]);
    }
}

//! One request's road through the local gateway.

use super::audit::{Audit, Line};
use super::browsers::{self, Names};
use super::callers::{self, Caller, Peer, TurnedAway};
use super::credential::{Credentials, Shown};
use super::denied::Denied;
use super::passage::Passage;
use super::person::{Person, Unusable};
use super::replay::Asked;
use super::tools::{Tool, Tools};
use crate::admin::metrics::Metrics;
use crate::body::{Body, full};
use crate::error::Refusal;
use crate::gateway::{REQUEST_ID, bounded, hear_out};
use crate::http_client::{Answer, HttpClient, HttpClientError, Trust};
use crate::record::Record;
use crate::request_names::RequestNames;
use crate::route::{UpstreamPath, is_health_check, refuse_body, refuse_proxying, route};
use crate::streams::WebSockets;
use crate::upgrade::WebSocket;
use crate::upstream::{self, UpstreamUrl};
use crate::{headers, relay};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header, request};
use hyper::body::Incoming;
use keyfob_client::tool_keys::ToolKeys;
use keyfob_oauth::{AccessToken, Clock, Entropy, EntropyError, Secret};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

/// A local gateway cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// What is configured cannot be served.
    #[error(transparent)]
    Unusable(#[from] Unusable),
    /// It cannot send requests.
    #[error("cannot make an HTTP client")]
    HttpClient(#[from] HttpClientError),
    /// Requests could not be told apart.
    #[error("cannot name requests")]
    Entropy(#[from] EntropyError),
}

/// Serves requests with one person's credential; shared by all connections.
#[derive(Debug)]
pub struct LocalGateway {
    credentials: Arc<Credentials>,
    tools: Arc<Tools>,
    audit: Arc<Audit>,
    client: HttpClient,
    metrics: Arc<Metrics>,
    request_names: RequestNames,
    provider: String,
    /// What the provider refused although it had just been had anew: asking for yet another would help nobody.
    helpless: Mutex<Option<Secret>>,
}

/// The folder in that of ours in the home.
const AUDIT: &str = "gateway-audit";

impl LocalGateway {
    /// Makes a gateway to where `person`'s configuration says now; nobody is asked yet.
    ///
    /// That nobody is signed in yet is no error: the first request after the sign-in is served.
    pub fn new(person: Person, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Result<Self, StartError> {
        let found = person.look(clock.now())?;
        let credential = found.looked.credential(found.asked);
        let to = person.destination(&found.provider, credential).map_err(Unusable::from)?;
        let upstream = UpstreamUrl::parse(to.url.as_str()).map_err(Unusable::from)?;
        let home = person.home().map_err(Unusable::from)?;
        let trust = if upstream.is_plain_http() { Trust::Nobody } else { Trust::System };
        Ok(Self {
            tools: Arc::new(Tools::new(ToolKeys::of(&home))),
            audit: Arc::new(Audit::in_folder(home.own_folder().join(AUDIT), Arc::clone(&clock))),
            client: HttpClient::new(trust)?,
            metrics: Arc::new(Metrics::default()),
            request_names: RequestNames::new(&*entropy)?,
            provider: found.provider.id,
            credentials: Arc::new(Credentials { person, upstream, clock, entropy }),
            helpless: Mutex::default(),
        })
    }

    /// Returns the id of the provider, and where it serves.
    pub fn serves(&self) -> (&str, &UpstreamUrl) {
        (&self.provider, &self.credentials.upstream)
    }

    /// Cuts what runs under keys that are revoked, until the future is dropped.
    pub(super) async fn watch_keys(&self) -> Infallible {
        Arc::clone(&self.tools).watch().await
    }

    /// Answers one request, and records it.
    pub(super) async fn handle(
        &self,
        mut request: Request<Incoming>,
        peer: Peer,
        names: &Names,
    ) -> Response<Body> {
        let mut record =
            Record::begin(&self.metrics, self.request_names.next(), request.method(), request.uri().path());
        let admitted = self.admit(&request, peer, names, &mut record).await;
        let response = match admitted {
            Ok(Admitted::Health) => health(),
            Ok(Admitted::Caller(caller, line)) => self.pass(request, caller, line).await,
            Err((denied, line)) => {
                hear_out(&mut request).await;
                finish(Err(denied), line, None)
            }
        };
        let (mut parts, body) = response.into_parts();
        match HeaderValue::from_str(record.request_id()) {
            Ok(name) => drop(parts.headers.insert(REQUEST_ID, name)),
            Err(_) => debug_assert!(false, "names of requests are hexadecimal"),
        }
        let body = record.follow(parts.status, body, None);
        Response::from_parts(parts, body)
    }

    /// Lets a program in, and no page; the line of audit begins as soon as the tool is known.
    async fn admit(
        &self,
        request: &Request<Incoming>,
        peer: Peer,
        names: &Names,
        record: &mut Record,
    ) -> Result<Admitted, (Denied, Option<Line>)> {
        let fit = refuse_proxying(request).and_then(|()| refuse_body(request));
        let fit = fit.and_then(|()| WebSocket::asked(request, WebSockets::Refused));
        fit.map_err(|refusal| (refusal.into(), None))?;
        browsers::refuse(request, names).map_err(|denied| (denied, None))?;
        if is_health_check(request) {
            return Ok(Admitted::Health);
        }
        let (method, path) = (request.method(), request.uri().path());
        let line = |name, record: &Record| self.audit.begin(name, record.request_id(), method, path);
        match callers::admit(&self.tools, peer, request.headers()).await {
            Ok(Caller::User) => {
                record.tool("user", "unix_socket");
                Ok(Admitted::Caller(Caller::User, None))
            }
            Ok(Caller::Tool(tool, key)) => {
                record.tool(tool.name.as_str(), "tool_key");
                let line = line(tool.name.clone(), record);
                Ok(Admitted::Caller(Caller::Tool(tool, key), Some(line)))
            }
            Err(TurnedAway { denied, tool }) => {
                if let Some(name) = &tool {
                    record.tool(name.as_str(), "tool_key");
                }
                Err((denied, tool.map(|name| line(name, record))))
            }
        }
    }

    /// Serves a caller for as long as its key is not revoked.
    async fn pass(&self, request: Request<Incoming>, caller: Caller, line: Option<Line>) -> Response<Body> {
        let (tool, key) = match caller {
            Caller::User => (None, None),
            Caller::Tool(tool, key) => (Some(tool), Some(key)),
        };
        let served = self.serve(request, key.as_ref());
        let result = match tool.clone() {
            None => served.await,
            Some(revocable) => tokio::select! {
                result = served => result,
                () = revocable.ended() => Err(Denied::UnknownKey),
            },
        };
        finish(result, line, tool)
    }

    async fn serve(
        &self,
        mut request: Request<Incoming>,
        key: Option<&Secret>,
    ) -> Result<Response<Body>, Denied> {
        let path = route(&request)?;
        let shown = AccessToken::new(key.map_or("", Secret::expose));
        headers::toward_upstream(request.headers_mut(), &shown, None);
        let (head, body) = bounded(request)?.into_parts();
        let (body, again) = Asked::read(body).await?.send();
        let shown = self.credentials.show(None).await.map_err(told)?;
        let response = self.send(&head, body, &path, &shown).await?;
        // Nothing has gone to the caller yet, so one recovery is possible, and only one (security G-31).
        let refused = match (response.status(), &shown.renewable) {
            (StatusCode::UNAUTHORIZED, Some(refused)) if !self.is_helpless(refused) => refused,
            _ => return passed_on(response, &shown).await,
        };
        drop(response);
        let newer = self.credentials.show(Some(refused)).await.map_err(told)?;
        let Some(again) = again else { return Err(Denied::SendAgain) };
        let response = self.send(&head, full(again), &path, &newer).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            let mut helpless = self.helpless.lock().unwrap_or_else(PoisonError::into_inner);
            helpless.clone_from(&newer.renewable);
        }
        passed_on(response, &newer).await
    }

    fn is_helpless(&self, refused: &Secret) -> bool {
        self.helpless.lock().unwrap_or_else(PoisonError::into_inner).as_ref() == Some(refused)
    }

    async fn send(
        &self,
        head: &request::Parts,
        body: Body,
        path: &UpstreamPath,
        shown: &Shown,
    ) -> Result<Response<Answer>, Refusal> {
        let mut request = Request::new(body);
        *request.method_mut() = head.method.clone();
        *request.headers_mut() = head.headers.clone();
        for (name, value) in &shown.headers {
            request.headers_mut().insert(name, value.clone());
        }
        upstream::send(&self.client, &self.credentials.upstream, shown.key.as_ref(), path, Box::new(request))
            .await
    }
}

/// Who is let through.
enum Admitted {
    /// Whoever asks only if the gateway is up.
    Health,
    /// A caller, and the line of audit of a tool.
    Caller(Caller, Option<Line>),
}

async fn passed_on(response: Response<Answer>, shown: &Shown) -> Result<Response<Body>, Denied> {
    relay::relay(response, shown.key.as_ref()).await.map_err(|refusal| match refusal {
        Refusal::UpstreamRefusedGateway => Denied::CredentialRefused,
        other => other.into(),
    })
}

/// Says in the log what the caller is told in fewer words.
fn told(unusable: Unusable) -> Denied {
    let cause = std::error::Error::source(&unusable).map(tracing::field::display);
    tracing::warn!(error = %unusable, cause, "there is no credential for the provider");
    unusable.into()
}

/// Makes the answer, which ends when the key behind it does, and its line of audit.
fn finish(result: Result<Response<Body>, Denied>, line: Option<Line>, tool: Option<Tool>) -> Response<Body> {
    // A refusal is told whole, also to whom the refusal is that of its key.
    let tool = tool.filter(|_| result.is_ok());
    let response = result.unwrap_or_else(Denied::into_response);
    let Some(mut line) = line else { return response };
    line.status = Some(response.status().as_u16());
    response.map(|body| Passage::of(body, line, tool))
}

fn health() -> Response<Body> {
    let mut response = Response::new(full(Bytes::from_static(b"ok\n")));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

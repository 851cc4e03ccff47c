//! One request's road through the gateway.

mod config;
pub mod reload;

pub use config::{Config, LONGEST_STREAM, StartError};

use crate::account::Accounts;
use crate::admin::Metrics;
use crate::authenticate::delivery::Delivery;
use crate::authenticate::{Authenticator, Caller, Introspection, VerifiedTokens};
use crate::body::{Body, Limits, Passing, full};
use crate::description::Description;
use crate::error::Refusal;
use crate::forward::{DataError, Forward};
use crate::headers;
use crate::http_client::HttpClient;
use crate::keys::Keys;
use crate::own_usage::OwnLedger;
use crate::record::Record;
use crate::request_names::RequestNames;
use crate::revocations::{Hearing, Revocations};
use crate::route::{Own, asks_for_description, is_health_check, own, refuse_body, refuse_proxying, route};
use crate::running::{Cut, Running, Stay};
use crate::upgrade::{WebSocket, Wish};
use crate::{keep_alive, target};
use arc_swap::ArcSwap;
use bytes::Bytes;
use config::{Served, trust};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use keyfob_oauth::{AccessToken, Capability, Clock, Entropy, Timestamp};
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often it is looked which answers have run for too long.
const SWEEP: Duration = Duration::from_secs(10);

/// Serves requests; shared by all connections.
#[derive(Debug)]
pub struct Gateway {
    keys: Arc<Keys>,
    authenticator: Authenticator,
    running: Arc<Running>,
    metrics: Arc<Metrics>,
    /// What may change while the gateway runs.
    served: ArcSwap<Served>,
    revocations: Option<Arc<Revocations>>,
    own_ledger: OwnLedger,
    /// Where what is used is written down, if it is.
    data: Option<PathBuf>,
    request_names: RequestNames,
    description: Description,
    is_stopping: AtomicBool,
}

/// What a caller's body must keep to (security G-23, G-24).
const CALLER_LIMITS: Limits = Limits { idle: Duration::from_secs(30), size: Some(32 * 1024 * 1024) };
/// The name of a request, on every answer and in the log.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

impl Gateway {
    /// Makes a gateway; nothing is fetched yet.
    pub fn new(config: Config, clock: Arc<dyn Clock>, entropy: &dyn Entropy) -> Result<Self, StartError> {
        let trust = trust(&config.issuer, &config.upstreams);
        let client = HttpClient::new(trust)?;
        let description = Description::new(&config.issuer, &config.audience);
        let keys = Arc::new(Keys::new(config.issuer, client.clone()));
        let introspection = config.feed.as_ref().map(|feed| {
            let (server, audience) = (feed.server.clone(), config.audience.clone());
            Introspection::new(server, audience, feed.grace, Arc::clone(&keys), client.clone())
        });
        let data = config.data.as_deref();
        let metrics = Arc::<Metrics>::default();
        let (prices, limits) = (config.prices, config.limits);
        let open = |folder| Accounts::open(folder, prices, limits, Arc::clone(&metrics), Arc::clone(&clock));
        let accounts = data.map(open).transpose().map_err(DataError::from)?;
        let forward = Forward::new(
            (config.policy, config.upstreams),
            data,
            accounts,
            client.clone(),
            Arc::clone(&clock),
            entropy,
        )?;
        let follow = |feed| Revocations::new(feed, Arc::clone(&keys), client.clone(), Arc::clone(&clock));
        let revocations = config.feed.map(follow).map(Arc::new);
        let served = Served {
            delivery: config.delivery,
            streams: config.streams,
            longest_stream: config.longest_stream,
            forward,
            trust,
            client,
        };
        Ok(Self {
            running: Arc::default(),
            metrics,
            served: ArcSwap::from_pointee(served),
            authenticator: Authenticator {
                keys: Arc::clone(&keys),
                audience: config.audience,
                verified: VerifiedTokens::new(),
                introspection,
                revocations: revocations.clone(),
                clock,
            },
            revocations,
            keys,
            own_ledger: OwnLedger::new(config.data.clone()),
            data: config.data,
            request_names: RequestNames::new(entropy)?,
            description,
            is_stopping: AtomicBool::new(false),
        })
    }

    /// Does what no request waits for, until the future is dropped: fetches the issuer's keys, follows what has ended, and
    /// cuts off answers whose caller may not stay.
    pub(crate) async fn work(&self) -> Infallible {
        let follow = async {
            match &self.revocations {
                Some(revocations) => revocations.follow().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            never = self.keys.keep_fresh() => never,
            never = follow => never,
            never = self.cut_streams() => never,
        }
    }

    /// Cuts off answers whose caller may not stay.
    async fn cut_streams(&self) -> Infallible {
        loop {
            if let Some(revocations) = &self.revocations {
                // Only that it is time again is wanted.
                tokio::time::timeout(SWEEP, revocations.changed()).await.ok();
                self.running.sweep(|caller| revocations.has_ended(caller));
            } else {
                tokio::time::sleep(SWEEP).await;
                self.running.sweep(|_| false);
            }
        }
    }

    /// Answers one request, and records it.
    ///
    /// On its way a request is in a box: every future that it passes through would have room for it, twice.
    pub(crate) async fn handle(&self, request: Box<Request<Incoming>>) -> Response<Body> {
        let mut record =
            Record::begin(&self.metrics, self.request_names.next(), request.method(), request.uri().path());
        let mut stay = None;
        let by = self.served.load_full();
        let served = self.serve(request, &by, &mut record, &mut stay).await;
        let mut response = served.unwrap_or_else(|refusal| {
            // A refusal is told to the end.
            stay = None;
            refusal.into_response()
        });
        match HeaderValue::from_str(record.request_id()) {
            Ok(name) => drop(response.headers_mut().insert(REQUEST_ID, name)),
            Err(_) => debug_assert!(false, "names of requests are hexadecimal"),
        }
        if let Some(interval) = by.streams.keep_alive {
            response = keep_alive::between_events(response, interval);
        }
        let (parts, body) = response.into_parts();
        let body = record.follow(parts.status, body, stay);
        Response::from_parts(parts, body)
    }

    async fn serve(
        &self,
        mut request: Box<Request<Incoming>>,
        by: &Served,
        record: &mut Record,
        stay: &mut Option<Stay>,
    ) -> Result<Response<Body>, Refusal> {
        target::settle(&mut request)?;
        refuse_proxying(&request)?;
        refuse_body(&request)?;
        let web_socket = WebSocket::asked(&request, by.streams.web_sockets)?;
        if is_health_check(&request) {
            return Ok(health());
        }
        if asks_for_description(&request) {
            return Ok(self.description.to_response());
        }
        let capability = Capability::of_path(request.uri().path());
        let (caller, token) = match self.admit(&by.delivery, request.headers(), capability).await {
            Ok(accepted) => accepted,
            Err(refusal) => {
                Box::pin(hear_out(&mut request)).await;
                return Err(refusal);
            }
        };
        record.caller(&caller);
        match own(&request)? {
            None => {}
            Some(Own::Usage) => {
                let (query, currency) = (request.uri().query(), by.forward.currency());
                return Ok(Box::pin(self.own_ledger.tell(query, &caller, currency, self.now())).await?);
            }
        }
        let stay = stay.insert(self.running.begin(&caller, by.longest_stream));
        let path = route(&request)?;
        headers::toward_upstream(request.headers_mut(), &token, by.delivery.header());
        let tunnel = web_socket.map(|wish| {
            Box::new(Wish {
                web_socket: wish,
                end: hyper::upgrade::on(&mut *request),
                stay: Arc::new(self.running.begin(&caller, by.longest_stream)),
            })
        });
        let request = Box::new(bounded(*request)?);
        let answer = by.forward.answer(&path, request, &caller, record.request_id(), tunnel);
        let answered = tokio::select! {
            answered = answer => Some(answered),
            _reason = stay.cut() => None,
        };
        match (answered, stay.reason()) {
            (Some(answered), None) => answered,
            (_, Some(Cut::TooLong)) => Err(Refusal::UpstreamSilent),
            // An answer that came meanwhile would break off before its head is told.
            (_, Some(Cut::Revoked)) | (None, None) => Err(Refusal::InvalidToken),
        }
    }

    /// Returns who calls, if they may use what they ask for.
    async fn admit(
        &self,
        delivery: &Delivery,
        headers: &HeaderMap,
        capability: Option<Capability>,
    ) -> Result<(Arc<Caller>, AccessToken), Refusal> {
        if let Some(capability) = capability {
            Authenticator::refuse_keys(delivery, headers, capability)?;
        }
        let (caller, token) = self.authenticator.authenticate(delivery, headers).await?;
        match capability {
            Some(capability) if !caller.scope.contains(capability.scope()) => {
                Err(Refusal::CapabilityMissing(capability))
            }
            Some(_) | None => Ok((caller, token)),
        }
    }

    /// Whether the issuer's keys are there.
    pub(crate) fn has_keys(&self) -> bool {
        self.keys.are_loaded()
    }

    /// Notes that no more is taken, so that nobody sends more here.
    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }

    /// Says how well the issuer is heard, where it is listened to.
    pub(crate) fn hearing(&self) -> Option<Hearing> {
        self.revocations.as_ref().map(|revocations| revocations.hearing())
    }

    /// Returns for how long the issuer has not been heard, if it ever was.
    pub(crate) fn silence(&self) -> Option<Duration> {
        self.revocations.as_ref().and_then(|revocations| revocations.silence())
    }

    /// Returns where what is used is written down, if it is.
    pub(crate) fn data_folder(&self) -> Option<PathBuf> {
        self.data.clone()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.authenticator.clock.now()
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

/// Says that the gateway answers, and nothing else: how it is belongs to whoever runs it (`admin`).
fn health() -> Response<Body> {
    let mut response = Response::new(full("ok\n"));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// Refuses a body that announces too much, and stops one that turns out to be too much.
pub(crate) fn bounded(request: Request<Incoming>) -> Result<Request<Body>, Refusal> {
    let announced = request.body().size_hint().lower();
    if CALLER_LIMITS.size.is_some_and(|most| announced > most) {
        return Err(Refusal::BodyTooLarge);
    }
    Ok(request.map(|body| Passing::new(body, CALLER_LIMITS).boxed_unsync()))
}

/// Reads what a refused caller is still sending, within reason: a connection that is closed on unread bytes may be
/// reset before the caller has read why it was refused.
pub(crate) async fn hear_out(request: &mut Request<Incoming>) {
    const MOST: usize = 1024 * 1024;
    const LONGEST: Duration = Duration::from_secs(2);
    if request.headers().contains_key(header::EXPECT) {
        return;
    }
    let rest = async {
        let mut heard = 0;
        while let Some(Ok(frame)) = request.body_mut().frame().await {
            heard += frame.data_ref().map_or(0, Bytes::len);
            if heard > MOST {
                break;
            }
        }
    };
    if tokio::time::timeout(LONGEST, rest).await.is_err() {
        tracing::debug!("a refused caller is still sending");
    }
}

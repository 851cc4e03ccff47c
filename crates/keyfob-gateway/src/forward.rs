//! From an admitted caller to an answer: what is asked, what the policy says of it, which upstream answers.

use crate::account::{Accounts, Asking, Listener};
use crate::asked::{Api, Asked};
use crate::authenticate::Caller;
use crate::body::Body;
use crate::catalogue::Catalogue;
use crate::database::OpenError;
use crate::decisions::{Decisions, Entry};
use crate::error::Refusal;
use crate::http_client::{HttpClient, HttpClientError};
use crate::identity::{self, PseudonymError, Pseudonyms};
use crate::ledger::LedgerError;
use crate::limits::LimitsConfig;
use crate::policy::{
    Model, Obeyed, Outcome, Policy, Question, Route, Said, Store, Who, decide, model_of, obey,
};
use crate::prices::Prices;
use crate::route::UpstreamPath;
use crate::upgrade::{Way, Wish};
use crate::upstream::{self, Upstream, UpstreamKey, UpstreamUrl};
use crate::upstreams::{Identity, NamedUpstream, Sent, Upstreams};
use crate::{demo, relay};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use keyfob_oauth::{Clock, Entropy};
use keyfob_usage::money::Currency;
use std::path::Path;
use std::sync::Arc;

/// Which upstream answered.
const UPSTREAM: HeaderName = HeaderName::from_static("keyfob-upstream");
/// What of the caller's data policy the answer was made under.
const DATA_POLICY: HeaderName = HeaderName::from_static("keyfob-data-policy");

/// Sends what may be sent to whom it may go.
#[derive(Debug)]
pub(crate) struct Forward {
    policy: Policy,
    upstreams: Upstreams,
    catalogue: Catalogue,
    pseudonyms: Option<Pseudonyms>,
    decisions: Option<Arc<Decisions>>,
    accounts: Option<Arc<Accounts>>,
    client: HttpClient,
    clock: Arc<dyn Clock>,
}

/// What is kept in the data folder cannot be.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The key of pseudonyms.
    #[error(transparent)]
    Pseudonyms(#[from] PseudonymError),
    /// What is decided, or what is used.
    #[error(transparent)]
    Database(#[from] OpenError),
}

/// Another configuration cannot be taken while the gateway runs.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChangeError {
    #[error(transparent)]
    HttpClient(#[from] HttpClientError),
    #[error("cannot use the data folder")]
    Data(#[from] DataError),
    #[error("cannot read what was used")]
    Ledger(#[from] LedgerError),
    #[error("`prices` and `limits` need `data`, which cannot change while the gateway runs")]
    NoData,
}

impl Forward {
    /// Opens what is kept in `data`, if there is such a folder.
    pub(crate) fn new(
        (policy, upstreams): (Policy, Vec<NamedUpstream>),
        data: Option<&Path>,
        accounts: Option<Accounts>,
        client: HttpClient,
        clock: Arc<dyn Clock>,
        entropy: &dyn Entropy,
    ) -> Result<Self, DataError> {
        let pseudonyms = pseudonyms(&upstreams, data, entropy)?;
        Ok(Self {
            policy,
            upstreams: Upstreams::new(upstreams),
            catalogue: Catalogue::default(),
            pseudonyms,
            decisions: data.map(Decisions::open).transpose()?.map(Arc::new),
            accounts: accounts.map(Arc::new),
            client,
            clock,
        })
    }

    /// Returns another, which goes on with what is kept and with what was used.
    ///
    /// Limits change with this, so nothing after it may fail.
    pub(crate) async fn changed(
        &self,
        (policy, upstreams): (Policy, Vec<NamedUpstream>),
        data: Option<&Path>,
        (prices, limits): (Option<Prices>, Option<LimitsConfig>),
        client: HttpClient,
        entropy: &dyn Entropy,
    ) -> Result<Self, ChangeError> {
        let pseudonyms = pseudonyms(&upstreams, data, entropy).map_err(DataError::from)?;
        let accounts = match &self.accounts {
            Some(accounts) => Some(Arc::new(accounts.changed(prices, limits).await?)),
            None if prices.is_some() || limits.is_some() => return Err(ChangeError::NoData),
            None => None,
        };
        Ok(Self {
            policy,
            upstreams: self.upstreams.changed(upstreams),
            catalogue: Catalogue::default(),
            pseudonyms,
            decisions: self.decisions.clone(),
            accounts,
            client,
            clock: Arc::clone(&self.clock),
        })
    }

    /// Returns what prices are in, if any is known.
    pub(crate) fn currency(&self) -> Option<Currency> {
        self.accounts.as_ref().and_then(|accounts| accounts.currency())
    }

    /// Answers a request whose headers are fit to be sent.
    pub(crate) async fn answer(
        &self,
        path: &UpstreamPath,
        mut request: Box<Request<Body>>,
        caller: &Caller,
        request_id: &str,
        wish: Option<Box<Wish>>,
    ) -> Result<Response<Body>, Refusal> {
        let who = Who::from(caller);
        let method = request.method().clone();
        let api = self.accounts.as_ref().and_then(|_| Api::of(&method, path));
        let reads = api.is_some() || self.reads_body(&who);
        let mut said = if reads { Said::read(&mut request).await? } else { None };
        // What asks a model in a way that cannot be read could not be counted.
        if api.is_some() && said.is_none() {
            return Err(Refusal::NotJson);
        }
        let question = Question {
            route: Route::of(path.path()),
            method: &method,
            model: match &wish {
                None => model_of(&method, path.path(), said.as_ref()),
                // What is said on a WebSocket is not read: whatever depends on the model is refused.
                Some(_) => Model::Unsaid,
            },
        };
        let all = self.upstreams.all();
        let decision = decide(&self.policy, &who, &question, all);
        let mut kept = self.decisions.as_ref().map(|decisions| {
            let entry = Entry::new(request_id, self.clock.now(), (&who, &question), &decision, all);
            Kept { entry: Some(Box::new(entry)), decisions: Arc::clone(decisions) }
        });
        let allowed = match decision.outcome {
            Outcome::Allowed(allowed) => allowed,
            Outcome::Refused(why) => return Err(Refusal::Policy(why)),
        };
        if path.path() == "/models" && matches!(method, Method::GET | Method::HEAD) && !self.is_open(&who) {
            // What is seldom is large, and would be part of every request.
            return Box::pin(self.catalogue.list(&self.client, &self.policy, all, &who, path)).await;
        }
        let route = question.route;
        let hides_usage = meter(api, said.as_mut(), &mut request)?;
        let bars = self.accounts.as_ref().is_some_and(|accounts| accounts.bars_web_sockets());
        if wish.is_some() && (bars || decision.store == Store::Forbidden) {
            return Err(Refusal::Upgrade);
        }
        let obeyed = obey(decision.store, path.path(), said.as_ref(), &mut request)?;
        let first = |_: &_| self.upstreams.first(&allowed);
        let account = match (&self.accounts, self.accounts.as_ref().and_then(first)) {
            (Some(accounts), Some(first)) => {
                let none = Asked::default();
                let asked = said.as_ref().map_or(&none, Said::asked);
                let upstream = first.name();
                let method = &method;
                let asking = Asking { request_id, caller, route, method, api, asked, upstream, hides_usage };
                Some(Box::new(accounts.reserve(asking).await?))
            }
            (None, _) | (_, None) => None,
        };
        drop(said);
        let to = |place, request| self.send(place, request, path, (caller, request_id), wish.as_deref());
        let sent = self.upstreams.send(&allowed, request, to).await.ok_or(Refusal::UpstreamUnreachable)?;
        let Sent { place, unreachable, outcome } = sent;
        if let Some(kept) = &mut kept {
            kept.answered(all, place, &unreachable);
        }
        let mut response = match (outcome, account) {
            (Ok(response), Some(account)) => account.follow(response),
            (Err(refusal), Some(account)) => {
                account.refused(&refusal);
                return Err(refusal);
            }
            (outcome, None) => outcome?,
        };
        if let Some(upstream) = all.get(place) {
            tell(response.headers_mut(), upstream.name(), &who, obeyed);
        }
        Ok(response)
    }

    async fn send(
        &self,
        place: usize,
        mut request: Box<Request<Body>>,
        path: &UpstreamPath,
        (caller, request_id): (&Caller, &str),
        wish: Option<&Wish>,
    ) -> Result<Response<Body>, Refusal> {
        let Some(upstream) = self.upstreams.all().get(place) else {
            return Err(Refusal::UpstreamUnreachable);
        };
        identity::tell(
            request.headers_mut(),
            upstream.identity(),
            &Who::from(caller),
            self.pseudonyms.as_ref(),
        );
        match (upstream.upstream(), wish) {
            (Upstream::Demo, None) => {
                Box::pin(demo::answer(path, *request, caller, request_id, self.clock.now())).await
            }
            (Upstream::Demo, Some(_)) => Err(Refusal::Upgrade),
            (Upstream::Http { url, key }, None) => {
                let response = upstream::send(&self.client, url, key.as_ref(), path, request).await?;
                relay::relay(response, key.as_ref()).await
            }
            (Upstream::Http { url, key }, Some(wish)) => {
                let listener = self.accounts.as_ref().map(|accounts| {
                    let model = path.parameter("model");
                    Listener::new(
                        accounts,
                        request_id,
                        caller,
                        Route::of(path.path()),
                        upstream.name(),
                        model,
                    )
                });
                Box::pin(self.tunnel(url, key.as_ref(), path, request, wish, listener)).await
            }
        }
    }

    /// Asks the upstream for a WebSocket; what it answers instead is passed on like any answer.
    async fn tunnel(
        &self,
        url: &UpstreamUrl,
        key: Option<&UpstreamKey>,
        path: &UpstreamPath,
        mut request: Box<Request<Body>>,
        wish: &Wish,
        listener: Option<Listener>,
    ) -> Result<Response<Body>, Refusal> {
        let way = request.extensions_mut().remove::<Way>().ok_or(Refusal::Upgrade)?;
        wish.web_socket.ask(request.headers_mut(), listener.is_some());
        let response = upstream::send(&self.client, url, key, path, request).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return relay::relay(response, key).await;
        }
        let stay = Arc::clone(&wish.stay);
        way.through(wish.end.clone(), response, async move { stay.cut().await }, listener)
    }

    /// Whether what is decided depends on what the body says.
    fn reads_body(&self, who: &Who<'_>) -> bool {
        self.policy.reads_bodies()
            || who.models.is_some()
            || !self.upstreams.all().iter().all(NamedUpstream::serves_all)
    }

    /// Whether the one upstream's own list of models is what the caller may use.
    fn is_open(&self, who: &Who<'_>) -> bool {
        let serves_all = matches!(self.upstreams.all(), [only] if only.serves_all());
        serves_all && who.models.is_none() && self.policy.is_open()
    }
}

/// Opens the key of pseudonyms, if any upstream is told one.
fn pseudonyms(
    upstreams: &[NamedUpstream],
    data: Option<&Path>,
    entropy: &dyn Entropy,
) -> Result<Option<Pseudonyms>, PseudonymError> {
    let tells = upstreams.iter().any(|upstream| upstream.identity() == Identity::Pseudonym);
    match (tells, data) {
        (false, _) => Ok(None),
        (true, None) => Err(PseudonymError::NoFolder),
        (true, Some(folder)) => Pseudonyms::open(folder, entropy).map(Some),
    }
}

/// Makes an answer one that can be counted; returns whether the usage that its stream tells is not for the caller.
fn meter(api: Option<Api>, said: Option<&mut Said>, request: &mut Request<Body>) -> Result<bool, Refusal> {
    let (Some(api), Some(said)) = (api, said) else { return Ok(false) };
    request.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let asks = api == Api::Chat && said.asked().streams && !said.asked().tells_usage;
    if asks {
        said.ask_for_usage(request)?;
    }
    Ok(asks)
}

/// Says who answered, under which of the caller's demands.
fn tell(headers: &mut HeaderMap, upstream: &str, who: &Who<'_>, obeyed: Obeyed) {
    // Names and tags that an upstream was chosen by are words, and fit into any header.
    if let Ok(name) = HeaderValue::from_str(upstream) {
        headers.insert(UPSTREAM, name);
    }
    let mut kept_to = Vec::new();
    kept_to.extend(who.retention.map(|tag| format!("retention={tag}")));
    kept_to.extend(who.residency.map(|tag| format!("residency={tag}")));
    if who.data_sharing == Some(false) {
        kept_to.push("data-sharing=off".into());
    }
    if obeyed == Obeyed::StoreForbidden {
        kept_to.push("store=false".into());
    }
    if kept_to.is_empty() {
        return;
    }
    if let Ok(value) = HeaderValue::from_str(&kept_to.join(", ")) {
        headers.insert(DATA_POLICY, value);
    }
}

/// What was decided, kept when it is dropped, however the request ended.
struct Kept {
    /// Nothing once it is kept.
    entry: Option<Box<Entry>>,
    decisions: Arc<Decisions>,
}

impl Kept {
    /// Notes which upstream was asked, and which ones could not be reached before.
    fn answered(&mut self, all: &[NamedUpstream], place: usize, unreachable: &[usize]) {
        let Some(entry) = &mut self.entry else { return };
        let name =
            |place: usize| all.get(place).map_or_else(String::new, |upstream| upstream.name().to_owned());
        entry.upstream = Some(name(place));
        let away = unreachable.iter().map(|place| (name(*place), "could not be reached".to_owned()));
        entry.passed_over.extend(away);
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(entry) = self.entry.take() {
            self.decisions.keep(*entry);
        }
    }
}

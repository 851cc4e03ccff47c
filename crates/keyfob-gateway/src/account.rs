//! What each request uses, written down: reserved before its first byte leaves, settled once, however it ends.

mod listener;

pub(crate) use listener::Listener;

use crate::admin::Metrics;
use crate::asked::{Api, Asked};
use crate::authenticate::Caller;
use crate::body::Body;
use crate::database::OpenError;
use crate::error::Refusal;
use crate::ledger::{Ledger, LedgerError, Reserved, Settled, State};
use crate::limits::{Cost, Limits, LimitsConfig, Permit};
use crate::meter::{End, Ends, Meter, Metered, Outcome, Watch, estimate};
use crate::policy::Route;
use crate::prices::{Price, Prices};
use crate::tokens::Tokens;
use http::{Method, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use keyfob_oauth::Clock;
use keyfob_usage::money::{Currency, Money};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::OnceCell;

/// Writes down what requests use.
#[derive(Debug)]
pub(crate) struct Accounts {
    ledger: Arc<Ledger>,
    prices: Option<Prices>,
    limits: Option<LimitsConfig>,
    /// What was used of them; read from the ledger for the first request.
    used: Arc<OnceCell<Arc<Limits>>>,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
}

/// What a request asks, of whom.
pub(crate) struct Asking<'a> {
    pub(crate) request_id: &'a str,
    pub(crate) caller: &'a Caller,
    pub(crate) route: Route,
    pub(crate) method: &'a Method,
    /// What is spoken, if that is known here; else no tokens are counted.
    pub(crate) api: Option<Api>,
    pub(crate) asked: &'a Asked,
    pub(crate) upstream: &'a str,
    /// Whether the gateway asks for the usage where the caller did not.
    pub(crate) hides_usage: bool,
}

/// What is taken for the most that an answer uses, where nobody says.
const OUTPUT: u64 = 4_096;
/// For how many tokens more is reserved when a stream has told what was.
const IN_ADVANCE: u64 = 1_024;
/// The most that is believed of what is asked for.
const MOST: u64 = u32::MAX as u64;

impl Accounts {
    /// Opens the ledger in the data folder.
    pub(crate) fn open(
        folder: &Path,
        prices: Option<Prices>,
        limits: Option<LimitsConfig>,
        metrics: Arc<Metrics>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let ledger = Arc::new(Ledger::open(folder)?);
        Ok(Self { ledger, prices, limits, used: Arc::default(), metrics, clock })
    }

    /// Returns the same with other prices and limits; what was used of limits that stay stays used.
    ///
    /// Where there were limits before, these hold for every request from then on, whichever of the two it is put to.
    pub(crate) async fn changed(
        &self,
        prices: Option<Prices>,
        limits: Option<LimitsConfig>,
    ) -> Result<Self, LedgerError> {
        let used = match (self.limits, limits, self.used.get()) {
            (Some(_), Some(config), Some(used)) => {
                let now = self.clock.now();
                let since = Limits::count_since(&config, now);
                // Nothing that old changes any more.
                let earlier = self.ledger.spent_between(since, used.known_since()).await?;
                used.change(config, prices.as_ref().map(Prices::currency), &earlier, now);
                Arc::clone(&self.used)
            }
            // Nothing was counted: the first request reads the ledger.
            (None, _, _) | (_, None, _) | (_, _, None) => Arc::default(),
        };
        Ok(Self {
            ledger: Arc::clone(&self.ledger),
            prices,
            limits,
            used,
            metrics: Arc::clone(&self.metrics),
            clock: Arc::clone(&self.clock),
        })
    }

    /// Returns what prices are in, if any is known.
    pub(crate) fn currency(&self) -> Option<Currency> {
        self.prices.as_ref().map(Prices::currency)
    }

    /// Whether what is said on a WebSocket would pass limits by: nobody counts it before it is sent.
    pub(crate) const fn bars_web_sockets(&self) -> bool {
        self.limits.is_some()
    }

    /// Lets a request through the limits, and writes down that it will be sent; both are so when this returns.
    pub(crate) async fn reserve(&self, asking: Asking<'_>) -> Result<Account, Refusal> {
        let Asking { caller, asked, api, .. } = asking;
        let input = estimate(asked.bytes);
        let unsaid = self.limits.map_or(OUTPUT, |limits| limits.output_tokens);
        let output = asked.most_output.unwrap_or(unsaid).min(MOST);
        let tokens = match api {
            None => Tokens::default(),
            Some(Api::Embeddings) => Tokens { input, ..Tokens::default() },
            Some(Api::Responses | Api::Chat | Api::Completions) => {
                Tokens { input, output, ..Tokens::default() }
            }
        };
        let price = asked.model.as_deref().and_then(|model| self.prices.as_ref()?.of(model));
        let permit = self.admit(&asking, &tokens, price).await?;
        let is_limited = self.limits.as_ref().is_some_and(LimitsConfig::counts_tokens);
        let row = Reserved {
            model: asked.model.clone(),
            tokens,
            price: price.map(|price| price.of(&tokens)),
            ..self.row(asking.request_id, caller, asking.route, asking.upstream)
        };
        // Whoever leaves now leaves a row that is settled.
        let account = Account {
            open: Some(Open {
                ledger: Arc::clone(&self.ledger),
                metrics: Arc::clone(&self.metrics),
                request_id: asking.request_id.to_owned(),
                price,
                permit,
                clock: Arc::clone(&self.clock),
            }),
            began: Instant::now(),
            api,
            operation: asking.route.operation(),
            input,
            allowed: is_limited.then_some(output),
            hides_usage: asking.hides_usage,
            status: None,
        };
        if let Err(error) = self.ledger.reserve(row).await {
            tracing::error!(%error, request.id = asking.request_id, "the ledger cannot be written");
            account.forget();
            return Err(Refusal::LedgerUnavailable);
        }
        Ok(account)
    }

    /// Returns a row of what `caller` asks of `upstream` now, which uses nothing.
    fn row(&self, request_id: &str, caller: &Caller, route: Route, upstream: &str) -> Reserved {
        Reserved {
            request_id: request_id.to_owned(),
            at: self.clock.now(),
            subject: caller.subject.as_str().to_owned(),
            workspace: caller.workspace.as_str().to_owned(),
            credential: caller.credential.as_str(),
            key_id: caller.credential.key_id().map(str::to_owned),
            route: route.as_str(),
            model: None,
            upstream: upstream.to_owned(),
            tokens: Tokens::default(),
            price: None,
        }
    }

    /// Reserves the worst case of a request, where there are limits.
    async fn admit(
        &self,
        asking: &Asking<'_>,
        tokens: &Tokens,
        price: Option<Price>,
    ) -> Result<Option<Permit>, Refusal> {
        let Some(config) = self.limits else { return Ok(None) };
        if config.counts_tokens() && asking.is_uncountable() {
            return Err(Refusal::NotCounted);
        }
        if config.has_budget() && asking.api.is_some() && price.is_none() {
            return Err(Refusal::ModelUnpriced(asking.asked.model.clone()));
        }
        let limits = self.used.get_or_try_init(|| self.recall(config)).await.map_err(|error| {
            tracing::error!(%error, "the ledger cannot be read");
            Refusal::LedgerUnavailable
        })?;
        limits.admit(asking.caller, cost(tokens, price), self.clock.now()).map(Some).map_err(Refusal::Limit)
    }

    /// Begins to count with what was used before the start.
    async fn recall(&self, config: LimitsConfig) -> Result<Arc<Limits>, LedgerError> {
        let now = self.clock.now();
        let spent = self.ledger.spent_since(Limits::count_since(&config, now)).await?;
        Ok(Arc::new(Limits::new(config, self.prices.as_ref().map(Prices::currency), spent, now)))
    }
}

impl Asking<'_> {
    /// Whether it could use what is not counted here: a job in the background, or what no known API is asked for.
    fn is_uncountable(&self) -> bool {
        let only_looks =
            matches!(*self.method, Method::GET | Method::HEAD | Method::OPTIONS | Method::DELETE);
        self.asked.background || (self.api.is_none() && self.route != Route::Models && !only_looks)
    }
}

fn cost(tokens: &Tokens, price: Option<Price>) -> Cost {
    let price = price.map_or(Money::ZERO, |price| price.of(tokens));
    Cost { tokens: tokens.input.saturating_add(tokens.output), price }
}

/// One request that was reserved; settled when it is dropped, at the latest.
pub(crate) struct Account {
    /// Nothing once it is settled.
    open: Option<Open>,
    began: Instant,
    api: Option<Api>,
    /// What is asked for, in the words of OpenTelemetry's conventions.
    operation: &'static str,
    /// For how many tokens the question is taken.
    input: u64,
    /// For how many tokens of output is reserved, if that is limited.
    allowed: Option<u64>,
    hides_usage: bool,
    status: Option<StatusCode>,
}

struct Open {
    ledger: Arc<Ledger>,
    metrics: Arc<Metrics>,
    request_id: String,
    price: Option<Price>,
    permit: Option<Permit>,
    clock: Arc<dyn Clock>,
}

impl Account {
    /// Meters the answer; the request is settled with its end.
    pub(crate) fn follow(mut self, response: Response<Body>) -> Response<Body> {
        self.status = Some(response.status());
        let (mut parts, body) = response.into_parts();
        if let Some(permit) = self.open.as_ref().and_then(|open| open.permit.as_ref()) {
            permit.told().tell(&mut parts.headers);
        }
        let meter = Meter::new(self.api, &parts.headers);
        let ends = Ends {
            api: self.api,
            input: self.input,
            hides_usage: self.hides_usage,
            is_limited: self.allowed.is_some(),
        };
        let metered = Metered::new(body, meter, ends, self);
        if metered.may_change() {
            parts.headers.remove(header::CONTENT_LENGTH);
        }
        Response::from_parts(parts, metered.boxed_unsync())
    }

    /// Settles a request that was not answered.
    pub(crate) fn refused(mut self, refusal: &Refusal) {
        let may_have_used = matches!(refusal, Refusal::UpstreamSilent | Refusal::UpstreamUnusable);
        let tokens = if may_have_used { self.question() } else { Tokens::default() };
        self.settle(State::Aborted, tokens, may_have_used && self.api.is_some(), 0);
    }

    /// Leaves a row that was not written.
    fn forget(mut self) {
        if let Some(permit) = self.open.take().and_then(|open| open.permit) {
            permit.settle(Cost::default());
        }
    }

    /// Returns what the question alone is taken for.
    fn question(&self) -> Tokens {
        let input = if self.api.is_some() { self.input } else { 0 };
        Tokens { input, ..Tokens::default() }
    }

    fn settle(&mut self, state: State, tokens: Tokens, is_estimate: bool, bytes: u64) {
        let Some(open) = self.open.take() else { return };
        let row = Settled {
            request_id: open.request_id,
            state,
            tokens,
            is_estimate,
            price: open.price.map(|price| price.of(&tokens)),
            status: self.status.map(|status| status.as_u16()),
            took: self.began.elapsed(),
            bytes,
        };
        if self.api.is_some() {
            open.metrics.count_tokens(self.operation, &tokens);
        }
        if let Some(permit) = open.permit {
            permit.settle(cost(&tokens, open.price));
        }
        open.ledger.settle(row);
    }
}

impl Watch for Account {
    /// Reserves more where a stream tells more than is reserved: some in advance, or else to the last token.
    fn allows(&mut self, output: u64) -> bool {
        let Some(allowed) = self.allowed.filter(|allowed| *allowed < output) else { return true };
        let Some(open) = &mut self.open else { return true };
        let Some(permit) = &mut open.permit else { return true };
        let told = output.saturating_sub(allowed);
        let now = open.clock.now();
        let reserved = [told.saturating_add(IN_ADVANCE), told].into_iter().find(|more| {
            permit.extend(cost(&Tokens { output: *more, ..Tokens::default() }, open.price), now)
        });
        self.allowed = Some(allowed.saturating_add(reserved.unwrap_or(0)));
        reserved.is_some()
    }

    fn ended(mut self, end: End) {
        let state = match end.outcome {
            Outcome::Whole => State::Settled,
            Outcome::BrokenOff | Outcome::CallerLeft | Outcome::Cut => State::Aborted,
        };
        let is_error = self.status.is_some_and(|status| !status.is_success());
        // An upstream that refuses does not answer, whatever its explanation looks like.
        let (tokens, is_estimate) = match (is_error, end.is_estimate) {
            (true, true) => (Tokens::default(), false),
            (_, is_estimate) => (end.tokens, is_estimate),
        };
        self.settle(state, tokens, is_estimate, end.bytes);
    }
}

impl Drop for Account {
    /// The caller left before the answer began.
    fn drop(&mut self) {
        self.settle(State::Aborted, self.question(), self.api.is_some(), 0);
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("api", &self.api).finish_non_exhaustive()
    }
}

//! What each request uses, written down: reserved before its first byte leaves, settled once, however it ends.

use crate::admin::Metrics;
use crate::asked::{Api, Asked};
use crate::authenticate::Caller;
use crate::body::Body;
use crate::database::OpenError;
use crate::error::Refusal;
use crate::ledger::{Ledger, Reserved, Settled, State};
use crate::meter::{Allowance, End, Ends, Meter, Metered, Outcome, Watch, estimate};
use crate::policy::Route;
use crate::prices::{Price, Prices};
use crate::tokens::Tokens;
use http::{Response, StatusCode, header};
use http_body_util::BodyExt as _;
use keyfob_oauth::Clock;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// Writes down what requests use.
#[derive(Debug)]
pub(crate) struct Accounts {
    ledger: Arc<Ledger>,
    prices: Option<Prices>,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
}

/// What a request asks, of whom.
pub(crate) struct Asking<'a> {
    pub(crate) request_id: &'a str,
    pub(crate) caller: &'a Caller,
    pub(crate) route: Route,
    /// What is spoken, if that is known here; else no tokens are counted.
    pub(crate) api: Option<Api>,
    pub(crate) asked: &'a Asked,
    pub(crate) upstream: &'a str,
    /// Whether the gateway asks for the usage where the caller did not.
    pub(crate) hides_usage: bool,
}

/// Takes what a request used in the end.
pub(crate) type Told = Box<dyn FnOnce(&Settled) + Send>;

/// That a request may be sent, as the limits say.
#[derive(Default)]
pub(crate) struct Permit {
    /// How much may be told, if that is limited.
    pub(crate) allowance: Option<Allowance>,
    /// Is told what was used.
    pub(crate) told: Option<Told>,
}

/// What is taken for the most that an answer uses, where nobody says.
const OUTPUT: u64 = 4_096;
/// The most that is believed of what is asked for.
const MOST: u64 = u32::MAX as u64;

impl Accounts {
    /// Opens the ledger in the data folder.
    pub(crate) fn open(
        folder: &Path,
        prices: Option<Prices>,
        metrics: Arc<Metrics>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        Ok(Self { ledger: Arc::new(Ledger::open(folder)?), prices, metrics, clock })
    }

    /// Writes down that a request will be sent; it is durable when this returns.
    pub(crate) async fn reserve(&self, asking: Asking<'_>, permit: Permit) -> Result<Account, Refusal> {
        let Asking { caller, asked, api, .. } = asking;
        let input = estimate(asked.bytes);
        let output = asked.most_output.unwrap_or(OUTPUT).min(MOST);
        let tokens = match api {
            None => Tokens::default(),
            Some(Api::Embeddings) => Tokens { input, ..Tokens::default() },
            Some(Api::Responses | Api::Chat | Api::Completions) => {
                Tokens { input, output, ..Tokens::default() }
            }
        };
        let price = asked.model.as_deref().and_then(|model| self.prices.as_ref()?.of(model));
        let row = Reserved {
            request_id: asking.request_id.to_owned(),
            at: self.clock.now(),
            subject: caller.subject.as_str().to_owned(),
            workspace: caller.workspace.as_str().to_owned(),
            credential: caller.credential.as_str(),
            key_id: caller.credential.key_id().map(str::to_owned),
            route: asking.route.as_str(),
            model: asked.model.clone(),
            upstream: asking.upstream.to_owned(),
            tokens,
            price: price.map(|price| price.of(&tokens)),
        };
        // Whoever leaves now leaves a row that is settled.
        let account = Account {
            open: Some(Open {
                ledger: Arc::clone(&self.ledger),
                metrics: Arc::clone(&self.metrics),
                request_id: asking.request_id.to_owned(),
                price,
                permit,
            }),
            began: Instant::now(),
            api,
            operation: asking.route.operation(),
            input,
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
    hides_usage: bool,
    status: Option<StatusCode>,
}

struct Open {
    ledger: Arc<Ledger>,
    metrics: Arc<Metrics>,
    request_id: String,
    price: Option<Price>,
    permit: Permit,
}

impl Account {
    /// Meters the answer; the request is settled with its end.
    pub(crate) fn follow(mut self, response: Response<Body>) -> Response<Body> {
        self.status = Some(response.status());
        let (mut parts, body) = response.into_parts();
        let meter = Meter::new(self.api, &parts.headers);
        let ends = Ends {
            api: self.api,
            input: self.input,
            hides_usage: self.hides_usage,
            allowance: self.open.as_ref().and_then(|open| open.permit.allowance.clone()),
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
        self.open = None;
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
        if let Some(told) = open.permit.told {
            told(&row);
        }
        open.ledger.settle(row);
    }
}

impl Watch for Account {
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

//! What is counted, in the text form of `OpenMetrics` 1.0; the names of what models do are those of OpenTelemetry's
//! conventions for generative AI.

use crate::revocations::Hearing;
use crate::tokens::Tokens;
use http::StatusCode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// Everything that is counted.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    durations: Family<Operation, Histogram>,
    aborts: Family<Abort, Counter>,
    running: Gauge,
    silence: Gauge<f64, AtomicU64>,
    hearing: Family<Mode, Gauge>,
    tokens: Family<Token, Counter>,
    reloads: Family<Reload, Counter>,
}

/// What is known of a request that is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Observed {
    /// What it asked for, of the words that there are.
    pub(crate) operation: &'static str,
    /// By which kind of credential it was let in.
    pub(crate) credential: Option<&'static str>,
    /// How it was answered.
    pub(crate) status: Option<StatusCode>,
    /// Whose doing it was that the answer did not come whole.
    pub(crate) aborted_by: Option<&'static str>,
    /// How long it took.
    pub(crate) took: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    gen_ai_operation_name: &'static str,
    credential: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Operation {
    gen_ai_operation_name: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Token {
    gen_ai_operation_name: &'static str,
    gen_ai_token_type: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Abort {
    side: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reload {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Mode {
    mode: &'static str,
}

/// The upper ends of the classes of durations, in seconds: those that OpenTelemetry proposes for answers of models.
const BUCKETS: [f64; 14] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let (requests, aborts, hearing) = (Family::default(), Family::default(), Family::default());
        let durations =
            Family::<Operation, Histogram>::new_with_constructor(|| Histogram::new(BUCKETS.iter().copied()));
        let (running, silence) = (Gauge::default(), Gauge::<f64, AtomicU64>::default());
        registry.register(
            "keyfob_gateway_build",
            "The version that runs",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        registry.register(
            "keyfob_gateway_requests",
            "Requests that are over, by what opened the gateway to them and how they were answered",
            requests.clone(),
        );
        registry.register_with_unit(
            "gen_ai_server_request_duration",
            "From a request's head to the end of its answer",
            Unit::Seconds,
            durations.clone(),
        );
        registry.register(
            "keyfob_gateway_stream_aborts",
            "Answers that did not come whole, by whose doing it was",
            aborts.clone(),
        );
        registry.register("keyfob_gateway_running", "Requests that run", running.clone());
        registry.register_with_unit(
            "keyfob_gateway_revocation_lag",
            "For how long the issuer has not told what has ended; infinite if it never has",
            Unit::Seconds,
            silence.clone(),
        );
        registry.register(
            "keyfob_gateway_revocation_mode",
            "1 for how well the issuer is heard: followed, silent (for no longer than is accepted) or lost",
            hearing.clone(),
        );
        let tokens = Family::<Token, Counter>::default();
        registry.register(
            "gen_ai_client_token_usage",
            "Tokens that were used, told by upstreams or estimated; cached is a part of input, and reasoning of output",
            tokens.clone(),
        );
        let reloads = Family::<Reload, Counter>::default();
        registry.register(
            "keyfob_gateway_config_reloads",
            "How often the configuration was read again: applied, or refused and the one before it kept",
            reloads.clone(),
        );
        Self { registry, requests, durations, aborts, running, silence, hearing, tokens, reloads }
    }
}

impl Metrics {
    /// Counts a request that is over.
    pub(crate) fn count(&self, observed: Observed) {
        let operation = observed.operation;
        self.requests
            .get_or_create(&Request {
                gen_ai_operation_name: operation,
                credential: observed.credential.unwrap_or("none"),
                status: observed.status.map_or(0, |status| status.as_u16()),
            })
            .inc();
        self.durations
            .get_or_create(&Operation { gen_ai_operation_name: operation })
            .observe(observed.took.as_secs_f64());
        if let Some(side) = observed.aborted_by {
            self.aborts.get_or_create(&Abort { side }).inc();
        }
    }

    /// Counts what an answer used.
    pub(crate) fn count_tokens(&self, operation: &'static str, tokens: &Tokens) {
        for (kind, count) in [
            ("input", tokens.input),
            ("cached", tokens.cached),
            ("output", tokens.output),
            ("reasoning", tokens.reasoning),
        ] {
            let labels = Token { gen_ai_operation_name: operation, gen_ai_token_type: kind };
            self.tokens.get_or_create(&labels).inc_by(count);
        }
    }

    /// Counts that the configuration was read again.
    pub(crate) fn count_reload(&self, is_applied: bool) {
        let result = if is_applied { "applied" } else { "refused" };
        self.reloads.get_or_create(&Reload { result }).inc();
    }

    /// Notes that a request runs.
    pub(crate) fn begin(&self) {
        self.running.inc();
    }

    /// Notes that one is over.
    pub(crate) fn end(&self) {
        self.running.dec();
    }

    /// Notes how well the issuer is heard; nothing where it is not listened to.
    pub(super) fn note_revocations(&self, hearing: Option<Hearing>, silence: Option<Duration>) {
        let Some(hearing) = hearing else { return };
        self.silence.set(silence.map_or(f64::INFINITY, |silence| silence.as_secs_f64()));
        for mode in [Hearing::Fresh, Hearing::Silent, Hearing::Lost] {
            let labels = Mode { mode: mode.as_str() };
            self.hearing.get_or_create(&labels).set(i64::from(mode == hearing));
        }
    }

    pub(super) fn encoded(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

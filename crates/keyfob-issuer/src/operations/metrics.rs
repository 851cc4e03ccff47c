//! What is counted, in the text form of Prometheus and of `OpenMetrics` 1.0.

use crate::app::App;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{Method, StatusCode, header};
use keyfob_issuer_core::operation::Swept;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use std::sync::Arc;
use std::time::Duration;

/// Everything that is counted.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    durations: Family<Route, Histogram>,
    connections: Connections,
    forgotten: Family<Forgotten, Counter>,
    audit_entries: Gauge,
    ready: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    route: Arc<str>,
    method: MethodLabel,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Forgotten {
    kind: &'static str,
}

/// The methods that are told apart: a request may bring any word as its method.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
enum MethodLabel {
    Get,
    Post,
    Patch,
    Delete,
    Other,
}

/// The upper ends of the classes of durations, in seconds: a refresh takes a few milliseconds, a password a tenth.
const BUCKETS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0, 30.0];
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("keyfob_issuer");
        let requests = Family::default();
        let durations =
            Family::<Route, Histogram>::new_with_constructor(|| Histogram::new(BUCKETS.iter().copied()));
        let (audit_entries, ready) = (Gauge::default(), Gauge::default());
        let connections = Connections::default();
        let forgotten = Family::default();
        registry.register(
            "build",
            "The version that runs",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        registry.register("http_requests", "Requests that were answered", requests.clone());
        let name = "http_request_duration";
        registry.register_with_unit(name, "How long they took", Unit::Seconds, durations.clone());
        registry.register("connections", "Connections that are open", connections.0.clone());
        registry.register("forgotten", "Rows that were forgotten after their end", forgotten.clone());
        registry.register(
            "audit_entries",
            "Entries of the audit trail when it was last signed",
            audit_entries.clone(),
        );
        registry.register("ready", "Whether the last probe found the issuer ready", ready.clone());
        Self { registry, requests, durations, connections, forgotten, audit_entries, ready }
    }
}

impl Metrics {
    /// Counts a request by its route, never by its path.
    pub(crate) fn count_request(
        &self,
        route: Option<&str>,
        method: &Method,
        status: StatusCode,
        took: Duration,
    ) {
        let route: Arc<str> = route.unwrap_or("none").into();
        let method = match method.as_str() {
            "GET" => MethodLabel::Get,
            "POST" => MethodLabel::Post,
            "PATCH" => MethodLabel::Patch,
            "DELETE" => MethodLabel::Delete,
            _ => MethodLabel::Other,
        };
        let labels = Request { route: Arc::clone(&route), method, status: status.as_u16() };
        self.requests.get_or_create(&labels).inc();
        self.durations.get_or_create(&Route { route }).observe(took.as_secs_f64());
    }

    /// Returns where connections are counted.
    pub(crate) fn connections(&self) -> Connections {
        self.connections.clone()
    }

    pub(crate) fn count_forgotten(&self, swept: &Swept) {
        let Swept {
            families,
            grants,
            device_grants,
            sessions,
            email_links,
            counters,
            spent_id_tokens,
            invitations,
            signing_keys,
            revocations,
            notices,
            logout_notices,
            browser_logins,
        } = *swept;
        for (kind, rows) in [
            ("families", families),
            ("grants", grants),
            ("device_grants", device_grants),
            ("sessions", sessions),
            ("email_links", email_links),
            ("counters", counters),
            ("spent_id_tokens", spent_id_tokens),
            ("invitations", invitations),
            ("signing_keys", signing_keys),
            ("revocations", revocations),
            ("notices", notices),
            ("logout_notices", logout_notices),
            ("browser_logins", browser_logins),
        ] {
            self.forgotten.get_or_create(&Forgotten { kind }).inc_by(rows);
        }
    }

    pub(crate) fn note_audit_entries(&self, entries: i64) {
        self.audit_entries.set(entries);
    }

    pub(super) fn note_readiness(&self, is_ready: bool) {
        self.ready.set(i64::from(is_ready));
    }
}

/// How many connections are open.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connections(Gauge);

/// An open connection, as far as it is counted.
#[derive(Debug)]
pub(crate) struct OpenConnection(Gauge);

impl Connections {
    /// Counts a connection while the returned value lives.
    pub(crate) fn open(&self) -> OpenConnection {
        self.0.inc();
        OpenConnection(self.0.clone())
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Returns everything that is counted.
pub(super) async fn show(State(app): State<Arc<App>>) -> Response {
    let mut text = String::new();
    match encode(&mut text, &app.metrics.registry) {
        Ok(()) => ([(header::CONTENT_TYPE, CONTENT_TYPE), (header::CACHE_CONTROL, "no-store")], text)
            .into_response(),
        Err(_failed) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

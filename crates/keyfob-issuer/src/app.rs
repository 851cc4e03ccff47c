//! An opened issuer and what its pages need beside it.

use crate::command::files::{self, FileError};
use crate::config::insecure::{Finding, findings, guessable};
use crate::config::{ApiKeyExchange, Config, ConfigError, LogoutListeners, LogoutTargets};
use crate::database::{self, DatabaseError};
use crate::guard::breaches::BreachLists;
use crate::guard::circumstance;
use crate::guard::guess_budget::GuessBudget;
use crate::guard::hashing::Hashing;
use crate::guard::poll_pace::PollPace;
use crate::guard::user_codes::UserCodeBudget;
use crate::mail::{MailError, Outbox};
use crate::operations::Metrics;
use crate::server::Limits;
use crate::site::Site;
use crate::webhook::{Webhook, WebhookError};
use crate::workloads::{Workloads, WorkloadsError};
use keyfob_issuer_core::anomaly::Watch;
use keyfob_issuer_core::{Fault, Issuer, IssuerParts};
use keyfob_issuer_sql::Urgency;
use keyfob_oauth::{Clock, Entropy};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// An opened issuer.
#[derive(Debug)]
pub struct App {
    pub(crate) issuer: Issuer,
    pub(crate) site: Site,
    pub(crate) hashing: Hashing,
    pub(crate) guesses: UserCodeBudget,
    pub(crate) codex_polls: PollPace,
    pub(crate) standard_polls: PollPace,
    pub(crate) breaches: BreachLists,
    pub(crate) outbox: Option<Outbox>,
    pub(crate) trusted_proxies: Vec<IpAddr>,
    pub(crate) unknown_tokens: GuessBudget,
    pub(crate) api_key_exchange: ApiKeyExchange,
    pub(crate) metrics: Metrics,
    pub(crate) workloads: Workloads,
    pub(crate) logout_targets: LogoutTargets,
    pub(crate) logout_listeners: LogoutListeners,
    pub(crate) webhook: Option<Webhook>,
    pub(crate) administration: Option<SocketAddr>,
    pub(crate) outbound_proxy: Option<Url>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

/// An issuer cannot be opened; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The settings, or the files beside them, are not safe.
    #[error("refused to start")]
    Insecure(#[from] Finding),
    /// The letters.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The rules for workloads.
    #[error(transparent)]
    Workloads(#[from] WorkloadsError),
    /// The webhook.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The signing key in the database does not open with the seal key, or something else broke.
    #[error("cannot open the issuer in {data}")]
    Issuer {
        /// Where.
        data: String,
        /// Why.
        #[source]
        source: Fault,
    },
}

/// How often a device of the Codex dialect asks.
const CODEX_INTERVAL: Duration = Duration::from_secs(1);
/// How often a device of RFC 8628 asks (§3.2).
const STANDARD_INTERVAL: Duration = Duration::from_secs(5);
/// About how many tokens that mean nothing a resource server may ask in a minute.
const UNKNOWN_TOKENS: u32 = 300;

impl App {
    /// Returns who may hold how many connections to it.
    pub fn limits(&self) -> Limits {
        Limits { many: self.trusted_proxies.clone(), connections: self.metrics.connections() }
    }

    /// Opens the issuer in the directory `data`.
    pub async fn open(
        data: &Path,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, OpenError> {
        let config = Config::load(data)?;
        if let Some(first) = findings(data, &config).into_iter().next() {
            return Err(first.into());
        }
        let proxy = config.outbound_proxy.as_ref();
        let rules = config.workloads.as_ref().map(|file| Workloads::load(data, file, &config.url, proxy));
        let workloads = rules.transpose()?.unwrap_or_default();
        let webhook =
            config.anomalies.as_ref().map(|settings| Webhook::load(data, settings, proxy)).transpose()?;
        let watch = config.anomalies.as_ref().map_or(Watch::Off, |settings| Watch::On(settings.limits));
        let seal_key = files::read_seal_key(data)?;
        if let Some(finding) = guessable(data, seal_key.expose()) {
            return Err(finding.into());
        }
        let storage = database::open(data, &config, &seal_key, Urgency::Requests).await?;
        let broken = |source| OpenError::Issuer { data: data.display().to_string(), source };
        let csrf = seal_key.authentication_key("csrf").map_err(|error| broken(error.into()))?;
        let issuer = Issuer::open(IssuerParts {
            url: config.url.clone(),
            audience: config.audience,
            grace: config.grace,
            devices: config.devices,
            browser_sessions: config.browser_sessions,
            watch,
            told_of_logouts: config.logout_listeners.uris.keys().cloned().collect(),
            storage: Arc::new(storage),
            clock,
            entropy: Arc::clone(&entropy),
            circumstances: Arc::new(circumstance::OfTask),
            seal_key,
        })
        .await
        .map_err(broken)?;
        Ok(Self {
            issuer,
            site: Site::new(&config.url, csrf),
            hashing: Hashing::default(),
            guesses: UserCodeBudget::default(),
            codex_polls: PollPace::new(CODEX_INTERVAL),
            standard_polls: PollPace::new(STANDARD_INTERVAL),
            breaches: BreachLists::new(config.breached_passwords),
            outbox: config.mail.as_ref().map(Outbox::new).transpose()?,
            trusted_proxies: config.trusted_proxies,
            workloads,
            logout_targets: config.logout_targets,
            logout_listeners: config.logout_listeners,
            webhook,
            unknown_tokens: GuessBudget::new(UNKNOWN_TOKENS, Duration::from_mins(1)),
            api_key_exchange: config.api_key_exchange,
            metrics: Metrics::default(),
            administration: config.administration,
            outbound_proxy: config.outbound_proxy,
            entropy,
        })
    }
}

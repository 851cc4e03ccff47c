//! `gateway.toml`: what `keyfob-gateway edge` serves, whom, and where.
//!
//! Each section is read by the module that it is for. A key that nobody knows stops the start, with its place and the
//! nearest known one; paths are relative to the file.

pub(crate) mod place;
pub mod secret_file;

use crate::authenticate::delivery::{Delivery, InvalidDelivery};
use crate::gateway::{Config, LONGEST_STREAM};
use crate::limits::{LimitsConfig, LimitsSection};
use crate::policy::{Policy, PolicyError};
use crate::prices::{InvalidPrices, Prices};
use crate::revocations::FeedConfig;
use crate::streams::{Streams, WebSockets};
use crate::tls::TlsFiles;
use crate::upstreams::{InvalidUpstream, UpstreamSections};
use jiff::SignedDuration;
use keyfob_oauth::{Audience, IssuerUrl, id::InvalidIssuer};
use secret_file::SecretFileError;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

/// For how long tokens are accepted while the issuer does not tell what has ended, unless something else is said.
pub const GRACE: Duration = Duration::from_mins(5);
/// The longest that may be said.
const LONGEST_GRACE: Duration = Duration::from_hours(24);

/// An edge gateway as its file describes it.
#[derive(Debug)]
pub struct EdgeConfig {
    /// Where callers come in.
    pub listen: SocketAddr,
    /// Where whoever runs it asks it, if anywhere.
    pub admin: Option<SocketAddr>,
    /// Where its certificate is; without one, callers come in the open.
    pub tls: Option<TlsFiles>,
    /// What it serves, and whom.
    pub gateway: Config,
}

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is no TOML, or holds a key that nobody knows, or a value of another kind.
    #[error("{0}")]
    Malformed(String),
    /// The issuer's address is none.
    #[error("`issuer`")]
    Issuer(#[from] InvalidIssuer),
    /// A file with a secret cannot be used.
    #[error("`{key}`")]
    Secret {
        /// Which key names it.
        key: String,
        /// Why.
        #[source]
        source: SecretFileError,
    },
    /// A place for credentials has a meaning of its own.
    #[error("`delivery`")]
    Delivery(#[from] InvalidDelivery),
    /// An upstream cannot be used.
    #[error(transparent)]
    Upstream(#[from] InvalidUpstream<SecretFileError>),
    /// The policy cannot be used.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The prices cannot be used.
    #[error(transparent)]
    Prices(#[from] InvalidPrices),
    /// There is nothing to price.
    #[error("`prices` needs `data`, the folder of the ledger")]
    PricesWithoutData,
    /// What is used is counted in the ledger.
    #[error("`limits` needs `data`, the folder of the ledger")]
    LimitsWithoutData,
    /// Nobody knows what is spent.
    #[error("`budget` in `limits` needs `prices`, the file that says what models cost")]
    BudgetWithoutPrices,
    /// A time is too short or too long.
    #[error("`{key}` must be {wanted}")]
    Time {
        /// Which key.
        key: &'static str,
        /// What is wanted.
        wanted: &'static str,
    },
    /// What has ended cannot be followed without a name at the issuer.
    #[error("`revocations` needs `resource_server`, the file with this gateway's NAME:SECRET at the issuer")]
    NoResourceServer,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    listen: SocketAddr,
    issuer: String,
    audience: Option<String>,
    resource_server: Option<PathBuf>,
    revocations: Option<RevocationsSection>,
    admin: Option<AdminSection>,
    tls: Option<TlsFiles>,
    #[serde(default)]
    delivery: DeliverySection,
    #[serde(default)]
    streams: StreamsSection,
    #[serde(default)]
    upstream: UpstreamSections,
    policy: Option<PathBuf>,
    data: Option<PathBuf>,
    prices: Option<PathBuf>,
    limits: Option<LimitsSection>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RevocationsSection {
    grace: SignedDuration,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AdminSection {
    listen: SocketAddr,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeliverySection {
    header: Option<String>,
    cookie: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct StreamsSection {
    longest: Option<SignedDuration>,
    keep_alive: Option<SignedDuration>,
    #[serde(default)]
    web_sockets: bool,
}

impl EdgeConfig {
    /// Reads the file at `path` and those that it names.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = read_text(path)?;
        let file: File = toml::from_str(&text)
            .map_err(|error| ConfigError::Malformed(place::parsing(path, &text, &error)))?;
        file.read(path.parent().unwrap_or(Path::new("")))
    }
}

impl File {
    fn read(self, folder: &Path) -> Result<EdgeConfig, ConfigError> {
        let issuer = IssuerUrl::parse(&self.issuer)?;
        let audience = self.audience.unwrap_or_else(|| issuer.as_str().to_owned());
        let grace = self.revocations.as_ref().map(RevocationsSection::grace).transpose()?;
        let feed = match (&self.resource_server, grace) {
            (None, None) => None,
            (None, Some(_)) => return Err(ConfigError::NoResourceServer),
            (Some(path), grace) => {
                let server = secret_file::resource_server(&folder.join(path))
                    .map_err(|source| ConfigError::Secret { key: "resource_server".into(), source })?;
                Some(FeedConfig::new(server, grace.unwrap_or(GRACE)))
            }
        };
        let policy = self.policy.map(|path| read_policy(&folder.join(path))).transpose()?;
        if self.prices.is_some() && self.data.is_none() {
            return Err(ConfigError::PricesWithoutData);
        }
        let limits = self.limits.map(LimitsConfig::from);
        if limits.is_some() && self.data.is_none() {
            return Err(ConfigError::LimitsWithoutData);
        }
        if limits.is_some_and(|limits| limits.has_budget()) && self.prices.is_none() {
            return Err(ConfigError::BudgetWithoutPrices);
        }
        let gateway = Config {
            limits,
            prices: self.prices.map(|path| read_prices(&folder.join(path))).transpose()?,
            issuer,
            audience: Audience::new(audience),
            upstreams: self.upstream.read(|path| secret_file::upstream_key(&folder.join(path)))?,
            policy: policy.unwrap_or_default(),
            data: self.data.map(|path| folder.join(path)),
            feed,
            delivery: Delivery::new(self.delivery.header.as_deref(), self.delivery.cookie.as_deref())?,
            longest_stream: self.streams.longest()?,
            streams: self.streams.read()?,
        };
        let tls = self.tls.map(|tls| tls.within(folder));
        Ok(EdgeConfig { listen: self.listen, admin: self.admin.map(|admin| admin.listen), tls, gateway })
    }
}

/// Reads a policy file.
pub fn read_policy(path: &Path) -> Result<Policy, ConfigError> {
    let text = read_text(path)?;
    Ok(Policy::parse(path, &text)?)
}

/// Reads a file of prices.
pub fn read_prices(path: &Path) -> Result<Prices, ConfigError> {
    let text = read_text(path)?;
    Ok(Prices::parse(path, &text)?)
}

fn read_text(path: &Path) -> Result<String, ConfigError> {
    fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.display().to_string(), source })
}

impl RevocationsSection {
    fn grace(&self) -> Result<Duration, ConfigError> {
        let wanted = "a time such as \"5m\", at most a day";
        between("revocations.grace", self.grace, Duration::ZERO, LONGEST_GRACE, wanted)
    }
}

impl StreamsSection {
    fn read(&self) -> Result<Streams, ConfigError> {
        let (shortest, longest) = (Duration::from_secs(1), Duration::from_mins(10));
        let wanted = "a time such as \"15s\", at least a second and at most 10 minutes";
        let keep_alive =
            self.keep_alive.map(|time| between("streams.keep_alive", time, shortest, longest, wanted));
        let web_sockets = if self.web_sockets { WebSockets::Tunnelled } else { WebSockets::Refused };
        Ok(Streams { keep_alive: keep_alive.transpose()?, web_sockets })
    }

    fn longest(&self) -> Result<Duration, ConfigError> {
        let (shortest, longest) = (Duration::from_secs(1), Duration::from_hours(24));
        let wanted = "a time such as \"1h\", at least a second and at most a day";
        self.longest
            .map_or(Ok(LONGEST_STREAM), |time| between("streams.longest", time, shortest, longest, wanted))
    }
}

fn between(
    key: &'static str,
    time: SignedDuration,
    shortest: Duration,
    longest: Duration,
    wanted: &'static str,
) -> Result<Duration, ConfigError> {
    match Duration::try_from(time) {
        Ok(time) if (shortest..=longest).contains(&time) => Ok(time),
        Ok(_) | Err(_) => Err(ConfigError::Time { key, wanted }),
    }
}

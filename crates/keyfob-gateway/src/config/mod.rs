//! `gateway.toml`: what `keyfob-gateway edge` serves, whom, and where.
//!
//! Each section is read by the module that it is for. A key that nobody knows stops the start, with its place and the
//! nearest known one; paths are relative to the file.

mod place;
pub mod secret_file;

use crate::authenticate::delivery::{Delivery, InvalidDelivery};
use crate::gateway::{Config, LONGEST_STREAM};
use crate::revocations::FeedConfig;
use crate::upstream::{InvalidUpstreamUrl, Upstream, UpstreamUrl};
use jiff::SignedDuration;
use keyfob_oauth::{Audience, IssuerUrl, id::InvalidIssuer};
use secret_file::SecretFileError;
use serde::Deserialize;
use std::collections::BTreeMap;
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
    /// An upstream's address is none.
    #[error("`upstream.{name}.url`")]
    Upstream {
        /// Which upstream.
        name: String,
        /// Why.
        #[source]
        source: InvalidUpstreamUrl,
    },
    /// The demo would be shown a key.
    #[error("`upstream.{0}.key_file`: the demo takes none")]
    DemoKey(String),
    /// There is none, or more than one.
    #[error("there must be one `[upstream.NAME]`")]
    Upstreams,
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
    #[serde(default)]
    delivery: DeliverySection,
    #[serde(default)]
    streams: StreamsSection,
    #[serde(default)]
    upstream: BTreeMap<String, UpstreamSection>,
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
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct UpstreamSection {
    url: String,
    key_file: Option<PathBuf>,
}

impl EdgeConfig {
    /// Reads the file at `path` and those that it names.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.display().to_string(), source })?;
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
        let mut upstreams = self.upstream.into_iter();
        let (Some((name, upstream)), None) = (upstreams.next(), upstreams.next()) else {
            return Err(ConfigError::Upstreams);
        };
        let gateway = Config {
            issuer,
            audience: Audience::new(audience),
            upstream: upstream.read(name, folder)?,
            feed,
            delivery: Delivery::new(self.delivery.header.as_deref(), self.delivery.cookie.as_deref())?,
            longest_stream: self.streams.longest()?,
        };
        Ok(EdgeConfig { listen: self.listen, admin: self.admin.map(|admin| admin.listen), gateway })
    }
}

impl RevocationsSection {
    fn grace(&self) -> Result<Duration, ConfigError> {
        let wanted = "a time such as \"5m\", at most a day";
        between("revocations.grace", self.grace, Duration::ZERO, LONGEST_GRACE, wanted)
    }
}

impl StreamsSection {
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

impl UpstreamSection {
    fn read(self, name: String, folder: &Path) -> Result<Upstream, ConfigError> {
        match (self.url.as_str(), self.key_file) {
            ("demo", None) => Ok(Upstream::Demo),
            ("demo", Some(_)) => Err(ConfigError::DemoKey(name)),
            (url, file) => {
                let key = file.map(|file| secret_file::upstream_key(&folder.join(file))).transpose();
                let key = key.map_err(|source| ConfigError::Secret {
                    key: format!("upstream.{name}.key_file"),
                    source,
                })?;
                let url = UpstreamUrl::parse(url).map_err(|source| ConfigError::Upstream { name, source })?;
                Ok(Upstream::Http { url, key })
            }
        }
    }
}

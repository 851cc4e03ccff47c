//! `issuer.toml`: what an issuer is called and where it listens.

mod anomalies;
mod back_channel;
mod devices;
mod error;
pub mod insecure;
mod kinds;
mod logout;
mod place;
mod sessions;

pub use anomalies::AnomalySettings;
pub use back_channel::LogoutListeners;
pub use error::ConfigError;
pub use logout::LogoutTargets;
pub use place::Place;

use crate::mail::MailConfig;
use keyfob_issuer_core::browser_session::SessionTimes;
use keyfob_issuer_core::device_grant::DeviceSettings;
use keyfob_issuer_core::grace::{Grace, InvalidGrace};
use keyfob_issuer_sql::DatabaseUrl;
use keyfob_oauth::{Audience, IssuerUrl};
use place::is_destination;
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use url::Url;

/// The settings of an issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Its identifier, and where its pages are.
    pub url: IssuerUrl,
    /// The resource server that its access tokens are for.
    pub audience: Audience,
    /// Where it listens, when that is not decided by the URL.
    pub listen: Option<SocketAddr>,
    /// Where probes and metrics are served, if anywhere.
    pub operations: Option<SocketAddr>,
    /// Where programs look after workspaces, if that is not where everything else is.
    pub administration: Option<SocketAddr>,
    /// How forgiving it is with spent refresh tokens.
    pub grace: Grace,
    /// Where everything rests.
    pub database: DatabaseSettings,
    /// The reverse proxies whose word counts on where a request comes from.
    pub trusted_proxies: Vec<IpAddr>,
    /// The directory of lists of breached passwords, when there is one.
    pub breached_passwords: Option<PathBuf>,
    /// How letters are sent, when they are.
    pub mail: Option<MailConfig>,
    /// Whether a sign-in may ask for an API key.
    pub api_key_exchange: ApiKeyExchange,
    /// Which sign-ins of devices are offered.
    pub devices: DeviceSettings,
    /// The file of rules for workloads, relative to the issuer's directory, when there is one.
    pub workloads: Option<PathBuf>,
    /// The proxy that what the issuer sends by itself goes through, if any.
    pub outbound_proxy: Option<Url>,
    /// How long browsers stay signed in.
    pub browser_sessions: SessionTimes,
    /// Where a browser may be led that was signed out.
    pub logout_targets: LogoutTargets,
    /// Where programs are told of sessions that ended.
    pub logout_listeners: LogoutListeners,
    /// Who is told of anomalies, if anybody is.
    pub anomalies: Option<AnomalySettings>,
}

/// Where everything rests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseSettings {
    /// Which database.
    pub url: DatabaseUrl,
    /// What holds its password, relative to the issuer's directory; without one, libpq's `PGPASSFILE` does.
    pub password_file: Option<PathBuf>,
    /// How many connections to a server there may be.
    pub connections: u32,
}

impl Default for DatabaseSettings {
    fn default() -> Self {
        Self { url: DatabaseUrl::default(), password_file: None, connections: CONNECTIONS }
    }
}

/// Whether an ID token may be exchanged for an API key, as the Codex CLI asks at the end of a sign-in (I-36).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ApiKeyExchange {
    /// It may not.
    #[default]
    Refused,
    /// It may: each sign-in with a browser then makes a key, which its person sees and can end.
    Allowed,
}

/// The name of the file.
pub const FILE: &str = "issuer.toml";
/// Enough for the refreshes that a server of a few cores does at once.
const CONNECTIONS: u32 = 16;
const MOST_CONNECTIONS: u32 = 1000;
const GRACE_KEYS: [&str; 2] = ["anonymous_grace_seconds", "shared_grace_seconds"];

#[derive(serde::Deserialize)]
struct Wire {
    url: String,
    audience: Option<String>,
    listen: Option<SocketAddr>,
    operations: Option<SocketAddr>,
    administration: Option<SocketAddr>,
    #[serde(default)]
    refresh: WireRefresh,
    database: Option<String>,
    database_password_file: Option<PathBuf>,
    database_connections: Option<u32>,
    #[serde(default)]
    api_key_exchange: bool,
    #[serde(default)]
    trusted_proxies: Vec<IpAddr>,
    breached_passwords: Option<PathBuf>,
    mail: Option<WireMail>,
    #[serde(default)]
    device_codes: devices::Wire,
    workloads: Option<PathBuf>,
    outbound_proxy: Option<String>,
    #[serde(default)]
    browser_sessions: sessions::Wire,
    #[serde(default)]
    post_logout_redirect_uris: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    backchannel_logout: back_channel::Wire,
    anomalies: Option<anomalies::Wire>,
}

/// The table `[mail]`.
#[derive(serde::Deserialize)]
struct WireMail {
    server: String,
    from: String,
    user: Option<String>,
    password_file: Option<PathBuf>,
}

impl TryFrom<WireMail> for MailConfig {
    type Error = ConfigError;

    fn try_from(wire: WireMail) -> Result<Self, ConfigError> {
        let half = |present, missing| Err(ConfigError::HalfLogin { present, missing });
        let login = match (wire.user, wire.password_file) {
            (Some(user), Some(file)) => Some((user, file)),
            (None, None) => None,
            (Some(_), None) => return half("user", "password_file"),
            (None, Some(_)) => return half("password_file", "user"),
        };
        Ok(Self { server: wire.server, from: wire.from, login })
    }
}

/// The table `[refresh]`: for how many seconds a spent token still gets its successor from whoever presents it.
#[derive(Default, serde::Deserialize)]
struct WireRefresh {
    anonymous_grace_seconds: Option<u64>,
    shared_grace_seconds: Option<u64>,
    #[serde(default)]
    strict: bool,
}

impl TryFrom<WireRefresh> for Grace {
    type Error = InvalidGrace;

    fn try_from(wire: WireRefresh) -> Result<Self, InvalidGrace> {
        let seconds = |given: Option<u64>, widest| given.map_or(widest, Duration::from_secs);
        let chosen = Self::new(
            seconds(wire.anonymous_grace_seconds, Self::WIDEST.anonymous()),
            seconds(wire.shared_grace_seconds, Self::WIDEST.shared()),
        )?;
        Ok(if wire.strict { Self::STRICT } else { chosen })
    }
}

impl Config {
    /// Checks a URL and an audience; the audience is the URL unless it is named.
    pub fn new(url: &str, audience: Option<String>) -> Result<Self, ConfigError> {
        let url = IssuerUrl::parse(url)?;
        if Url::parse(url.as_str()).is_ok_and(|url| url.path() != "/") {
            return Err(ConfigError::UrlWithPath(url.to_string()));
        }
        let audience = Audience::new(audience.unwrap_or_else(|| url.as_str().to_owned()));
        Ok(Self {
            url,
            audience,
            listen: None,
            operations: None,
            administration: None,
            grace: Grace::WIDEST,
            database: DatabaseSettings::default(),
            trusted_proxies: Vec::new(),
            breached_passwords: None,
            mail: None,
            api_key_exchange: ApiKeyExchange::Refused,
            devices: DeviceSettings::USUAL,
            workloads: None,
            outbound_proxy: None,
            browser_sessions: SessionTimes::USUAL,
            logout_targets: LogoutTargets::default(),
            logout_listeners: LogoutListeners::default(),
            anomalies: None,
        })
    }

    /// Reads the file in the directory `data`.
    pub fn load(data: &Path) -> Result<Self, ConfigError> {
        let path = data.join(FILE);
        let text = std::fs::read_to_string(&path).map_err(|source| {
            if source.kind() == io::ErrorKind::NotFound {
                ConfigError::Missing { directory: data.display().to_string() }
            } else {
                ConfigError::Read { path: path.display().to_string(), source }
            }
        })?;
        Self::from_text(&text, &path.display().to_string())
    }

    /// Returns the file's text.
    pub fn to_text(&self) -> String {
        let mut table = toml::Table::new();
        let mut set = |key: &str, value: &str| table.insert(key.to_owned(), value.into());
        set("url", self.url.as_str());
        set("audience", self.audience.as_str());
        if let Some(address) = self.listen {
            set("listen", &address.to_string());
        }
        if let Some(address) = self.operations {
            set("operations", &address.to_string());
        }
        if let Some(address) = self.administration {
            set("administration", &address.to_string());
        }
        let usual = DatabaseSettings::default();
        if self.database.url != usual.url {
            set("database", self.database.url.as_str());
        }
        if let Some(file) = &self.database.password_file {
            set("database_password_file", &file.to_string_lossy());
        }
        if let Some(proxy) = &self.outbound_proxy {
            set("outbound_proxy", proxy.as_str());
        }
        if let Some(file) = &self.workloads {
            set("workloads", &file.to_string_lossy());
        }
        if let Some(directory) = &self.breached_passwords {
            set("breached_passwords", &directory.to_string_lossy());
        }
        if self.database.connections != usual.connections {
            let connections = i64::from(self.database.connections).into();
            table.insert("database_connections".to_owned(), connections);
        }
        if !self.trusted_proxies.is_empty() {
            let proxies = self.trusted_proxies.iter().map(|proxy| proxy.to_string().into()).collect();
            table.insert("trusted_proxies".to_owned(), toml::Value::Array(proxies));
        }
        if self.api_key_exchange == ApiKeyExchange::Allowed {
            table.insert("api_key_exchange".to_owned(), true.into());
        }
        if self.grace != Grace::WIDEST {
            let seconds = |window: Duration| i64::try_from(window.as_secs()).unwrap_or(i64::MAX).into();
            let windows = [seconds(self.grace.anonymous()), seconds(self.grace.shared())];
            let refresh = GRACE_KEYS.map(str::to_owned).into_iter().zip(windows).collect();
            table.insert("refresh".to_owned(), toml::Value::Table(refresh));
        }
        if self.devices != DeviceSettings::USUAL {
            table.insert("device_codes".to_owned(), devices::table(self.devices).into());
        }
        if self.browser_sessions != SessionTimes::USUAL {
            table.insert("browser_sessions".to_owned(), sessions::table(self.browser_sessions).into());
        }
        if self.logout_targets != LogoutTargets::default() {
            table.insert("post_logout_redirect_uris".to_owned(), self.logout_targets.table().into());
        }
        if self.logout_listeners != LogoutListeners::default() {
            table.insert("backchannel_logout".to_owned(), self.logout_listeners.table().into());
        }
        if let Some(anomalies) = &self.anomalies {
            table.insert("anomalies".to_owned(), anomalies.table().into());
        }
        table.to_string()
    }

    /// Reads a file's text; `path` is what it is called in errors.
    pub fn from_text(text: &str, path: &str) -> Result<Self, ConfigError> {
        let malformed = |source| ConfigError::Malformed { path: path.to_owned(), source };
        let table: toml::Table = text.parse().map_err(malformed)?;
        kinds::check(&table).map_err(|wrong| ConfigError::of(wrong, path))?;
        let wire: Wire = table.try_into().map_err(malformed)?;
        let grace = wire.refresh.try_into()?;
        let url = wire.database.as_deref().map_or(Ok(DatabaseUrl::default()), DatabaseUrl::parse)?;
        let connections = wire.database_connections.unwrap_or(CONNECTIONS);
        if !(1..=MOST_CONNECTIONS).contains(&connections) {
            return Err(ConfigError::Connections);
        }
        let database = DatabaseSettings { url, password_file: wire.database_password_file, connections };
        let api_key_exchange =
            if wire.api_key_exchange { ApiKeyExchange::Allowed } else { ApiKeyExchange::Refused };
        Ok(Self {
            listen: wire.listen,
            operations: wire.operations,
            administration: wire.administration,
            grace,
            database,
            trusted_proxies: wire.trusted_proxies,
            breached_passwords: wire.breached_passwords,
            mail: wire.mail.map(MailConfig::try_from).transpose()?,
            api_key_exchange,
            devices: wire.device_codes.into(),
            workloads: wire.workloads,
            outbound_proxy: wire.outbound_proxy.map(place::proxy).transpose()?,
            browser_sessions: wire.browser_sessions.try_into()?,
            logout_targets: LogoutTargets::read(wire.post_logout_redirect_uris)?,
            logout_listeners: wire.backchannel_logout.try_into()?,
            anomalies: wire.anomalies.map(AnomalySettings::try_from).transpose()?,
            ..Self::new(&wire.url, wire.audience)?
        })
    }
}

#[cfg(test)]
mod tests;

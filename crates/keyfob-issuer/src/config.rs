//! `issuer.toml`: what an issuer is called and where it listens.

use crate::mail::MailConfig;
use keyfob_issuer_core::grace::{Grace, InvalidGrace};
use keyfob_issuer_sql::{DatabaseUrl, InvalidDatabaseUrl};
use keyfob_oauth::{Audience, IssuerUrl};
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

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is no issuer here.
    #[error("{directory} holds no issuer: {FILE} is missing")]
    Missing {
        /// Where.
        directory: String,
    },
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is no TOML, or holds a value of another type.
    #[error("{path} is not as it should be")]
    Malformed {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: toml::de::Error,
    },
    /// The file holds a key that means nothing.
    #[error("{path} holds the unknown key `{key}`; the nearest known one is `{nearest}`")]
    UnknownKey {
        /// Which.
        path: String,
        /// What.
        key: String,
        /// What may have been meant.
        nearest: &'static str,
    },
    /// The URL is no issuer's.
    #[error(transparent)]
    Url(#[from] keyfob_oauth::id::InvalidIssuer),
    /// The URL has a path, under which nothing would be found.
    #[error("{0} must have no path")]
    UrlWithPath(String),
    /// The windows of `[refresh]` are too wide.
    #[error(transparent)]
    Grace(#[from] InvalidGrace),
    /// The value of `database` names none.
    #[error(transparent)]
    Database(#[from] InvalidDatabaseUrl),
    /// There would be no connection, or more than a server has.
    #[error("`database_connections` must be between 1 and 1000")]
    Connections,
}

/// The name of the file.
pub const FILE: &str = "issuer.toml";
/// Enough for the refreshes that a server of a few cores does at once.
const CONNECTIONS: u32 = 16;
const MOST_CONNECTIONS: u32 = 1000;
const KEYS: [&str; 11] = [
    "url",
    "audience",
    "listen",
    "refresh",
    "database",
    "database_password_file",
    "database_connections",
    "trusted_proxies",
    "breached_passwords",
    "mail",
    "api_key_exchange",
];
const MAIL_KEYS: [&str; 4] = ["server", "from", "user", "password_file"];
const REFRESH_KEYS: [&str; 3] = ["anonymous_grace_seconds", "shared_grace_seconds", "strict"];

#[derive(serde::Deserialize)]
struct Wire {
    url: String,
    audience: Option<String>,
    listen: Option<SocketAddr>,
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
}

/// The table `[mail]`.
#[derive(serde::Deserialize)]
struct WireMail {
    server: String,
    from: String,
    user: Option<String>,
    password_file: Option<PathBuf>,
}

impl From<WireMail> for MailConfig {
    fn from(wire: WireMail) -> Self {
        Self { server: wire.server, from: wire.from, login: wire.user.zip(wire.password_file) }
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
            grace: Grace::WIDEST,
            database: DatabaseSettings::default(),
            trusted_proxies: Vec::new(),
            breached_passwords: None,
            mail: None,
            api_key_exchange: ApiKeyExchange::Refused,
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
        Self::parse(&text, &path.display().to_string())
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
        let usual = DatabaseSettings::default();
        if self.database.url != usual.url {
            set("database", self.database.url.as_str());
        }
        if let Some(file) = &self.database.password_file {
            set("database_password_file", &file.to_string_lossy());
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
            let refresh = REFRESH_KEYS.map(str::to_owned).into_iter().zip(windows).collect();
            table.insert("refresh".to_owned(), toml::Value::Table(refresh));
        }
        table.to_string()
    }

    fn parse(text: &str, path: &str) -> Result<Self, ConfigError> {
        let malformed = |source| ConfigError::Malformed { path: path.to_owned(), source };
        let table: toml::Table = text.parse().map_err(malformed)?;
        check_keys(&table, &KEYS, path)?;
        if let Some(toml::Value::Table(refresh)) = table.get("refresh") {
            check_keys(refresh, &REFRESH_KEYS, path)?;
        }
        if let Some(toml::Value::Table(mail)) = table.get("mail") {
            check_keys(mail, &MAIL_KEYS, path)?;
        }
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
            grace,
            database,
            trusted_proxies: wire.trusted_proxies,
            breached_passwords: wire.breached_passwords,
            mail: wire.mail.map(MailConfig::from),
            api_key_exchange,
            ..Self::new(&wire.url, wire.audience)?
        })
    }
}

fn check_keys(table: &toml::Table, known: &[&'static str], path: &str) -> Result<(), ConfigError> {
    let Some(key) = table.keys().find(|key| !known.contains(&key.as_str())) else {
        return Ok(());
    };
    let nearest = known.iter().copied().min_by_key(|known| strsim::levenshtein(known, key));
    Err(ConfigError::UnknownKey {
        path: path.to_owned(),
        key: key.clone(),
        nearest: nearest.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_back_from_their_text() {
        let listen = Some("127.0.0.1:8400".parse().unwrap());
        let config = Config::new("https://id.example.org/", Some("https://api.example.org".into())).unwrap();
        let grace = Grace::new(Duration::from_secs(3), Duration::from_secs(20)).unwrap();
        let database = DatabaseSettings {
            url: DatabaseUrl::parse("postgres://keyfob@db.example/keyfob").unwrap(),
            password_file: Some("database.password".into()),
            connections: 40,
        };
        let trusted_proxies = vec!["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()];
        let breached_passwords = Some("/srv/breaches".into());
        let config = Config {
            listen,
            grace,
            database,
            trusted_proxies,
            breached_passwords,
            api_key_exchange: ApiKeyExchange::Allowed,
            ..config
        };

        assert_eq!(Config::parse(&config.to_text(), "issuer.toml").unwrap(), config);
        let bare = Config::parse("url = \"http://localhost:1\"", "issuer.toml").unwrap();
        assert_eq!(bare.audience.as_str(), "http://localhost:1");
        assert_eq!(bare.database, DatabaseSettings::default());
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_known_one() {
        let refused = |text: &str| Config::parse(text, "issuer.toml").unwrap_err().to_string();

        assert_eq!(
            refused("url = \"http://localhost:1\"\nlisen = \"127.0.0.1:1\""),
            "issuer.toml holds the unknown key `lisen`; the nearest known one is `listen`"
        );
        assert_eq!(refused("url = \"https://a.example/base\""), "https://a.example/base must have no path");
        assert_eq!(refused("url = 1"), "issuer.toml is not as it should be");
        assert_eq!(
            refused("url = \"http://localhost:1\"\ndatabase = \"postgres://u:secret@h/d\""),
            "the address of the database holds a password"
        );
        assert_eq!(
            refused("url = \"http://localhost:1\"\ndatabase_connections = 0"),
            "`database_connections` must be between 1 and 1000"
        );
    }

    #[test]
    fn the_windows_of_spent_refresh_tokens_can_be_narrowed_and_not_widened() {
        let grace = |lines: &str| {
            let text = format!("url = \"http://localhost:1\"\n[refresh]\n{lines}");
            Config::parse(&text, "issuer.toml").map(|config| config.grace).map_err(|error| error.to_string())
        };
        let chosen = |anonymous, shared| {
            Ok(Grace::new(Duration::from_secs(anonymous), Duration::from_secs(shared)).unwrap())
        };
        let refused = "the windows must be at most 10 and 60 seconds, the second no shorter than the first";

        assert_eq!(grace(""), chosen(10, 60));
        assert_eq!(grace("anonymous_grace_seconds = 3\nshared_grace_seconds = 20"), chosen(3, 20));
        assert_eq!(grace("strict = true"), Ok(Grace::STRICT));
        assert_eq!(grace("anonymous_grace_seconds = 11"), Err(refused.into()));
        assert_eq!(grace("shared_grace_seconds = 61"), Err(refused.into()));
        assert_eq!(grace("shared_grace_seconds = 9"), Err(refused.into()));
        assert_eq!(
            grace("strikt = true"),
            Err("issuer.toml holds the unknown key `strikt`; the nearest known one is `strict`".into())
        );
    }
}

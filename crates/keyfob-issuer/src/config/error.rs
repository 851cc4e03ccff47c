//! Why settings cannot be used: each says which key, what it takes, and what to do.

use super::FILE;
use super::kinds::Wrong;
use keyfob_issuer_core::browser_session::InvalidSessionTimes;
use keyfob_issuer_core::grace::InvalidGrace;
use keyfob_issuer_sql::InvalidDatabaseUrl;
use std::io;

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
    /// The file is no TOML.
    #[error("{path} is not TOML, or holds a key twice")]
    Malformed {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: toml::de::Error,
    },
    /// A key holds a value of another kind.
    #[error("`{key}` in {path} must be {wanted}")]
    Kind {
        /// In which file.
        path: String,
        /// Which, behind the name of its table.
        key: String,
        /// What is wanted.
        wanted: &'static str,
    },
    /// A key is not there.
    #[error("`{key}` is missing in {path}: set it to {wanted}")]
    MissingKey {
        /// In which file.
        path: String,
        /// Which, behind the name of its table.
        key: String,
        /// What is wanted.
        wanted: &'static str,
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
    #[error("`url` cannot be used: {0}")]
    Url(#[from] keyfob_oauth::id::InvalidIssuer),
    /// The URL has a path, under which nothing would be found.
    #[error("`url` is {0}, which must have no path: give the issuer a host name of its own")]
    UrlWithPath(String),
    /// The windows of `[refresh]` are too wide.
    #[error("`refresh` cannot be used: {0}")]
    Grace(#[from] InvalidGrace),
    /// Browsers would stay signed in for too long.
    #[error("`browser_sessions` cannot be used: {0}")]
    BrowserSessions(#[from] InvalidSessionTimes),
    /// The value of `database` names none.
    #[error("`database` cannot be used: {0}")]
    Database(#[from] InvalidDatabaseUrl),
    /// A login at the mail server of which one half is missing.
    #[error("`mail.{present}` is set and `mail.{missing}` is not: set both, or neither")]
    HalfLogin {
        /// Which is there.
        present: &'static str,
        /// Which is not.
        missing: &'static str,
    },
    /// No such program is known.
    #[error("`{key}` holds the program `{client}`; there are {}", .known.join(" and "))]
    UnknownClient {
        /// In which table.
        key: &'static str,
        /// Which.
        client: String,
        /// Which there are.
        known: [&'static str; 2],
    },
    /// No browser may be led there.
    #[error(
        "`post_logout_redirect_uris` holds {0}: name an https address, or one of this machine, without `#`"
    )]
    LogoutTarget(String),
    /// No program may be told of sessions there.
    #[error(
        "`backchannel_logout.uris` holds {0}: name an https address without a password or `#`, or with `allow_private_addresses` http on 127.0.0.1"
    )]
    LogoutListener(String),
    /// No proxy is there.
    #[error("`outbound_proxy` is {0}: name it as http://HOST:PORT or https://HOST:PORT, without a password")]
    Proxy(String),
    /// Nobody may be told of anomalies there.
    #[error(
        "`anomalies.webhook` is {0}: name an https address without a password, or with `allow_private_addresses` http on 127.0.0.1"
    )]
    Webhook(String),
    /// There would be no connection, or more than a server has.
    #[error("`database_connections` must be between 1 and 1000")]
    Connections,
}

impl ConfigError {
    pub(super) fn of(wrong: Wrong, path: &str) -> Self {
        let path = path.to_owned();
        match wrong {
            Wrong::Unknown { key, nearest } => Self::UnknownKey { path, key, nearest },
            Wrong::Kind { key, wanted } => Self::Kind { path, key, wanted },
            Wrong::Missing { key, wanted } => Self::MissingKey { path, key, wanted },
        }
    }
}

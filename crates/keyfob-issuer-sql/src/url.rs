//! Which database: how settings name it.

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use url::{Host, Url};

/// Which database: `sqlite:PATH`, or `postgres://USER@HOST/NAME`. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseUrl {
    text: String,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    File(PathBuf),
    Server(Url),
}

/// The text names no database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDatabaseUrl {
    /// It is of another kind.
    #[error("a database is `sqlite:PATH` or `postgres://USER@HOST/NAME`")]
    UnknownKind,
    /// It would put a secret where settings are shown and kept.
    #[error("the address of the database holds a password")]
    HoldsPassword,
    /// It says how to encrypt in a way that does not exist.
    #[error("`sslmode` must be disable, prefer, require, verify-ca or verify-full")]
    UnknownSslMode,
    /// It holds a parameter that means nothing, or nothing here.
    #[error("the address of the database holds the unknown parameter `{0}`")]
    UnknownParameter(String),
}

/// The file that an issuer has when nothing else is said.
const DEFAULT_FILE: &str = "issuer.db";
/// What may follow the `?` of a server's address: where its socket is, and how the connection is encrypted.
const PARAMETERS: [&str; 3] = ["host", "sslmode", "sslrootcert"];

impl Default for DatabaseUrl {
    fn default() -> Self {
        Self { text: format!("sqlite:{DEFAULT_FILE}"), kind: Kind::File(DEFAULT_FILE.into()) }
    }
}

impl DatabaseUrl {
    /// Parses the form of the settings.
    pub fn parse(text: &str) -> Result<Self, InvalidDatabaseUrl> {
        let kind = match text.strip_prefix("sqlite:") {
            Some("") => return Err(InvalidDatabaseUrl::UnknownKind),
            Some(path) => Kind::File(path.into()),
            None => Kind::Server(server(text)?),
        };
        Ok(Self { text: text.to_owned(), kind })
    }

    /// Returns the form of the settings.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the file, for an issuer whose files are in `directory`; nothing when a server keeps the data.
    pub fn file(&self, directory: &Path) -> Option<PathBuf> {
        match &self.kind {
            Kind::File(path) => Some(directory.join(path)),
            Kind::Server(_) => None,
        }
    }

    /// Returns how to reach the server; the certificate is verified unless the address says otherwise or stays here.
    pub(crate) fn server(&self) -> Option<PgConnectOptions> {
        let Kind::Server(url) = &self.kind else { return None };
        let options: PgConnectOptions = url.as_str().parse().ok()?;
        let says_how = url.query_pairs().any(|(name, _)| name == "sslmode");
        Some(match (says_how, is_local(url)) {
            (false, false) => options.ssl_mode(PgSslMode::VerifyFull),
            (false, true) | (true, _) => options,
        })
    }
}

impl std::fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

fn server(text: &str) -> Result<Url, InvalidDatabaseUrl> {
    let url = Url::parse(text).map_err(|_| InvalidDatabaseUrl::UnknownKind)?;
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return Err(InvalidDatabaseUrl::UnknownKind);
    }
    if url.password().is_some() || url.query_pairs().any(|(name, _)| name == "password") {
        return Err(InvalidDatabaseUrl::HoldsPassword);
    }
    if let Some((name, _)) = url.query_pairs().find(|(name, _)| !PARAMETERS.contains(&&**name)) {
        return Err(InvalidDatabaseUrl::UnknownParameter(name.into_owned()));
    }
    let mode = url.query_pairs().find(|(name, _)| name == "sslmode");
    if mode.is_some_and(|(_, mode)| mode.parse::<PgSslMode>().is_err()) {
        return Err(InvalidDatabaseUrl::UnknownSslMode);
    }
    Ok(url)
}

/// Whether nothing leaves this machine: a socket, or a loopback address.
fn is_local(url: &Url) -> bool {
    let is_socket = url.query_pairs().any(|(name, value)| name == "host" && value.starts_with('/'));
    let is_loopback = match url.host() {
        None => true,
        Some(Host::Domain(name)) => {
            name == "localhost"
                || name.to_ascii_lowercase().starts_with("%2f")
                || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
    };
    is_socket || is_loopback
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_beside_the_issuers_other_files_unless_its_path_is_absolute() {
        let file = |text: &str| DatabaseUrl::parse(text).unwrap().file("/data".as_ref());

        assert_eq!(DatabaseUrl::parse("sqlite:issuer.db"), Ok(DatabaseUrl::default()));
        assert_eq!(file("sqlite:issuer.db"), Some("/data/issuer.db".into()));
        assert_eq!(file("sqlite:/var/lib/a.db"), Some("/var/lib/a.db".into()));
        assert_eq!(file("postgres://keyfob@db.example/keyfob"), None);
    }

    #[test]
    fn an_address_with_a_password_or_an_unknown_part_is_refused() {
        use InvalidDatabaseUrl::{HoldsPassword, UnknownKind, UnknownParameter, UnknownSslMode};
        for (text, refusal) in [
            ("", UnknownKind),
            ("sqlite:", UnknownKind),
            ("issuer.db", UnknownKind),
            ("mysql://a/b", UnknownKind),
            ("postgres://u:secret@h/d", HoldsPassword),
            ("postgres://u@h/d?password=secret", HoldsPassword),
            ("postgres://u@h/d?passwrod=secret", UnknownParameter("passwrod".into())),
            ("postgres://u@h/d?sslmode=on", UnknownSslMode),
        ] {
            assert_eq!(DatabaseUrl::parse(text), Err(refusal), "{text}");
        }
    }

    #[test]
    fn a_server_elsewhere_must_show_its_certificate_unless_the_address_says_otherwise() {
        let mode = |text: &str| {
            let mode = DatabaseUrl::parse(text).unwrap().server().unwrap().get_ssl_mode();
            format!("{mode:?}")
        };

        assert_eq!(mode("postgres://u@db.example/d"), "VerifyFull");
        assert_eq!(mode("postgres://u@10.0.0.1/d"), "VerifyFull");
        assert_eq!(mode("postgres://u@db.example/d?sslmode=require"), "Require");
        for local in ["localhost", "127.0.0.1", "[::1]", "%2Frun%2Fpostgresql"] {
            assert_eq!(mode(&format!("postgres://u@{local}/d")), "Prefer", "{local}");
        }
        assert_eq!(mode("postgres://u@db/d?host=/run/postgresql"), "Prefer");
    }
}

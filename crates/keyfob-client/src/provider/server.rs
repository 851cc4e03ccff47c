//! One server, told apart from every other, and what may be sent to it alone (security C-23).

use super::credential::{Bound, Credential};
use keyfob_codex::provider::{BuiltIn, OPENAI_ACCOUNTS, OPENAI_API};
use keyfob_oauth::Secret;
use keyfob_oauth::id::is_secure_or_loopback;
use keyfob_settings::Provider;
use std::fmt;
use url::{Host, Origin, Url};

/// Scheme, host and port; a name with a dot at its end is another one (RFC 6454 §4).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Server {
    scheme: String,
    host: Host<String>,
    port: u16,
}

/// A credential and the one server that it may be sent to.
#[derive(Clone, Debug)]
pub struct Authorization {
    secret: Secret,
    server: Server,
}

/// A credential would have gone to another server than its own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the credential is for {server} and goes nowhere else")]
pub struct OtherServer {
    /// Which one is its own.
    pub server: Server,
}

/// A provider's address cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// It is no address of a server.
    #[error("the `base_url` of provider `{0}` is no http or https address")]
    NotAnAddress(String),
    /// It carries a user or a password, which can make it look like another server's.
    #[error("the `base_url` of provider `{0}` has a user or a password in it")]
    Decorated(String),
    /// A credential would travel in the open.
    #[error(
        "the `base_url` of provider `{0}` must use https to get a credential; http is allowed only on loopback"
    )]
    NotSecure(String),
}

/// Where a provider serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Its address, without a user.
    pub url: Url,
    /// The server that it is on.
    pub server: Server,
}

/// Where the environment says that local providers serve.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Local {
    /// The value of `CODEX_OSS_BASE_URL`.
    pub base_url: Option<String>,
    /// The value of `CODEX_OSS_PORT`.
    pub port: Option<u16>,
}

impl Server {
    /// Returns the server that `url` leads to, if it leads to one.
    pub fn of(url: &Url) -> Option<Self> {
        match url.origin() {
            Origin::Tuple(scheme, host, port) if matches!(scheme.as_str(), "http" | "https") => {
                Some(Self { scheme, host, port })
            }
            Origin::Tuple(..) | Origin::Opaque(_) => None,
        }
    }

    /// Whether it is on this machine.
    pub fn is_loopback(&self) -> bool {
        match &self.host {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, host, port } = self;
        match (scheme.as_str(), port) {
            ("https", 443) | ("http", 80) => write!(f, "{scheme}://{host}"),
            _ => write!(f, "{scheme}://{host}:{port}"),
        }
    }
}

impl Authorization {
    /// Binds `secret` to `server`.
    pub(super) fn new(secret: Secret, server: Server) -> Self {
        Self { secret, server }
    }

    /// Returns what is sent to `url`, or refuses where that is another server than its own.
    pub fn for_url(&self, url: &Url) -> Result<&Secret, OtherServer> {
        let has_user = !url.username().is_empty() || url.password().is_some();
        if !has_user && Server::of(url).as_ref() == Some(&self.server) {
            Ok(&self.secret)
        } else {
            Err(OtherServer { server: self.server.clone() })
        }
    }

    /// Returns the server.
    pub fn server(&self) -> &Server {
        &self.server
    }
}

/// Returns where `provider` serves whoever has `credential`.
///
/// Without a `base_url` it is OpenAI's: one address for keys, another one for accounts.
pub fn destination(
    provider: &Provider,
    credential: Option<&Credential>,
    local: &Local,
) -> Result<Destination, DestinationError> {
    let text = match (&provider.base_url, provider.built_in.and_then(BuiltIn::local_port)) {
        (Some(configured), _) => configured.value.clone(),
        (None, Some(port)) => match &local.base_url {
            Some(base_url) => base_url.clone(),
            None => format!("http://localhost:{}/v1", local.port.unwrap_or(port)),
        },
        (None, None) => match credential.map(|credential| &credential.bound) {
            Some(Bound::Person { is_account: true, .. }) => OPENAI_ACCOUNTS.to_owned(),
            Some(Bound::Person { is_account: false, .. } | Bound::Provider) | None => OPENAI_API.to_owned(),
        },
    };
    let id = || provider.id.clone();
    let url = Url::parse(&text).map_err(|_| DestinationError::NotAnAddress(id()))?;
    let server = Server::of(&url).ok_or_else(|| DestinationError::NotAnAddress(id()))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(DestinationError::Decorated(id()));
    }
    let carries = credential.is_some() || !provider.headers.is_empty();
    if carries && !is_secure_or_loopback(&url) {
        return Err(DestinationError::NotSecure(id()));
    }
    Ok(Destination { url, server })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn c_23_a_credential_goes_to_one_scheme_host_and_port() {
        let own = Authorization::new(Secret::new("k".into()), Server::of(&url("https://api.ok/v1")).unwrap());

        for same in ["https://api.ok", "https://api.ok:443/other?q", "https://API.OK/v1"] {
            assert!(own.for_url(&url(same)).is_ok(), "{same}");
        }
        for other in [
            "https://api.ok@evil.test/v1",
            "https://api.ok:x@evil.test/v1",
            "https://user@api.ok/v1",
            "https://evil.test/api.ok",
            "https://api.ok.evil.test/v1",
            "https://evil-api.ok/v1",
            "https://api.ok./v1",
            "https://api.ok:8443/v1",
            "http://api.ok/v1",
            "http://api.ok:443/v1",
            "https://\u{430}pi.ok/v1",
            "https://api\u{ff0e}ok.evil.test/v1",
            "data:text/plain,api.ok",
        ] {
            let refused = own.for_url(&url(other)).unwrap_err();
            assert_eq!(
                refused.to_string(),
                "the credential is for https://api.ok and goes nowhere else",
                "{other}"
            );
        }
        assert!(!format!("{own:?}").contains("\"k\""));
    }

    #[test]
    fn c_23_a_server_is_told_by_what_every_program_makes_of_its_name() {
        let server = |text: &str| Server::of(&url(text)).unwrap().to_string();

        assert_eq!(server("https://gw.test:443/"), "https://gw.test");
        assert_eq!(server("http://127.0.0.1:80/"), "http://127.0.0.1");
        assert_eq!(server("http://[::1]:8401/"), "http://[::1]:8401");
        assert_eq!(server("https://\u{430}pi.ok/"), "https://xn--pi-6kc.ok");
        assert_eq!(Server::of(&url("file:///etc")), None);
        assert_eq!(Server::of(&url("ftp://api.ok/")), None);
    }
}

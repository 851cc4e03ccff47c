//! Identifiers: who is who, each in a type of its own.

use url::{Host, Url};

macro_rules! identifier {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the text over.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

identifier! {
    /// The `client_id` of a registered application (RFC 6749 §2.2).
    ClientId
}
identifier! {
    /// The issuer's stable identifier of a user, the `sub` claim (OpenID Connect Core §2).
    Subject
}
identifier! {
    /// What a token is bound to; on the wire the claim `chatgpt_account_id`.
    WorkspaceId
}
identifier! {
    /// The resource server that a token is meant for, the `aud` claim (RFC 9068 §2.2).
    Audience
}

/// An issuer's identifier: an https URL without query and fragment, or http on loopback (RFC 8414 §2).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IssuerUrl(String);

/// A text is not an issuer's URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIssuer {
    /// It is no URL at all.
    #[error("{0:?} is not a URL")]
    NotAUrl(String),
    /// It is neither https nor http on loopback.
    #[error("{0:?} must use https; http is allowed only on loopback")]
    NotSecure(String),
    /// It carries a user, a query or a fragment.
    #[error("{0:?} must have no user, query or fragment")]
    Decorated(String),
}

impl IssuerUrl {
    /// Parses; a trailing slash is dropped, since issuers are compared as strings (RFC 8414 §3.3).
    pub fn parse(text: &str) -> Result<Self, InvalidIssuer> {
        let url = Url::parse(text).map_err(|_| InvalidIssuer::NotAUrl(text.into()))?;
        if !is_secure_or_loopback(&url) {
            return Err(InvalidIssuer::NotSecure(text.into()));
        }
        let decorated = !url.username().is_empty() || url.password().is_some();
        if decorated || url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidIssuer::Decorated(text.into()));
        }
        Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
    }

    /// Returns the URL without a trailing slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the URL of `path`, which begins with a slash.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// Whether this is an address of this machine, which no proxy can reach for us.
    pub fn is_loopback(&self) -> bool {
        Url::parse(&self.0).is_ok_and(|url| is_loopback(&url))
    }

    /// Whether this is an http address on loopback, where cookies cannot be `Secure`.
    pub fn is_plain_http(&self) -> bool {
        self.0.starts_with("http://")
    }
}

impl std::fmt::Display for IssuerUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether `url` may carry a credential: https, or http on a loopback address (RFC 8252 §8.3).
pub fn is_secure_or_loopback(url: &Url) -> bool {
    match url.scheme() {
        "https" => url.host().is_some(),
        "http" => is_loopback(url),
        _ => false,
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_https_or_on_loopback_and_bare() {
        let parsed = |text: &str| IssuerUrl::parse(text).map(|issuer| issuer.0);

        assert_eq!(parsed("https://id.example.org/"), Ok("https://id.example.org".into()));
        assert_eq!(parsed("http://localhost:8400"), Ok("http://localhost:8400".into()));
        assert_eq!(parsed("http://[::1]:1/base/"), Ok("http://[::1]:1/base".into()));
        assert!(matches!(parsed("id.example.org"), Err(InvalidIssuer::NotAUrl(_))));
        for insecure in
            ["http://id.example.org", "http://localhost.evil:1", "file:///etc", "javascript:alert(1)"]
        {
            assert!(matches!(parsed(insecure), Err(InvalidIssuer::NotSecure(_))), "{insecure}");
        }
        for decorated in
            ["https://a@id.example.org", "https://id.example.org/?q", "https://id.example.org/#f"]
        {
            assert!(matches!(parsed(decorated), Err(InvalidIssuer::Decorated(_))), "{decorated}");
        }
    }
}

//! The one place that requests are forwarded to: fixed by configuration, whatever a request says (security G-08).

use crate::body::{Body, BodyError};
use crate::error::Refusal;
use crate::headers;
use crate::http_client::{Answer, HttpClient, SendError, Server};
use crate::route::UpstreamPath;
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, Uri, Version, header};
use keyfob_oauth::{Secret, id};
use std::error::Error;
use std::time::Duration;
use url::Url;

/// What answers the callers.
#[derive(Debug)]
pub enum Upstream {
    /// The built-in demo; it must be asked for by name.
    Demo,
    /// An OpenAI-compatible server.
    Http {
        /// Where its `/v1` is.
        url: UpstreamUrl,
        /// What it is shown; nothing if it asks for nothing.
        key: Option<UpstreamKey>,
    },
}

impl std::fmt::Display for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Demo => f.write_str("demo"),
            Self::Http { url, .. } => url.fmt(f),
        }
    }
}

/// The address that stands in place of the gateway's `/v1`, without a trailing slash, and how it is spoken to there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamUrl {
    text: String,
    server: Server,
    /// What its path begins with.
    base: String,
}

/// An address cannot be an upstream's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUpstreamUrl {
    /// It is no URL at all.
    #[error("{0:?} is neither a URL nor `demo`")]
    NotAUrl(String),
    /// A key would travel in the open.
    #[error("the upstream must use https; http is allowed only on loopback")]
    NotSecure,
    /// It carries what is no address.
    #[error("the upstream must have no user, query or fragment")]
    Decorated,
    /// HTTP/2 without asking is for plain http.
    #[error("HTTP/2 is agreed on over TLS, and need not be said")]
    AgreedOn,
}

impl std::fmt::Display for UpstreamUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl UpstreamUrl {
    /// Parses an https address, or http on loopback, without user, query and fragment.
    pub fn parse(text: &str) -> Result<Self, InvalidUpstreamUrl> {
        let url = Url::parse(text).map_err(|_| InvalidUpstreamUrl::NotAUrl(text.to_owned()))?;
        let has_user = !url.username().is_empty() || url.password().is_some();
        // These come first, so that no message repeats an address that holds a password.
        if has_user || url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidUpstreamUrl::Decorated);
        }
        if !id::is_secure_or_loopback(&url) {
            return Err(InvalidUpstreamUrl::NotSecure);
        }
        let text = url.as_str().trim_end_matches('/').to_owned();
        let address = text.parse::<Uri>().map_err(|_| InvalidUpstreamUrl::NotAUrl(text.clone()))?;
        let (Some(scheme), Some(authority)) = (address.scheme(), address.authority()) else {
            return Err(InvalidUpstreamUrl::NotAUrl(text));
        };
        let server = Server::new(scheme, authority, Version::HTTP_11);
        let base = address.path().trim_end_matches('/').to_owned();
        Ok(Self { text, server, base })
    }

    /// Returns the same, spoken to over HTTP/2 without asking: plain http alone (RFC 9113 §3.3).
    pub fn over_http2(self) -> Result<Self, InvalidUpstreamUrl> {
        if self.is_plain_http() {
            Ok(Self { server: self.server.over(Version::HTTP_2), ..self })
        } else {
            Err(InvalidUpstreamUrl::AgreedOn)
        }
    }

    pub(crate) fn is_plain_http(&self) -> bool {
        self.text.starts_with("http://")
    }
}

/// The upstream's own credential, as a bearer token.
#[derive(Clone, Debug)]
pub struct UpstreamKey {
    key: Secret,
    header: HeaderValue,
}

/// A text cannot be an upstream's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUpstreamKey {
    /// There is nothing in it.
    #[error("the key is empty")]
    Empty,
    /// It would break the header or its meaning (security G-15).
    #[error("the key holds something else than visible ASCII characters")]
    NotVisibleAscii,
}

impl UpstreamKey {
    /// Parses what a key file holds; white space around it is dropped.
    pub fn parse(text: &str) -> Result<Self, InvalidUpstreamKey> {
        let key = text.trim();
        if key.is_empty() {
            return Err(InvalidUpstreamKey::Empty);
        }
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidUpstreamKey::NotVisibleAscii);
        }
        let mut header = HeaderValue::from_str(&format!("Bearer {key}"))
            .map_err(|_| InvalidUpstreamKey::NotVisibleAscii)?;
        header.set_sensitive(true);
        Ok(Self { key: Secret::new(key.to_owned()), header })
    }

    pub(crate) fn expose(&self) -> &str {
        self.key.expose()
    }
}

/// How long an upstream may think before its answer begins; there is no limit on the whole, since streams are long.
const UNTIL_HEADERS: Duration = Duration::from_mins(2);

/// Sends `request` once, to `path` below `url`, under the upstream's own name and with its key.
///
/// Nothing is sent a second time once a byte of it has left (security G-32). Dropping the future, or the body of the
/// answer, ends the request at the upstream too (security G-26).
pub(crate) async fn send(
    client: &HttpClient,
    url: &UpstreamUrl,
    key: Option<&UpstreamKey>,
    path: &UpstreamPath,
    mut request: Box<Request<Body>>,
) -> Result<Response<Answer>, Refusal> {
    let target = [&url.base, path.as_str()].concat();
    let target = PathAndQuery::try_from(target).map_err(|_| Refusal::NotFound)?;
    if let Some(key) = key {
        request.headers_mut().insert(header::AUTHORIZATION, key.header.clone());
    }
    match tokio::time::timeout(UNTIL_HEADERS, client.send(&url.server, &target, request)).await {
        Err(_elapsed) => Err(Refusal::UpstreamSilent),
        Ok(Ok(response)) if !headers::frame_one_body(response.headers()) => {
            tracing::warn!("the upstream's answer has more than one length");
            Err(Refusal::UpstreamUnusable)
        }
        Ok(Ok(mut response)) => {
            *response.version_mut() = Version::HTTP_11;
            Ok(response)
        }
        Ok(Err(error)) => Err(fault(&error)),
    }
}

/// Whose fault it is that there is no answer.
fn fault(error: &SendError) -> Refusal {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        match error.downcast_ref::<BodyError>() {
            Some(of_caller) => return Refusal::from(of_caller),
            None => cause = error.source(),
        }
    }
    tracing::warn!(cause = error.source().map(tracing::field::display), "the upstream gave no answer");
    if error.is_connect() { Refusal::UpstreamUnreachable } else { Refusal::UpstreamUnusable }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g_11_an_upstream_is_https_or_on_loopback_and_bare() {
        let parsed = |text: &str| UpstreamUrl::parse(text).map(|url| url.text);

        assert_eq!(parsed("https://api.example/v1/"), Ok("https://api.example/v1".into()));
        assert_eq!(parsed("http://127.0.0.1:8000"), Ok("http://127.0.0.1:8000".into()));
        for insecure in ["http://10.0.0.1/v1", "http://api.example", "ftp://api.example", "file:///v1"] {
            assert_eq!(parsed(insecure), Err(InvalidUpstreamUrl::NotSecure), "{insecure}");
        }
        for decorated in ["https://u:p@api.example", "http://u@10.0.0.1", "https://a/?q", "https://a/#f"] {
            assert_eq!(parsed(decorated), Err(InvalidUpstreamUrl::Decorated), "{decorated}");
        }
        assert_eq!(parsed("Demo"), Err(InvalidUpstreamUrl::NotAUrl("Demo".into())));
    }

    #[test]
    fn g_15_a_key_is_one_line_of_visible_ascii_and_cannot_be_printed() {
        let refused = |text: &str| UpstreamKey::parse(text).map(|_| ()).unwrap_err();

        let key = UpstreamKey::parse("  sk-1\r\n").unwrap();
        assert_eq!(key.header, "Bearer sk-1");
        assert!(!format!("{key:?}").contains("sk-1"));
        assert_eq!(refused(" \n"), InvalidUpstreamKey::Empty);
        for text in ["sk\r\nx: y", "sk-\0", "sk-é", "sk 1", "sk\t1"] {
            assert_eq!(refused(text), InvalidUpstreamKey::NotVisibleAscii, "{text:?}");
        }
    }
}

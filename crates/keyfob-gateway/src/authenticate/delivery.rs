//! Where in a request the caller's credential is.

use crate::error::Refusal;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use keyfob_oauth::AccessToken;

/// Where a credential may be, beside `Authorization: Bearer` (RFC 6750 §2.1): the Codex CLI can be told to send that of a
/// gateway in a header or a cookie of its own, so that `Authorization` is free for the model provider's.
///
/// The first place that holds anything decides, in the order header, cookie, `Authorization`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    header: Option<HeaderName>,
    cookie: Option<String>,
}

/// A name cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDelivery {
    /// It is none of a header, or of one with a meaning of its own.
    #[error("{0:?} cannot be the header of a credential; choose a name such as X-Gateway-Auth")]
    Header(String),
    /// It is none of a cookie.
    #[error("{0:?} cannot be the name of a cookie; choose one such as gateway_session")]
    Cookie(String),
}

/// Names that a client never sends freely, or that mean something else; compared in lower case.
const RESERVED: [&str; 10] = [
    "authorization",
    "cookie",
    "host",
    "content-length",
    "content-type",
    "content-encoding",
    "connection",
    "transfer-encoding",
    "upgrade",
    "te",
];
const RESERVED_BEGINNINGS: [&str; 5] = ["proxy-", "sec-", "x-codex-", "x-openai-", "chatgpt-"];

impl Delivery {
    /// Takes the names of a header and of a cookie.
    pub fn new(header: Option<&str>, cookie: Option<&str>) -> Result<Self, InvalidDelivery> {
        Ok(Self {
            header: header.map(header_name).transpose()?,
            cookie: cookie.map(cookie_name).transpose()?,
        })
    }

    /// Returns the header that holds credentials beside `Authorization`, which no upstream may see.
    pub(crate) fn header(&self) -> Option<&HeaderName> {
        self.header.as_ref()
    }

    /// Returns the one credential of a request.
    pub(super) fn find(&self, headers: &HeaderMap) -> Result<AccessToken, Refusal> {
        if let Some(name) = &self.header
            && headers.contains_key(name)
        {
            return only(headers, name).and_then(bearer);
        }
        if let Some(name) = &self.cookie
            && let Some(token) = cookie(headers, name)?
        {
            // A browser adds cookies to requests that other sites' pages make; programs send neither header (G-04).
            if headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site") {
                return Err(Refusal::CookieFromPage);
            }
            return Ok(token);
        }
        only(headers, &header::AUTHORIZATION).and_then(bearer)
    }
}

fn header_name(text: &str) -> Result<HeaderName, InvalidDelivery> {
    let invalid = || InvalidDelivery::Header(text.to_owned());
    let name = HeaderName::from_bytes(text.as_bytes()).map_err(|_| invalid())?;
    let is_reserved = RESERVED.contains(&name.as_str())
        || RESERVED_BEGINNINGS.iter().any(|beginning| name.as_str().starts_with(beginning));
    if is_reserved { Err(invalid()) } else { Ok(name) }
}

/// Reads a token of RFC 9110 §5.6.2, which a cookie's name is (RFC 6265 §4.1.1).
fn cookie_name(text: &str) -> Result<String, InvalidDelivery> {
    let is_token = HeaderName::from_bytes(text.as_bytes()).is_ok();
    if is_token { Ok(text.to_owned()) } else { Err(InvalidDelivery::Cookie(text.to_owned())) }
}

fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<&'a HeaderValue, Refusal> {
    let mut values = headers.get_all(name).iter();
    let only = values.next().ok_or(Refusal::MissingToken)?;
    if values.next().is_some() { Err(Refusal::InvalidToken) } else { Ok(only) }
}

/// Reads the one bearer token (RFC 6750 §2.1).
fn bearer(value: &HeaderValue) -> Result<AccessToken, Refusal> {
    let text = value.to_str().map_err(|_| Refusal::InvalidToken)?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() => {
            Ok(AccessToken::new(token))
        }
        _ => Err(Refusal::InvalidToken),
    }
}

/// Finds a cookie (RFC 6265 §4.2.1); two of one name are none.
fn cookie(headers: &HeaderMap, name: &str) -> Result<Option<AccessToken>, Refusal> {
    let mut found = None;
    for value in headers.get_all(header::COOKIE) {
        let text = value.to_str().map_err(|_| Refusal::InvalidToken)?;
        let pairs = text.split(';').filter_map(|pair| pair.trim().split_once('='));
        for (_, token) in pairs.filter(|(found, _)| *found == name) {
            if token.is_empty() || found.replace(AccessToken::new(token)).is_some() {
                return Err(Refusal::InvalidToken);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(delivery: &Delivery, headers: &[(&str, &str)]) -> Result<String, Refusal> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        delivery.find(&map).map(|token| token.expose().to_owned())
    }

    #[test]
    fn the_first_place_that_holds_anything_decides() {
        let delivery = Delivery::new(Some("X-Gateway-Auth"), Some("gateway_session")).unwrap();
        let found = |headers: &[_]| found(&delivery, headers);
        let authorization = ("authorization", "Bearer a");

        assert_eq!(found(&[authorization]), Ok("a".into()));
        assert_eq!(found(&[authorization, ("cookie", "x=1; gateway_session=c")]), Ok("c".into()));
        assert_eq!(
            found(&[authorization, ("cookie", "gateway_session=c"), ("x-gateway-auth", "bearer h")]),
            Ok("h".into())
        );
        assert_eq!(found(&[authorization, ("x-gateway-auth", "h")]), Err(Refusal::InvalidToken));
        assert_eq!(found(&[("cookie", "other=c")]), Err(Refusal::MissingToken));
        for doubled in ["gateway_session=a; gateway_session=b", "gateway_session="] {
            assert_eq!(found(&[("cookie", doubled)]), Err(Refusal::InvalidToken));
        }
        assert_eq!(
            found(&[("x-gateway-auth", "Bearer a"), ("x-gateway-auth", "Bearer a")]),
            Err(Refusal::InvalidToken)
        );
    }

    #[test]
    fn only_named_places_are_looked_at() {
        let found = |headers: &[_]| found(&Delivery::default(), headers);

        assert_eq!(found(&[("x-gateway-auth", "Bearer h")]), Err(Refusal::MissingToken));
        assert_eq!(found(&[("cookie", "gateway_session=c")]), Err(Refusal::MissingToken));
    }

    #[test]
    fn g_04_a_cookie_that_a_page_sent_is_refused() {
        let delivery = Delivery::new(None, Some("gateway_session")).unwrap();

        for mark in [("origin", "https://evil.test"), ("sec-fetch-site", "cross-site")] {
            let asked = found(&delivery, &[("cookie", "gateway_session=c"), mark]);
            assert_eq!(asked, Err(Refusal::CookieFromPage), "{mark:?}");
        }
    }

    #[test]
    fn names_with_a_meaning_of_their_own_are_refused() {
        for name in [
            "Authorization",
            "Cookie",
            "host",
            "proxy-authorization",
            "x-codex-a",
            "a b",
            "",
            "sec-websocket-key",
        ] {
            assert_eq!(Delivery::new(Some(name), None), Err(InvalidDelivery::Header(name.into())));
        }
        for name in ["", "a b", "a=b", "a;"] {
            assert_eq!(Delivery::new(None, Some(name)), Err(InvalidDelivery::Cookie(name.into())));
        }
    }
}

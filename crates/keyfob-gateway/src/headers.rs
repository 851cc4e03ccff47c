//! Headers on their way through: what belongs to one connection, one side or one credential stays behind.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use keyfob_oauth::AccessToken;
use std::borrow::Cow;

/// What belongs to one connection (RFC 9110 §7.6.1, and the older names that are still about).
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "trailers",
    "transfer-encoding",
    "upgrade",
    "proxy-connection",
    "http2-settings",
];

/// What says who calls, or from where: only the gateway may tell the upstream (security G-13, G-39).
const CALLER_ONLY: [&str; 24] = [
    "authorization",
    "cookie",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "x-gateway-auth",
    "openai-organization",
    "openai-project",
    "chatgpt-account-id",
    "forwarded",
    "via",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-url",
    "x-rewrite-url",
    "x-original-host",
    "x-host",
    "true-client-ip",
    "cf-connecting-ip",
    "remote-user",
    "host",
    "x-http-method-override",
    "x-base-url",
];
/// The same by their beginnings.
const CALLER_ONLY_PREFIXES: [&str; 24] = [
    "proxy-",
    "x-forwarded-",
    "x-auth-",
    "x-authenticated-",
    "x-remote-",
    "x-user",
    "x-account",
    "keyfob-",
    "x-keyfob-",
    "user-id",
    "userid",
    "end-user",
    "x-end-user",
    "openai-user",
    "x-openai-user",
    "x-litellm-end-user",
    "x-subject",
    "x-principal",
    "x-identity",
    "x-consumer-",
    "x-credential-",
    "x-ms-client-principal",
    "x-amzn-oidc-",
    "x-goog-authenticated-",
];

/// What an upstream may tell about itself only to the gateway (security G-16).
const UPSTREAM_ONLY: [&str; 3] = ["set-cookie", "set-cookie2", "alt-svc"];
/// The same by their beginnings.
const UPSTREAM_ONLY_PREFIXES: [&str; 3] = ["access-control-", "proxy-", "keyfob-"];

/// Makes the caller's headers fit to be sent: hop-by-hop first, so that nothing it names can take away what is added
/// later (security G-14), then everything that identifies the caller.
///
/// `delivered` is the header that may hold the caller's credential beside `Authorization`.
pub(crate) fn toward_upstream(headers: &mut HeaderMap, token: &AccessToken, delivered: Option<&HeaderName>) {
    let nominated = nominated(headers);
    retain(headers, |name, value| {
        let dashed = spelled_with_dashes(name.as_str());
        !is_hop_by_hop(name, &nominated)
            && delivered != Some(name)
            // The body is framed anew for its own connection.
            && name != header::CONTENT_LENGTH
            && !CALLER_ONLY.contains(&dashed.as_ref())
            && !begins_with(&dashed, &CALLER_ONLY_PREFIXES)
            && !contains(value, token.expose())
    });
}

/// Whether the body of an answer has one length: one `Content-Length`, or `chunked` alone, or until the end (RFC 9112 §6.3).
pub(crate) fn frame_one_body(headers: &HeaderMap) -> bool {
    let lengths = headers.get_all(header::CONTENT_LENGTH).iter().count();
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    match (lengths, codings.next(), codings.next()) {
        (0 | 1, None, None) => true,
        (0, Some(only), None) => only.as_bytes().eq_ignore_ascii_case(b"chunked"),
        _ => false,
    }
}

/// Makes the upstream's headers fit for the caller; `key` is the upstream's key, which must not come back.
pub(crate) fn toward_caller(headers: &mut HeaderMap, key: Option<&str>) {
    let nominated = nominated(headers);
    retain(headers, |name, value| {
        !is_hop_by_hop(name, &nominated)
            && !UPSTREAM_ONLY.contains(&name.as_str())
            && !begins_with(name.as_str(), &UPSTREAM_ONLY_PREFIXES)
            && !key.is_some_and(|key| contains(value, key))
    });
}

/// Some servers read `x_api_key` as `x-api-key`, so the two are one name here (CVE-2025-64484).
fn spelled_with_dashes(name: &str) -> Cow<'_, str> {
    if name.contains('_') { name.replace('_', "-").into() } else { name.into() }
}

fn begins_with(name: &str, beginnings: &[&str]) -> bool {
    beginnings.iter().any(|beginning| name.starts_with(beginning))
}

fn contains(value: &HeaderValue, secret: &str) -> bool {
    value.as_bytes().windows(secret.len().max(1)).any(|window| window == secret.as_bytes())
}

/// Returns what `Connection` names.
fn nominated(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|name| name.trim().to_ascii_lowercase()).collect()
}

fn is_hop_by_hop(name: &HeaderName, nominated: &[String]) -> bool {
    HOP_BY_HOP.contains(&name.as_str()) || nominated.iter().any(|nominated| nominated == name.as_str())
}

fn retain(headers: &mut HeaderMap, keep: impl Fn(&HeaderName, &HeaderValue) -> bool) {
    let unwanted: Vec<HeaderName> =
        headers.iter().filter(|(name, value)| !keep(name, value)).map(|(name, _)| name.clone()).collect();
    for name in unwanted {
        headers.remove(name);
    }
}

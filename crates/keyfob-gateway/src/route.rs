//! Where a request goes: one allow list, on one reading of the path.

use crate::error::Refusal;
use http::{Method, Request};
use hyper::body::Body;
use keyfob_oauth::metadata::RESOURCE_PATH;

/// A path that was checked: what follows `/v1` of the caller's path, with the query, as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UpstreamPath {
    with_query: String,
    /// How long it is without the query.
    length: usize,
}

impl UpstreamPath {
    /// Returns the path and query after the base, with a slash in front.
    pub(crate) fn as_str(&self) -> &str {
        &self.with_query
    }

    /// Returns the path without the query.
    pub(crate) fn path(&self) -> &str {
        self.with_query.get(..self.length).unwrap_or_default()
    }

    /// Returns the first value of a parameter of the query.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let (_path, query) = self.with_query.split_once('?')?;
        let mut values = url::form_urlencoded::parse(query.as_bytes());
        values.find_map(|(found, value)| (found == name).then(|| value.into_owned()))
    }
}

/// The methods of the APIs that are served.
const METHODS: [Method; 4] = [Method::GET, Method::HEAD, Method::POST, Method::DELETE];

/// Below `/v1`, what is the gateway's own.
const OWN: &str = "/keyfob";

/// Refuses what would make a relay of the gateway: tunnels, and targets with a host of their own.
pub(crate) fn refuse_proxying<B>(request: &Request<B>) -> Result<(), Refusal> {
    if request.method() == Method::CONNECT || request.method() == Method::TRACE {
        return Err(Refusal::MethodNotAllowed);
    }
    let target = request.uri();
    if target.scheme().is_some() || target.authority().is_some() || target.path() == "*" {
        return Err(Refusal::OtherHost);
    }
    Ok(())
}

/// Refuses the body of a request that has none by its method: some servers read it as the next request (RFC 9110 §9.3.1).
pub(crate) fn refuse_body<B: Body>(request: &Request<B>) -> Result<(), Refusal> {
    if matches!(*request.method(), Method::GET | Method::HEAD) && !request.body().is_end_stream() {
        return Err(Refusal::UnexpectedBody);
    }
    Ok(())
}

/// Whether the request asks only if the gateway is up, which needs no token.
pub(crate) fn is_health_check<B>(request: &Request<B>) -> bool {
    request.method() == Method::GET && request.uri().path() == "/healthz"
}

/// Whether the request asks what opens the gateway (RFC 9728 §3.1), which needs no token.
pub(crate) fn asks_for_description<B>(request: &Request<B>) -> bool {
    request.method() == Method::GET && request.uri().path() == RESOURCE_PATH
}

/// What the gateway itself tells a caller that was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Own {
    /// What they used.
    Usage,
}

/// Returns what a request asks of the gateway itself; nothing below `/v1/keyfob` is ever asked of an upstream.
pub(crate) fn own<B>(request: &Request<B>) -> Result<Option<Own>, Refusal> {
    let below = request.uri().path().strip_prefix("/v1").unwrap_or_default();
    match below.strip_prefix(OWN).filter(|rest| rest.is_empty() || rest.starts_with('/')) {
        None => Ok(None),
        Some(_) if below != keyfob_usage::PATH => Err(Refusal::NotFound),
        Some(_) if request.method() != Method::GET => Err(Refusal::MethodNotAllowed),
        Some(_) => Ok(Some(Own::Usage)),
    }
}

/// Returns where at the upstream the request goes (security G-09).
pub(crate) fn route<B>(request: &Request<B>) -> Result<UpstreamPath, Refusal> {
    let path = request.uri().path();
    let rest = path.strip_prefix("/v1").filter(|rest| rest.starts_with('/')).ok_or(Refusal::NotFound)?;
    if !is_canonical(rest) {
        return Err(Refusal::NotFound);
    }
    if !METHODS.contains(request.method()) {
        return Err(Refusal::MethodNotAllowed);
    }
    let with_query = match request.uri().query() {
        None => rest.to_owned(),
        Some(query) if query.bytes().all(|byte| byte.is_ascii_graphic()) => format!("{rest}?{query}"),
        Some(_) => return Err(Refusal::NotFound),
    };
    Ok(UpstreamPath { with_query, length: rest.len() })
}

/// Whether every server reads `path` as the same segments: none empty, none of dots, nothing escaped.
fn is_canonical(path: &str) -> bool {
    path.split('/').skip(1).all(|segment| {
        !matches!(segment, "" | "." | "..")
            && segment.bytes().all(|byte| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b':' | b'@' | b',')
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routed(method: &str, target: &str) -> Result<UpstreamPath, Refusal> {
        let request = Request::builder().method(method).uri(target).body(()).unwrap();
        refuse_proxying(&request)?;
        route(&request)
    }

    #[test]
    fn g_09_the_path_that_is_matched_is_the_path_that_is_sent() {
        let to = |method, target| {
            routed(method, target).map(|path| (path.as_str().to_owned(), path.path().to_owned()))
        };
        let is = |target: &str, path: &str| Ok((target.to_owned(), path.to_owned()));

        assert_eq!(to("POST", "/v1/responses"), is("/responses", "/responses"));
        assert_eq!(
            to("GET", "/v1/models?client_version=0.169.0"),
            is("/models?client_version=0.169.0", "/models")
        );
        assert_eq!(
            to("GET", "/v1/models/ft:gpt:org::id"),
            is("/models/ft:gpt:org::id", "/models/ft:gpt:org::id")
        );
    }

    #[test]
    fn what_is_the_gateways_own_goes_to_no_upstream() {
        let asked = |method: &str, target: &str| {
            own(&Request::builder().method(method).uri(target).body(()).unwrap())
        };

        assert_eq!(asked("GET", "/v1/keyfob/usage?by=day"), Ok(Some(Own::Usage)));
        for path in
            ["/v1/keyfob", "/v1/keyfob/", "/v1/keyfob/usage/", "/v1/keyfob/usage/all", "/v1/keyfob/other"]
        {
            assert_eq!(asked("GET", path), Err(Refusal::NotFound), "{path}");
        }
        assert_eq!(asked("POST", "/v1/keyfob/usage"), Err(Refusal::MethodNotAllowed));
        for path in ["/v1/keyfobs", "/v1/responses", "/keyfob/usage", "/v1/models/keyfob/usage", "/"] {
            assert_eq!(asked("GET", path), Ok(None), "{path}");
        }
    }

    #[test]
    fn g_09_paths_with_two_readings_are_not_found() {
        for path in [
            "/",
            "/v1",
            "/v1/",
            "/v2/responses",
            "/v11/responses",
            "/V1/responses",
            "/v1//responses",
            "/v1/responses/",
            "/v1/../admin",
            "/v1/./responses",
            "/v1/..;/admin",
            "/v1/responses;x=1",
            "/v1/%2e%2e/admin",
            "/v1/a%2fb",
            "/v1/a%5cb",
            "/v1/a%00",
            "//v1/responses",
            "/healthz",
        ] {
            assert_eq!(routed("POST", path), Err(Refusal::NotFound), "{path}");
        }
    }

    #[test]
    fn g_12_tunnels_and_other_hosts_are_refused() {
        assert_eq!(routed("GET", "http://evil.test/v1/models"), Err(Refusal::OtherHost));
        assert_eq!(routed("CONNECT", "evil.test:443"), Err(Refusal::MethodNotAllowed));
        assert_eq!(routed("TRACE", "/v1/models"), Err(Refusal::MethodNotAllowed));
        assert_eq!(routed("OPTIONS", "*"), Err(Refusal::OtherHost));
        for method in ["TRACK", "PUT", "PATCH", "OPTIONS", "post"] {
            assert_eq!(routed(method, "/v1/models"), Err(Refusal::MethodNotAllowed), "{method}");
        }
    }
}

//! Whom a request is meant for, read once: over HTTP/2 it names an authority, over HTTP/1 it must not (security G-08, G-21).

use crate::door::is_token;
use crate::error::Refusal;
use http::uri::{Parts, PathAndQuery, Scheme};
use http::{HeaderValue, Request, Uri, Version, header};

/// Brings a request to one form: a path as its target, and one `Host`.
///
/// An HTTP/2 request names scheme and authority (RFC 9113 §8.3.1); the authority takes the place of `Host`, and a `Host` that
/// says otherwise is refused.
pub(crate) fn settle<B>(request: &mut Request<B>) -> Result<(), Refusal> {
    if request.version() != Version::HTTP_2 {
        return Ok(());
    }
    *request.version_mut() = Version::HTTP_11;
    // Its fields are written out for an upstream of HTTP/1.1, where a name is a token and nothing else (RFC 9113 §8.2.1).
    if !request.headers().keys().all(|name| is_token(name.as_str().as_bytes())) {
        return Err(Refusal::InvalidHeader);
    }
    let Parts { scheme, authority, path_and_query, .. } = request.uri().clone().into_parts();
    let is_http = scheme.is_some_and(|scheme| scheme == Scheme::HTTP || scheme == Scheme::HTTPS);
    let path = path_and_query.filter(|path| path.as_str().starts_with('/'));
    let (true, Some(path)) = (is_http, path) else { return Err(Refusal::OtherHost) };
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = match (&authority, hosts.next(), hosts.next()) {
        (Some(authority), None, None) => HeaderValue::from_str(authority.as_str()),
        (Some(authority), Some(host), None)
            if host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()) =>
        {
            Ok(host.clone())
        }
        (None, Some(host), None) => Ok(host.clone()),
        _ => return Err(Refusal::OtherHost),
    };
    let host = host.ok().filter(|host| !host.as_bytes().contains(&b'@')).ok_or(Refusal::OtherHost)?;
    request.headers_mut().insert(header::HOST, host);
    *request.uri_mut() = origin_form(path);
    Ok(())
}

fn origin_form(path: PathAndQuery) -> Uri {
    let mut parts = Parts::default();
    parts.path_and_query = Some(path);
    // A path alone is a whole target.
    Uri::from_parts(parts).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(uri: &str, hosts: &[&str]) -> Result<(String, String), Refusal> {
        let mut request = Request::builder().version(Version::HTTP_2).uri(uri);
        for host in hosts {
            request = request.header("host", *host);
        }
        let mut request = request.body(()).unwrap();
        settle(&mut request)?;
        Ok((request.uri().to_string(), request.headers()["host"].to_str().unwrap().to_owned()))
    }

    #[test]
    fn g_21_an_authority_and_a_host_that_differ_are_refused() {
        let is = |target: &str, host: &str| Ok((target.to_owned(), host.to_owned()));

        assert_eq!(settled("https://g.test/v1/models?a=1", &[]), is("/v1/models?a=1", "g.test"));
        assert_eq!(settled("http://g.test:8787/v1/a", &["G.test:8787"]), is("/v1/a", "G.test:8787"));
        for (uri, hosts) in [
            ("https://g.test/v1/a", &["evil.test"][..]),
            ("https://g.test/v1/a", &["g.test", "g.test"]),
            ("https://g.test/v1/a", &["g.test:443"]),
            ("https://u@g.test/v1/a", &[]),
            ("ftp://g.test/v1/a", &[]),
            ("/v1/a", &["g.test"]),
            ("g.test:443", &[]),
        ] {
            assert_eq!(settled(uri, hosts), Err(Refusal::OtherHost), "{uri} {hosts:?}");
        }
    }
}

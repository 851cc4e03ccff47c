//! Web pages stay out: whatever one can make a browser send is refused before a key is looked at (security G-03 to G-05).

use super::denied::Denied;
use http::{HeaderMap, HeaderName, Request, header};
use hyper::body::Body;

/// By which names callers may know the gateway.
#[derive(Clone, Debug)]
pub(super) enum Names {
    /// Those of loopback with this port, as they are written in `Host`.
    Port(u16),
    /// A Unix socket has none; programs write `localhost`.
    Socket,
}

const LOOPBACK: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];
const JSON: &str = "application/json";
/// Every header with which a browser says what a page is doing begins so.
const FETCH_METADATA: &str = "sec-fetch-";
const FETCH_MODE: &str = "sec-fetch-mode";

/// Refuses a request that names another host, that a page caused, or whose body could be one of a page.
pub(super) fn refuse<B: Body>(request: &Request<B>, names: &Names) -> Result<(), Denied> {
    if !names.include(request.headers()) {
        return Err(Denied::OtherName);
    }
    if is_of_a_page(request.headers()) {
        return Err(Denied::Page);
    }
    // Browsers ask before they send JSON across origins, and never before they send a form or plain text.
    let says = request.headers().contains_key(header::CONTENT_TYPE);
    if (says || !request.body().is_end_stream()) && !is_json(request.headers()) {
        return Err(Denied::NotJson);
    }
    Ok(())
}

/// Whether a browser says that a page is behind it.
///
/// `fetch` of Node.js says its mode and nothing else; a browser that says one says where the page is from, too (Fetch
/// Metadata, §3).
fn is_of_a_page(headers: &HeaderMap) -> bool {
    let is_of_node = |name: &HeaderName| {
        *name == FETCH_MODE && headers.get_all(FETCH_MODE).iter().all(|mode| mode.as_bytes() == b"cors")
    };
    let mut metadata = headers.keys().filter(|name| name.as_str().starts_with(FETCH_METADATA));
    headers.contains_key(header::ORIGIN) || metadata.any(|name| !is_of_node(name))
}

impl Names {
    /// Whether the one `Host` is one of these, byte for byte.
    fn include(&self, headers: &HeaderMap) -> bool {
        let mut hosts = headers.get_all(header::HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
        match self {
            Self::Port(port) => {
                LOOPBACK.iter().any(|name| host.as_bytes() == format!("{name}:{port}").as_bytes())
            }
            Self::Socket => host.as_bytes() == b"localhost",
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut kinds = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(kind), None) = (kinds.next(), kinds.next()) else { return false };
    let essence = kind.to_str().ok().and_then(|kind| kind.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case(JSON))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{Empty, Full};

    fn refused(names: &Names, headers: &[(&str, &str)], body: &'static str) -> Option<u16> {
        let mut request = Request::post("/v1/responses");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(bytes::Bytes::from_static(body.as_bytes()))).unwrap();
        refuse(&request, names).err().map(|denied| denied.status().as_u16())
    }

    #[test]
    fn g_03_a_host_is_the_gateways_own_byte_for_byte() {
        let json = ("content-type", "application/json");
        let told = |host: &str| refused(&Names::Port(8790), &[("host", host), json], "{}");

        for own in ["127.0.0.1:8790", "localhost:8790", "[::1]:8790"] {
            assert_eq!(told(own), None, "{own}");
        }
        for other in [
            "evil.test",
            "evil.test:8790",
            "127.0.0.1",
            "localhost",
            "localhost:8790@evil.test",
            "localhost:1455@evil",
            "localhost:8791",
            "127.0.0.1.:8790",
            "localhost.:8790",
            "localhost:8790.",
            "LOCALHOST:8790",
            "127.1:8790",
            "",
        ] {
            assert_eq!(told(other), Some(421), "{other}");
        }
        assert_eq!(refused(&Names::Port(8790), &[json], "{}"), Some(421));
        let twice = [("host", "localhost:8790"), ("host", "localhost:8790"), json];
        assert_eq!(refused(&Names::Port(8790), &twice, "{}"), Some(421));
        assert_eq!(refused(&Names::Socket, &[("host", "localhost"), json], "{}"), None);
        assert_eq!(refused(&Names::Socket, &[("host", "evil.test"), json], "{}"), Some(421));
    }

    #[test]
    fn g_04_whatever_says_that_a_page_sent_it_is_refused() {
        let own = ("host", "localhost:1");
        let json = ("content-type", "application/json");
        for (name, value) in [
            ("origin", "http://evil.test"),
            ("origin", "null"),
            ("origin", ""),
            ("origin", "http://localhost:1"),
            ("sec-fetch-site", "none"),
            ("sec-fetch-mode", "no-cors"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "script"),
            ("sec-fetch-user", "?1"),
            ("sec-fetch-storage-access", "none"),
        ] {
            assert_eq!(refused(&Names::Port(1), &[own, json, (name, value)], "{}"), Some(403), "{name}");
        }
        let node = ("sec-fetch-mode", "cors");
        assert_eq!(refused(&Names::Port(1), &[own, json, node], "{}"), None);
        for page in [("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "websocket"), ("origin", "null")] {
            let told = refused(&Names::Port(1), &[own, json, node, page], "{}");
            assert_eq!(told, Some(403), "{page:?}");
        }
    }

    #[test]
    fn g_05_a_body_is_json_and_says_so() {
        let own = ("host", "localhost:1");
        let told = |kind: &[(&str, &str)]| refused(&Names::Port(1), &[&[own], kind].concat(), "{}");

        for json in ["application/json", "application/json; charset=utf-8", "Application/JSON"] {
            assert_eq!(told(&[("content-type", json)]), None, "{json}");
        }
        for other in [
            "text/plain",
            "text/plain;application/json",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/jsonp",
            "application/json-seq",
            "application/json, text/plain",
            "",
        ] {
            assert_eq!(told(&[("content-type", other)]), Some(415), "{other}");
        }
        assert_eq!(told(&[]), Some(415));
        let twice = [("content-type", "application/json"), ("content-type", "text/plain")];
        assert_eq!(told(&twice), Some(415));
        let bare =
            Request::get("/v1/models").header("host", "localhost:1").body(Empty::<bytes::Bytes>::new());
        assert!(refuse(&bare.unwrap(), &Names::Port(1)).is_ok());
    }
}

//! What the gateway says of itself to whoever has no token yet (RFC 9728).

use crate::body::{Body, full};
use bytes::Bytes;
use http::{HeaderValue, Response, header};
use keyfob_oauth::metadata::ResourceMetadata;
use keyfob_oauth::{Audience, IssuerUrl};

/// The document of RFC 9728 §2, which is the same for everybody.
#[derive(Debug)]
pub(crate) struct Description(Bytes);

/// As long as the issuer's documents.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=300");

impl Description {
    /// Tells whose tokens, meant for what, open the gateway.
    pub(crate) fn new(issuer: &IssuerUrl, audience: &Audience) -> Self {
        let document = ResourceMetadata {
            resource: audience.as_str().to_owned(),
            authorization_servers: vec![issuer.as_str().to_owned()],
            scopes_supported: Vec::new(),
            bearer_methods_supported: vec!["header".to_owned()],
        };
        Self(serde_json::json!(document).to_string().into())
    }

    pub(crate) fn to_response(&self) -> Response<Body> {
        let mut response = Response::new(full(self.0.clone()));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, CACHE);
        response
    }
}

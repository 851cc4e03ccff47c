//! The gateway's own name and secret at the issuer (`keyfob-issuer resource-server add`).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::HeaderValue;

/// What the gateway authenticates with where it asks the issuer: for what has ended, and for what a key means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceServer {
    name: String,
    /// Marked as sensitive, so that it is never printed.
    authorization: HeaderValue,
}

/// A text is no name and secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no NAME:SECRET in one line")]
pub struct InvalidResourceServer;

impl ResourceServer {
    /// Reads `NAME:SECRET`.
    pub fn parse(text: &str) -> Result<Self, InvalidResourceServer> {
        let legal = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_graphic());
        let (name, secret) = text.trim().split_once(':').ok_or(InvalidResourceServer)?;
        if !legal(name) || !legal(secret) {
            return Err(InvalidResourceServer);
        }
        // RFC 7617, with what RFC 6749 §2.3.1 would encode left out: neither part holds any of it.
        let pair = STANDARD.encode(format!("{name}:{secret}"));
        let mut authorization =
            HeaderValue::from_str(&format!("Basic {pair}")).map_err(|_| InvalidResourceServer)?;
        authorization.set_sensitive(true);
        Ok(Self { name: name.to_owned(), authorization })
    }

    /// Returns the name, which answers are addressed to.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the `Authorization` header.
    pub(crate) fn authorization(&self) -> HeaderValue {
        self.authorization.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_a_secret_are_one_header_that_cannot_be_printed() {
        let server = ResourceServer::parse(" gateway:kfs_secret\n").unwrap();

        assert_eq!(
            (server.name(), server.authorization()),
            ("gateway", "Basic Z2F0ZXdheTprZnNfc2VjcmV0".parse().unwrap())
        );
        assert!(!format!("{server:?}").contains("Z2F0"));
        for text in ["", "gateway", ":s", "g:", "g:s s", "g\n:s", "g:é"] {
            assert_eq!(ResourceServer::parse(text).unwrap_err(), InvalidResourceServer, "{text:?}");
        }
    }
}

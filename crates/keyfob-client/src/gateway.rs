//! A gateway, and what it says itself of whose tokens open it (RFC 9728).

use crate::http::{Answer, HttpClient, HttpError};
use crate::network::Network;
use keyfob_oauth::id::InvalidIssuer;
use keyfob_oauth::metadata::{RESOURCE_PATH, ResourceMetadata};
use keyfob_oauth::{AccessToken, IssuerUrl, address};
use reqwest::{Method, header};
use std::time::Duration;
use url::Url;

/// Where the models of a gateway are: https, or http on loopback, without user, query or fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayUrl {
    base: IssuerUrl,
    /// Where its models are listed.
    models: Box<Url>,
}

/// What opens a gateway, in its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protection {
    /// What tokens must be meant for.
    pub resource: String,
    /// Whose tokens open it; those of which it says nothing usable are left out.
    pub issuers: Vec<IssuerUrl>,
}

/// How a gateway takes a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Welcome {
    /// It lists its models.
    Taken,
    /// It refuses whoever brings it.
    Refused {
        /// 401 or 403.
        status: u16,
        /// Its words for people.
        message: Option<String>,
    },
    /// It answers something else, such as that there is no list.
    Unclear {
        /// With this status.
        status: u16,
    },
}

/// A gateway does not say what opens it.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// It did not answer.
    #[error("cannot reach the gateway {gateway}")]
    Unreachable {
        /// Which gateway.
        gateway: GatewayUrl,
        /// Why.
        #[source]
        source: HttpError,
    },
    /// What it says is not what RFC 9728 §2 describes.
    #[error("what {0} says of itself cannot be understood")]
    Malformed(GatewayUrl),
}

/// Where the OpenAI API has its models, below every base that ends like this.
const USUAL_PATH: &str = "/v1";
const MODELS: &str = "/models";
/// A person waits.
const LIMIT: Duration = Duration::from_secs(20);

impl GatewayUrl {
    /// Parses; an address without a path is that of `/v1`.
    pub fn parse(text: &str) -> Result<Self, InvalidIssuer> {
        let url = IssuerUrl::parse(text)?;
        let has_path = Url::parse(url.as_str()).is_ok_and(|url| url.path() != "/");
        let base = if has_path { url } else { IssuerUrl::parse(&url.join(USUAL_PATH))? };
        let models = Url::parse(&base.join(MODELS)).map_err(|_| InvalidIssuer::NotAUrl(text.into()))?;
        Ok(Self { base, models: Box::new(models) })
    }

    /// Returns the address without a slash at its end.
    pub fn as_str(&self) -> &str {
        self.base.as_str()
    }

    /// Returns the name of the server, with its port where it is not the usual one.
    pub fn authority(&self) -> String {
        self.models.authority().to_owned()
    }

    /// Asks the gateway what opens it; nothing if it does not say.
    ///
    /// Asked are the two addresses that RFC 9728 §3.1 has for a resource with a path, then the one that a challenge of the
    /// gateway names (§5.1), on its own host alone. No credential is sent.
    pub async fn protection(&self, network: &Network) -> Result<Option<Protection>, GatewayError> {
        let unreachable = |source| GatewayError::Unreachable { gateway: self.clone(), source };
        let http = network.client(&self.base).map_err(unreachable)?;
        for place in self.places() {
            if let Some(found) = self.read(&http.get(place.as_str()).await.map_err(unreachable)?)? {
                return Ok(Some(found));
            }
        }
        match self.challenge(&http).await.map_err(unreachable)? {
            Some(place) => self.read(&http.get(place.as_str()).await.map_err(unreachable)?),
            None => Ok(None),
        }
    }

    /// Brings `token` to the list of models, which is free everywhere.
    pub async fn present(&self, network: &Network, token: &AccessToken) -> Result<Welcome, HttpError> {
        let http = network.client(&self.base)?;
        let answer = http.send_with_token(LIMIT, Method::GET, &self.models, token).await?;
        Ok(match answer.status {
            200..=299 => Welcome::Taken,
            status @ (401 | 403) => Welcome::Refused { status, message: message_in(&answer.body) },
            status => Welcome::Unclear { status },
        })
    }

    fn places(&self) -> Vec<Url> {
        let path = self.models.path().strip_suffix(MODELS).unwrap_or_default();
        let places = [format!("{RESOURCE_PATH}{path}"), RESOURCE_PATH.to_owned()];
        places.iter().filter_map(|place| self.models.join(place).ok()).collect()
    }

    /// Returns where a refusal says that the document is.
    async fn challenge(&self, http: &HttpClient) -> Result<Option<Url>, HttpError> {
        let answer = http.get(self.models.as_str()).await?;
        let challenges = answer.headers.get_all(header::WWW_AUTHENTICATE).iter();
        let mut named = challenges.filter_map(|value| document_in(value.to_str().ok()?));
        Ok(named.find(|place| place.origin() == self.models.origin()))
    }

    fn read(&self, answer: &Answer) -> Result<Option<Protection>, GatewayError> {
        if answer.status != 200 {
            return Ok(None);
        }
        let document: ResourceMetadata =
            serde_json::from_slice(&answer.body).map_err(|_| GatewayError::Malformed(self.clone()))?;
        let issuers = document.authorization_servers.iter().filter_map(|url| IssuerUrl::parse(url).ok());
        Ok(Some(Protection { issuers: issuers.collect(), resource: document.resource }))
    }
}

impl std::fmt::Display for GatewayUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.base.fmt(f)
    }
}

impl Protection {
    /// Whether the tokens that `gateway` asks for are its own, or those that `issuer` makes for everybody.
    ///
    /// Whoever names another server's is given tokens that open that one (RFC 9728 §7.3).
    pub fn is_of(&self, gateway: &GatewayUrl, issuer: &IssuerUrl) -> bool {
        let is_own = |url: Url| url.origin() == gateway.models.origin();
        self.resource == issuer.as_str() || Url::parse(&self.resource).is_ok_and(is_own)
    }
}

/// Returns the address after `resource_metadata` in a challenge (RFC 9728 §5.1).
fn document_in(challenge: &str) -> Option<Url> {
    let (_, rest) = challenge.split_once("resource_metadata=\"")?;
    let (place, _) = rest.split_once('"')?;
    address::parse(place)
}

/// Returns the message in an error of the API.
fn message_in(body: &[u8]) -> Option<String> {
    let document: serde_json::Value = serde_json::from_slice(body).ok()?;
    Some(document.pointer("/error/message")?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gateway(text: &str) -> GatewayUrl {
        GatewayUrl::parse(text).unwrap()
    }

    #[test]
    fn s_23_an_address_without_a_path_is_that_of_the_usual_one() {
        for (text, whole) in [
            ("https://gateway.test", "https://gateway.test/v1"),
            ("https://gateway.test/", "https://gateway.test/v1"),
            ("https://gateway.test/v1/", "https://gateway.test/v1"),
            ("http://127.0.0.1:8500/llm", "http://127.0.0.1:8500/llm"),
        ] {
            assert_eq!(gateway(text).as_str(), whole);
        }
        for text in
            ["http://gateway.test", "https://mia@gateway.test", "https://gateway.test?x", "gateway.test"]
        {
            assert!(GatewayUrl::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn s_23_the_document_is_where_the_standard_has_it() {
        let places: Vec<String> =
            gateway("https://g.test/llm/v1").places().into_iter().map(String::from).collect();

        assert_eq!(
            places,
            [
                "https://g.test/.well-known/oauth-protected-resource/llm/v1",
                "https://g.test/.well-known/oauth-protected-resource"
            ]
        );
    }

    #[test]
    fn c_23_a_gateway_cannot_ask_for_tokens_of_another_server() {
        let issuer = IssuerUrl::parse("https://id.test").unwrap();
        let asks_for = |resource: &str| {
            let protection = Protection { resource: resource.to_owned(), issuers: Vec::new() };
            protection.is_of(&gateway("https://gateway.test/v1"), &issuer)
        };

        for own in
            ["https://gateway.test", "https://gateway.test/", "https://gateway.test/v1", "https://id.test"]
        {
            assert!(asks_for(own), "{own}");
        }
        for other in [
            "https://other.test",
            "https://gateway.test.other.test",
            "https://gateway.test@other.test",
            "https://gateway.test:8443",
            "http://gateway.test",
            "https://id.test/other",
            "gateway",
            "",
        ] {
            assert!(!asks_for(other), "{other}");
        }
    }

    #[test]
    fn s_23_a_challenge_names_the_document() {
        let named = |challenge: &str| document_in(challenge).map(String::from);

        assert_eq!(
            named(r#"Bearer realm="x", resource_metadata="https://g.test/doc", scope="y""#),
            Some("https://g.test/doc".into())
        );
        for without in [
            r#"Bearer realm="keyfob""#,
            r#"Bearer resource_metadata="http://g.test/doc""#,
            r#"Bearer resource_metadata="https://g.test/doc"#,
        ] {
            assert_eq!(named(without), None, "{without}");
        }
    }
}

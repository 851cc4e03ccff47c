//! A gateway, and what it says itself of whose tokens open it (RFC 9728).

use crate::http::{Answer, HttpClient, HttpError};
use crate::network::Network;
use keyfob_oauth::id::InvalidIssuer;
use keyfob_oauth::metadata::{RESOURCE_PATH, ResourceMetadata};
use keyfob_oauth::{IssuerUrl, address};
use reqwest::header;
use url::Url;

/// Where the models of a gateway are: https, or http on loopback, without user, query or fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayUrl(IssuerUrl);

/// What opens a gateway, in its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protection {
    /// What tokens must be meant for.
    pub resource: String,
    /// Whose tokens open it; those of which it says nothing usable are left out.
    pub issuers: Vec<IssuerUrl>,
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

impl GatewayUrl {
    /// Parses; an address without a path is that of `/v1`.
    pub fn parse(text: &str) -> Result<Self, InvalidIssuer> {
        let url = IssuerUrl::parse(text)?;
        let has_path = Url::parse(url.as_str()).is_ok_and(|url| url.path() != "/");
        if has_path { Ok(Self(url)) } else { IssuerUrl::parse(&url.join(USUAL_PATH)).map(Self) }
    }

    /// Returns the address without a slash at its end.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Returns the name of the server, with its port where it is not the usual one.
    pub fn authority(&self) -> String {
        self.url().map(|url| url.authority().to_owned()).unwrap_or_default()
    }

    /// Asks the gateway what opens it; nothing if it does not say.
    ///
    /// Asked are the two addresses that RFC 9728 §3.1 has for a resource with a path, then the one that a challenge of the
    /// gateway names (§5.1), on its own host alone. No credential is sent.
    pub async fn protection(&self, network: &Network) -> Result<Option<Protection>, GatewayError> {
        let unreachable = |source| GatewayError::Unreachable { gateway: self.clone(), source };
        let http = network.client(&self.0).map_err(unreachable)?;
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

    fn places(&self) -> Vec<Url> {
        let Some(url) = self.url() else { return Vec::new() };
        let at = |path: &str| url.join(path).ok();
        [at(&format!("{RESOURCE_PATH}{}", url.path())), at(RESOURCE_PATH)].into_iter().flatten().collect()
    }

    /// Returns where a refusal says that the document is.
    async fn challenge(&self, http: &HttpClient) -> Result<Option<Url>, HttpError> {
        let answer = http.get(&self.0.join("/models")).await?;
        let challenges = answer.headers.get_all(header::WWW_AUTHENTICATE).iter();
        let mut named = challenges.filter_map(|value| document_in(value.to_str().ok()?));
        Ok(named.find(|place| self.url().is_some_and(|own| own.origin() == place.origin())))
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

    fn url(&self) -> Option<Url> {
        Url::parse(self.0.as_str()).ok()
    }
}

impl std::fmt::Display for GatewayUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Protection {
    /// Whether the tokens that `gateway` asks for are its own, or those that `issuer` makes for everybody.
    ///
    /// Whoever names another server's is given tokens that open that one (RFC 9728 §7.3).
    pub fn is_of(&self, gateway: &GatewayUrl, issuer: &IssuerUrl) -> bool {
        let origin = |text: &str| Url::parse(text).ok().map(|url| url.origin());
        let own = origin(gateway.as_str());
        self.resource == issuer.as_str() || own.is_some() && own == origin(&self.resource)
    }
}

/// Returns the address after `resource_metadata` in a challenge (RFC 9728 §5.1).
fn document_in(challenge: &str) -> Option<Url> {
    let (_, rest) = challenge.split_once("resource_metadata=\"")?;
    let (place, _) = rest.split_once('"')?;
    address::parse(place)
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

//! Where an issuer's endpoints are: found by discovery, or laid out as the Codex CLI assumes.

use crate::http::{HttpClient, HttpError};
use crate::network::Network;
use crate::token_endpoint::TokenError;
use keyfob_codex::authorize::{EXTRA_PARAMETERS, SCOPE};
use keyfob_codex::client::{AUTHORIZE_PATH, REVOKE_PATH, TOKEN_PATH, UNNAMED_ISSUER};
use keyfob_oauth::{IssuerUrl, address, metadata};
use std::time::Duration;
use url::Url;

/// The endpoints that a sign-in needs.
#[derive(Clone, Debug)]
pub struct Endpoints {
    /// Where the browser is sent.
    pub authorization: Url,
    /// Where the code is redeemed.
    pub token: Url,
    /// Where the signing keys are.
    pub keys: Url,
    /// Where a device asks for a code.
    pub device: DeviceEndpoint,
    /// Where a person sees and ends their sessions, at an issuer that lists them.
    pub sessions: Option<Url>,
    /// Where a session is ended (RFC 7009).
    pub revocation: Option<Url>,
    /// What it is asked with.
    pub dialect: Dialect,
    /// Whether the issuer gives another machine a session of its own for the word of this one.
    pub hands_over: bool,
    /// Whether callbacks name the issuer (RFC 9207 §3).
    pub names_itself: bool,
}

/// Which parameters an issuer is asked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Those of the Codex CLI and no other: it is OpenAI's issuer, where the CLI is registered.
    OpenAi,
    /// Those of the Codex CLI with a nonce: the issuer offers all of the CLI's scopes.
    Codex,
    /// Those of OpenID Connect Core alone.
    Standard,
}

/// Where a device asks for a code, and in which dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceEndpoint {
    /// At the address that the issuer names (RFC 8628 §4).
    Standard(Url),
    /// The issuer names none: where the Codex CLI asks, if it is offered at all.
    Codex,
}

/// An issuer's endpoints cannot be found.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// The issuer did not answer.
    #[error("cannot reach the issuer {issuer}")]
    Unreachable {
        /// Which issuer.
        issuer: IssuerUrl,
        /// Why.
        #[source]
        source: HttpError,
    },
    /// The issuer publishes no discovery document.
    #[error("{issuer} publishes no discovery document (status {status})")]
    NoDocument {
        /// Which issuer.
        issuer: IssuerUrl,
        /// What it answered.
        status: u16,
    },
    /// The document is not one of RFC 8414.
    #[error("the discovery document of {0} cannot be read")]
    Malformed(IssuerUrl),
    /// The document names another issuer (RFC 8414 §3.3).
    #[error("the discovery document of {0} names another issuer")]
    OtherIssuer(IssuerUrl),
    /// An endpoint is on another host, or not encrypted.
    #[error("the discovery document of {issuer} names an endpoint that must not be used: {name}")]
    UnsafeEndpoint {
        /// Which issuer.
        issuer: IssuerUrl,
        /// Which member.
        name: &'static str,
    },
    /// The issuer does not offer PKCE with S256.
    #[error("{0} does not offer PKCE with S256")]
    NoPkce(IssuerUrl),
}

impl Endpoints {
    /// Asks the issuer over `network`, as [`Self::discover`] does.
    pub async fn find(network: &Network, issuer: &IssuerUrl) -> Result<Self, DiscoveryError> {
        let unreachable = |source| DiscoveryError::Unreachable { issuer: issuer.clone(), source };
        Self::discover(&network.client(issuer).map_err(unreachable)?, issuer).await
    }

    /// Asks the issuer (OpenID Connect Discovery §4); no endpoint outside its host is accepted (security C-20).
    pub async fn discover(http: &HttpClient, issuer: &IssuerUrl) -> Result<Self, DiscoveryError> {
        if issuer.as_str() == UNNAMED_ISSUER
            && let Some(built_in) = Self::built_in(issuer)
        {
            return Ok(built_in);
        }
        let answer = http
            .get(&issuer.join(metadata::OPENID_PATH))
            .await
            .map_err(|source| DiscoveryError::Unreachable { issuer: issuer.clone(), source })?;
        if answer.status != 200 {
            return Err(DiscoveryError::NoDocument { issuer: issuer.clone(), status: answer.status });
        }
        let document: metadata::ProviderMetadata =
            serde_json::from_slice(&answer.body).map_err(|_| DiscoveryError::Malformed(issuer.clone()))?;
        if !document.is_of(issuer) {
            return Err(DiscoveryError::OtherIssuer(issuer.clone()));
        }
        if !document.code_challenge_methods_supported.iter().any(|method| method == "S256") {
            return Err(DiscoveryError::NoPkce(issuer.clone()));
        }
        let endpoint = |name: &'static str, text: &str| {
            safe(issuer, text).ok_or_else(|| DiscoveryError::UnsafeEndpoint { issuer: issuer.clone(), name })
        };
        let revocation = document.revocation_endpoint.as_deref();
        let sessions = document.keyfob_sessions_endpoint.as_deref();
        let device = match document.device_authorization_endpoint.as_deref() {
            Some(text) => DeviceEndpoint::Standard(endpoint("device_authorization_endpoint", text)?),
            None => DeviceEndpoint::Codex,
        };
        Ok(Self {
            sessions: sessions.map(|text| endpoint("keyfob_sessions_endpoint", text)).transpose()?,
            authorization: endpoint("authorization_endpoint", &document.authorization_endpoint)?,
            token: endpoint("token_endpoint", &document.token_endpoint)?,
            keys: endpoint("jwks_uri", &document.jwks_uri)?,
            device,
            revocation: revocation.map(|text| endpoint("revocation_endpoint", text)).transpose()?,
            dialect: Dialect::of(&document.scopes_supported),
            hands_over: document.keyfob_handoff_supported,
            names_itself: document.authorization_response_iss_parameter_supported,
        })
    }

    /// Returns those that the Codex CLI has built in; what OpenAI's discovery document names is for clients of another kind.
    fn built_in(issuer: &IssuerUrl) -> Option<Self> {
        let at = |path: &str| Url::parse(&issuer.join(path)).ok();
        Some(Self {
            authorization: at(AUTHORIZE_PATH)?,
            token: at(TOKEN_PATH)?,
            keys: at("/.well-known/jwks.json")?,
            device: DeviceEndpoint::Codex,
            sessions: None,
            revocation: at(REVOKE_PATH),
            dialect: Dialect::OpenAi,
            hands_over: false,
            names_itself: false,
        })
    }
}

impl Dialect {
    fn of(offered: &[String]) -> Self {
        let is_offered = |word: &str| offered.iter().any(|offered| offered == word);
        if SCOPE.split(' ').all(is_offered) { Self::Codex } else { Self::Standard }
    }

    /// Returns the scope that is asked for.
    pub(crate) const fn scope(self) -> &'static str {
        match self {
            Self::OpenAi | Self::Codex => SCOPE,
            Self::Standard => "openid profile email offline_access",
        }
    }

    /// Returns what an authorization request has beside the parameters that all have.
    ///
    /// Whoever asks for `offline_access` has to let the person be asked (OpenID Connect Core §11).
    pub(crate) const fn parameters(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::OpenAi | Self::Codex => &EXTRA_PARAMETERS,
            Self::Standard => &[("prompt", "consent")],
        }
    }

    /// Whether the ID token is to have a nonce (OpenID Connect Core §3.1.2.1).
    pub(crate) const fn has_nonce(self) -> bool {
        match self {
            Self::OpenAi => false,
            Self::Codex | Self::Standard => true,
        }
    }
}

/// Where a stored login is refreshed: the layout that the Codex CLI assumes of every issuer.
pub(crate) fn stored_token_endpoint(issuer: &IssuerUrl) -> String {
    issuer.join(TOKEN_PATH)
}

/// Where an issuer that knows attempt ids hears that its answer is stored (security §7.2).
pub(crate) fn stored_acknowledgement_endpoint(issuer: &IssuerUrl) -> String {
    issuer.join("/oauth/refresh/ack")
}

/// Where a stored login is revoked: at the issuer that issued it, never at another (codex-wire §11.11).
pub(crate) fn stored_revocation_endpoint(issuer: &IssuerUrl) -> String {
    issuer.join(REVOKE_PATH)
}

/// Asks at `usual`, where the Codex CLI would; where nothing is there, at the address that `named` takes from the issuer's
/// discovery document. All of it has `limit`.
pub(crate) async fn ask_where_it_is<T>(
    http: &HttpClient,
    issuer: &IssuerUrl,
    usual: &str,
    named: fn(Endpoints) -> Option<Url>,
    limit: Duration,
    ask: impl AsyncFn(&str) -> Result<T, TokenError>,
) -> Result<T, TokenError> {
    let asked = async {
        let answer = ask(usual).await;
        if !answer.as_ref().is_err_and(TokenError::is_elsewhere) {
            return answer;
        }
        match Endpoints::discover(http, issuer).await.ok().and_then(named) {
            Some(found) if found.as_str() != usual => ask(found.as_str()).await,
            // What the usual address said is all that is known.
            Some(_) | None => answer,
        }
    };
    let late = || Err(TokenError::Unreachable(HttpError::TimedOut));
    tokio::time::timeout(limit, asked).await.unwrap_or_else(|_| late())
}

/// Reads an address of the issuer's own host that a request or a person may be sent to.
pub(crate) fn safe(issuer: &IssuerUrl, text: &str) -> Option<Url> {
    let home = Url::parse(issuer.as_str()).ok()?;
    address::parse(text).filter(|url| url.host() == home.host())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d_14_whoever_does_not_offer_the_scopes_of_codex_is_asked_with_standard_parameters() {
        let every: Vec<String> = SCOPE.split(' ').map(str::to_owned).collect();

        assert_eq!(Dialect::of(&every), Dialect::Codex);
        assert_eq!(Dialect::of(&every[1..]), Dialect::Standard);
        assert_eq!(Dialect::of(&[]), Dialect::Standard);
    }

    #[test]
    fn c_20_endpoints_stay_with_the_issuer() {
        let issuer = IssuerUrl::parse("https://id.test").unwrap();

        assert!(safe(&issuer, "https://id.test/oauth/token").is_some());
        assert!(safe(&issuer, "https://id.test:8443/oauth/token").is_some());
        for foreign in [
            "https://evil.test/oauth/token",
            "https://id.test.evil/oauth/token",
            "https://id.test@evil.test/oauth/token",
            "http://id.test/oauth/token",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "-profile",
            "https://x@id.test/oauth/token",
            "https://id.test/$(calc)",
        ] {
            assert!(safe(&issuer, foreign).is_none(), "{foreign}");
        }
    }
}

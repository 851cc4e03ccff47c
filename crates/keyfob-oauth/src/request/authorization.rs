//! The authorization request: the address that a browser is sent to (RFC 6749 §4.1.1).

use crate::pkce::CodeChallenge;
use crate::token::{Nonce, State};
use crate::{ClientId, Scope};
use url::Url;

/// Asks for an authorization code with PKCE S256.
#[derive(Clone, Debug)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub client_id: ClientId,
    /// Where the browser is sent back to.
    pub redirect_uri: String,
    /// What is asked for.
    pub scope: Scope,
    /// Comes back in the callback.
    pub state: State,
    /// The challenge of the verifier that the client keeps.
    pub code_challenge: CodeChallenge,
    /// Comes back in the ID token.
    pub nonce: Option<Nonce>,
}

impl AuthorizationRequest {
    /// Returns `endpoint` with this request's parameters, in the order in which the Codex CLI sends them.
    pub fn to_url(&self, endpoint: &Url, extra: &[(&str, &str)]) -> Url {
        let mut url = endpoint.clone();
        {
            let mut query = url.query_pairs_mut();
            query
                .append_pair("response_type", "code")
                .append_pair("client_id", self.client_id.as_str())
                .append_pair("redirect_uri", &self.redirect_uri)
                .append_pair("code_challenge", self.code_challenge.as_str())
                .append_pair("code_challenge_method", "S256")
                .append_pair("state", self.state.expose())
                .append_pair("scope", &self.scope.to_string());
            if let Some(nonce) = &self.nonce {
                query.append_pair("nonce", nonce.expose());
            }
            query.extend_pairs(extra);
        }
        url
    }
}

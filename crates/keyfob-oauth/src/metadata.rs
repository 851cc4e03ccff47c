//! The discovery document (RFC 8414 §2, OpenID Connect Discovery §3).

use crate::IssuerUrl;

/// Where a client finds an issuer's endpoints; only the members that we serve and read.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a member of the document")]
pub struct ProviderMetadata {
    /// The issuer's identifier; a client compares it with the one it asked for (RFC 8414 §3.3).
    pub issuer: String,
    /// Where a browser is sent.
    pub authorization_endpoint: String,
    /// Where codes and refresh tokens are redeemed.
    pub token_endpoint: String,
    /// Where the signing keys are.
    pub jwks_uri: String,
    /// Where tokens are revoked (RFC 7009).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation_endpoint: Option<String>,
    /// Where a device asks for a code (RFC 8628 §4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_authorization_endpoint: Option<String>,
    /// Where a person sees and ends their sessions; an extension of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyfob_sessions_endpoint: Option<String>,
    /// Whether a session is handed over to another machine by a code of its own (`docs/sessions.md`); an extension of ours.
    #[serde(default)]
    pub keyfob_handoff_supported: bool,
    /// Where resource servers follow what has ended; an extension of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyfob_revocations_endpoint: Option<String>,
    /// Where resource servers ask what a token means (RFC 7662).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub introspection_endpoint: Option<String>,
    /// Where programs ask who signed in (OpenID Connect Core §5.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub userinfo_endpoint: Option<String>,
    /// Where a browser is sent to be signed out (OpenID Connect RP-Initiated Logout 1.0 §2.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_session_endpoint: Option<String>,
    /// Offered response types; ours: `code`.
    #[serde(default)]
    pub response_types_supported: Vec<String>,
    /// Offered grant types.
    #[serde(default)]
    pub grant_types_supported: Vec<String>,
    /// Offered PKCE methods; ours: `S256`.
    #[serde(default)]
    pub code_challenge_methods_supported: Vec<String>,
    /// How clients authenticate; ours are public: `none`.
    #[serde(default)]
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// How clients authenticate at the revocation endpoint.
    #[serde(default)]
    pub revocation_endpoint_auth_methods_supported: Vec<String>,
    /// How resource servers authenticate at the introspection endpoint.
    #[serde(default)]
    pub introspection_endpoint_auth_methods_supported: Vec<String>,
    /// Scope words that mean something.
    #[serde(default)]
    pub scopes_supported: Vec<String>,
    /// How `sub` is made; ours: `public`.
    #[serde(default)]
    pub subject_types_supported: Vec<String>,
    /// How ID tokens are signed.
    #[serde(default)]
    pub id_token_signing_alg_values_supported: Vec<String>,
    /// Whether the authorization response names the issuer (RFC 9207 §3).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
    /// Whether programs are told of sessions that ended (OpenID Connect Back-Channel Logout 1.0 §2.1).
    #[serde(default)]
    pub backchannel_logout_supported: bool,
    /// Whether they are told which by `sid`, as it is in ID tokens (§2.1).
    #[serde(default)]
    pub backchannel_logout_session_supported: bool,
}

/// What a protected resource says of itself (RFC 9728 §2); only the members that we serve and read.
///
/// A list of nothing is left out (§3.2).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ResourceMetadata {
    /// The resource's identifier: the audience of the tokens that open it.
    pub resource: String,
    /// Whose tokens open it.
    #[serde(default)]
    pub authorization_servers: Vec<String>,
    /// Scope words that mean something there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes_supported: Vec<String>,
    /// How a token is brought; ours: `header`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bearer_methods_supported: Vec<String>,
}

/// The path of the document of RFC 9728 for a resource without a path of its own.
pub const RESOURCE_PATH: &str = "/.well-known/oauth-protected-resource";
/// The path of the document of RFC 8414 for an issuer without a path of its own.
pub const OAUTH_PATH: &str = "/.well-known/oauth-authorization-server";
/// The path of the document of OpenID Connect Discovery, appended to the issuer.
pub const OPENID_PATH: &str = "/.well-known/openid-configuration";

impl ProviderMetadata {
    /// Whether the document is the one of `issuer`, compared as strings (RFC 8414 §3.3).
    pub fn is_of(&self, issuer: &IssuerUrl) -> bool {
        self.issuer.trim_end_matches('/') == issuer.as_str()
    }
}

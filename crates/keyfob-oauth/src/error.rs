//! Error codes and the error answer (RFC 6749 §4.1.2.1 and §5.2, RFC 8628 §3.5, RFC 6750 §3.1).

/// A code of the OAuth error registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// A parameter is missing, repeated or malformed.
    InvalidRequest,
    /// The client is unknown or did not authenticate.
    InvalidClient,
    /// The code or refresh token is unknown, used, expired or another client's.
    InvalidGrant,
    /// The client may not use this grant or response type.
    UnauthorizedClient,
    /// The grant type is not offered.
    UnsupportedGrantType,
    /// The response type is not offered.
    UnsupportedResponseType,
    /// The scope is malformed or wider than allowed.
    InvalidScope,
    /// The resource is unknown or not the grant's (RFC 8707 §2).
    InvalidTarget,
    /// A token of this kind cannot be revoked (RFC 7009 §2.2.1).
    UnsupportedTokenType,
    /// The user or the issuer refused.
    AccessDenied,
    /// Nobody has decided about the device (RFC 8628 §3.5).
    AuthorizationPending,
    /// The device asks too often; from now on it waits 5 s longer between two polls (RFC 8628 §3.5).
    SlowDown,
    /// The device code does not count any more (RFC 8628 §3.5).
    ExpiredToken,
    /// The access token is missing, malformed, expired or not for this audience (RFC 6750 §3.1).
    InvalidToken,
    /// The user must sign in, and the request forbade asking (OpenID Connect Core §3.1.2.6).
    LoginRequired,
    /// The user must confirm, and the request forbade asking (OpenID Connect Core §3.1.2.6).
    ConsentRequired,
    /// Something broke inside.
    ServerError,
    /// Try again later.
    TemporarilyUnavailable,
}

impl ErrorCode {
    /// Every code there is.
    pub const ALL: [Self; 18] = [
        Self::InvalidRequest,
        Self::InvalidClient,
        Self::InvalidGrant,
        Self::UnauthorizedClient,
        Self::UnsupportedGrantType,
        Self::UnsupportedResponseType,
        Self::InvalidScope,
        Self::InvalidTarget,
        Self::UnsupportedTokenType,
        Self::AccessDenied,
        Self::AuthorizationPending,
        Self::SlowDown,
        Self::ExpiredToken,
        Self::InvalidToken,
        Self::LoginRequired,
        Self::ConsentRequired,
        Self::ServerError,
        Self::TemporarilyUnavailable,
    ];

    /// Returns the word of the registry.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::UnsupportedTokenType => "unsupported_token_type",
            Self::AccessDenied => "access_denied",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::ExpiredToken => "expired_token",
            Self::InvalidToken => "invalid_token",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
        }
    }

    /// Returns the code that `text` names, if it is one of ours.
    pub fn from_wire(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == text)
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The JSON body of an error answer (RFC 6749 §5.2).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ErrorResponse {
    /// The word of the registry, or an extension.
    pub error: String,
    /// A sentence that is safe to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_description: Option<String>,
}

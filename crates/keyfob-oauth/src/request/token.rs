//! The token request: one variant per grant type (RFC 6749 §4.1.3 and §6).

use crate::{
    AccessToken, AuthorizationCode, ClientId, CodeVerifier, DeviceCode, HandoffCode, IdToken, RefreshToken,
};

/// The kind of a code for which another machine gets a session of its own; an extension of ours (RFC 8693 §3).
pub const HANDOFF_TOKEN: &str = "urn:keyfob:token-type:handoff";

/// For how many seconds an exchanged token is to live; an extension of ours, which other issuers pass over (RFC 6749 §3.2).
pub const REQUESTED_LIFE: &str = "requested_expires_in";

/// The grant types that are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantType {
    /// Redeems an authorization code.
    AuthorizationCode,
    /// Redeems a refresh token.
    RefreshToken,
    /// Exchanges a token for another one (RFC 8693).
    TokenExchange,
    /// Redeems the code of a device (RFC 8628 §3.4).
    DeviceCode,
}

impl GrantType {
    /// Every grant type that is offered.
    pub const ALL: [Self; 4] =
        [Self::AuthorizationCode, Self::RefreshToken, Self::TokenExchange, Self::DeviceCode];

    /// Returns the word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::TokenExchange => "urn:ietf:params:oauth:grant-type:token-exchange",
            Self::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
        }
    }
}

/// What a client posts to the token endpoint.
#[derive(Clone, Debug)]
pub enum TokenRequest {
    /// Redeems an authorization code.
    Code {
        /// Who asks.
        client_id: ClientId,
        /// The one-time value.
        code: AuthorizationCode,
        /// The address of the authorization request, exactly.
        redirect_uri: String,
        /// The proof of the challenge.
        code_verifier: CodeVerifier,
    },
    /// Redeems a refresh token.
    Refresh {
        /// Who asks.
        client_id: ClientId,
        /// The token that is spent.
        refresh_token: RefreshToken,
    },
    /// Exchanges a workload's ID token for an access token (RFC 8693 §2.1).
    Workload {
        /// Who asks.
        client_id: ClientId,
        /// What says where the workload runs.
        subject_token: IdToken,
    },
    /// Asks for a code by which another machine gets a session of its own; the refresh token is not spent.
    HandOver {
        /// Who asks.
        client_id: ClientId,
        /// Of the session that hands over.
        refresh_token: RefreshToken,
        /// What the new session is to be called.
        name: String,
    },
    /// Exchanges a session's access token for one that may do less, for another program (RFC 8693 §2.1).
    Child {
        /// Who asks.
        client_id: ClientId,
        /// The session's own.
        subject_token: AccessToken,
        /// For which server; the issuer's usual one, if none is named (RFC 8707).
        resource: Option<String>,
        /// For how many seconds; an extension of ours.
        life: Option<String>,
    },
    /// Begins the session that such a code stands for.
    TakeOver {
        /// Who asks.
        client_id: ClientId,
        /// From the other machine.
        code: HandoffCode,
    },
    /// Asks whether the person has let the device in, and for its tokens then (RFC 8628 §3.4).
    Device {
        /// Who asks.
        client_id: ClientId,
        /// From the device authorization response.
        device_code: DeviceCode,
    },
}

impl TokenRequest {
    /// Returns the fields of the form body.
    pub fn form(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::Code { client_id, code, redirect_uri, code_verifier } => vec![
                ("grant_type", GrantType::AuthorizationCode.as_str()),
                ("client_id", client_id.as_str()),
                ("code", code.expose()),
                ("redirect_uri", redirect_uri),
                ("code_verifier", code_verifier.expose()),
            ],
            Self::Refresh { client_id, refresh_token } => vec![
                ("grant_type", GrantType::RefreshToken.as_str()),
                ("client_id", client_id.as_str()),
                ("refresh_token", refresh_token.expose()),
            ],
            Self::Workload { client_id, subject_token } => vec![
                ("grant_type", GrantType::TokenExchange.as_str()),
                ("client_id", client_id.as_str()),
                ("subject_token", subject_token.expose()),
                ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
            ],
            Self::HandOver { client_id, refresh_token, name } => vec![
                ("grant_type", GrantType::TokenExchange.as_str()),
                ("client_id", client_id.as_str()),
                ("subject_token", refresh_token.expose()),
                ("subject_token_type", "urn:ietf:params:oauth:token-type:refresh_token"),
                ("requested_token_type", HANDOFF_TOKEN),
                ("session_name", name),
            ],
            Self::Child { client_id, subject_token, resource, life } => {
                let mut form = vec![
                    ("grant_type", GrantType::TokenExchange.as_str()),
                    ("client_id", client_id.as_str()),
                    ("subject_token", subject_token.expose()),
                    ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
                ];
                form.extend(resource.as_deref().map(|resource| ("resource", resource)));
                form.extend(life.as_deref().map(|life| (REQUESTED_LIFE, life)));
                form
            }
            Self::TakeOver { client_id, code } => vec![
                ("grant_type", GrantType::TokenExchange.as_str()),
                ("client_id", client_id.as_str()),
                ("subject_token", code.expose()),
                ("subject_token_type", HANDOFF_TOKEN),
            ],
            Self::Device { client_id, device_code } => vec![
                ("grant_type", GrantType::DeviceCode.as_str()),
                ("client_id", client_id.as_str()),
                ("device_code", device_code.expose()),
            ],
        }
    }
}

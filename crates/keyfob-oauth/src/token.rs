//! What an issuer hands out.

use std::time::Duration;

secret_newtype! {
    /// Attached to requests; opaque to the client (RFC 6749 §1.4).
    AccessToken
}
secret_newtype! {
    /// Redeemed for new tokens at the token endpoint (RFC 6749 §1.5).
    RefreshToken
}
secret_newtype! {
    /// Who signed in, as a signed statement (OpenID Connect Core §2).
    IdToken
}
secret_newtype! {
    /// The one-time value exchanged at the token endpoint (RFC 6749 §1.3.1).
    AuthorizationCode
}
secret_newtype! {
    /// With which a device polls (RFC 8628 §3.2).
    DeviceCode
}
secret_newtype! {
    /// The one-time value for which another machine gets a session of its own (`docs/sessions.md`).
    HandoffCode
}
secret_newtype! {
    /// Binds a callback to the browser flow that asked for it (RFC 6749 §10.12).
    State
}
secret_newtype! {
    /// Binds an ID token to the request that asked for it (OpenID Connect Core §3.1.2.1).
    Nonce
}

use crate::secret_newtype;

/// A successful answer of the token endpoint, checked (RFC 6749 §5.1; security C-61).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenResponse {
    /// The new access token; never empty.
    pub access_token: AccessToken,
    /// The new refresh token; absent means that the old one stays.
    pub refresh_token: Option<RefreshToken>,
    /// The new ID token.
    pub id_token: Option<IdToken>,
    /// How long the access token lives, when the answer says so; at most a year.
    pub expires_in: Option<Duration>,
}

/// An answer of the token endpoint cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTokenResponse {
    /// The body is no JSON object of the right types.
    #[error("the answer is not a JSON token response")]
    NotJson,
    /// The access token is missing or empty.
    #[error("the answer holds no access token")]
    NoAccessToken,
    /// The token type is one that we cannot use.
    #[error("the answer holds a token of another type than Bearer")]
    OtherTokenType,
}

#[derive(serde::Deserialize)]
struct Wire {
    access_token: Option<String>,
    token_type: Option<String>,
    refresh_token: Option<String>,
    id_token: Option<String>,
    expires_in: Option<serde_json::Value>,
}

/// The longest life that is believed: one year.
const LONGEST_LIFE: u64 = 365 * 24 * 3600;

impl TokenResponse {
    /// Parses the body of a 200 answer.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidTokenResponse> {
        let wire: Wire = serde_json::from_slice(body).map_err(|_| InvalidTokenResponse::NotJson)?;
        if wire.token_type.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
            return Err(InvalidTokenResponse::OtherTokenType);
        }
        let present = |text: Option<String>| text.filter(|text| !text.is_empty());
        Ok(Self {
            access_token: present(wire.access_token)
                .map(AccessToken::new)
                .ok_or(InvalidTokenResponse::NoAccessToken)?,
            refresh_token: present(wire.refresh_token).map(RefreshToken::new),
            id_token: present(wire.id_token).map(IdToken::new),
            expires_in: wire.expires_in.as_ref().and_then(life),
        })
    }
}

/// Reads `expires_in`: a number or a number in a string; anything else counts as absent.
fn life(value: &serde_json::Value) -> Option<Duration> {
    let seconds = match value {
        serde_json::Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    }?;
    (seconds > 0).then(|| Duration::from_secs(seconds.min(LONGEST_LIFE)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_61_answers_are_read_with_care() {
        let parsed = |body: &str| TokenResponse::parse(body.as_bytes());

        let full = parsed(
            r#"{"access_token":"a","refresh_token":"r","id_token":"i","token_type":"bearer","expires_in":60,"x":1}"#,
        );
        assert_eq!(
            full,
            Ok(TokenResponse {
                access_token: AccessToken::new("a"),
                refresh_token: Some(RefreshToken::new("r")),
                id_token: Some(IdToken::new("i")),
                expires_in: Some(Duration::from_mins(1)),
            })
        );
        assert_eq!(parsed(r#"{"access_token":"a","refresh_token":""}"#).unwrap().refresh_token, None);
        assert_eq!(
            parsed(r#"{"access_token":"a","expires_in":"3600"}"#).unwrap().expires_in.unwrap().as_secs(),
            3600
        );
        for absent in ["-1", "0", "null", "\"soon\"", "1.5"] {
            let body = format!(r#"{{"access_token":"a","expires_in":{absent}}}"#);
            assert_eq!(parsed(&body).unwrap().expires_in, None, "{absent}");
        }
        assert_eq!(parsed("{}"), Err(InvalidTokenResponse::NoAccessToken));
        assert_eq!(parsed(r#"{"access_token":""}"#), Err(InvalidTokenResponse::NoAccessToken));
        assert_eq!(
            parsed(r#"{"access_token":"a","token_type":"mac"}"#),
            Err(InvalidTokenResponse::OtherTokenType)
        );
        assert_eq!(parsed("<html>"), Err(InvalidTokenResponse::NotJson));
    }
}

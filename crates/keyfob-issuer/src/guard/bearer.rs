//! Who brings an access token to the issuer itself (RFC 6750 §2.1); a cookie opens nothing here.

use crate::app::App;
use crate::error::ApiError;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use keyfob_issuer_core::operation::{Caller, CallerError};
use keyfob_oauth::AccessToken;
use serde_json::json;

/// A bearer is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BearerError {
    /// There is no token.
    Missing,
    /// The token does not count.
    Invalid,
    /// The token is one of a client that may not ask this.
    WrongClient,
    /// The token says too little.
    ScopeTooNarrow,
    /// The person must sign in again first.
    SignInTooOld,
}

/// Returns who asks.
pub(crate) async fn caller(app: &App, headers: &HeaderMap) -> Result<Caller, ApiError> {
    let token = token(headers)?;
    app.issuer.caller(&token).await.map_err(|error| match error {
        CallerError::Invalid => ApiError::Bearer(BearerError::Invalid),
        CallerError::WrongClient => ApiError::Bearer(BearerError::WrongClient),
        CallerError::Fault(fault) => ApiError::Fault(fault),
    })
}

/// Returns the token that a request brings, in the one place where it may be (I-82).
pub(crate) fn token(headers: &HeaderMap) -> Result<AccessToken, ApiError> {
    let bearer = |headers: &HeaderMap| {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| AccessToken::new(token.trim()))
    };
    bearer(headers).ok_or(ApiError::Bearer(BearerError::Missing))
}

impl IntoResponse for BearerError {
    fn into_response(self) -> Response {
        // RFC 6750 §3.1: without a token, no error is named.
        let (status, error, challenge) = match self {
            Self::Missing => (StatusCode::UNAUTHORIZED, "invalid_request", "Bearer"),
            Self::Invalid => (StatusCode::UNAUTHORIZED, "invalid_token", r#"Bearer error="invalid_token""#),
            Self::WrongClient | Self::ScopeTooNarrow => {
                (StatusCode::FORBIDDEN, "insufficient_scope", r#"Bearer error="insufficient_scope""#)
            }
            // RFC 9470 §3: how long ago the sign-in may be.
            Self::SignInTooOld => (
                StatusCode::UNAUTHORIZED,
                "insufficient_user_authentication",
                r#"Bearer error="insufficient_user_authentication", max_age="900""#,
            ),
        };
        let body = axum::Json(json!({ "error": error }));
        (status, [(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))], body).into_response()
    }
}

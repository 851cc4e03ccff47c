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
}

/// Returns who asks.
pub(crate) async fn caller(app: &App, headers: &HeaderMap) -> Result<Caller, ApiError> {
    let token = token(headers).ok_or(ApiError::Bearer(BearerError::Missing))?;
    app.issuer.caller(&token).await.map_err(|error| match error {
        CallerError::Invalid => ApiError::Bearer(BearerError::Invalid),
        CallerError::WrongClient => ApiError::Bearer(BearerError::WrongClient),
        CallerError::Fault(fault) => ApiError::Fault(fault),
    })
}

fn token(headers: &HeaderMap) -> Option<AccessToken> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| AccessToken::new(token.trim()))
}

impl IntoResponse for BearerError {
    fn into_response(self) -> Response {
        // RFC 6750 §3.1: without a token, no error is named.
        let (status, error, challenge) = match self {
            Self::Missing => (StatusCode::UNAUTHORIZED, "invalid_request", "Bearer"),
            Self::Invalid => (StatusCode::UNAUTHORIZED, "invalid_token", r#"Bearer error="invalid_token""#),
            Self::WrongClient => {
                (StatusCode::FORBIDDEN, "insufficient_scope", r#"Bearer error="insufficient_scope""#)
            }
        };
        let body = axum::Json(json!({ "error": error }));
        (status, [(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))], body).into_response()
    }
}

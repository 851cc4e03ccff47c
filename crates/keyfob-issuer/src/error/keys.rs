//! Why no key is made, ended or explained.

use super::{ApiError, oauth_error};
use crate::guard::bearer::BearerError;
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};
use keyfob_issuer_core::operation::{EndKeyError, MakeKeyError};
use keyfob_oauth::ErrorCode;

impl From<MakeKeyError> for ApiError {
    fn from(error: MakeKeyError) -> Self {
        let refused = |code, description| Self::Code(StatusCode::BAD_REQUEST, code, description);
        match error {
            MakeKeyError::SignInTooOld => Self::Bearer(BearerError::SignInTooOld),
            MakeKeyError::ScopeTooWide => refused(
                ErrorCode::InvalidScope,
                "the scope is wider than that of the sign-in, or than a key of this kind may have",
            ),
            MakeKeyError::LifeTooLong(_) => {
                refused(ErrorCode::InvalidRequest, "no key lives longer than a year")
            }
            MakeKeyError::NotGranted(refusal) => Self::not_granted(refusal),
            MakeKeyError::TooMany => {
                refused(ErrorCode::InvalidRequest, "there are too many keys; end one that is not used")
            }
            MakeKeyError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<EndKeyError> for ApiError {
    fn from(error: EndKeyError) -> Self {
        match error {
            EndKeyError::NotFound => Self::NotFound,
            EndKeyError::Fault(fault) => Self::Fault(fault),
        }
    }
}

/// What a resource server is asked for (RFC 7617 §2, which wants a realm).
const BASIC: &str = "Basic realm=\"resource servers\"";

/// RFC 6749 §5.2: the answer names the method of authentication.
pub(super) fn unknown_server() -> Response {
    let answer = oauth_error(
        StatusCode::UNAUTHORIZED,
        ErrorCode::InvalidClient,
        "the resource server is not known, or did not authenticate",
    );
    ([(header::WWW_AUTHENTICATE, BASIC)], answer).into_response()
}

/// By then, a whole budget is there again.
const NEXT_BUDGET_SECONDS: &str = "60";

pub(super) fn too_many_unknown_tokens() -> Response {
    let answer = oauth_error(
        StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::TemporarilyUnavailable,
        "too many of the tokens asked about mean nothing here",
    );
    ([(header::RETRY_AFTER, NEXT_BUDGET_SECONDS)], answer).into_response()
}

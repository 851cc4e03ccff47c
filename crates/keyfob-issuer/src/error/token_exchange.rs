//! Why no token is exchanged (RFC 8693 §2.2.2).

use super::{ApiError, log};
use crate::workloads::KeysError;
use http::StatusCode;
use keyfob_issuer_core::operation::ExchangeTokenError;
use keyfob_oauth::ErrorCode;

impl ApiError {
    /// The settings do not allow to exchange an ID token for an API key.
    pub(crate) const NO_API_KEYS: Self = Self::Code(
        StatusCode::BAD_REQUEST,
        ErrorCode::UnauthorizedClient,
        "a sign-in makes no API key at this issuer",
    );
}

impl From<KeysError> for ApiError {
    fn from(error: KeysError) -> Self {
        log(&error);
        Self::Code(
            StatusCode::SERVICE_UNAVAILABLE,
            ErrorCode::TemporarilyUnavailable,
            "the keys of the workload's issuer cannot be fetched now",
        )
    }
}

impl From<ExchangeTokenError> for ApiError {
    fn from(error: ExchangeTokenError) -> Self {
        let refused = |code, description| Self::Code(StatusCode::BAD_REQUEST, code, description);
        match error {
            ExchangeTokenError::UnknownClient => Self::UNKNOWN_CLIENT,
            ExchangeTokenError::WrongResource => Self::WRONG_RESOURCE,
            ExchangeTokenError::NotFresh => refused(
                ErrorCode::InvalidGrant,
                "looking after a workspace wants a sign-in of the last 15 minutes, with a second factor",
            ),
            ExchangeTokenError::ScopeTooWide => {
                refused(ErrorCode::InvalidScope, "the scope is wider than that of the subject token")
            }
            ExchangeTokenError::Refused(refusal) => {
                // The log knows the reason; the client must not (I-37).
                tracing::warn!(reason = %refusal, "token exchange refused");
                refused(ErrorCode::InvalidRequest, "the subject token is not valid")
            }
            ExchangeTokenError::NotGranted(refusal) => Self::not_granted(refusal),
            ExchangeTokenError::TooManyKeys => {
                refused(ErrorCode::InvalidRequest, "there are too many keys; end one that is not used")
            }
            ExchangeTokenError::Fault(fault) => Self::Fault(fault),
        }
    }
}

//! Why a session is neither named nor ended.

use super::ApiError;
use keyfob_issuer_core::operation::SessionError;

impl From<SessionError> for ApiError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::NotFound => Self::NotFound,
            SessionError::Fault(fault) => Self::Fault(fault),
        }
    }
}

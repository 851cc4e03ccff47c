//! Why a device gets no code or no tokens, each dialect in its own words.

use super::{ApiError, log};
use http::StatusCode;
use keyfob_issuer_core::device_grant::DeviceDialect;
use keyfob_issuer_core::operation::{DeviceError, DeviceTokenError, StartDeviceError};
use keyfob_oauth::ErrorCode;

impl ApiError {
    /// The device polls more often than it was told (RFC 8628 §3.5).
    pub(crate) const DEVICE_TOO_EARLY: Self = Self::Code(
        StatusCode::BAD_REQUEST,
        ErrorCode::SlowDown,
        "the device asks too often: wait 5 seconds longer between two polls from now on",
    );

    /// Turns the refusal of a start around for a device of `dialect`.
    pub(crate) fn start_device(error: StartDeviceError, dialect: DeviceDialect) -> Self {
        let refused = |code, description| Self::Code(StatusCode::BAD_REQUEST, code, description);
        match (error, dialect) {
            (StartDeviceError::UnknownClient, _) => Self::UNKNOWN_CLIENT,
            // Design D11: 404 makes the Codex CLI say that device codes are off, and its fall-back is the browser.
            (StartDeviceError::Off, DeviceDialect::Codex) => Self::NoDeviceCodes,
            (StartDeviceError::Off, DeviceDialect::Standard) => refused(
                ErrorCode::UnauthorizedClient,
                "this issuer lets no device of this client in by a code",
            ),
            (StartDeviceError::WrongResource, _) => Self::WRONG_RESOURCE,
            (StartDeviceError::EmptyScope, _) => {
                refused(ErrorCode::InvalidScope, "no word of the scope means anything here")
            }
            (StartDeviceError::TooMany, _) => Self::Code(
                StatusCode::TOO_MANY_REQUESTS,
                ErrorCode::TemporarilyUnavailable,
                "too many device codes wait for a decision; try again in a quarter of an hour, or sign in with a \
                 browser",
            ),
            (StartDeviceError::Fault(fault), _) => Self::Fault(fault),
        }
    }
}

impl From<DeviceError> for ApiError {
    fn from(error: DeviceError) -> Self {
        match error {
            DeviceError::Gone => {
                Self::Code(StatusCode::BAD_REQUEST, ErrorCode::InvalidGrant, "the device code is not valid")
            }
            DeviceError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<DeviceTokenError> for ApiError {
    fn from(error: DeviceTokenError) -> Self {
        let refused = |code, description| Self::Code(StatusCode::BAD_REQUEST, code, description);
        match error {
            DeviceTokenError::UnknownClient => Self::UNKNOWN_CLIENT,
            DeviceTokenError::WrongResource => Self::WRONG_RESOURCE,
            DeviceTokenError::Pending => refused(ErrorCode::AuthorizationPending, "nobody has decided yet"),
            DeviceTokenError::Denied => refused(ErrorCode::AccessDenied, "the sign-in was refused"),
            DeviceTokenError::Over => {
                refused(ErrorCode::ExpiredToken, "the device code does not count any more; begin again")
            }
            // A device whose issuer is in trouble asks again later.
            DeviceTokenError::Fault(fault) => {
                log(&fault);
                refused(ErrorCode::SlowDown, "something broke inside; ask again later")
            }
        }
    }
}

//! Why a grant is not what its person or program wanted: workspaces, their policies, accounts (I-32, I-73).

use super::{ApiError, PageError};
use crate::guard::bearer::BearerError;
use crate::parameters::BodyKind;
use crate::refusal::words;
use http::StatusCode;
use keyfob_codex::errors::RefreshRejection;
use keyfob_issuer_core::operation::{
    AdministratorError, BeginSessionError, ChooseError, DecideDeviceError, DecideError, GrantRefusal,
    WorkspaceError,
};
use keyfob_oauth::ErrorCode;

impl ApiError {
    /// A session does not go on for its person or its workspace, of a client that sent a body of this kind.
    pub(super) fn session_not_granted(refusal: GrantRefusal, kind: BodyKind) -> Self {
        tracing::warn!(reason = %refusal, "refresh refused");
        match refusal {
            // The session is as good as it was, for whoever may use its workspace.
            GrantRefusal::OtherWorkspace => Self::not_granted(refusal),
            GrantRefusal::SessionOver => {
                Self::Refresh(RefreshRejection::Expired, words(refusal).as_str(), kind)
            }
            GrantRefusal::NotAMember
            | GrantRefusal::Locked
            | GrantRefusal::Disabled
            | GrantRefusal::MethodRefused(_)
            | GrantRefusal::DeviceCodesOffInWorkspace
            | GrantRefusal::DeviceCodesOffForPerson
            | GrantRefusal::KeysRefused
            | GrantRefusal::SecondFactorMissing => {
                Self::Refresh(RefreshRejection::Invalidated, words(refusal).as_str(), kind)
            }
        }
    }

    /// Nothing is granted.
    pub(super) fn not_granted(refusal: GrantRefusal) -> Self {
        Self::Code(StatusCode::BAD_REQUEST, ErrorCode::AccessDenied, words(refusal).as_str())
    }
}

impl From<AdministratorError> for ApiError {
    fn from(error: AdministratorError) -> Self {
        match error {
            AdministratorError::Invalid => Self::Bearer(BearerError::Invalid),
            AdministratorError::NotFresh => Self::Bearer(BearerError::SignInTooOld),
            AdministratorError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<WorkspaceError> for ApiError {
    fn from(error: WorkspaceError) -> Self {
        match error {
            WorkspaceError::NotFound | WorkspaceError::UnknownUser(_) => Self::NotFound,
            WorkspaceError::Forbidden => Self::Workspace(StatusCode::FORBIDDEN, "forbidden"),
            WorkspaceError::LastOwner => Self::Workspace(StatusCode::CONFLICT, "last_owner"),
            WorkspaceError::Personal => Self::Workspace(StatusCode::CONFLICT, "personal_workspace"),
            WorkspaceError::AlreadyAMember(_) => Self::Workspace(StatusCode::CONFLICT, "already_a_member"),
            WorkspaceError::NobodyCouldSignIn => {
                Self::Workspace(StatusCode::CONFLICT, "nobody_could_sign_in")
            }
            WorkspaceError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<BeginSessionError> for PageError {
    fn from(error: BeginSessionError) -> Self {
        match error {
            BeginSessionError::NotActive => Self::NotGranted(GrantRefusal::Locked),
            BeginSessionError::Fault(fault) => Self::Fault(fault),
        }
    }
}

/// What a choice that does not count leads to: its page says what comes instead, or an error page does.
pub(crate) fn not_chosen(error: ChooseError) -> Result<(), PageError> {
    match error {
        ChooseError::NotNow => Ok(()),
        ChooseError::NotFound => Err(PageError::UnknownInteraction),
        ChooseError::Fault(fault) => Err(PageError::Fault(fault)),
    }
}

/// What a decision that does not count leads to: its page says what comes instead, or an error page does.
pub(crate) fn not_now(error: DecideError) -> Result<(), PageError> {
    match error {
        DecideError::NotNow => Ok(()),
        DecideError::NotFound => Err(PageError::UnknownInteraction),
        DecideError::Fault(fault) => Err(PageError::Fault(fault)),
    }
}

/// What a decision about a device that does not count leads to.
pub(crate) fn not_waiting(error: DecideDeviceError) -> Result<(), PageError> {
    match error {
        DecideDeviceError::NotWaiting | DecideDeviceError::NotNow(_) | DecideDeviceError::WrongNumber => {
            Ok(())
        }
        DecideDeviceError::Elsewhere => Err(PageError::DeviceElsewhere),
        DecideDeviceError::TooMany(_) => Err(PageError::TooManyDevices),
        DecideDeviceError::NotGranted(refusal) => Err(PageError::NotGranted(refusal)),
        DecideDeviceError::Fault(fault) => Err(PageError::Fault(fault)),
    }
}

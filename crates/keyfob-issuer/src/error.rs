//! How refusals become HTTP: a page for people, JSON for programs. The only such mapping.

mod devices;
mod grants;
mod keys;
mod sessions;
mod token_exchange;

pub(crate) use grants::{not_chosen, not_now, not_waiting};

use crate::guard::bearer::BearerError;
use crate::guard::hashing::Broken;
use crate::page::{Complaint, ErrorPage, html};
use crate::parameters::{BodyKind, ParametersError};
use crate::refusal::words;
use crate::text::{Notice, TEXT};
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use keyfob_codex::errors::RefreshRejection;
use keyfob_issuer_core::Fault;
use keyfob_issuer_core::operation::{
    AcknowledgeError, ExchangeError, GrantRefusal, InteractError, PageReason, RefreshError, RevokeError,
    StepError,
};
use keyfob_oauth::{EntropyError, ErrorCode, ErrorResponse};
use serde_json::json;

/// What a person is told instead of the page they wanted.
#[derive(Debug)]
pub(crate) enum PageError {
    /// The client's request is wrong in a way that must not be answered by a redirect.
    Authorize(PageReason),
    /// The parameters cannot be read.
    Parameters(ParametersError),
    /// The grant is unknown, or belongs to another browser.
    UnknownInteraction,
    /// The form was not one of ours, or its page is out of date.
    ForeignForm,
    /// The link was used, replaced, or ran out.
    LinkOver,
    /// Nothing is granted to the person.
    NotGranted(GrantRefusal),
    /// The invitation was accepted, taken back or replaced, or ran out.
    InvitationOver,
    /// The link that takes a device back was never made, or is too old.
    UndoOver,
    /// The device asks from another network, which the settings do not allow.
    DeviceElsewhere,
    /// The workspace has let in as many devices as it may for now.
    TooManyDevices,
    /// The address to go to after signing out is not registered for the program that named it.
    UnregisteredTarget,
    /// Too many wrong user codes.
    TooManyGuesses,
    /// Too much to do.
    Busy,
    /// Nothing is here.
    NotFound,
    /// The request was meant for another host.
    OtherHost,
    /// A password cannot be judged or hashed.
    Broken(Broken),
    /// Something broke inside.
    Fault(Fault),
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let said = &TEXT.notice;
        let (status, notice) = match self {
            Self::Authorize(PageReason::UnknownClient) => (StatusCode::BAD_REQUEST, said.unknown_client),
            Self::Authorize(PageReason::UnregisteredRedirect) => {
                (StatusCode::BAD_REQUEST, said.unregistered_redirect)
            }
            Self::Parameters(error) => (parameters_status(error), said.unreadable),
            Self::UnknownInteraction => (StatusCode::BAD_REQUEST, said.unknown_interaction),
            Self::ForeignForm => (StatusCode::FORBIDDEN, said.foreign_form),
            Self::LinkOver => (StatusCode::GONE, said.link_over),
            Self::InvitationOver => (StatusCode::GONE, said.invitation_over),
            Self::NotGranted(refusal) => {
                (StatusCode::FORBIDDEN, Notice { title: said.not_granted, message: words(refusal) })
            }
            Self::UndoOver => (StatusCode::GONE, said.undo_over),
            Self::DeviceElsewhere => (StatusCode::FORBIDDEN, said.device_elsewhere),
            Self::TooManyDevices => (StatusCode::TOO_MANY_REQUESTS, said.too_many_devices),
            Self::UnregisteredTarget => (StatusCode::BAD_REQUEST, said.unregistered_target),
            Self::TooManyGuesses => (StatusCode::TOO_MANY_REQUESTS, said.too_many_guesses),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, said.busy),
            Self::NotFound => (StatusCode::NOT_FOUND, said.not_found),
            Self::OtherHost => (StatusCode::MISDIRECTED_REQUEST, said.other_host),
            Self::Broken(error) => {
                log(&error);
                (StatusCode::SERVICE_UNAVAILABLE, said.broken)
            }
            Self::Fault(fault) => {
                log(&fault);
                (StatusCode::SERVICE_UNAVAILABLE, said.broken)
            }
        };
        come_again(html(status, &ErrorPage { notice }))
    }
}

impl From<ParametersError> for PageError {
    fn from(error: ParametersError) -> Self {
        Self::Parameters(error)
    }
}

impl From<InteractError> for PageError {
    fn from(error: InteractError) -> Self {
        match error {
            InteractError::NotFound => Self::UnknownInteraction,
            InteractError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<Fault> for PageError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<EntropyError> for PageError {
    fn from(error: EntropyError) -> Self {
        Self::Fault(error.into())
    }
}

/// When to try again what broke inside: a database that stood still may be back, and one that is gone costs little to ask.
const COME_AGAIN_SECONDS: &str = "1";

/// Says when to try again, where the answer is that something is not possible now (RFC 9110 §10.2.3).
fn come_again(answer: Response) -> Response {
    match answer.status() {
        StatusCode::SERVICE_UNAVAILABLE => {
            ([(header::RETRY_AFTER, COME_AGAIN_SECONDS)], answer).into_response()
        }
        _ => answer,
    }
}

/// By then, whoever did get the successor has stored it.
const SLOW_DOWN_SECONDS: &str = "5";

/// What a program is told instead of what it asked for.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// The parameters cannot be read.
    Parameters(ParametersError),
    /// An error of RFC 6749 §5.2.
    Code(StatusCode, ErrorCode, &'static str),
    /// A refresh token does not count, for the reason that the sentence says.
    Refresh(RefreshRejection, &'static str, BodyKind),
    /// Too many ask for the successor of one refresh token.
    SlowDown,
    /// The bearer of an access token is not let in.
    Bearer(BearerError),
    /// A person has no such session, or no such key.
    NotFound,
    /// A workspace is not changed, for the reason that the word says.
    Workspace(StatusCode, &'static str),
    /// A resource server did not authenticate.
    UnknownServer,
    /// A resource server asks about too many tokens that mean nothing.
    TooManyUnknownTokens,
    /// A device's person has not decided.
    Pending,
    /// Device codes are not offered, in the words of the Codex dialect.
    NoDeviceCodes,
    /// Something broke inside.
    Fault(Fault),
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        match self {
            Self::Parameters(error) => {
                oauth_error(parameters_status(error), ErrorCode::InvalidRequest, &error.to_string())
            }
            Self::Code(status, code, description) => oauth_error(status, code, description),
            // Design D6: one decision, in the shape that each kind of client understands.
            Self::Refresh(rejection, message, BodyKind::Json) => (
                StatusCode::UNAUTHORIZED,
                Json(json!({ "error": { "code": rejection.as_str(), "message": message } })),
            )
                .into_response(),
            Self::Refresh(rejection, message, BodyKind::Form) => (
                StatusCode::BAD_REQUEST,
                Json(json!({
                    "error": ErrorCode::InvalidGrant.as_str(),
                    "error_description": message,
                    "code": rejection.as_str(),
                })),
            )
                .into_response(),
            Self::SlowDown => {
                let answer = oauth_error(
                    StatusCode::TOO_MANY_REQUESTS,
                    ErrorCode::TemporarilyUnavailable,
                    "the refresh token was replaced, and its successor was handed out too often",
                );
                ([(header::RETRY_AFTER, SLOW_DOWN_SECONDS)], answer).into_response()
            }
            Self::Bearer(error) => error.into_response(),
            Self::NotFound => (StatusCode::NOT_FOUND, Json(json!({ "error": "not_found" }))).into_response(),
            Self::Workspace(status, word) => (status, Json(json!({ "error": word }))).into_response(),
            Self::UnknownServer => keys::unknown_server(),
            Self::TooManyUnknownTokens => keys::too_many_unknown_tokens(),
            Self::Pending => {
                (StatusCode::FORBIDDEN, Json(json!({ "error": "authorization_pending" }))).into_response()
            }
            Self::NoDeviceCodes => {
                (StatusCode::NOT_FOUND, Json(json!({ "error": "device_codes_off" }))).into_response()
            }
            Self::Fault(fault) => {
                log(&fault);
                come_again(oauth_error(
                    StatusCode::SERVICE_UNAVAILABLE,
                    ErrorCode::TemporarilyUnavailable,
                    "something broke inside",
                ))
            }
        }
    }
}

impl ApiError {
    const UNKNOWN_CLIENT: Self =
        Self::Code(StatusCode::BAD_REQUEST, ErrorCode::InvalidClient, "the client is not registered here");
    /// The client authenticates, though it is registered as one that has no secret (I-22).
    pub(crate) const NOT_PUBLIC: Self = Self::Code(
        StatusCode::BAD_REQUEST,
        ErrorCode::InvalidClient,
        "the client is public: it has no secret to authenticate with",
    );
    const WRONG_RESOURCE: Self =
        Self::Code(StatusCode::BAD_REQUEST, ErrorCode::InvalidTarget, "the resource is not known here");

    /// The grant type is not offered.
    pub(crate) const UNSUPPORTED_GRANT_TYPE: Self =
        Self::Code(StatusCode::BAD_REQUEST, ErrorCode::UnsupportedGrantType, "the grant type is not offered");

    /// Turns the refusal of a refresh around for a client that sent a body of this kind.
    pub(crate) fn refresh(error: RefreshError, kind: BodyKind) -> Self {
        match error {
            RefreshError::UnknownClient => Self::UNKNOWN_CLIENT,
            RefreshError::WrongResource => Self::WRONG_RESOURCE,
            RefreshError::Refused(rejection) => {
                tracing::warn!(reason = rejection.as_str(), "refresh refused");
                Self::Refresh(rejection, rejection.message(), kind)
            }
            RefreshError::NotGranted(refusal) => Self::session_not_granted(refusal, kind),
            RefreshError::SlowDown => {
                tracing::warn!(reason = "too_many_replays", "refresh refused");
                Self::SlowDown
            }
            RefreshError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<ParametersError> for ApiError {
    fn from(error: ParametersError) -> Self {
        Self::Parameters(error)
    }
}

impl From<ExchangeError> for ApiError {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::UnknownClient => Self::UNKNOWN_CLIENT,
            ExchangeError::WrongResource => Self::WRONG_RESOURCE,
            ExchangeError::Refused(refusal) => {
                // The log knows the reason; the client must not (I-37).
                tracing::warn!(reason = %refusal, "code exchange refused");
                Self::Code(
                    StatusCode::BAD_REQUEST,
                    ErrorCode::InvalidGrant,
                    "the authorization code is not valid",
                )
            }
            ExchangeError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<AcknowledgeError> for ApiError {
    fn from(error: AcknowledgeError) -> Self {
        match error {
            AcknowledgeError::UnknownClient => Self::UNKNOWN_CLIENT,
            AcknowledgeError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<RevokeError> for ApiError {
    fn from(error: RevokeError) -> Self {
        match error {
            RevokeError::UnknownClient => Self::UNKNOWN_CLIENT,
            RevokeError::Unsupported => Self::Code(
                StatusCode::BAD_REQUEST,
                ErrorCode::UnsupportedTokenType,
                "an exchanged token ends with its session, or by its time",
            ),
            RevokeError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<Fault> for ApiError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// What a step of a sign-in that does not count leads to: its page says why, or what comes instead.
pub(crate) fn step_refused(error: StepError) -> Result<Complaint, PageError> {
    match error {
        StepError::OutOfTurn => Ok(Complaint::None),
        StepError::Rejected(_) => Ok(Complaint::Wrong),
        StepError::Throttled(refusal) => Ok(Complaint::Throttled(refusal)),
        StepError::Fault(fault) => Err(PageError::Fault(fault)),
    }
}

fn parameters_status(error: ParametersError) -> StatusCode {
    match error {
        ParametersError::UnsupportedType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ParametersError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ParametersError::TooSlow => StatusCode::REQUEST_TIMEOUT,
        ParametersError::InQuery
        | ParametersError::Malformed
        | ParametersError::Repeated
        | ParametersError::Missing => StatusCode::BAD_REQUEST,
    }
}

fn oauth_error(status: StatusCode, code: ErrorCode, description: &str) -> Response {
    let body =
        ErrorResponse { error: code.as_str().to_owned(), error_description: Some(description.to_owned()) };
    (status, Json(body)).into_response()
}

fn log(error: &(dyn std::error::Error + 'static)) {
    tracing::error!(error, "request failed");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r_27_an_internal_fault_is_a_503_for_programs_and_people_that_says_when_to_come_again_and_never_a_401()
    {
        let program = ApiError::Fault(Fault::NoSigningKey).into_response();
        let person = PageError::Fault(Fault::NoSigningKey).into_response();

        for answer in [program, person] {
            let said = (answer.status(), answer.headers()[header::RETRY_AFTER].to_str().unwrap());
            assert_eq!(said, (StatusCode::SERVICE_UNAVAILABLE, COME_AGAIN_SECONDS));
        }
    }
}

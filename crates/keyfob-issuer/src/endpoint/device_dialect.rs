//! The two endpoints that a device of the Codex dialect talks to.

use crate::app::App;
use crate::endpoint::device_grant::{shown, source};
use crate::endpoint::{public_client, rfc_3339};
use crate::error::ApiError;
use crate::parameters::Parameters;
use axum::Json;
use axum::extract::{Request, State};
use keyfob_codex::device::{PollResponse, UserCodeResponse};
use keyfob_issuer_core::device_grant::{DeviceDialect, UserCode};
use keyfob_issuer_core::digest::DeviceAuthId;
use keyfob_issuer_core::operation::{DeviceAnswer, DeviceError, DeviceRequest};
use std::sync::Arc;

pub(crate) async fn start(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<UserCodeResponse>, ApiError> {
    let (origin, network) = source(&app, &request);
    let headers = request.headers().clone();
    let (mut parameters, _kind) = Parameters::from_body(request).await?;
    let client_id = public_client::id(&headers, &mut parameters)?;
    let allowed = parameters.take_allowed_workspaces()?;
    let dialect = DeviceDialect::Codex;
    let device = DeviceRequest { client_id, dialect, scope: None, resource: None, allowed, origin, network };
    let started = app.issuer.start_device(device).await;
    let started = started.map_err(|error| ApiError::start_device(error, dialect))?;
    Ok(Json(UserCodeResponse {
        device_auth_id: started.device_auth_id.expose().to_owned(),
        user_code: shown(&started),
        // Text, because the Codex CLI refuses a number.
        interval: app.codex_polls.usual().as_secs().to_string(),
        expires_at: rfc_3339(started.expires_at),
    }))
}

pub(crate) async fn poll(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<PollResponse>, ApiError> {
    let (mut parameters, _kind) = Parameters::from_body(request).await?;
    let device_auth_id = DeviceAuthId::new(parameters.require("device_auth_id")?);
    let user_code = UserCode::parse(&parameters.require("user_code")?).ok_or(DeviceError::Gone)?;
    let now = app.issuer.now();
    // Any other status than those of *pending* would end the wait of the Codex CLI, a 429 too.
    if app.codex_polls.is_too_early(&device_auth_id, now) {
        return Err(ApiError::Pending);
    }
    let answer = app.issuer.poll_device(&device_auth_id, &user_code).await;
    match &answer {
        Ok(DeviceAnswer::Pending) => app.codex_polls.note(&device_auth_id, now),
        Ok(DeviceAnswer::Approved(_)) | Err(_) => app.codex_polls.forget(&device_auth_id),
    }
    match answer {
        Ok(DeviceAnswer::Pending) => Err(ApiError::Pending),
        Ok(DeviceAnswer::Approved(answered)) => Ok(Json(PollResponse {
            authorization_code: answered.code.expose().to_owned(),
            code_challenge: answered.verifier.challenge().as_str().to_owned(),
            code_verifier: answered.verifier.expose().to_owned(),
        })),
        Err(DeviceError::Gone) => Err(DeviceError::Gone.into()),
        Err(DeviceError::Fault(fault)) => {
            tracing::error!(error = &fault as &dyn std::error::Error, "a device has to ask again");
            Err(ApiError::Pending)
        }
    }
}

//! The two endpoints that a device of the Codex dialect talks to.

use crate::app::App;
use crate::endpoint::rfc_3339;
use crate::error::ApiError;
use crate::parameters::Parameters;
use axum::Json;
use axum::extract::{Request, State};
use keyfob_codex::device::{PollResponse, UserCodeResponse};
use keyfob_issuer_core::device_grant::UserCode;
use keyfob_issuer_core::digest::DeviceAuthId;
use keyfob_issuer_core::operation::{Poll, PollError};
use keyfob_oauth::ClientId;
use std::sync::Arc;

/// Seconds between polls; text, because the Codex CLI refuses a number.
const INTERVAL: &str = "1";

pub(crate) async fn start(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<UserCodeResponse>, ApiError> {
    let (mut parameters, _kind) = Parameters::from_body(request).await?;
    let client_id = ClientId::new(parameters.require("client_id")?);
    let allowed = parameters.take_allowed_workspaces()?;
    let started = app.issuer.start_device(&client_id, allowed).await?;
    Ok(Json(UserCodeResponse {
        device_auth_id: started.device_auth_id.expose().to_owned(),
        user_code: started.user_code.shown(),
        interval: INTERVAL.to_owned(),
        expires_at: rfc_3339(started.expires_at),
    }))
}

pub(crate) async fn poll(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<PollResponse>, ApiError> {
    let (mut parameters, _kind) = Parameters::from_body(request).await?;
    let device_auth_id = DeviceAuthId::new(parameters.require("device_auth_id")?);
    let user_code = UserCode::parse(&parameters.require("user_code")?).ok_or(PollError::Gone)?;
    match app.issuer.poll_device(&device_auth_id, &user_code).await? {
        Poll::Pending => Err(ApiError::Pending),
        Poll::Approved { code, verifier } => Ok(Json(PollResponse {
            authorization_code: code.expose().to_owned(),
            code_challenge: verifier.challenge().as_str().to_owned(),
            code_verifier: verifier.expose().to_owned(),
        })),
    }
}

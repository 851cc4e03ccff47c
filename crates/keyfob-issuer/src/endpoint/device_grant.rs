//! The device authorization grant (RFC 8628): a device asks for a code, and polls the token endpoint.
//!
//! Answers are those that the strictest client known takes, the Codex CLI's native gateway sign-in: whole numbers where
//! numbers belong, status 400 for every refusal, and never a 5xx to a poll, at the first of which that client gives up.

use crate::app::App;
use crate::endpoint::public_client;
use crate::error::ApiError;
use crate::guard::network;
use crate::parameters::Parameters;
use axum::Json;
use axum::extract::{Request, State};
use http::header;
use keyfob_codex::device::VERIFICATION_PATH;
use keyfob_issuer_core::claims::IssuedTokens;
use keyfob_issuer_core::device_grant::DeviceDialect;
use keyfob_issuer_core::digest::DeviceAuthId;
use keyfob_issuer_core::login_session::Origin;
use keyfob_issuer_core::operation::{DeviceRequest, DeviceTokenError, DeviceTokenRequest, StartedDevice};
use keyfob_issuer_core::user::DeviceCodes;
use keyfob_oauth::ClientId;
use serde::Serialize;
use std::sync::Arc;

/// The body of the answer to a start (RFC 8628 §3.2).
///
/// There is no `verification_uri_complete`: a link that brings the code along is what phishers send (I-46).
#[derive(Serialize)]
pub(crate) struct Started {
    device_code: String,
    user_code: String,
    verification_uri: String,
    expires_in: u64,
    interval: u64,
}

pub(crate) async fn start(State(app): State<Arc<App>>, request: Request) -> Result<Json<Started>, ApiError> {
    let (origin, network) = source(&app, &request);
    let headers = request.headers().clone();
    let (mut parameters, _kind) = Parameters::from_body(request).await?;
    let dialect = DeviceDialect::Standard;
    let device = DeviceRequest {
        client_id: public_client::id(&headers, &mut parameters)?,
        dialect,
        scope: parameters.take("scope")?,
        resource: parameters.take("resource")?,
        allowed: parameters.take_allowed_workspaces()?,
        origin,
        network,
    };
    let started = app.issuer.start_device(device).await;
    let started = started.map_err(|error| ApiError::start_device(error, dialect))?;
    Ok(Json(Started {
        user_code: shown(&started),
        verification_uri: app.issuer.url().join(VERIFICATION_PATH),
        expires_in: started.expires_at.since(started.requested_at).as_secs(),
        interval: app.standard_polls.usual().as_secs(),
        device_code: started.device_auth_id.expose().to_owned(),
    }))
}

/// Gives a device that polls its tokens, or says why not yet.
pub(super) async fn redeem(
    app: &App,
    client_id: ClientId,
    mut parameters: Parameters,
    origin: Origin,
) -> Result<IssuedTokens, ApiError> {
    match app.issuer.devices().offers_any(DeviceDialect::Standard) {
        DeviceCodes::On => {}
        DeviceCodes::Off => return Err(ApiError::UNSUPPORTED_GRANT_TYPE),
    }
    let device_code = DeviceAuthId::new(parameters.require("device_code")?);
    let resource = parameters.take("resource")?;
    let now = app.issuer.now();
    if app.standard_polls.is_too_early(&device_code, now) {
        return Err(ApiError::DEVICE_TOO_EARLY);
    }
    let request = DeviceTokenRequest { client_id, device_code, resource, origin };
    let outcome = app.issuer.redeem_device(&request).await;
    match &outcome {
        Err(DeviceTokenError::Pending) => app.standard_polls.note(&request.device_code, now),
        Ok(_) | Err(_) => app.standard_polls.forget(&request.device_code),
    }
    Ok(outcome?)
}

/// Returns where a device's request comes from: for whoever decides, and for counting.
pub(super) fn source(app: &App, request: &Request) -> (Origin, Option<String>) {
    let (extensions, headers) = (request.extensions(), request.headers());
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let place = network::address_of(extensions, headers, &app.trusted_proxies);
    (Origin::new(agent, None, place), network::of(extensions, headers, &app.trusted_proxies))
}

/// Returns what the device shows.
pub(super) fn shown(started: &StartedDevice) -> String {
    match started.number {
        Some(number) => started.user_code.shown_with(number),
        None => started.user_code.shown(),
    }
}

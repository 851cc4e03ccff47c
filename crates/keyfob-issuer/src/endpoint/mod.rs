//! The endpoints and pages, one file each: parse, call one operation, render.

pub(crate) mod access_keys;
pub(crate) mod account;
pub(crate) mod account_keys;
pub(crate) mod account_sessions;
pub(crate) mod acknowledge;
pub(crate) mod administration;
pub(crate) mod authorize;
pub(crate) mod backend;
mod choice;
pub(crate) mod device_dialect;
pub(crate) mod device_grant;
pub(crate) mod device_page;
pub(crate) mod discovery;
pub(crate) mod email;
pub(crate) mod feed;
pub(crate) mod forgot;
pub(crate) mod home;
pub(crate) mod interaction;
pub(crate) mod introspect;
pub(crate) mod join;
pub(crate) mod logout;
pub(crate) mod password;
mod public_client;
pub(crate) mod revoke;
pub(crate) mod sessions;
pub(crate) mod step;
pub(crate) mod token;
mod token_exchange;
pub(crate) mod undo;
pub(crate) mod user_info;
pub(crate) mod visitor;
pub(crate) mod who_am_i;
pub(crate) mod workspaces;

use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};
use keyfob_oauth::Timestamp;

pub(crate) const AUTHORIZE_PATH: &str = "/oauth/authorize";
pub(crate) const DEVICE_AUTHORIZATION_PATH: &str = "/oauth/device_authorization";
pub(crate) const ACKNOWLEDGE_PATH: &str = "/oauth/refresh/ack";
pub(crate) const ACCESS_KEYS_PATH: &str = "/api/keys";
pub(crate) const LOGOUT_PATH: &str = "/oauth/logout";
pub(crate) const INTROSPECT_PATH: &str = "/oauth/introspect";
pub(crate) const USER_INFO_PATH: &str = "/oauth/userinfo";
pub(crate) const REVOCATIONS_PATH: &str = "/api/revocations";
pub(crate) const SESSIONS_PATH: &str = "/api/sessions";
pub(crate) const KEYS_PATH: &str = "/oauth/jwks";
/// Where clients look that read no discovery document.
pub(crate) const USUAL_KEYS_PATH: &str = "/.well-known/jwks.json";

/// Sends the browser to `address` with a GET, whatever it sent here (I-17).
fn see_other(address: &str) -> Response {
    match HeaderValue::from_str(address) {
        Ok(address) => (StatusCode::SEE_OTHER, [(header::LOCATION, address)]).into_response(),
        // Addresses are built from parts that are checked or percent-encoded.
        Err(_invalid) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// Returns the moment for programs (RFC 3339).
pub(crate) fn rfc_3339(moment: Timestamp) -> String {
    jiff::Timestamp::from_second(moment.as_unix()).map(|moment| moment.to_string()).unwrap_or_default()
}

/// Adds a cookie to an answer.
fn set_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

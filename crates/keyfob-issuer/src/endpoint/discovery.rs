//! What a client may find out by itself: endpoints, keys, and what opens the issuer's own
//! interface (RFC 8414, RFC 7517, RFC 9728).

use crate::app::App;
use crate::endpoint::{
    AUTHORIZE_PATH, DEVICE_AUTHORIZATION_PATH, INTROSPECT_PATH, KEYS_PATH, LOGOUT_PATH, REVOCATIONS_PATH,
    SESSIONS_PATH, USER_INFO_PATH,
};
use aws_lc_rs::digest::{SHA256, digest};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, StatusCode, header};
use keyfob_codex::client::{REVOKE_PATH, TOKEN_PATH};
use keyfob_issuer_core::device_grant::DeviceDialect;
use keyfob_issuer_core::operation::known_scope;
use keyfob_issuer_core::user::DeviceCodes;
use keyfob_oauth::metadata::{ProviderMetadata, ResourceMetadata};
use keyfob_oauth::request::GrantType;
use std::sync::Arc;

/// Both documents say the same and may be kept for five minutes.
const CACHE: [(header::HeaderName, &str); 1] = [(header::CACHE_CONTROL, "public, max-age=300")];

pub(crate) async fn metadata(State(app): State<Arc<App>>) -> Response {
    let url = app.issuer.url();
    let list = |word: &str| vec![word.to_owned()];
    let devices = app.issuer.devices().offers_any(DeviceDialect::Standard) == DeviceCodes::On;
    let grant_types = GrantType::ALL.into_iter().filter(|grant| devices || *grant != GrantType::DeviceCode);
    let document = ProviderMetadata {
        issuer: url.as_str().to_owned(),
        authorization_endpoint: url.join(AUTHORIZE_PATH),
        token_endpoint: url.join(TOKEN_PATH),
        jwks_uri: url.join(KEYS_PATH),
        revocation_endpoint: Some(url.join(REVOKE_PATH)),
        introspection_endpoint: Some(url.join(INTROSPECT_PATH)),
        userinfo_endpoint: Some(url.join(USER_INFO_PATH)),
        end_session_endpoint: Some(url.join(LOGOUT_PATH)),
        keyfob_revocations_endpoint: Some(url.join(REVOCATIONS_PATH)),
        keyfob_sessions_endpoint: Some(url.join(SESSIONS_PATH)),
        keyfob_handoff_supported: true,
        response_types_supported: list("code"),
        device_authorization_endpoint: devices.then(|| url.join(DEVICE_AUTHORIZATION_PATH)),
        grant_types_supported: grant_types.map(|grant| grant.as_str().to_owned()).collect(),
        code_challenge_methods_supported: list("S256"),
        token_endpoint_auth_methods_supported: list("none"),
        revocation_endpoint_auth_methods_supported: list("none"),
        introspection_endpoint_auth_methods_supported: list("client_secret_basic"),
        scopes_supported: known_scope().words().map(str::to_owned).collect(),
        subject_types_supported: list("public"),
        id_token_signing_alg_values_supported: list("ES256"),
        authorization_response_iss_parameter_supported: true,
        backchannel_logout_supported: true,
        backchannel_logout_session_supported: true,
    };
    (CACHE, Json(document)).into_response()
}

pub(crate) async fn keys(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let document = app.issuer.key_set();
    let digest = digest(&SHA256, document.to_string().as_bytes());
    let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(digest));
    let is_known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let tag = [(header::ETAG, tag)];
    if is_known {
        return (StatusCode::NOT_MODIFIED, CACHE, tag).into_response();
    }
    (CACHE, tag, Json(document)).into_response()
}

/// The issuer is a protected resource too: userinfo and `/api` are opened by its own tokens.
pub(crate) async fn resource(State(app): State<Arc<App>>) -> Response {
    let url = app.issuer.url().as_str();
    let document = ResourceMetadata {
        resource: url.to_owned(),
        authorization_servers: vec![url.to_owned()],
        scopes_supported: known_scope().words().map(str::to_owned).collect(),
        bearer_methods_supported: vec!["header".to_owned()],
    };
    (CACHE, Json(document)).into_response()
}

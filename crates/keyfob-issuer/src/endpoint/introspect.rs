//! `/oauth/introspect`: a resource server asks what a token means (RFC 7662).

use crate::app::App;
use crate::error::ApiError;
use crate::parameters::{Parameters, decoded};
use axum::Json;
use axum::extract::{Request, State};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, header};
use keyfob_issuer_core::access_key::{AccessKey, KeyKind};
use keyfob_issuer_core::operation::{Grantee, Introspected};
use keyfob_issuer_core::resource_server::{ResourceServer, ServerId, ServerSecret};
use keyfob_issuer_core::workspace::{DataSharing, Tag, Workspace};
use keyfob_oauth::{AccessToken, Timestamp};
use serde_json::{Map, Value, json};
use std::sync::Arc;

pub(crate) async fn introspect(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<Value>, ApiError> {
    let server = authenticated(&app, request.headers()).await?;
    let (mut parameters, _kind) = Parameters::from_body(request).await?;
    only_by_header(&mut parameters)?;
    let token = AccessToken::new(parameters.require("token")?);
    let found = app.issuer.introspect(&server, &token).await?;
    let (name, now) = (server.id.as_str(), app.issuer.now());
    let Some(found) = found else {
        // Whoever floods a gateway with made-up tokens does not keep it from asking about real ones.
        if app.unknown_tokens.is_spent(name, now) {
            return Err(ApiError::TooManyUnknownTokens);
        }
        app.unknown_tokens.count_wrong(name.to_owned(), now);
        return Ok(Json(json!({ "active": false })));
    };
    Ok(Json(Value::Object(answer(found, &app, &server))))
}

/// Refuses a second way to authenticate (RFC 6749 §2.3).
pub(super) fn only_by_header(parameters: &mut Parameters) -> Result<(), ApiError> {
    for proof in ["client_secret", "client_assertion"] {
        if parameters.take(proof)?.is_some() {
            return Err(ApiError::UnknownServer);
        }
    }
    Ok(())
}

/// Returns which resource server asks.
pub(super) async fn authenticated(app: &App, headers: &HeaderMap) -> Result<ResourceServer, ApiError> {
    let Some((id, secret)) = basic(headers) else { return Err(ApiError::UnknownServer) };
    app.issuer.resource_server(&id, &secret).await?.ok_or(ApiError::UnknownServer)
}

/// Reads name and secret (RFC 7617), each of which was encoded as in a form before (RFC 6749 §2.3.1).
fn basic(headers: &HeaderMap) -> Option<(ServerId, ServerSecret)> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, pair) = value.to_str().ok()?.split_once(' ')?;
    let pair = String::from_utf8(STANDARD.decode(pair.trim()).ok()?).ok()?;
    let (id, secret) = pair.split_once(':')?;
    let (id, secret) = (decoded(id.as_bytes()).ok()?, decoded(secret.as_bytes()).ok()?);
    let id = scheme.eq_ignore_ascii_case("basic").then(|| ServerId::parse(&id))??;
    Some((id, ServerSecret::new(secret)))
}

/// Which claims of an access token a resource server is told.
const TOLD: [&str; 16] = [
    "iss",
    "sub",
    "aud",
    "client_id",
    "exp",
    "iat",
    "jti",
    "scope",
    "sid",
    "workspace_id",
    "workspace_role",
    "data_policy",
    "act",
    "models",
    "auth_time",
    "amr",
];

/// Returns the members of the answer (RFC 7662 §2.2); `kind` says by which rules the token counts.
fn answer(found: Introspected, app: &App, server: &ResourceServer) -> Map<String, Value> {
    let mut members = Map::new();
    let mut say = |member: &str, value: Value| drop(members.insert(member.to_owned(), value));
    say("active", true.into());
    say("token_type", "Bearer".into());
    match found {
        Introspected::AccessToken(claims) => {
            say("kind", "access_token".into());
            for claim in TOLD {
                if let Some(value) = claims.get(claim) {
                    say(claim, value.clone());
                }
            }
        }
        Introspected::Key(key, grantee) => {
            say("kind", key.kind.as_str().into());
            say("iss", app.issuer.url().as_str().into());
            say("sub", key.subject.as_str().into());
            say("aud", server.audience.as_str().into());
            if let Some(end) = key.expires_at.map(Timestamp::as_unix) {
                say("exp", end.into());
            }
            say("iat", key.created_at.as_unix().into());
            say("jti", key.id.to_string().into());
            say("scope", key.scope.to_string().into());
            say("workspace_id", key.workspace_id.as_str().into());
            say("data_policy", data_policy(&key, &grantee));
            if let Some(names) = key.models.names() {
                say("models", names.into());
            }
        }
    }
    members
}

/// Returns what holds for the data that a key sends: an API key follows its organisation, a personal access token the
/// workspace, as a sign-in does (design S4).
fn data_policy(key: &AccessKey, grantee: &Grantee) -> Value {
    let Workspace { policy, organisation, .. } = &grantee.workspace;
    let word = |tag: &Option<Tag>| tag.as_ref().map(|tag| tag.as_str().to_owned());
    match key.kind {
        KeyKind::Api => json!({
            "retention": word(&organisation.retention),
            "data_sharing": organisation.data_sharing == DataSharing::On,
        }),
        KeyKind::Personal => {
            json!({ "retention": word(&policy.retention), "residency": word(&policy.residency) })
        }
    }
}

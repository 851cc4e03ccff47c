//! `/api/keys`: a person makes keys for their programs, lists them and ends them (`docs/keys.md`).

use crate::app::App;
use crate::endpoint::rfc_3339;
use crate::error::ApiError;
use crate::guard::bearer;
use crate::parameters::{Parameters, ParametersError};
use axum::Json;
use axum::extract::{Path, Request, State};
use http::{HeaderMap, StatusCode};
use keyfob_issuer_core::KeyId;
use keyfob_issuer_core::access_key::{AccessKey, KeyKind, KeyLabel, Models};
use keyfob_issuer_core::operation::{EndKeyError, NewKey};
use keyfob_oauth::Scope;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

pub(crate) async fn list(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Json<Keys>, ApiError> {
    let caller = bearer::caller(&app, &headers).await?;
    let keys = app.issuer.keys(&caller).await?.into_iter().map(Key::from).collect();
    Ok(Json(Keys { keys }))
}

pub(crate) async fn make(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<(StatusCode, Json<Made>), ApiError> {
    let caller = bearer::caller(&app, request.headers()).await?;
    let (mut parameters, _kind) = Parameters::from_body(request).await?;
    let made = app.issuer.make_key(&caller, new_key(&mut parameters)?).await?;
    let answer = Made { secret: made.secret.expose().to_owned(), key: made.key.into() };
    Ok((StatusCode::CREATED, Json(answer)))
}

pub(crate) async fn end(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let caller = bearer::caller(&app, &headers).await?;
    // What is no name of a key names none.
    let id = KeyId::parse(&id).ok_or(EndKeyError::NotFound)?;
    app.issuer.end_key(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn new_key(parameters: &mut Parameters) -> Result<NewKey, ParametersError> {
    let malformed = ParametersError::Malformed;
    let scope = parameters.take("scope")?;
    Ok(NewKey {
        kind: KeyKind::from_word(&parameters.require("kind")?).ok_or(malformed)?,
        label: KeyLabel::parse(&parameters.require("label")?).ok_or(malformed)?,
        scope: scope.map(|text| Scope::parse(&text)).transpose().map_err(|_| malformed)?,
        models: Models::parse(&parameters.take("models")?.unwrap_or_default()).ok_or(malformed)?,
        life: parameters.take_number("expires_in")?.map(Duration::from_secs),
    })
}

#[derive(Serialize)]
pub(crate) struct Keys {
    keys: Vec<Key>,
}

/// The one answer that holds the key itself.
#[derive(Serialize)]
pub(crate) struct Made {
    secret: String,
    #[serde(flatten)]
    key: Key,
}

#[derive(Serialize)]
pub(crate) struct Key {
    id: String,
    kind: &'static str,
    label: String,
    ending: String,
    scope: String,
    models: Option<Vec<String>>,
    workspace_id: String,
    created_at: String,
    expires_at: Option<String>,
    last_used_at: Option<String>,
}

impl From<AccessKey> for Key {
    fn from(key: AccessKey) -> Self {
        Self {
            id: key.id.to_string(),
            kind: key.kind.as_str(),
            label: key.label.as_str().to_owned(),
            ending: key.ending,
            scope: key.scope.to_string(),
            models: key.models.names().map(<[String]>::to_vec),
            workspace_id: key.workspace_id.as_str().to_owned(),
            created_at: rfc_3339(key.created_at),
            expires_at: key.expires_at.map(rfc_3339),
            last_used_at: key.last_used_at.map(rfc_3339),
        }
    }
}

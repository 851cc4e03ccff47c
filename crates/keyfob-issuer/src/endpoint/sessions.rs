//! `/api/sessions`: a person's programs list their sessions, name them and end them (`docs/sessions.md`).

use crate::app::App;
use crate::endpoint::rfc_3339;
use crate::error::ApiError;
use crate::guard::bearer;
use crate::parameters::{Parameters, ParametersError};
use axum::Json;
use axum::extract::{Path, Request, State};
use http::{HeaderMap, StatusCode, Uri};
use keyfob_issuer_core::FamilyId;
use keyfob_issuer_core::login_session::SessionName;
use keyfob_issuer_core::operation::{Ending, ListedSession, SessionError};
use serde::Serialize;
use std::net::IpAddr;
use std::sync::Arc;

pub(crate) async fn list(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Json<Sessions>, ApiError> {
    let caller = bearer::caller(&app, &headers).await?;
    let sessions = app.issuer.sessions(&caller).await?.into_iter().map(Session::from).collect();
    Ok(Json(Sessions { sessions }))
}

pub(crate) async fn rename(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<Session>, ApiError> {
    let caller = bearer::caller(&app, request.headers()).await?;
    let (mut parameters, _kind) = Parameters::from_body(request).await?;
    let name = parameters.take("name")?.and_then(|name| SessionName::parse(&name));
    Ok(Json(app.issuer.name_session(&caller, session_id(&id)?, name).await?.into()))
}

pub(crate) async fn end(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let caller = bearer::caller(&app, &headers).await?;
    app.issuer.end_session(&caller, session_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn end_all(
    State(app): State<Arc<App>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Ended>, ApiError> {
    let caller = bearer::caller(&app, &headers).await?;
    let mut query = Parameters::from_form(uri.query().unwrap_or_default().as_bytes())?;
    let which = match query.take("except")?.as_deref() {
        None => Ending::All,
        Some("current") => Ending::Others,
        Some(_) => return Err(ParametersError::Malformed.into()),
    };
    Ok(Json(Ended { ended: app.issuer.end_sessions(&caller, which).await? }))
}

/// What is no name of a session names none.
fn session_id(text: &str) -> Result<FamilyId, SessionError> {
    FamilyId::parse(text).ok_or(SessionError::NotFound)
}

#[derive(Serialize)]
pub(crate) struct Sessions {
    sessions: Vec<Session>,
}

#[derive(Serialize)]
pub(crate) struct Ended {
    ended: u64,
}

#[derive(Serialize)]
pub(crate) struct Session {
    id: String,
    name: Option<String>,
    client_id: String,
    client_name: String,
    tool: Option<String>,
    machine: Option<String>,
    place: Option<IpAddr>,
    workspace_id: String,
    created_at: String,
    last_used_at: String,
    expires_at: String,
    current: bool,
}

impl From<ListedSession> for Session {
    fn from(listed: ListedSession) -> Self {
        let ListedSession { session, client, is_current } = listed;
        Self {
            id: session.family.id.to_string(),
            name: session.name.as_ref().map(|name| name.as_str().to_owned()),
            client_id: client.id.as_str().to_owned(),
            client_name: client.name,
            workspace_id: session.family.workspace_id.as_str().to_owned(),
            created_at: rfc_3339(session.family.created_at),
            last_used_at: rfc_3339(session.last_used_at),
            expires_at: rfc_3339(session.expires_at()),
            tool: session.origin.tool,
            machine: session.origin.machine,
            place: session.origin.place,
            current: is_current,
        }
    }
}

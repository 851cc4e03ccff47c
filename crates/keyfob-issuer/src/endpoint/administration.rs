//! `/api/admin`: people look after the workspace of their session by a program (`docs/workspaces.md`).
//!
//! No request names a workspace: the token does (I-69). A cookie opens nothing here (I-71).

use crate::app::App;
use crate::endpoint::rfc_3339;
use crate::error::ApiError;
use crate::guard::bearer;
use crate::letter::{Letter, post};
use crate::parameters::{Parameters, ParametersError};
use axum::Json;
use axum::extract::{Path, Request, State};
use http::{HeaderMap, StatusCode};
use keyfob_issuer_core::InvitationId;
use keyfob_issuer_core::operation::{Administrator, WorkspaceError, WorkspaceView};
use keyfob_issuer_core::user::Email;
use keyfob_issuer_core::workspace::{
    Invitation, Member, Role, Setting, SettingKey, Word as _, Workspace, WorkspaceKind,
};
use keyfob_oauth::Subject;
use serde_json::{Map, Value, json};
use std::sync::Arc;

pub(crate) async fn show(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Json<Value>, ApiError> {
    let administrator = administrator(&app, &headers).await?;
    let view = app.issuer.view_workspace(administrator.actor(), administrator.workspace()).await?;
    Ok(Json(described(&view)))
}

pub(crate) async fn change(State(app): State<Arc<App>>, request: Request) -> Result<Json<Value>, ApiError> {
    let administrator = administrator(&app, request.headers()).await?;
    let (mut parameters, _kind) = Parameters::from_body(request).await?;
    let mut settings = Vec::new();
    for key in SettingKey::ALL {
        if let Some(value) = parameters.take(key.as_str())? {
            settings.push(Setting::parse(key.as_str(), &value).map_err(|_| ParametersError::Malformed)?);
        }
    }
    let id = administrator.workspace();
    let changed = app.issuer.change_settings(administrator.actor(), id, &settings).await?;
    Ok(Json(json!({ "settings": settings_of(&changed) })))
}

pub(crate) async fn change_role(
    State(app): State<Arc<App>>,
    Path(subject): Path<String>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let administrator = administrator(&app, request.headers()).await?;
    let (mut parameters, _kind) = Parameters::from_body(request).await?;
    let role = role(&mut parameters)?;
    let (id, subject) = (administrator.workspace(), Subject::new(subject));
    app.issuer.change_role(administrator.actor(), id, &subject, role).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Path(subject): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let administrator = administrator(&app, &headers).await?;
    let (id, subject) = (administrator.workspace(), Subject::new(subject));
    app.issuer.remove_member(administrator.actor(), id, &subject).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn invite(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let administrator = administrator(&app, request.headers()).await?;
    let (mut parameters, _kind) = Parameters::from_body(request).await?;
    let email = Email::parse(&parameters.require("email")?).map_err(|_| ParametersError::Malformed)?;
    let role = role(&mut parameters)?;
    if app.outbox.is_none() {
        return Err(ApiError::Workspace(StatusCode::CONFLICT, "no_letters"));
    }
    let (actor, id) = (administrator.actor(), administrator.workspace());
    let (invited, link) = app.issuer.invite(actor, id, &email, role).await?;
    let invitation = described_invitation(&invited.invitation);
    post(&app, email, Letter::Invitation(invited.workspace, link));
    Ok((StatusCode::CREATED, Json(invitation)))
}

pub(crate) async fn take_back(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let administrator = administrator(&app, &headers).await?;
    // What is no name of an invitation names none.
    let id = InvitationId::parse(&id).ok_or(WorkspaceError::NotFound)?;
    app.issuer.take_back(administrator.actor(), administrator.workspace(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn administrator(app: &App, headers: &HeaderMap) -> Result<Administrator, ApiError> {
    Ok(app.issuer.administrator(&bearer::token(headers)?).await?)
}

fn role(parameters: &mut Parameters) -> Result<Role, ParametersError> {
    Role::from_word(&parameters.require("role")?).ok_or(ParametersError::Malformed)
}

fn described(view: &WorkspaceView) -> Value {
    let kind = match view.workspace.kind {
        WorkspaceKind::Personal(_) => "personal",
        WorkspaceKind::Shared => "shared",
    };
    json!({
        "id": view.workspace.id.as_str(),
        "kind": kind,
        "role": view.role.as_str(),
        "settings": settings_of(&view.workspace),
        "members": view.members.iter().map(described_member).collect::<Vec<_>>(),
        "invitations": view.invitations.iter().map(described_invitation).collect::<Vec<_>>(),
    })
}

fn settings_of(workspace: &Workspace) -> Map<String, Value> {
    SettingKey::ALL.iter().map(|key| (key.as_str().to_owned(), key.value_in(workspace).into())).collect()
}

fn described_member(member: &Member) -> Value {
    json!({
        "subject": member.subject.as_str(),
        "email": member.email.as_str(),
        "name": member.name,
        "role": member.role.as_str(),
        "status": member.status.as_str(),
        "joined_at": rfc_3339(member.joined_at),
    })
}

fn described_invitation(invitation: &Invitation) -> Value {
    json!({
        "id": invitation.id.to_string(),
        "email": invitation.email.as_str(),
        "role": invitation.role.as_str(),
        "expires_at": rfc_3339(invitation.expires_at),
    })
}

//! `/account/sessions`: somebody sees where their programs are signed in, names these sessions and ends them.

use crate::app::App;
use crate::endpoint::see_other;
use crate::endpoint::step::ask;
use crate::endpoint::visitor::{Place, Visitor};
use crate::error::{PageError, step_refused};
use crate::page::{Complaint, ListedSessionRow, SessionsPage, html, moment};
use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::StatusCode;
use keyfob_issuer_core::FamilyId;
use keyfob_issuer_core::login_session::SessionName;
use keyfob_issuer_core::operation::{Caller, Ending, ListedSession, SessionError};
use std::sync::Arc;

pub(crate) async fn show(State(app): State<Arc<App>>, visitor: Visitor) -> Result<Response, PageError> {
    let Some(caller) = caller(&app, &visitor).await? else {
        return Ok(match visitor.asked(&app).await? {
            Some(asked) => ask(&app, &visitor, &asked, Complaint::None),
            None => see_other(&Place::Sessions.path()),
        });
    };
    let sessions = app.issuer.sessions(&caller).await?;
    let page = SessionsPage { csrf: visitor.csrf(&app), sessions: sessions.into_iter().map(row).collect() };
    Ok(visitor.welcome(&app, html(StatusCode::OK, &page)))
}

pub(crate) async fn rename(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, PageError> {
    let mut form = visitor.form(&app, request).await?;
    let name = form.take("name")?.and_then(|name| SessionName::parse(&name));
    if let (Some(caller), Some(id)) = (caller(&app, &visitor).await?, FamilyId::parse(&id)) {
        gone(app.issuer.name_session(&caller, id, name).await.map(drop))?;
    }
    Ok(see_other(&Place::Sessions.path()))
}

pub(crate) async fn end(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, PageError> {
    visitor.form(&app, request).await?;
    if let (Some(caller), Some(id)) = (caller(&app, &visitor).await?, FamilyId::parse(&id)) {
        gone(app.issuer.end_session(&caller, id).await)?;
    }
    Ok(see_other(&Place::Sessions.path()))
}

/// Ends every session, and every browser's: this one too.
pub(crate) async fn end_all(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, PageError> {
    visitor.form(&app, request).await?;
    if let Some(caller) = caller(&app, &visitor).await? {
        app.issuer.end_sessions(&caller, Ending::All).await?;
    }
    Ok(see_other(&Place::Sessions.path()))
}

async fn caller(app: &App, visitor: &Visitor) -> Result<Option<Caller>, PageError> {
    let Some(session) = &visitor.session else { return Ok(None) };
    match app.issuer.caller_at_browser(session, |memberships| visitor.place.demand(memberships)).await {
        Ok(caller) => Ok(Some(caller)),
        Err(error) => step_refused(error).map(|_complaint| None),
    }
}

/// A session that ended meanwhile, or never was theirs, is no longer in the list either way.
fn gone(outcome: Result<(), SessionError>) -> Result<(), PageError> {
    match outcome {
        Ok(()) | Err(SessionError::NotFound) => Ok(()),
        Err(SessionError::Fault(fault)) => Err(fault.into()),
    }
}

fn row(listed: ListedSession) -> ListedSessionRow {
    let ListedSession { session, client, is_current: _ } = listed;
    ListedSessionRow {
        id: session.family.id.to_string(),
        name: session.name.as_ref().map(|name| name.as_str().to_owned()),
        client: client.name,
        tool: session.origin.tool.clone(),
        machine: session.origin.machine.clone(),
        place: session.origin.place.map(|place| place.to_string()),
        since: moment(session.family.created_at),
        last_used: moment(session.last_used_at),
    }
}

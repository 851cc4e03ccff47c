//! The pages of one grant: a GET shows what [`keyfob_issuer_core::interaction`] decides.

use crate::app::App;
use crate::endpoint::choice::{self, Choosing};
use crate::endpoint::step::ask;
use crate::endpoint::visitor::{Asked, Place, Visitor};
use crate::endpoint::{see_other, set_cookie};
use crate::error::{PageError, not_chosen, not_now};
use crate::page::{Complaint, ConfirmPage, FinishedPage, allow_form_to, html, scope_words};
use crate::parameters::{Parameters, ParametersError};
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use keyfob_issuer_core::lifetime;
use keyfob_issuer_core::operation::{Consent, Decision, Offer, Page};
use keyfob_oauth::WorkspaceId;
use std::sync::Arc;

pub(crate) async fn show(State(app): State<Arc<App>>, visitor: Visitor) -> Result<Response, PageError> {
    let Place::Grant(grant_id) = visitor.place else { return Err(PageError::NotFound) };
    let page = app.issuer.page(grant_id, &visitor.interaction(), visitor.session.as_ref()).await?;
    Ok(match page {
        Page::Prompt { client, prompt, login_hint } => {
            let asked = Asked { prompt, client: Some(client.name), login_hint };
            ask(&app, &visitor, &asked, Complaint::None)
        }
        Page::Choose { client, email, offers } => {
            choose_page(&app, &visitor, &client.name, email.as_str(), &offers)
        }
        Page::Consent(consent) => confirm_page(&app, &visitor, &consent),
        Page::Finished => html(StatusCode::OK, &FinishedPage),
    })
}

/// Shows the workspaces once more, to somebody who has chosen one.
pub(crate) async fn show_workspaces(
    State(app): State<Arc<App>>,
    visitor: Visitor,
) -> Result<Response, PageError> {
    let Place::Grant(grant) = visitor.place else { return Err(PageError::NotFound) };
    let Some(session) = &visitor.session else { return Ok(see_other(&visitor.place.path())) };
    Ok(match app.issuer.workspaces_of(grant, &visitor.interaction(), session).await? {
        Some(Page::Choose { client, email, offers }) => {
            choose_page(&app, &visitor, &client.name, email.as_str(), &offers)
        }
        Some(Page::Prompt { .. } | Page::Consent(_) | Page::Finished) | None => {
            see_other(&visitor.place.path())
        }
    })
}

/// Takes the choice of a workspace.
pub(crate) async fn choose(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, PageError> {
    let Place::Grant(grant) = visitor.place else { return Err(PageError::NotFound) };
    let mut form = visitor.form(&app, request).await?;
    let workspace = WorkspaceId::new(form.require("workspace")?);
    let Some(session) = &visitor.session else { return Ok(see_other(&visitor.place.path())) };
    match app.issuer.choose_workspace(grant, &visitor.interaction(), session, &workspace).await {
        Ok(()) => {}
        Err(error) => not_chosen(error)?,
    }
    Ok(see_other(&visitor.place.path()))
}

pub(crate) async fn confirm(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, PageError> {
    let Place::Grant(grant) = visitor.place else { return Err(PageError::NotFound) };
    let mut form = visitor.form(&app, request).await?;
    // The answer is about the workspace that was shown: another tab cannot put one in its place (I-73).
    let shown = form.take("workspace")?.map(WorkspaceId::new);
    let answer = decision(&mut form)?;
    let Some(session) = &visitor.session else { return Ok(see_other(&visitor.place.path())) };
    let page = app.issuer.page(grant, &visitor.interaction(), Some(session)).await?;
    let has_others = matches!(&page, Page::Consent(consent) if consent.has_others);
    let decision = match (answer, shown, page) {
        (Answer::Deny, _, _) => Decision::Deny,
        (Answer::Approve, Some(shown), _) => Decision::Approve(shown),
        (Answer::Approve, None, Page::Consent(consent)) if !consent.has_others => {
            Decision::Approve(consent.workspace.id)
        }
        (
            Answer::Approve,
            None,
            Page::Prompt { .. } | Page::Choose { .. } | Page::Consent(_) | Page::Finished,
        ) => return Ok(see_other(&visitor.place.path())),
    };
    match app.issuer.decide(grant, &visitor.interaction(), session, &decision).await {
        Ok(redirect) => {
            let answer = see_other(redirect.expose());
            Ok(match decision {
                Decision::Approve(workspace) if has_others => remember(&app, Some(&workspace), answer),
                Decision::Approve(_) | Decision::Deny => answer,
            })
        }
        Err(error) => {
            not_now(error)?;
            Ok(see_other(&visitor.place.path()))
        }
    }
}

/// Which button was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Approve,
    Deny,
}

/// Reads which button was pressed.
pub(super) fn decision(form: &mut Parameters) -> Result<Answer, ParametersError> {
    match form.require("decision")?.as_str() {
        "approve" => Ok(Answer::Approve),
        "deny" => Ok(Answer::Deny),
        _ => Err(ParametersError::Malformed),
    }
}

/// Lets the browser remember which workspace was used.
pub(super) fn remember(app: &App, workspace: Option<&WorkspaceId>, response: Response) -> Response {
    match workspace.and_then(|id| app.site.set_workspace(id, lifetime::BROWSER_MARK)) {
        Some(cookie) => set_cookie(response, &cookie),
        None => response,
    }
}

fn choose_page(app: &App, visitor: &Visitor, client: &str, email: &str, offers: &[Offer]) -> Response {
    let place = visitor.place.path();
    let (action, refuse_action) = (format!("{place}/workspace"), format!("{place}/confirm"));
    let choosing = Choosing { client, email, offers, action, refuse_action, user_code: None };
    choice::page(app, visitor, choosing)
}

fn confirm_page(app: &App, visitor: &Visitor, consent: &Consent) -> Response {
    let destination = origin(&consent.redirect_uri);
    let page = ConfirmPage {
        place: visitor.place.path(),
        csrf: visitor.csrf(app),
        client: &consent.client.name,
        email: consent.email.as_str(),
        workspace: consent.workspace.name.as_str(),
        workspace_id: consent.workspace.id.as_str(),
        has_others: consent.has_others,
        scopes: scope_words(&consent.scope),
        destination: destination.trim_start_matches("http://"),
    };
    allow_form_to(destination, html(StatusCode::OK, &page))
}

/// Returns scheme, host and port of a registered redirect address.
fn origin(redirect_uri: &str) -> &str {
    let authority = redirect_uri.find("://").map_or(0, |at| at + "://".len());
    let end = redirect_uri.get(authority..).and_then(|rest| rest.find('/'));
    end.and_then(|end| redirect_uri.get(..authority + end)).unwrap_or(redirect_uri)
}

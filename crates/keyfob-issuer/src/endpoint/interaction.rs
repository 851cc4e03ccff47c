//! The pages of one grant: a GET shows what [`keyfob_issuer_core::interaction`] decides.

use crate::app::App;
use crate::endpoint::see_other;
use crate::endpoint::step::ask;
use crate::endpoint::visitor::{Asked, Place, Visitor};
use crate::error::{PageError, not_now};
use crate::page::{Complaint, ConfirmPage, FinishedPage, allow_form_to, html, scope_words};
use crate::parameters::{Parameters, ParametersError};
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use keyfob_issuer_core::operation::{Decision, Page};
use std::sync::Arc;

pub(crate) async fn show(State(app): State<Arc<App>>, visitor: Visitor) -> Result<Response, PageError> {
    let Place::Grant(grant_id) = visitor.place else { return Err(PageError::NotFound) };
    let page = app.issuer.page(grant_id, &visitor.interaction(), visitor.session.as_ref()).await?;
    Ok(match page {
        Page::Prompt { client, prompt, login_hint } => {
            let asked = Asked { prompt, client: Some(client.name), login_hint };
            ask(&app, &visitor, &asked, Complaint::None)
        }
        Page::Consent { client, grant, grantee } => {
            let destination = origin(&grant.redirect_uri);
            let page = ConfirmPage {
                place: visitor.place.path(),
                csrf: visitor.csrf(&app),
                client: &client.name,
                email: grantee.user.email.as_str(),
                workspace: grantee.workspace.name.as_str(),
                scopes: scope_words(&grant.scope),
                destination: destination.trim_start_matches("http://"),
            };
            allow_form_to(destination, html(StatusCode::OK, &page))
        }
        Page::Finished => html(StatusCode::OK, &FinishedPage),
    })
}

pub(crate) async fn confirm(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, PageError> {
    let Place::Grant(grant) = visitor.place else { return Err(PageError::NotFound) };
    let mut form = visitor.form(&app, request).await?;
    let decision = decision(&mut form)?;
    let Some(session) = &visitor.session else { return Ok(see_other(&visitor.place.path())) };
    match app.issuer.decide(grant, &visitor.interaction(), session, decision).await {
        Ok(redirect) => Ok(see_other(redirect.expose())),
        Err(error) => {
            not_now(error)?;
            Ok(see_other(&visitor.place.path()))
        }
    }
}

/// Reads which button was pressed.
pub(super) fn decision(form: &mut Parameters) -> Result<Decision, ParametersError> {
    match form.require("decision")?.as_str() {
        "approve" => Ok(Decision::Approve),
        "deny" => Ok(Decision::Deny),
        _ => Err(ParametersError::Malformed),
    }
}

/// Returns scheme, host and port of a registered redirect address.
fn origin(redirect_uri: &str) -> &str {
    let authority = redirect_uri.find("://").map_or(0, |at| at + "://".len());
    let end = redirect_uri.get(authority..).and_then(|rest| rest.find('/'));
    end.and_then(|end| redirect_uri.get(..authority + end)).unwrap_or(redirect_uri)
}

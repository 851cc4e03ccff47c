//! `/oauth/authorize`: where a client sends the browser.

use crate::app::App;
use crate::endpoint::{see_other, set_cookie};
use crate::error::PageError;
use crate::parameters::{Parameters, ParametersError};
use axum::extract::{self, Request};
use axum::response::Response;
use keyfob_issuer_core::digest::SessionCookie;
use keyfob_issuer_core::lifetime;
use keyfob_issuer_core::operation::{AuthorizeError, RawAuthorizationRequest};
use keyfob_oauth::token::{Nonce, State};
use std::sync::Arc;

pub(crate) async fn by_query(
    extract::State(app): extract::State<Arc<App>>,
    request: Request,
) -> Result<Response, PageError> {
    let query = request.uri().query().unwrap_or_default();
    let session = app.site.session(request.headers());
    authorize(&app, Parameters::from_form(query.as_bytes())?, session.as_ref()).await
}

pub(crate) async fn by_form(
    extract::State(app): extract::State<Arc<App>>,
    request: Request,
) -> Result<Response, PageError> {
    let session = app.site.session(request.headers());
    authorize(&app, Parameters::from_page(request).await?, session.as_ref()).await
}

async fn authorize(
    app: &App,
    parameters: Parameters,
    session: Option<&SessionCookie>,
) -> Result<Response, PageError> {
    match app.issuer.authorize(raw(parameters)?, session).await {
        Ok(pending) => {
            let cookie = app.site.set_interaction(pending.id, &pending.cookie, lifetime::INTERACTION);
            Ok(set_cookie(see_other(&format!("/interaction/{}", pending.id)), &cookie))
        }
        Err(AuthorizeError::Page(reason)) => Err(PageError::Authorize(reason)),
        Err(AuthorizeError::Redirect(code, redirect)) => {
            tracing::warn!(reason = code.as_str(), "authorization request refused");
            Ok(see_other(redirect.expose()))
        }
        Err(AuthorizeError::Fault(fault)) => Err(PageError::Fault(fault)),
    }
}

fn raw(mut parameters: Parameters) -> Result<RawAuthorizationRequest, ParametersError> {
    Ok(RawAuthorizationRequest {
        client_id: parameters.take("client_id")?,
        redirect_uri: parameters.take("redirect_uri")?,
        response_type: parameters.take("response_type")?,
        response_mode: parameters.take("response_mode")?,
        code_challenge: parameters.take("code_challenge")?,
        code_challenge_method: parameters.take("code_challenge_method")?,
        scope: parameters.take("scope")?,
        state: parameters.take("state")?.map(State::new),
        nonce: parameters.take("nonce")?.map(Nonce::new),
        prompt: parameters.take("prompt")?,
        max_age: parameters.take("max_age")?,
        login_hint: parameters.take("login_hint")?,
        resource: parameters.take("resource")?,
        allowed_workspace_id: parameters.take("allowed_workspace_id")?,
    })
}

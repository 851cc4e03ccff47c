//! `/join`: somebody follows an invitation to a workspace, with an account or without.

use crate::app::App;
use crate::endpoint::password::{Choice, choose};
use crate::endpoint::step::ask;
use crate::endpoint::visitor::{Asked, Visitor};
use crate::endpoint::workspaces::role_words;
use crate::endpoint::{see_other, set_cookie};
use crate::error::PageError;
use crate::page::{Complaint, JoinPage, JoinedPage, html};
use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use keyfob_issuer_core::digest::InvitationToken;
use keyfob_issuer_core::lifetime;
use keyfob_issuer_core::operation::{
    AcceptError, Admission, InvitationStep, PasswordOwner, Prompt, SeenInvitation,
};
use keyfob_issuer_core::sign_in::Enrolled;
use std::sync::Arc;

/// Takes what the link carries out of the address, and changes nothing else: mail programs follow links too.
pub(crate) async fn follow(State(app): State<Arc<App>>, Path(token): Path<String>) -> Response {
    let is_token =
        !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_=".contains(&byte));
    let answer = see_other("/join");
    if is_token {
        set_cookie(answer, &app.site.set_invitation(&InvitationToken::new(token), lifetime::VISIT))
    } else {
        answer
    }
}

pub(crate) async fn show(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let (_, seen) = followed(&app, &visitor, &headers).await?;
    let hint = |prompt| Asked {
        prompt,
        client: Some(seen.workspace.name.to_string()),
        login_hint: Some(seen.email.to_string()),
    };
    Ok(match &seen.next {
        InvitationStep::SignIn => ask(&app, &visitor, &hint(Prompt::SignIn), Complaint::None),
        InvitationStep::SignUp | InvitationStep::OtherPerson(_) => page(&app, &visitor, &seen, None),
        InvitationStep::Accept => match visitor.admit(&app).await? {
            Admission::Asked(prompt) => ask(&app, &visitor, &hint(prompt), Complaint::None),
            Admission::Granted(_) => page(&app, &visitor, &seen, None),
        },
    })
}

/// Makes the invited person an account.
pub(crate) async fn sign_up(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, PageError> {
    let mut form = visitor.form(&app, request).await?;
    let typed = form.take("new_password")?.unwrap_or_default();
    let (token, seen) = followed(&app, &visitor, &headers).await?;
    if seen.next != InvitationStep::SignUp {
        return Ok(see_other(&visitor.place.path()));
    }
    let owner = PasswordOwner { email: seen.email.clone(), enrolled: Enrolled::Nothing };
    match choose(&app, typed, &owner).await? {
        Choice::Taken(hash) => joined(&app, &visitor, &seen, app.issuer.sign_up(&token, &hash).await),
        Choice::Refused(problem) => Ok(page(&app, &visitor, &seen, Some(problem))),
    }
}

/// Makes the invited person, who has signed in, a member.
pub(crate) async fn accept(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, PageError> {
    visitor.form(&app, request).await?;
    let (token, seen) = followed(&app, &visitor, &headers).await?;
    let Some(session) = &visitor.session else { return Ok(see_other(&visitor.place.path())) };
    joined(&app, &visitor, &seen, app.issuer.accept_invitation(&token, session).await)
}

async fn followed(
    app: &App,
    visitor: &Visitor,
    headers: &HeaderMap,
) -> Result<(InvitationToken, SeenInvitation), PageError> {
    let token = app.site.invitation(headers).ok_or(PageError::InvitationOver)?;
    let seen = app.issuer.invitation(&token, visitor.session.as_ref()).await?;
    Ok((token, seen.ok_or(PageError::InvitationOver)?))
}

fn joined(
    app: &App,
    visitor: &Visitor,
    seen: &SeenInvitation,
    outcome: Result<(), AcceptError>,
) -> Result<Response, PageError> {
    match outcome {
        Ok(()) => {
            let page = JoinedPage { workspace: seen.workspace.name.as_str(), email: seen.email.as_str() };
            Ok(visitor.welcome(app, html(StatusCode::OK, &page)))
        }
        Err(AcceptError::NotNow) => Ok(see_other(&visitor.place.path())),
        Err(AcceptError::Over) => Err(PageError::InvitationOver),
        Err(AcceptError::Fault(fault)) => Err(fault.into()),
    }
}

fn page(app: &App, visitor: &Visitor, seen: &SeenInvitation, problem: Option<String>) -> Response {
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let other = match &seen.next {
        InvitationStep::OtherPerson(email) => Some(email.as_str()),
        InvitationStep::SignUp | InvitationStep::SignIn | InvitationStep::Accept => None,
    };
    let page = JoinPage {
        csrf: visitor.csrf(app),
        workspace: seen.workspace.name.as_str(),
        email: seen.email.as_str(),
        role: role_words(seen.role),
        other,
        signs_up: seen.next == InvitationStep::SignUp,
        problem,
    };
    visitor.welcome(app, html(status, &page))
}

//! Choosing another password: from one's account, or by a link.

use crate::app::App;
use crate::endpoint::visitor::{Place, Visitor};
use crate::endpoint::{see_other, set_cookie};
use crate::error::{PageError, step_refused};
use crate::guard::hashing::{HashPasswordError, Refusal};
use crate::letter::{Happened, Letter, post};
use crate::page::{PasswordPage, ResetDonePage, html};
use crate::text::TEXT;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::StatusCode;
use keyfob_issuer_core::digest::ResetToken;
use keyfob_issuer_core::operation::{OtherSessions, PasswordOwner};
use keyfob_issuer_core::password::{InvalidPassword, PasswordHash};
use std::sync::Arc;

/// What speaks against a password, or its hash.
pub(super) enum Choice {
    Taken(PasswordHash),
    Refused(String),
}

/// Stores the password that somebody chose on the page of their account.
pub(crate) async fn change(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, PageError> {
    let mut form = visitor.form(&app, request).await?;
    let typed = form.take("new_password")?.unwrap_or_default();
    let others = match form.take("end_others")? {
        Some(_) => OtherSessions::End,
        None => OtherSessions::Keep,
    };
    let Some(session) = &visitor.session else { return Ok(see_other(&Place::Account.path())) };
    let owner = match app.issuer.password_owner(session).await {
        Ok(owner) => owner,
        Err(error) => {
            step_refused(error)?;
            return Ok(see_other(&Place::Change.path()));
        }
    };
    match choose(&app, typed, &owner).await? {
        Choice::Refused(problem) => {
            let page = PasswordPage {
                action: "/account/password",
                csrf: visitor.csrf(&app),
                email: owner.email.as_str(),
                problem: Some(problem),
                asks_about_others: true,
            };
            Ok(html(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
        Choice::Taken(hash) => match app.issuer.change_password(session, &hash, others).await {
            Ok(signed_in) => {
                post(&app, owner.email, Letter::Happened(Happened::PasswordChanged));
                let back = see_other(&Place::Account.path());
                Ok(set_cookie(back, &app.site.set_session(&signed_in.cookie)))
            }
            Err(error) => {
                step_refused(error)?;
                Ok(see_other(&Place::Change.path()))
            }
        },
    }
}

/// Asks for a new password on the page of somebody's account.
pub(crate) async fn show_change(
    State(app): State<Arc<App>>,
    visitor: Visitor,
) -> Result<Response, PageError> {
    let Some(session) = &visitor.session else { return Ok(see_other(&Place::Account.path())) };
    match app.issuer.password_owner(session).await {
        Ok(owner) => {
            let page = PasswordPage {
                action: "/account/password",
                csrf: visitor.csrf(&app),
                email: owner.email.as_str(),
                problem: None,
                asks_about_others: true,
            };
            Ok(html(StatusCode::OK, &page))
        }
        Err(error) => {
            step_refused(error)?;
            Ok(see_other(&Place::Change.path()))
        }
    }
}

/// Asks whoever followed a link for a new password; changes nothing, since mail programs follow links too (I-14).
pub(crate) async fn show_reset(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    visitor: Visitor,
) -> Result<Response, PageError> {
    let owner = app.issuer.reset_owner(&ResetToken::new(&*token)).await?.ok_or(PageError::LinkOver)?;
    Ok(visitor.welcome(&app, reset_page(&app, &visitor, &token, &owner, None)))
}

/// Stores the password that whoever followed a link chose.
pub(crate) async fn reset(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, PageError> {
    let mut form = visitor.form(&app, request).await?;
    let typed = form.take("new_password")?.unwrap_or_default();
    let link = ResetToken::new(&*token);
    let owner = app.issuer.reset_owner(&link).await?.ok_or(PageError::LinkOver)?;
    match choose(&app, typed, &owner).await? {
        Choice::Refused(problem) => Ok(reset_page(&app, &visitor, &token, &owner, Some(problem))),
        Choice::Taken(hash) => match app.issuer.reset_password(&link, &hash).await {
            Ok(()) => {
                post(&app, owner.email, Letter::Happened(Happened::PasswordChanged));
                Ok(html(StatusCode::OK, &ResetDonePage))
            }
            Err(error) => {
                step_refused(error)?;
                Err(PageError::LinkOver)
            }
        },
    }
}

pub(super) async fn choose(app: &App, typed: String, owner: &PasswordOwner) -> Result<Choice, PageError> {
    match app.hashing.hash(typed, owner, &app.breaches, &app.entropy).await {
        Ok(hash) => Ok(Choice::Taken(hash)),
        Err(HashPasswordError::Refused(refusal)) => Ok(Choice::Refused(problem(refusal))),
        Err(HashPasswordError::Busy) => Err(PageError::Busy),
        Err(HashPasswordError::Broken(error)) => Err(PageError::Broken(error)),
    }
}

/// Says what speaks against a password.
fn problem(refusal: Refusal) -> String {
    match refusal {
        Refusal::Invalid(InvalidPassword::TooShort(shortest)) => {
            TEXT.password.too_short.of(u64::try_from(shortest).unwrap_or(u64::MAX))
        }
        Refusal::Invalid(InvalidPassword::TooLong) => TEXT.password.too_long.to_string(),
        Refusal::Invalid(InvalidPassword::Common) => TEXT.password.common.to_string(),
        Refusal::Breached => TEXT.password.breached.to_string(),
    }
}

fn reset_page(
    app: &App,
    visitor: &Visitor,
    token: &str,
    owner: &PasswordOwner,
    problem: Option<String>,
) -> Response {
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = PasswordPage {
        action: &format!("/reset/{token}"),
        csrf: visitor.csrf(app),
        email: owner.email.as_str(),
        problem,
        asks_about_others: false,
    };
    html(status, &page)
}

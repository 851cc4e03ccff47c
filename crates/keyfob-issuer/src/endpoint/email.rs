//! `/account/email` and what its letters lead to: an address is verified, changed, and taken back.

use crate::app::App;
use crate::endpoint::see_other;
use crate::endpoint::step::ask;
use crate::endpoint::visitor::{Place, Visitor};
use crate::error::{PageError, step_refused};
use crate::letter::{Letter, post};
use crate::page::{Complaint, EmailDonePage, EmailLinkPage, EmailPage, html, throttled};
use crate::text::{TEXT, Words};
use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::StatusCode;
use keyfob_issuer_core::digest::EmailToken;
use keyfob_issuer_core::email_link::EmailPurpose;
use keyfob_issuer_core::operation::{Account, Admission, EmailLinkError, TryError};
use keyfob_issuer_core::user::Email;
use std::sync::Arc;

pub(crate) async fn show(State(app): State<Arc<App>>, visitor: Visitor) -> Result<Response, PageError> {
    match account(&app, &visitor).await? {
        Ok(account) => Ok(visitor.welcome(&app, page(&app, &visitor, &account, None, Complaint::None))),
        Err(asked) => Ok(asked),
    }
}

/// Sends a link to the address that was typed, whoever has it (I-53).
pub(crate) async fn send(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, PageError> {
    let mut form = visitor.form(&app, request).await?;
    let typed = form.take("email")?.unwrap_or_default();
    let account = match account(&app, &visitor).await? {
        Ok(account) => account,
        Err(asked) => return Ok(asked),
    };
    let Some(session) = visitor.session.as_ref().filter(|_| app.outbox.is_some()) else {
        return Ok(see_other(&Place::Email.path()));
    };
    let Ok(email) = Email::parse(&typed) else {
        return Ok(page(&app, &visitor, &account, Some(TEXT.email.bad), Complaint::None));
    };
    match app.issuer.count_letter(email.as_str(), &visitor.origin).await {
        Ok(()) => {}
        Err(TryError::Throttled(refusal)) => {
            let complaint = Complaint::Throttled(refusal);
            return Ok(throttled(complaint, page(&app, &visitor, &account, None, complaint)));
        }
        Err(TryError::Fault(fault)) => return Err(fault.into()),
    }
    match app.issuer.ask_for_email(session, &email).await {
        Ok(letter) => post(&app, letter.to, Letter::Verify(letter.link)),
        Err(error) => {
            step_refused(error)?;
            return Ok(see_other(&Place::Email.path()));
        }
    }
    let page = EmailPage { sent: true, ..blank(&app, &account) };
    Ok(html(StatusCode::OK, &page))
}

pub(crate) async fn show_verify(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    visitor: Visitor,
) -> Result<Response, PageError> {
    linked(&app, &visitor, &token, EmailPurpose::Verify).await
}

pub(crate) async fn verify(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, PageError> {
    visitor.form(&app, request).await?;
    let settled = app.issuer.verify_email(&EmailToken::new(&*token)).await.map_err(over)?;
    if let Some(undo) = settled.undo {
        post(&app, undo.to, Letter::Moved(settled.email.clone(), undo.link));
    }
    let page = EmailDonePage { email: settled.email.as_str(), purpose: EmailPurpose::Verify };
    Ok(html(StatusCode::OK, &page))
}

pub(crate) async fn show_undo(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    visitor: Visitor,
) -> Result<Response, PageError> {
    linked(&app, &visitor, &token, EmailPurpose::Undo).await
}

pub(crate) async fn undo(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, PageError> {
    visitor.form(&app, request).await?;
    let email = app.issuer.undo_email(&EmailToken::new(&*token)).await.map_err(over)?;
    Ok(html(StatusCode::OK, &EmailDonePage { email: email.as_str(), purpose: EmailPurpose::Undo }))
}

/// Shows what a link would do; does nothing, since mail programs follow links too (I-14).
async fn linked(
    app: &App,
    visitor: &Visitor,
    token: &str,
    purpose: EmailPurpose,
) -> Result<Response, PageError> {
    let email = app.issuer.linked_email(&EmailToken::new(token), purpose).await?;
    let email = email.ok_or(PageError::LinkOver)?;
    let action = format!("{}/{token}", visitor.place.path());
    let page = EmailLinkPage { action: &action, csrf: visitor.csrf(app), email: email.as_str(), purpose };
    Ok(visitor.welcome(app, html(StatusCode::OK, &page)))
}

fn over(error: EmailLinkError) -> PageError {
    match error {
        EmailLinkError::Over => PageError::LinkOver,
        EmailLinkError::Fault(fault) => fault.into(),
    }
}

/// Returns whose address it is, or the page that asks for a proof first.
async fn account(app: &App, visitor: &Visitor) -> Result<Result<Box<Account>, Response>, PageError> {
    Ok(match visitor.admit(app).await? {
        Admission::Granted(account) => Ok(account),
        Admission::Asked(prompt) => Err(ask(
            app,
            visitor,
            &crate::endpoint::visitor::Asked { prompt, client: None, login_hint: None },
            Complaint::None,
        )),
    })
}

fn page(
    app: &App,
    visitor: &Visitor,
    account: &Account,
    problem: Option<Words>,
    complaint: Complaint,
) -> Response {
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { complaint.status() };
    html(status, &EmailPage { csrf: visitor.csrf(app), problem, complaint, ..blank(app, account) })
}

fn blank<'a>(app: &App, account: &'a Account) -> EmailPage<'a> {
    EmailPage {
        csrf: String::new(),
        email: account.user.email.as_str(),
        verified: account.user.email_verified_at.is_some(),
        offers_letters: app.outbox.is_some(),
        sent: false,
        problem: None,
        complaint: Complaint::None,
    }
}

//! `/forgot`: a letter with a link for whoever forgot their password, where letters can be sent.

use crate::app::App;
use crate::endpoint::visitor::Visitor;
use crate::error::PageError;
use crate::letter::{Letter, send as send_letter};
use crate::page::{Complaint, ForgotPage, html, throttled};
use axum::extract::{Request, State};
use axum::response::Response;
use keyfob_issuer_core::operation::{AdministerError, TryError};
use keyfob_issuer_core::user::Email;
use std::sync::Arc;

pub(crate) async fn show(State(app): State<Arc<App>>, visitor: Visitor) -> Result<Response, PageError> {
    if app.outbox.is_none() {
        return Err(PageError::NotFound);
    }
    Ok(page(&app, &visitor, Complaint::None))
}

/// Answers alike whether there is such an account or not (I-53).
pub(crate) async fn send(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, PageError> {
    let mut form = visitor.form(&app, request).await?;
    let typed = form.take("email")?.unwrap_or_default();
    let Some(outbox) = &app.outbox else { return Err(PageError::NotFound) };
    match app.issuer.count_letter(&typed, &visitor.origin).await {
        Ok(()) => {}
        Err(TryError::Throttled(refusal)) => return Ok(page(&app, &visitor, Complaint::Throttled(refusal))),
        Err(TryError::Fault(fault)) => return Err(fault.into()),
    }
    if let Ok(email) = Email::parse(&typed) {
        outbox.run(write(Arc::clone(&app), email));
    }
    let page = ForgotPage { csrf: String::new(), sent: true, complaint: Complaint::None };
    Ok(html(Complaint::None.status(), &page))
}

async fn write(app: Arc<App>, email: Email) {
    match app.issuer.reset_address(&email).await {
        Ok(link) => send_letter(&app, &email, &Letter::Reset(link)).await,
        Err(AdministerError::Unknown(_) | AdministerError::Nobody) => {
            tracing::debug!("nobody has the address");
        }
        Err(AdministerError::Fault(fault)) => {
            tracing::error!(error = &fault as &dyn std::error::Error, "a link was not made");
        }
    }
}

fn page(app: &App, visitor: &Visitor, complaint: Complaint) -> Response {
    let page = ForgotPage { csrf: visitor.csrf(app), sent: false, complaint };
    throttled(complaint, visitor.welcome(app, html(complaint.status(), &page)))
}

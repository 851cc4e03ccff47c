//! `/undo/TOKEN`: somebody takes back that they let a device in. Needs no sign-in, and ends nothing else (I-50).

use crate::app::App;
use crate::endpoint::visitor::{Place, Visitor};
use crate::error::PageError;
use crate::page::{UndoDonePage, UndoPage, html};
use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::StatusCode;
use keyfob_issuer_core::digest::UndoToken;
use keyfob_issuer_core::operation::TakenBack;
use std::sync::Arc;

/// Asks once more: programs that look at links in letters end nothing (I-14).
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    visitor: Visitor,
) -> Result<Response, PageError> {
    if !app.issuer.knows_undo(&UndoToken::new(&*token)).await? {
        return Err(PageError::UndoOver);
    }
    let action = format!("{}/{token}", Place::Undo.path());
    Ok(visitor.welcome(&app, html(StatusCode::OK, &UndoPage { csrf: visitor.csrf(&app), action: &action })))
}

pub(crate) async fn end(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, PageError> {
    visitor.form(&app, request).await?;
    match app.issuer.take_back_device(&UndoToken::new(&*token)).await? {
        TakenBack::Ended => Ok(html(StatusCode::OK, &UndoDonePage)),
        TakenBack::Unknown => Err(PageError::UndoOver),
    }
}

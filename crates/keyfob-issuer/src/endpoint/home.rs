//! The front page, the style sheet, and what is nothing.

use crate::app::App;
use crate::error::PageError;
use crate::page::{HomePage, html};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};
use std::sync::Arc;

pub(crate) async fn show(State(app): State<Arc<App>>) -> Response {
    let command = format!("keyfob login --issuer {}", app.issuer.url());
    html(StatusCode::OK, &HomePage { command })
}

pub(crate) async fn health() -> &'static str {
    "ok\n"
}

pub(crate) async fn style() -> Response {
    let headers =
        [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "public, max-age=300")];
    (headers, include_str!("../../assets/style.css")).into_response()
}

pub(crate) async fn nothing() -> PageError {
    PageError::NotFound
}

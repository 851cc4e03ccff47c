//! `/oauth/userinfo`: who signed in (OpenID Connect Core §5.3).

use crate::app::App;
use crate::error::ApiError;
use crate::guard::bearer::{self, BearerError};
use axum::Json;
use axum::extract::State;
use http::HeaderMap;
use serde::Serialize;
use std::sync::Arc;

pub(crate) async fn show(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Json<Claims>, ApiError> {
    let caller = bearer::caller(&app, &headers).await?;
    let (scope, user) = (caller.scope(), caller.user());
    if !scope.contains("openid") {
        return Err(ApiError::Bearer(BearerError::ScopeTooNarrow));
    }
    let by_email = scope.contains("email");
    Ok(Json(Claims {
        sub: user.subject.to_string(),
        name: scope.contains("profile").then(|| user.name.clone()),
        email: by_email.then(|| user.email.to_string()),
        email_verified: by_email.then_some(user.email_verified_at.is_some()),
    }))
}

/// What the scopes open (OpenID Connect Core §5.4).
#[derive(Serialize)]
pub(crate) struct Claims {
    sub: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
}

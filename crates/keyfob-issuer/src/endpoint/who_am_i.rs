//! `whoami` of the Codex dialect: whose a personal access token is.

use crate::app::App;
use crate::error::ApiError;
use crate::guard::bearer::{self, BearerError};
use axum::Json;
use axum::extract::State;
use http::HeaderMap;
use keyfob_codex::who_am_i::WhoAmI;
use keyfob_issuer_core::claims::PLAN;
use std::sync::Arc;

pub(crate) async fn show(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Json<WhoAmI>, ApiError> {
    let token = bearer::token(&headers)?;
    let holder = app.issuer.key_holder(&token).await?.ok_or(ApiError::Bearer(BearerError::Invalid))?;
    let (user, workspace) = (holder.grantee.user, holder.grantee.workspace);
    Ok(Json(WhoAmI {
        email: holder.scope.contains("email").then(|| user.email.to_string()),
        chatgpt_user_id: user.subject.to_string(),
        chatgpt_account_id: workspace.id.to_string(),
        chatgpt_plan_type: PLAN.to_owned(),
        chatgpt_account_is_fedramp: false,
    }))
}

//! What the Codex CLI's app-server asks about its signed-in person: the workspace, and what limits them.

use crate::app::App;
use crate::error::ApiError;
use crate::guard::bearer;
use axum::Json;
use axum::extract::State;
use http::HeaderMap;
use keyfob_codex::backend::{Account, Accounts, NO_CONSTRAINT, Usage};
use keyfob_issuer_core::claims::PLAN;
use std::sync::Arc;

pub(crate) async fn accounts(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Json<Accounts>, ApiError> {
    let caller = bearer::caller(&app, &headers).await?;
    let workspace = caller.workspace();
    let account = Account {
        id: workspace.id.to_string(),
        name: workspace.name.to_string(),
        workspace_backend_origin: app.issuer.url().as_str().to_owned(),
        account_routing_override: NO_CONSTRAINT.to_owned(),
    };
    Ok(Json(Accounts { accounts: vec![account] }))
}

/// The issuer counts nothing, and so limits nothing.
pub(crate) async fn usage(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Json<Usage>, ApiError> {
    bearer::caller(&app, &headers).await?;
    Ok(Json(Usage { plan_type: PLAN.to_owned(), rate_limit: None }))
}

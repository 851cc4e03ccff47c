//! `/oauth/revoke`: a client ends its login (RFC 7009).

use crate::app::App;
use crate::error::ApiError;
use crate::parameters::Parameters;
use axum::extract::{Request, State};
use http::StatusCode;
use keyfob_issuer_core::operation::Revocation;
use keyfob_oauth::{ClientId, RefreshToken};
use std::sync::Arc;

pub(crate) async fn revoke(State(app): State<Arc<App>>, request: Request) -> Result<StatusCode, ApiError> {
    let (mut parameters, _kind) = Parameters::from_body(request).await?;
    let revocation = Revocation {
        client_id: ClientId::new(parameters.require("client_id")?),
        token: RefreshToken::new(parameters.require("token")?),
    };
    app.issuer.revoke(&revocation).await?;
    Ok(StatusCode::OK)
}

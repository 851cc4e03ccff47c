//! `/oauth/revoke`: a client ends its login, or somebody a key (RFC 7009).

use crate::app::App;
use crate::endpoint::public_client;
use crate::error::ApiError;
use crate::parameters::Parameters;
use axum::extract::{Request, State};
use http::StatusCode;
use keyfob_issuer_core::operation::Revocation;
use keyfob_oauth::Secret;
use std::sync::Arc;

pub(crate) async fn revoke(State(app): State<Arc<App>>, request: Request) -> Result<StatusCode, ApiError> {
    let headers = request.headers().clone();
    let (mut parameters, _kind) = Parameters::from_body(request).await?;
    let revocation = Revocation {
        client_id: public_client::id(&headers, &mut parameters)?,
        token: Secret::new(parameters.require("token")?),
    };
    app.issuer.revoke(&revocation).await?;
    Ok(StatusCode::OK)
}

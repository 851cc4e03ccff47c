//! `/oauth/refresh/ack`: a client says that the refresh token it got is stored (security §7.2).

use crate::app::App;
use crate::endpoint::public_client;
use crate::error::ApiError;
use crate::parameters::Parameters;
use axum::extract::{Request, State};
use http::StatusCode;
use keyfob_issuer_core::operation::Acknowledgement;
use keyfob_oauth::RefreshToken;
use std::sync::Arc;

pub(crate) async fn acknowledge(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let headers = request.headers().clone();
    let (mut parameters, _kind) = Parameters::from_body(request).await?;
    let acknowledgement = Acknowledgement {
        client_id: public_client::id(&headers, &mut parameters)?,
        refresh_token: RefreshToken::new(parameters.require("refresh_token")?),
    };
    app.issuer.acknowledge(&acknowledgement).await?;
    Ok(StatusCode::OK)
}

//! `/api/revocations`: gateways follow what has ended (`docs/feed.md`).

use crate::app::App;
use crate::endpoint::introspect::{authenticated, only_by_header};
use crate::error::ApiError;
use crate::parameters::{Parameters, ParametersError};
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::header;
use std::sync::Arc;
use std::time::Duration;

/// The media type of the answer: a signed token whose type is ours.
const MEDIA_TYPE: &str = "application/keyfob-revocations+jwt";
/// The longest that an answer is kept back when there is nothing new; less than proxies wait.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// How often the database is asked meanwhile: another node may have noted something.
const LOOK_EVERY: Duration = Duration::from_millis(500);

pub(crate) async fn follow(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let server = authenticated(&app, request.headers()).await?;
    let query = request.uri().query().unwrap_or_default().as_bytes();
    let mut parameters = Parameters::from_form(query)?;
    only_by_header(&mut parameters)?;
    let after = parameters.take_number("after")?.ok_or(ParametersError::Missing)?;
    let wait = Duration::from_secs(parameters.take_number("wait")?.unwrap_or_default()).min(LONGEST_WAIT);
    // Whoever hangs up ends the wait; no news is an answer too.
    drop(tokio::time::timeout(wait, news(&app, after)).await);
    let feed = app.issuer.revocations_after(after).await?;
    let signed = app.issuer.sign_feed(&server, after, &feed)?;
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE)], signed).into_response())
}

/// Returns when the last number is not `after` any more, or nobody can tell.
async fn news(app: &App, after: u64) {
    while let Ok(epoch) = app.issuer.revocation_epoch().await
        && epoch == after
    {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

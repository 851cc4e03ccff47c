//! Logout tokens on their way to the programs that the settings name (OpenID Connect Back-Channel Logout 1.0 §2.5; I-79).
//!
//! They go out through the one door of `outbound`, some at a time. Each program has a turn of its own: one that does not
//! answer, which that door waits for as long as it does for any, holds up no other.

use crate::app::App;
use crate::outbound::{Body, Message, OutboundError, post};
use futures_util::future::{join_all, try_join_all};
use keyfob_issuer_core::Fault;
use keyfob_issuer_core::back_channel::LogoutNotice;
use keyfob_issuer_core::delivery::{Attempted, Delivered};
use keyfob_issuer_core::operation::Followed;
use keyfob_oauth::ClientId;
use std::convert::Infallible;
use std::error::Error;
use std::future::pending;
use std::time::Duration;

/// How long a program waits to be told at most, if nothing is in the way.
const EVERY: Duration = Duration::from_secs(2);

/// Tells programs what is due, until it is dropped; that may be at any moment, and then what was taken is tried again later.
pub async fn tell_forever(app: &App) -> Infallible {
    join_all(programs(app).map(|client| tell_program_forever(app, client))).await;
    pending().await
}

async fn tell_program_forever(app: &App, client: &ClientId) -> Infallible {
    loop {
        if let Err(fault) = tell_program(app, client).await {
            let (error, client) = (&fault as &dyn Error, client.as_str());
            tracing::warn!(error, client, "cannot look for sessions that a program is told of");
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Tells programs of the sessions that ended since the last time, and again what did not arrive.
pub async fn tell(app: &App) -> Result<(), Fault> {
    try_join_all(programs(app).map(|client| tell_program(app, client))).await.map(drop)
}

fn programs(app: &App) -> impl Iterator<Item = &ClientId> {
    app.logout_listeners.uris.keys()
}

async fn tell_program(app: &App, client: &ClientId) -> Result<(), Fault> {
    while app.issuer.follow_ended_sessions().await? == Followed::More {}
    loop {
        let claimed = app.issuer.claim_logout_notices(client).await?;
        if claimed.is_empty() {
            return Ok(());
        }
        for told in join_all(claimed.iter().map(|notice| tell_one(app, notice))).await {
            told?;
        }
    }
}

async fn tell_one(app: &App, notice: &LogoutNotice) -> Result<(), Fault> {
    let (session, client) = (notice.session.id, notice.session.client_id.as_str());
    let delivered = match send(app, notice).await? {
        Ok(()) => Delivered::Yes,
        Err(error) => {
            let error = &error as &dyn Error;
            tracing::warn!(error, %session, client, tries = notice.tries, "logout token not delivered");
            Delivered::No
        }
    };
    match app.issuer.settle_logout_notice(notice, delivered).await? {
        Attempted::Delivered | Attempted::Again => {}
        Attempted::GivenUp => tracing::error!(%session, client, "logout token given up"),
    }
    Ok(())
}

async fn send(app: &App, notice: &LogoutNotice) -> Result<Result<(), OutboundError>, Fault> {
    let listeners = &app.logout_listeners;
    let Some(uri) = listeners.uris.get(&notice.session.client_id) else { return Ok(Ok(())) };
    let token = app.issuer.logout_token(notice)?;
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("logout_token", token.expose())
        .finish();
    let way = listeners.place.way(app.outbound_proxy.as_ref());
    Ok(post(uri, &way, Message { headers: &[], body: Body::Form(form) }).await)
}

//! The operations over this storage, when the user has gone in between.

use crate::fixture::{Database, on_both};
use crate::world::World;
use keyfob_codex::client::CLIENT_ID;
use keyfob_issuer_core::operation::{
    CodeRefusal, ExchangeError, GrantRefusal, PollError, Refresh, RefreshError,
};
use keyfob_issuer_core::workspace::AllowedWorkspaces;
use keyfob_oauth::ClientId;

on_both!(i_32_nothing_is_redeemed_for_a_user_who_is_gone);
async fn i_32_nothing_is_redeemed_for_a_user_who_is_gone(database: Database) {
    let world = World::start(database).await;
    let spent = world.issuer.exchange_code(world.code().await).await.unwrap();
    let waiting = world.code().await;
    let device = world.issuer.start_device(&ClientId::new(CLIENT_ID), AllowedWorkspaces::Any).await.unwrap();
    let session = world.issuer.begin_session(&world.zoe, None).await.unwrap().cookie;
    world.issuer.approve_device(&device.user_code, &session, &world.workspace).await.unwrap();

    world.database.place.query("DELETE FROM users").await;

    let exchanged = world.issuer.exchange_code(waiting).await;
    assert!(
        matches!(exchanged, Err(ExchangeError::Refused(CodeRefusal::NotGranted(GrantRefusal::NotAMember)))),
        "{exchanged:?}"
    );
    let refresh = Refresh {
        client_id: ClientId::new(CLIENT_ID),
        refresh_token: spent.refresh_token,
        resource: None,
        allowed: AllowedWorkspaces::Any,
        attempt: None,
    };
    let refreshed = world.issuer.refresh(refresh).await;
    assert!(matches!(refreshed, Err(RefreshError::NotGranted(GrantRefusal::NotAMember))), "{refreshed:?}");
    let polled = world.issuer.poll_device(&device.device_auth_id, &device.user_code).await;
    assert!(matches!(polled, Err(PollError::Gone)), "{polled:?}");
}

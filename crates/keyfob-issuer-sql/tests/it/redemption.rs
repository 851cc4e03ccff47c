//! The operations over this storage, when the user has gone in between.

use crate::fixture::{Database, on_both};
use crate::world::World;
use keyfob_codex::client::CLIENT_ID;
use keyfob_issuer_core::device_grant::DeviceDialect;
use keyfob_issuer_core::login_session::Origin;
use keyfob_issuer_core::operation::{
    CodeRefusal, DeviceApproval, DeviceError, DeviceRequest, DeviceTokenError, DeviceTokenRequest,
    ExchangeError, GrantRefusal, Refresh, RefreshError, StartedDevice,
};
use keyfob_issuer_core::workspace::AllowedWorkspaces;
use keyfob_oauth::ClientId;

on_both!(i_32_nothing_is_redeemed_for_a_user_who_is_gone);
async fn i_32_nothing_is_redeemed_for_a_user_who_is_gone(database: Database) {
    let world = World::start(database).await;
    let spent = world.issuer.exchange_code(world.code().await).await.unwrap();
    let waiting = world.code().await;
    let codex = approved_device(&world, DeviceDialect::Codex).await;
    let standard = approved_device(&world, DeviceDialect::Standard).await;

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
    let polled = world.issuer.poll_device(&codex.device_auth_id, &codex.user_code).await;
    assert!(matches!(polled, Err(DeviceError::Gone)), "{polled:?}");
    let request = DeviceTokenRequest {
        client_id: ClientId::new(CLIENT_ID),
        device_code: standard.device_auth_id,
        resource: None,
        origin: Origin::default(),
    };
    let redeemed = world.issuer.redeem_device(&request).await;
    assert!(matches!(redeemed, Err(DeviceTokenError::Over)), "{redeemed:?}");
}

async fn approved_device(world: &World, dialect: DeviceDialect) -> StartedDevice {
    let request = DeviceRequest {
        client_id: ClientId::new(CLIENT_ID),
        dialect,
        scope: None,
        resource: None,
        allowed: AllowedWorkspaces::Any,
        origin: Origin::default(),
        network: None,
    };
    let device = world.issuer.start_device(request).await.unwrap();
    let session = world.issuer.begin_session(&world.zoe, None).await.unwrap().cookie;
    let approval = DeviceApproval {
        user_code: &device.user_code,
        number: None,
        session: &session,
        workspace: &world.workspace,
        network: None,
    };
    world.issuer.approve_device(&approval).await.unwrap();
    device
}

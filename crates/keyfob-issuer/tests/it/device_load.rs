//! Many devices, and devices that ask without end.

use crate::device_grant::{START, start};
use crate::world::World;
use keyfob_codex::client::CLIENT_ID;

#[tokio::test]
async fn i_51_a_network_has_twenty_codes_that_wait_and_the_others_have_room() {
    let world = World::start_with("\ntrusted_proxies = [\"127.0.0.1\"]\n").await;
    let from = async |address: &str| {
        let forwarded = [("x-forwarded-for", address)];
        world.browser().post_form_with(START, &forwarded, &[("client_id", CLIENT_ID)]).await
    };
    for _ in 0..20 {
        assert_eq!(from("192.0.2.7").await.status, 200);
    }

    let refused = from("192.0.2.7").await;

    assert_eq!((refused.status, refused.json()["error"].as_str()), (429, Some("temporarily_unavailable")));
    assert_eq!(from("192.0.2.8").await.status, 200);
    assert_eq!(from("2001:db8::1").await.status, 200);
    start(&world, CLIENT_ID).await;
    world.clock.advance(15 * 60);
    assert_eq!(from("192.0.2.7").await.status, 200, "codes that are over do not count");
}

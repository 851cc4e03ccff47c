//! What looks after workspaces, on an address of its own (I-71).

use crate::administration::{add, for_administration, tokens_for};
use crate::app::enrol;
use crate::browser::Browser;
use crate::world::{OWNER, World};
use reqwest::Method;
use tokio::net::TcpListener;

#[tokio::test]
async fn i_71_with_an_address_of_its_own_administration_is_there_alone_and_nothing_else_is() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let world = World::start_with(&format!("administration = \"{address}\"\n")).await;
    world.serve_also(listener, keyfob_issuer::administration_router);
    let id = add(&world, "Blue", OWNER).await;
    let mut browser = world.browser();
    enrol(&world, &mut browser).await;
    let tokens = tokens_for(&world, &mut browser, &id).await;
    let exchanged = for_administration(&world, &tokens.access).await.json();
    let token = exchanged["access_token"].as_str().unwrap();
    let mut own = Browser::new(&format!("http://{address}"));
    own.cookies.clone_from(&browser.cookies);

    let status = async |browser: &mut Browser, path: &str, token: &str| {
        browser.call(Method::GET, path, token, None).await.status
    };
    assert_eq!(status(&mut own, "/api/admin", token).await, 200);
    assert_eq!(status(&mut own, "/api/admin", &tokens.access).await, 401, "its audience is another");
    assert_eq!(own.get("/api/admin").await.status, 401, "a cookie opens nothing");
    for path in ["/account", "/api/sessions", "/oauth/jwks", "/.well-known/openid-configuration", "/"] {
        assert_eq!(status(&mut own, path, &tokens.access).await, 404, "{path}");
    }
    for path in ["/api/admin", "/api/admin/members/x", "/api/admin/invitations", "/api/admin/invitations/x"] {
        assert_eq!(status(&mut world.browser(), path, token).await, 404, "{path}");
    }
    let named = format!("http://localhost:{}", address.port());
    assert_eq!(status(&mut Browser::new(&named), "/api/admin", token).await, 421, "another name");
}

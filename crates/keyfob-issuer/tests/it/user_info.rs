//! Who signed in, for programs (OpenID Connect Core §5.3).

use crate::world::{OWNER, Tokens, World, changed, codex_request, exchange};
use reqwest::Method;
use serde_json::json;

async fn tokens(world: &World, scope: &str) -> Tokens {
    let code = world.code(&changed(&codex_request(), &[("scope", scope)])).await;
    Tokens::read(&world.browser().post("/oauth/token", &exchange(&code)).await)
}

#[tokio::test]
async fn userinfo_tells_what_the_scopes_open_by_get_and_by_post() {
    let world = World::start().await;
    for (scope, email, name) in
        [("openid", false, false), ("openid email", true, false), ("openid profile", false, true)]
    {
        let tokens = tokens(&world, scope).await;
        let subject = keyfob_jose::read_unverified(&tokens.id).unwrap().text("sub").unwrap().to_owned();
        let mut expected = json!({ "sub": subject });
        if email {
            expected["email"] = OWNER.into();
            expected["email_verified"] = true.into();
        }
        if name {
            expected["name"] = "mia".into();
        }
        for method in [Method::GET, Method::POST] {
            let answer = world.browser().call(method, "/oauth/userinfo", &tokens.access, None).await;
            assert_eq!((answer.status, answer.json()), (200, expected.clone()), "{scope}");
        }
    }
}

#[tokio::test]
async fn userinfo_needs_the_scope_openid() {
    let world = World::start().await;
    let tokens = tokens(&world, "email").await;

    let answer = world.browser().call(Method::GET, "/oauth/userinfo", &tokens.access, None).await;

    assert_eq!(answer.essence(), (403, r#"{"error":"insufficient_scope"}"#));
}
